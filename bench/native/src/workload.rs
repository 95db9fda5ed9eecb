//! The workloads: what a client sends, made from a seed.
//!
//! The frames are written here by hand, not by the library that is measured.

use std::ops::Range;

/// A sequence of numbers from a seed (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number from this range, both ends included.
    pub fn within(&mut self, least: usize, most: usize) -> usize {
        least + (self.next() % (most - least + 1) as u64) as usize
    }

    /// Whether something happens that does so in `percent` of a hundred cases.
    fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.within(0, last));
        }
    }
}

/// A frame of the stream: where it ends, and what the floor is told of it.
#[derive(Clone)]
pub struct Frame {
    pub opcode: u8,
    pub fin: bool,
    pub key: [u8; 4],
    /// Where its payload lies in the stream.
    pub payload: Range<usize>,
}

/// A stream of frames, and the messages in it.
pub struct Workload {
    pub name: &'static str,
    /// As a client sends it: masked.
    pub masked: Vec<u8>,
    /// As a server would send the same: not masked.
    pub unmasked: Vec<u8>,
    pub frames: Vec<Frame>,
    /// Whether each message is text, and its payload.
    pub messages: Vec<(bool, Vec<u8>)>,
    pub fragmented: bool,
}

pub const NAMES: [&str; 8] = [
    "bin32",
    "chat",
    "text1k",
    "text1k-1%",
    "bin16k",
    "bin1m",
    "frag",
    "fragsmall",
];

/// Bytes that a stream has at least, and goes past by at most one message.
const LENGTH: usize = 8 << 20;

impl Workload {
    pub fn new(name: &'static str) -> Self {
        let place = NAMES.iter().position(|n| *n == name).expect("a workload");
        let mut random = Random::new(0x6455 + place as u64);
        let mut workload = Self {
            name,
            masked: Vec::new(),
            unmasked: Vec::new(),
            frames: Vec::new(),
            messages: Vec::new(),
            fragmented: name.starts_with("frag"),
        };
        while workload.masked.len() < LENGTH {
            let (text, payload) = message(name, &mut random);
            if workload.fragmented {
                workload.fragments(&payload, &mut random);
            } else {
                let opcode = if text { 1 } else { 2 };
                workload.frame(opcode, true, &payload, &mut random);
            }
            workload.messages.push((text, payload));
        }
        workload
    }

    /// A text in 3 to 8 frames cut anywhere, with 1.35 pings in the middle on average:
    /// 4.5 gaps, a ping in 30 of 100.
    fn fragments(&mut self, text: &[u8], random: &mut Random) {
        let mut cuts: Vec<usize> = (0..random.within(2, 7))
            .map(|_| random.within(0, text.len()))
            .collect();
        cuts.sort_unstable();
        let mut from = 0;
        for cut in cuts {
            let opcode = u8::from(from == 0 && self.starts_message());
            self.frame(opcode, false, &text[from..cut], random);
            from = cut;
            if random.chance(30) {
                let payload = random.next().to_le_bytes();
                self.frame(9, true, &payload, random);
            }
        }
        self.frame(0, true, &text[from..], random);
    }

    /// Whether the next data frame is a message's first.
    fn starts_message(&self) -> bool {
        let data = self.frames.iter().rev().find(|frame| frame.opcode < 8);
        data.is_none_or(|frame| frame.fin)
    }

    fn frame(&mut self, opcode: u8, fin: bool, payload: &[u8], random: &mut Random) {
        let key = (random.next() as u32).to_le_bytes();
        header(&mut self.unmasked, opcode, fin, payload.len(), 0);
        self.unmasked.extend_from_slice(payload);
        header(&mut self.masked, opcode, fin, payload.len(), 0x80);
        self.masked.extend_from_slice(&key);
        let start = self.masked.len();
        let masked = payload.iter().zip(key.iter().cycle());
        self.masked.extend(masked.map(|(byte, key)| byte ^ key));
        self.frames.push(Frame {
            opcode,
            fin,
            key,
            payload: start..self.masked.len(),
        });
    }
}

/// A header up to the key (RFC 6455 §5.2).
pub fn header(out: &mut Vec<u8>, opcode: u8, fin: bool, len: usize, mask: u8) {
    out.push(u8::from(fin) << 7 | opcode);
    match len {
        0..126 => out.push(mask | len as u8),
        126..0x1_0000 => {
            out.push(mask | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

fn message(name: &str, random: &mut Random) -> (bool, Vec<u8>) {
    match name {
        "bin32" => (false, bytes(32, random)),
        "bin16k" => (false, bytes(16 << 10, random)),
        "bin1m" => (false, bytes(1 << 20, random)),
        "chat" => (true, chat(random)),
        "text1k" => (true, text(1024, 0, random)),
        "text1k-1%" => (true, text(1024, 2, random)),
        "frag" => {
            let len = random.within(400, 4000);
            (true, text(len, 2, random))
        }
        _ => {
            let len = random.within(200, 660);
            (true, text(len, 2, random))
        }
    }
}

fn bytes(len: usize, random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// JSON of 115 bytes on average; 5 of 100 words have characters of several bytes.
fn chat(random: &mut Random) -> Vec<u8> {
    let len = random.within(8, 95);
    let text = text(len, 5, random);
    let text = String::from_utf8(text).expect("text is UTF-8");
    format!(
        r#"{{"type":"message","id":{},"user":"user{}","text":"{text}"}}"#,
        random.within(1, 1_000_000_000),
        random.within(1, 9999)
    )
    .into_bytes()
}

const WORDS: [&str; 12] = [
    "the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "and", "then", "sleeps",
];
const FOREIGN: [&str; 5] = ["café", "größer", "привет", "世界", "🦀"];

/// Words up to this many bytes, `foreign` of a hundred with characters of several bytes:
/// of 2 such words comes one character in a hundred.
fn text(len: usize, foreign: u64, random: &mut Random) -> Vec<u8> {
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        let words: &[&str] = if random.chance(foreign) {
            &FOREIGN
        } else {
            &WORDS
        };
        text += words[random.within(0, words.len() - 1)];
        text.push(' ');
    }
    let mut len = len;
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    text.truncate(len);
    text.into_bytes()
}
