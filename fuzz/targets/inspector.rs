//! The whole inspector: files of every format, with the keys of the TLS capture, in any split. Nothing
//! panics, the lines are valid and the same for every split, and memory stays within its limit.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec_fuzz::{Choices, Cuts};
use wscodec_inspect::{InspectEvent, InspectOptions, Inspector, SourceError, json};

const KEYS: &[u8] = include_bytes!("../../tests/pcap/wss-TLSv1.3.keys");

const MAX_MEMORY: usize = 1 << 20;

fn run(bytes: &[u8], seed: u8) -> (Vec<u8>, Option<SourceError>) {
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut cuts = Cuts::new(seed);
    let mut out = Vec::new();
    let mut sink = |event: InspectEvent<'_>| json::write(&event, 64, &mut out);
    let mut inspector = Inspector::new(InspectOptions {
        compressed: 16,
        max_memory: MAX_MEMORY,
        max_connections: 64,
        ..InspectOptions::default()
    });
    inspector.keys(KEYS);
    let mut error = None;
    while error.is_none() && !rest.is_empty() {
        error = inspector.push(cuts.next(&mut rest), &mut sink).err();
        assert!(inspector.memory() <= 8 * MAX_MEMORY);
    }
    let end = inspector.finish(&mut sink).err();
    (out, error.or(end))
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let seed = choices.byte();
    let bytes = choices.rest();
    let (whole, error) = run(bytes, 0);
    assert_eq!(run(bytes, seed | 1), (whole, error));
});
