//! Header parameters, and the negotiation of permessage-deflate between two ends of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::deflate::{DeflateAnswer, DeflateOffer, DeflateOptions};
use wscodec::head::Extensions;

fuzz_target!(|bytes: &[u8]| {
    let lines = bytes.split(|&byte| byte == b'\n');
    let mut names = 0;
    for extension in Extensions::new(lines.clone()) {
        let Ok(extension) = extension else { break };
        names += 1;
        assert!(!extension.name().is_empty());
        for param in extension.params() {
            let _ = param.value.map(|value| value.bytes().count());
        }
        if let Some(offer) = DeflateOffer::parse(&extension) {
            // An offer that was read is written, and read as the same.
            let text = offer.header();
            let again = Extensions::new([text.as_str().as_bytes()].into_iter()).next();
            let again = again.unwrap().unwrap();
            assert_eq!(DeflateOffer::parse(&again), Some(offer));
        }
        if let Some(answer) = DeflateAnswer::parse(&extension) {
            let text = answer.header();
            let again = Extensions::new([text.as_str().as_bytes()].into_iter()).next();
            let again = again.unwrap().unwrap();
            assert_eq!(DeflateAnswer::parse(&again), Some(answer));
        }
    }
    assert!(names <= bytes.len());
    let all: Result<Vec<_>, _> = Extensions::new(lines).collect();
    if let Ok(all) = all {
        // A server's answer to an offer of ours is one that we accept.
        let options = DeflateOptions::default();
        if let Some(accepted) = options.accept(all.into_iter()) {
            let header = accepted.header();
            assert!(header.as_str().starts_with("permessage-deflate"));
        }
    }
});
