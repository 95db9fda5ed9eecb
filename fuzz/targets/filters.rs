//! The language of filters: every text is a filter or an error within the text, and a filter can be
//! asked about conversations of which nothing is known.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec_inspect::filter::Filter;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = core::str::from_utf8(bytes) else {
        return;
    };
    match Filter::parse(text) {
        Ok(filter) => {
            let both = filter.clone().and(filter.clone());
            assert_eq!(
                both.passes_conversation(None),
                filter.passes_conversation(None)
            );
            assert_eq!(both.is_narrow(), filter.is_narrow());
        }
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.position)),
    }
});
