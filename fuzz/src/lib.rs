//! Code that the fuzz targets share.

#![forbid(unsafe_code)]

/// Takes decisions off the front of a fuzzer's input.
///
/// Decisions lie in front of the bytes that they concern, so that the fuzzer can change one without
/// moving the other.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// All of an input.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The next byte; 0 if there is none.
    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                first
            }
            None => 0,
        }
    }

    /// The next bit of a byte of its own.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// The bytes that are left.
    pub fn rest(self) -> &'a [u8] {
        self.bytes
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Up to `most` bytes.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (front, rest) = self.bytes.split_at(most.min(self.bytes.len()));
        self.bytes = rest;
        front
    }
}

/// Lengths of pieces that follow from a seed: short ones mostly, so that every state is cut.
pub struct Cuts(u64);

impl Cuts {
    /// The lengths of a seed; 0 for one piece with everything.
    pub fn new(seed: u8) -> Self {
        Self(seed.into())
    }

    /// Cuts the next piece off the front of `bytes`.
    pub fn next<'b>(&mut self, bytes: &mut &'b mut [u8]) -> &'b mut [u8] {
        let len = match self.0 {
            0 => bytes.len(),
            _ => {
                self.0 = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) | 1;
                match self.0 % 8 {
                    0 => 1,
                    1..5 => self.0 as usize / 8 % 7 + 1,
                    5 | 6 => self.0 as usize / 8 % 40 + 1,
                    _ => self.0 as usize / 8 % 4000 + 1,
                }
            }
        };
        let len = len.min(bytes.len());
        let (piece, rest) = core::mem::take(bytes).split_at_mut(len);
        *bytes = rest;
        piece
    }
}
