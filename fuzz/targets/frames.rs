//! The frame decoder: any split of the bytes gives the same frames, faults and offsets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::Fault;
use wscodec::frame::{FrameDecoder, FrameEvent, FrameHeader, Role, Rsv, Rules};
use wscodec_fuzz::{Choices, Cuts};

#[derive(Debug, PartialEq)]
struct Run {
    frames: Vec<(FrameHeader, u64, Vec<u8>, bool)>,
    fault: Option<Fault>,
}

fn run(rules: Rules, bytes: &[u8], seed: u8) -> Run {
    let mut decoder = FrameDecoder::new(rules);
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut cuts = Cuts::new(seed);
    let mut frames = Vec::new();
    loop {
        let mut piece = cuts.next(&mut rest);
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(FrameEvent::Header(header))) => {
                    frames.push((header, decoder.frame_offset(), Vec::new(), false));
                }
                Ok(Some(FrameEvent::Payload(payload))) => {
                    assert!(!payload.is_empty());
                    frames.last_mut().unwrap().2.extend_from_slice(payload);
                }
                Ok(Some(FrameEvent::End)) => frames.last_mut().unwrap().3 = true,
                Ok(None) => break,
                Err(fault) => {
                    // A decoder that has failed stays so.
                    assert_eq!(decoder.decode(&mut piece).unwrap_err(), fault);
                    return Run {
                        frames,
                        fault: Some(fault),
                    };
                }
            }
        }
        if rest.is_empty() {
            let fault = decoder.end().err();
            return Run { frames, fault };
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let role = if choices.flag() {
        Role::Client
    } else {
        Role::Server
    };
    let rsv = if choices.flag() { Rsv::RSV1 } else { Rsv::NONE };
    let rules = Rules::new(role).with_rsv(rsv).with_max_len(1 << 20);
    let seed = choices.byte();
    let bytes = choices.rest();
    let whole = run(rules, bytes, 0);
    assert_eq!(run(rules, bytes, seed | 1), whole);
    for (header, _, payload, ended) in &whole.frames {
        assert!(payload.len() as u64 <= header.len);
        assert_eq!(*ended, payload.len() as u64 == header.len);
    }
});
