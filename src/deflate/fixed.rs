//! The fixed code (RFC 1951 §3.2.6), decoded without tables that are made at run time.
//!
//! Problem: miniz_oxide fills its tables anew for each block of the fixed code, which takes 2 µs. A
//! small message is one such block, so the tables cost more than its contents. A peer can also send
//! empty blocks: each takes it 10 bits, and costs the receiver 2 µs.
//!
//! Choice: the fixed code never changes, so the compiler makes its table (`CODES`, by the next nine
//! bits). `blocks.rs` decodes such blocks with it. `short.rs` uses the tables of lengths and distances
//! for short blocks with codes of their own, which had the same problem. Everything else goes to
//! miniz_oxide.
//!
//! Invariant: a symbol with all of its extra bits takes at most `LONGEST` bits (31), so a buffer of 64
//! bits always holds one. Symbols 286, 287 and distances 30, 31 are invalid (§3.2.6). A code that needs
//! more bits than are held is no symbol yet.

/// The next symbol of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    Literal(u8),
    Match { len: usize, dist: usize },
    End,
    Invalid,
}

/// The most bits of a symbol: a length of 8 bits and 5 extra bits, a distance of 5 and 13.
pub(super) const LONGEST: u32 = 31;

/// By the next nine bits, what they begin with: the symbol's bits, and the symbol above them.
static CODES: [u16; 512] = codes();

const fn codes() -> [u16; 512] {
    let mut codes = [0; 512];
    let mut bits = 0;
    while bits < 512 {
        // Codes come from their highest bit on.
        let code = (bits as u16).reverse_bits() >> 7;
        let (symbol, len) = match code {
            0..0b0011_00000 => (256 + (code >> 2), 7),
            0b0011_00000..0b1100_00000 => ((code >> 1) - 0b0011_0000, 8),
            0b1100_00000..0b1100_10000 => (280 + (code >> 1) - 0b1100_0000, 8),
            _ => (144 + code - 0b1100_10000, 9),
        };
        codes[bits] = symbol << 4 | len;
        bits += 1;
    }
    codes
}

/// The least length, and the extra bits, of the symbols from 257 on (§3.2.5).
pub(super) static LENGTHS: [(u16, u8); 29] = lengths();

const fn lengths() -> [(u16, u8); 29] {
    let mut lengths = [(258, 0); 29];
    let (mut i, mut least) = (0, 3);
    while i < 28 {
        let extra = if i < 8 { 0 } else { i as u8 / 4 - 1 };
        lengths[i] = (least, extra);
        least += 1 << extra;
        i += 1;
    }
    lengths
}

/// The same of distances.
pub(super) static DISTANCES: [(u16, u8); 30] = distances();

const fn distances() -> [(u16, u8); 30] {
    let mut distances = [(0, 0); 30];
    let (mut i, mut least) = (0, 1);
    while i < 30 {
        let extra = if i < 4 { 0 } else { i as u8 / 2 - 1 };
        distances[i] = (least, extra);
        least += 1 << extra;
        i += 1;
    }
    distances
}

/// The order of the lengths of the code for code lengths (§3.2.7).
pub(super) static ORDER: [u8; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Reads a symbol, a match with its distance, and says how many bits it takes. `None` if there are
/// fewer than that.
#[inline]
pub(super) fn symbol(held: u64, bits: u32) -> Option<(Symbol, u32)> {
    let code = CODES[(held & 511) as usize];
    let mut used = u32::from(code & 15);
    if used > bits {
        return None;
    }
    let symbol = usize::from(code >> 4);
    if symbol < 256 {
        return Some((Symbol::Literal(symbol as u8), used));
    }
    if symbol == 256 {
        return Some((Symbol::End, used));
    }
    let mut extra = |bits: u8| {
        let value = held >> used & ((1 << bits) - 1);
        used += u32::from(bits);
        value as usize
    };
    let Some((least, count)) = LENGTHS.get(symbol - 257) else {
        return Some((Symbol::Invalid, used));
    };
    let len = usize::from(*least) + extra(*count);
    let code = extra(5).reverse_bits() >> (usize::BITS - 5);
    let Some((least, count)) = DISTANCES.get(code) else {
        return (used <= bits).then_some((Symbol::Invalid, used));
    };
    let dist = usize::from(*least) + extra(*count);
    (used <= bits).then_some((Symbol::Match { len, dist }, used))
}

#[cfg(test)]
mod tests {
    use super::{DISTANCES, LENGTHS, LONGEST, Symbol, symbol};

    #[test]
    fn ranges() {
        assert_eq!(LENGTHS[..2], [(3, 0), (4, 0)]);
        assert_eq!(LENGTHS[8], (11, 1));
        assert_eq!(LENGTHS[27..], [(227, 5), (258, 0)]);
        assert_eq!(DISTANCES[3..6], [(4, 0), (5, 1), (7, 1)]);
        assert_eq!(DISTANCES[29], (24_577, 13));
    }

    /// Each symbol needs all of its bits, and nothing more.
    #[test]
    fn a_symbol_has_its_bits() {
        for held in 0..1u64 << 16 {
            for held in [held, held << 16 | 0b1110_0011, held << 20 | held] {
                let (found, used) = symbol(held, 64).unwrap();
                assert!((7..=LONGEST).contains(&used));
                assert_eq!(symbol(held & ((1 << used) - 1), used), Some((found, used)));
                if found != Symbol::Invalid {
                    assert_eq!(symbol(held & ((1 << used) - 1), used - 1), None);
                }
            }
        }
    }
}
