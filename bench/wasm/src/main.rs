//! The same work natively and in wasm: decoding, masking and the check of UTF-8.
//!
//! `cargo xtask bench wasm` builds it for the machine and for WASI, runs it in turn natively, in
//! Node and in wasmtime, and compares. `wscodec-bench-wasm MILLISECONDS` measures each row for so
//! long, and prints JSON: names, and nanoseconds for a message or a call.

#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../../native/src/workload.rs"]
mod workload;

use std::hint::black_box;
use std::time::{Duration, Instant};

use workload::Workload;
use wscodec::frame::{Role, mask};
use wscodec::message::{Event, MessageDecoder};
use wscodec::{Limits, utf8};

/// Bytes that a read gives at most.
const READ: usize = 64 << 10;

/// Streams that are decoded.
const STREAMS: [&str; 6] = [
    "bin32",
    "chat",
    "text1k",
    "text1k-1%",
    "bin16k",
    "fragsmall",
];

fn main() {
    let milliseconds = std::env::args().nth(1).and_then(|word| word.parse().ok());
    let Some(milliseconds) = milliseconds else {
        eprintln!("usage: wscodec-bench-wasm MILLISECONDS");
        std::process::exit(2);
    };
    let time = Duration::from_millis(milliseconds);
    let mut rows: Vec<(String, f64)> = Vec::new();
    for name in STREAMS {
        let workload = Workload::new(name);
        let expected = bytes(&workload);
        let mut buffer = vec![0; READ];
        let pass = || assert_eq!(decode(&workload.masked, &mut buffer), expected, "{name}");
        let unit = workload.messages.len();
        rows.push((format!("decode {name}"), measure(time, unit, pass)));
    }
    let mut payload = vec![b'a'; 16 << 10];
    for len in [32, 1024, 16 << 10] {
        let payload = &mut payload[..len];
        let pass = || masks(payload);
        rows.push((format!("mask {len}"), measure(time, CALLS, pass)));
    }
    for name in ["text1k", "text1k-1%"] {
        let workload = Workload::new(name);
        let texts = &workload.messages[..CALLS];
        let pass = || texts.iter().for_each(|(_, text)| check(text));
        rows.push((format!("UTF-8 {name}"), measure(time, CALLS, pass)));
    }
    let rows = rows
        .iter()
        .map(|(name, nanoseconds)| format!("\"{name}\": {nanoseconds:.2}"));
    println!("{{{}}}", rows.collect::<Vec<_>>().join(", "));
}

/// How many calls a pass has where there is no stream.
const CALLS: usize = 1000;

/// The median of the passes that the time has room for, after a third of it for the compiler of
/// the runtime.
fn measure(time: Duration, units: usize, mut pass: impl FnMut()) -> f64 {
    let began = Instant::now();
    while began.elapsed() < time / 3 {
        pass();
    }
    let mut passes = Vec::new();
    let began = Instant::now();
    while began.elapsed() < time || passes.len() < 5 {
        let start = Instant::now();
        pass();
        passes.push(start.elapsed().as_nanos() as f64 / units as f64);
    }
    passes.sort_by(f64::total_cmp);
    passes[passes.len() / 2]
}

/// Payloads in all, and the first and last bytes of each.
fn bytes(workload: &Workload) -> u64 {
    let payloads = workload.messages.iter().map(|(_, payload)| &payload[..]);
    payloads.map(sum).sum()
}

fn sum(payload: &[u8]) -> u64 {
    let ends = [payload.first(), payload.last()].map(|byte| byte.map_or(0, |&b| u64::from(b)));
    payload.len() as u64 + ends[0] + ends[1]
}

#[inline(never)]
fn decode(stream: &[u8], buffer: &mut [u8]) -> u64 {
    let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
    let mut total = 0;
    for read in stream.chunks(READ) {
        let mut input = &mut buffer[..read.len()];
        input.copy_from_slice(read);
        while let Some(event) = receiver.receive(&mut input).expect("the stream is right") {
            if let Event::Message(message) = event {
                total += sum(message.payload);
            }
        }
    }
    total
}

#[inline(never)]
fn masks(payload: &mut [u8]) {
    for key in 0..CALLS as u32 {
        mask::apply(black_box(key.to_le_bytes()), 0, black_box(&mut *payload));
    }
}

#[inline(never)]
fn check(text: &[u8]) {
    let mut validator = utf8::Validator::new();
    let result = validator.push(black_box(text));
    assert!(result.is_ok() && validator.is_complete());
}
