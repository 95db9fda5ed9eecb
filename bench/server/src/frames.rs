//! The messages of the load, as masked frames.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// How many different messages of JSON there are: with one, a server that keeps its context would
/// answer with the same few bytes always.
const DIFFERENT: usize = 64;

/// Frames that connections send one after the other, and then from the first again.
pub struct Frames {
    bytes: Vec<u8>,
    lens: Vec<usize>,
    /// The payload of the first message, before compression.
    first: Vec<u8>,
    compressed: bool,
}

impl Frames {
    /// The same binary message, as often as messages are on the way.
    pub fn binary(size: usize, flight: usize) -> Self {
        let payload: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
        let mut frames = Self::new(false);
        for _ in 0..flight {
            frames.push(0x82, &payload);
        }
        frames.first = payload;
        frames
    }

    /// Texts of about that size, compressed, each without the context of those before.
    pub fn json(size: usize) -> Self {
        let mut frames = Self::new(true);
        for i in 0..DIFFERENT {
            let text = json(i, size);
            frames.push(0xc1, &deflated(text.as_bytes()));
            if i == 0 {
                frames.first = text.into_bytes();
            }
        }
        frames
    }

    fn new(compressed: bool) -> Self {
        Self {
            bytes: Vec::new(),
            lens: Vec::new(),
            first: Vec::new(),
            compressed,
        }
    }

    fn push(&mut self, first: u8, payload: &[u8]) {
        let before = self.bytes.len();
        self.bytes.push(first);
        match payload.len() {
            len @ 0..126 => self.bytes.push(0x80 | len as u8),
            len @ 126..65536 => {
                self.bytes.push(0xfe);
                self.bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                self.bytes.push(0xff);
                self.bytes.extend((len as u64).to_be_bytes());
            }
        }
        self.bytes.extend(KEY);
        let masked = payload.iter().enumerate();
        self.bytes.extend(masked.map(|(i, byte)| byte ^ KEY[i % 4]));
        self.lens.push(self.bytes.len() - before);
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn count(&self) -> usize {
        self.lens.len()
    }

    /// Bytes of one of the frames.
    pub fn len(&self, index: usize) -> usize {
        self.lens[index]
    }

    pub fn first(&self) -> &[u8] {
        &self.first
    }

    pub fn is_compressed(&self) -> bool {
        self.compressed
    }
}

fn json(i: usize, size: usize) -> String {
    let mut text = String::from("[");
    let mut n = i * 7919;
    while text.len() + 1 < size {
        n += 1;
        let price = n * 2_654_435_761 % 99_991;
        let comma = if text.len() > 1 { "," } else { "" };
        text += &format!(
            "{comma}{{\"id\":{n},\"symbol\":\"S{}\",\"price\":{price},\"bid\":true}}",
            n % 97
        );
    }
    text + "]"
}

/// The payload of a compressed message (RFC 7692 §7.2.1).
fn deflated(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    let flushed = encoder.write_all(text).and_then(|()| encoder.flush());
    flushed.expect("a Vec takes all");
    let mut bytes = encoder.get_ref().clone();
    assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
    bytes.truncate(bytes.len() - 4);
    bytes
}
