//! Frame headers: a header that can be read can be written, and gives the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::frame::{FrameHeader, MAX_HEADER_LEN, ParsedHeader};

fuzz_target!(|bytes: &[u8]| {
    // A header that is refused early is refused with more bytes too, and with the same error.
    let whole = FrameHeader::parse(bytes);
    for end in 0..bytes.len().min(MAX_HEADER_LEN) {
        match (FrameHeader::parse(&bytes[..end]), &whole) {
            (Err(early), Err(late)) => assert_eq!(early, *late),
            (Err(early), Ok(_)) => panic!("{early:?} at {end} only"),
            (Ok(ParsedHeader::Complete(early, len)), Ok(ParsedHeader::Complete(late, other))) => {
                assert_eq!((early, len), (*late, *other));
            }
            (Ok(ParsedHeader::Complete(..)), _) => panic!("complete at {end} only"),
            _ => {}
        }
    }
    if let Ok(ParsedHeader::Complete(header, len)) = whole {
        let mut out = [0; MAX_HEADER_LEN];
        if let Ok(written) = header.encode(&mut out) {
            assert_eq!(out[..written], bytes[..len]);
        }
    }
});
