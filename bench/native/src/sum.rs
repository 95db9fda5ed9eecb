//! The result of a row for a stream: counted when it is timed, and summed up when it is checked.

use std::hint::black_box;

use crate::workload::Workload;

/// Takes the messages as they are decoded.
pub trait Sink {
    fn message(&mut self, text: bool, payload: &[u8]);
}

/// Counts, and looks at one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub messages: u64,
    pub bytes: u64,
}

impl Sink for Tally {
    #[inline]
    fn message(&mut self, _: bool, payload: &[u8]) {
        self.messages += 1;
        self.bytes += payload.len() as u64;
        black_box(payload.last());
    }
}

/// Counts, and hashes kinds and payloads in their order (FNV-1a, 32 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    pub tally: Tally,
    pub hash: u32,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            tally: Tally::default(),
            hash: 0x811c_9dc5,
        }
    }
}

impl Sink for Sum {
    fn message(&mut self, text: bool, payload: &[u8]) {
        self.tally.message(text, payload);
        let kind = if text { 1 } else { 2 };
        for byte in [kind].iter().chain(payload) {
            self.hash = (self.hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
}

impl Workload {
    /// The sum that every row has to find.
    pub fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for (text, payload) in &self.messages {
            sum.message(*text, payload);
        }
        sum
    }
}
