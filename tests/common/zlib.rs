//! zlib-rs, a port of zlib, as the other end of a compressed connection, and what to send over it.

use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush, Status};

use super::rng::Rng;

/// The bytes that a sender leaves out at a message's end (RFC 7692 §7.2.1).
pub const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Compresses messages as RFC 7692 §7.2.1 has it. Raw deflate of zlib knows windows of 9 to 15 bits.
pub struct Compressor {
    zlib: Deflate,
    takeover: bool,
}

impl Compressor {
    pub fn new(level: i32, bits: u8, takeover: bool) -> Self {
        Self {
            zlib: Deflate::new(level, false, bits),
            takeover,
        }
    }

    pub fn message(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = vec![0; payload.len() * 2 + 1024];
        let (before_in, before_out) = (self.zlib.total_in(), self.zlib.total_out());
        let status = self
            .zlib
            .compress(payload, &mut out, DeflateFlush::SyncFlush)
            .unwrap();
        assert!(status != Status::StreamEnd);
        assert_eq!(self.zlib.total_in() - before_in, payload.len() as u64);
        out.truncate((self.zlib.total_out() - before_out) as usize);
        // A second flush of nothing writes nothing.
        let len = out.strip_suffix(&TAIL).map_or(0, <[u8]>::len);
        out.truncate(len);
        if out.is_empty() {
            out.push(0);
        }
        if !self.takeover {
            self.zlib.reset();
        }
        out
    }
}

/// Inflates messages, with a window of the largest size, as zlib-rs always has: so it can tell
/// whether they are right, but not whether a smaller window is kept to.
pub struct Decompressor {
    zlib: Inflate,
    takeover: bool,
}

impl Decompressor {
    pub fn new(takeover: bool) -> Self {
        Self {
            zlib: Inflate::new(false, 15),
            takeover,
        }
    }

    /// `None` if zlib refuses it.
    pub fn message(&mut self, coded: &[u8]) -> Option<Vec<u8>> {
        let input = [coded, &TAIL].concat();
        let (mut out, mut read) = (Vec::new(), 0);
        let mut room = [0; 4096];
        loop {
            let (before_in, before_out) = (self.zlib.total_in(), self.zlib.total_out());
            let flush = InflateFlush::SyncFlush;
            let status = self
                .zlib
                .decompress(&input[read..], &mut room, flush)
                .ok()?;
            assert!(status != Status::StreamEnd);
            read += (self.zlib.total_in() - before_in) as usize;
            match (self.zlib.total_out() - before_out) as usize {
                0 => break,
                n => out.extend_from_slice(&room[..n]),
            }
        }
        assert_eq!(read, input.len());
        if !self.takeover {
            self.zlib.reset(false);
        }
        Some(out)
    }
}

/// JSON messages of one kind, alike but not the same.
pub fn json(rng: &mut Rng) -> Vec<u8> {
    let mut items = Vec::new();
    for _ in 0..1 + rng.below(8) {
        items.push(format!(
            "{{\"id\":{},\"user\":\"user{}\",\"price\":{}.{},\"tags\":[\"a{}\",\"new\"],\"ok\":{}}}",
            rng.below(1_000_000),
            rng.below(50),
            rng.below(1000),
            rng.below(100),
            rng.below(7),
            rng.below(2) == 0,
        ));
    }
    format!("{{\"type\":\"update\",\"items\":[{}]}}", items.join(",")).into_bytes()
}

/// Bytes without order.
pub fn random(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.byte()).collect()
}

/// Words in random order: text that refers back to everywhere. They are of a text that stays as it
/// is, so that tests see the same each time.
pub fn words(rng: &mut Rng, len: usize) -> Vec<u8> {
    let text = include_str!("../../LICENSE-APACHE");
    let words: Vec<_> = text.split_whitespace().collect();
    let mut out = Vec::new();
    while out.len() < len {
        out.extend_from_slice(words[rng.below(words.len())].as_bytes());
        out.push(b' ');
    }
    out.truncate(len);
    out
}

/// Messages of many sizes and sorts, as they follow each other on one connection.
pub fn conversation(seed: u64) -> Vec<Vec<u8>> {
    let mut rng = Rng(seed);
    let mut all: Vec<_> = (0..60).map(|_| json(&mut rng)).collect();
    for len in [0, 1, 2, 100, 511, 512, 513, 1024, 5000, 33_000, 70_000] {
        all.push(words(&mut rng, len));
        all.push(random(&mut rng, len.min(6000)));
        all.push(vec![0; len]);
        all.push(json(&mut rng));
    }
    all
}
