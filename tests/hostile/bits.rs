//! Compressed data (RFC 1951) by hand: blocks that no compressor would write.

/// Bits, the first in the lowest place of a byte.
#[derive(Default)]
pub(crate) struct Bits {
    bytes: Vec<u8>,
    /// How many bits of the last byte are taken; 0 is all.
    used: u32,
}

impl Bits {
    /// A number, its lowest bit first.
    pub(crate) fn number(mut self, value: u32, count: u32) -> Self {
        for i in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> i & 1) as u8) << self.used;
            self.used = (self.used + 1) % 8;
        }
        self
    }

    /// A Huffman code, its highest bit first.
    pub(crate) fn code(self, value: u32, count: u32) -> Self {
        self.number(value.reverse_bits() >> (32 - count), count)
    }

    /// A stored block.
    pub(crate) fn stored(mut self, last: bool, bytes: &[u8]) -> Self {
        self = self.number(u32::from(last), 3);
        self.used = 0;
        let len = bytes.len() as u16;
        self.bytes.extend_from_slice(&len.to_le_bytes());
        self.bytes.extend_from_slice(&(!len).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Begins a block with the fixed codes.
    pub(crate) fn fixed(self, last: bool) -> Self {
        self.number(u32::from(last) | 1 << 1, 3)
    }

    /// A literal of the fixed codes.
    pub(crate) fn literal(self, byte: u8) -> Self {
        match byte {
            0..144 => self.code(0x30 + u32::from(byte), 8),
            _ => self.code(0x190 + u32::from(byte - 144), 9),
        }
    }

    /// The shortest match, of 3 bytes, from 513 to 768 bytes back.
    pub(crate) fn far(self, distance: u32) -> Self {
        self.code(1, 7).code(18, 5).number(distance - 513, 8)
    }

    /// The end of a block with the fixed codes.
    pub(crate) fn end(self) -> Self {
        self.code(0, 7)
    }

    /// The message, without the tail that a sender leaves out (RFC 7692 §7.2.1).
    pub(crate) fn flushed(self) -> Vec<u8> {
        self.number(0, 3).bytes
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// At least `len` zeros, 159 to a byte: matches of 258 bytes in 13 bits each.
pub(crate) fn zeros(len: usize) -> Vec<u8> {
    let run = |bits: Bits| bits.code(0b1100_0101, 8).code(0, 5);
    // 24 bits, so that what follows begins with a byte.
    let mut bytes = run(Bits::default().fixed(false).literal(0)).bytes();
    let runs = (0..8).fold(Bits::default(), |bits, _| run(bits)).bytes();
    assert_eq!(runs.len(), 13);
    bytes.extend(runs.repeat(len.div_ceil(8 * 258)));
    bytes.extend(Bits::default().end().flushed());
    bytes
}
