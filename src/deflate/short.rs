//! Short blocks with codes of their own (RFC 1951 §3.2.7).
//!
//! miniz_oxide fills three tables of 1,024 entries for each such block. A compressor writes such a
//! block for thousands of symbols, so that this is little for each of them. A peer can write one in 12
//! bytes that holds nothing. That took 27,000 instructions, and 240 to 400 ns for each byte that came;
//! here it takes 2,600 instructions, and 40 to 80 ns for a byte (measured in the same run).
//!
//! A short block is decoded here without tables, by counting codes from the shortest on. That is slow
//! for each symbol and quick for each block. The block has to lie in the input to its end, hold at
//! most [`MOST`] symbols and fit into the output: then nothing has to be kept between calls. In every
//! other case, and wherever anything is wrong, [`read`] returns `None` and nothing has happened.
//! miniz_oxide reads the block then, so that it alone decides what is damage.
//!
//! Blocks of real compressors are longer, and would be begun twice. So [`Blocks`](super::blocks::Blocks)
//! tries this only for the blocks behind one that was short.

use super::fixed::{DISTANCES, LENGTHS, ORDER};

/// The most symbols of a short block. Tables cost as much as slow decoding of twice as many.
pub(super) const MOST: usize = 128;

/// Codes of at most 15 bits, in the canonical form (§3.2.2): the number of codes of each length, and
/// the symbols in the order of their codes.
struct Code<const N: usize> {
    counts: [u16; 16],
    symbols: [u16; N],
}

impl<const N: usize> Code<N> {
    /// `None` unless the code is complete, or has at most one code, of one bit.
    #[inline]
    fn new(lens: &Lens<N>) -> Option<Self> {
        let used = &lens.used[..lens.count];
        let mut counts = [0u16; 16];
        for symbol in used {
            counts[usize::from(symbol & 15)] += 1;
        }
        let (mut left, mut starts, mut start) = (1i32, [0u16; 16], 0);
        for len in 1..16 {
            left = (left << 1) - i32::from(counts[len]);
            if left < 0 {
                return None;
            }
            starts[len] = start;
            start += counts[len];
        }
        if left > 0 && start > counts[1] {
            return None;
        }
        let mut symbols = [0; N];
        for symbol in used {
            let start = &mut starts[usize::from(symbol & 15)];
            *symbols.get_mut(usize::from(*start))? = symbol >> 4;
            *start += 1;
        }
        Some(Self { counts, symbols })
    }

    /// Reads a symbol. A code is its place among those of its length, behind twice the place at which
    /// the shorter ones end.
    #[inline]
    fn symbol(&self, bits: &mut Bits<'_>) -> Option<usize> {
        bits.fill();
        let (mut code, mut first, mut index) = (0u32, 0u32, 0usize);
        let mut held = bits.held;
        for len in 1..16 {
            code |= (held & 1) as u32;
            held >>= 1;
            let count = u32::from(self.counts[len]);
            if code < first + count {
                bits.skip(len as u32)?;
                let symbol = self.symbols.get(index + (code - first) as usize)?;
                return Some(usize::from(*symbol));
            }
            index += count as usize;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}

/// The symbols that have a code, in order, each above the bits of its code, 1 to 15. Most symbols of a
/// short block have no code, and cost nothing.
struct Lens<const N: usize> {
    used: [u16; N],
    count: usize,
}

impl<const N: usize> Lens<N> {
    const fn new() -> Self {
        Self {
            used: [0; N],
            count: 0,
        }
    }

    #[inline]
    fn add(&mut self, symbol: usize, len: u8) -> Option<()> {
        *self.used.get_mut(self.count)? = (symbol as u16) << 4 | u16::from(len);
        self.count += 1;
        Some(())
    }
}

/// The bits of the block, from its header on.
pub(super) struct Bits<'a> {
    /// Bits that were read and not used, and how many.
    pub(super) held: u64,
    pub(super) bits: u32,
    pub(super) input: &'a [u8],
    /// How many bytes of the input were read.
    pub(super) read: usize,
}

impl Bits<'_> {
    /// Reads as many bytes as there is room for. Behind the input come zeros, which
    /// [`skip`](Self::skip) does not pass over.
    #[inline]
    fn fill(&mut self) {
        if self.bits < 32
            && let Some(word) = self.input.get(self.read..self.read + 4)
            && let Some(word) = word.first_chunk::<4>()
        {
            self.held |= u64::from(u32::from_le_bytes(*word)) << self.bits;
            self.bits += 32;
            self.read += 4;
        }
        while self.bits < 15 {
            let Some(byte) = self.input.get(self.read) else {
                return;
            };
            self.held |= u64::from(*byte) << self.bits;
            self.bits += 8;
            self.read += 1;
        }
    }

    #[inline]
    fn skip(&mut self, bits: u32) -> Option<()> {
        self.bits = self.bits.checked_sub(bits)?;
        self.held >>= bits;
        Some(())
    }

    #[inline]
    fn number(&mut self, bits: u32) -> Option<usize> {
        self.fill();
        let value = self.held & ((1 << bits) - 1);
        self.skip(bits)?;
        Some(value as usize)
    }
}

/// A literal or a match, in a number: an array of numbers is cleared faster than one of an `enum`.
#[derive(Clone, Copy)]
pub(super) struct Symbol(u32);

impl Symbol {
    pub(super) const NONE: Self = Self(0);

    const fn literal(byte: u8) -> Self {
        Self(byte as u32)
    }

    const fn of_match(len: u16, dist: u16) -> Self {
        Self((len as u32) << 16 | dist as u32)
    }

    /// The byte, or length and distance.
    pub(super) const fn get(self) -> Result<u8, (usize, usize)> {
        match self.0 >> 16 {
            0 => Ok(self.0 as u8),
            len => Err((len as usize, (self.0 & 0xffff) as usize)),
        }
    }
}

/// Reads a block, from its three bits of header on, and says whether it is the last one and how many
/// symbols it has. It may refer `reach` bytes back, at most `window`, and write `room` bytes.
pub(super) fn read(
    bits: &mut Bits<'_>,
    symbols: &mut [Symbol; MOST],
    reach: usize,
    window: usize,
    room: usize,
) -> Option<(bool, usize)> {
    let last = bits.number(1)? == 1;
    if bits.number(2)? != 2 {
        return None;
    }
    let (literals, distances) = codes(bits)?;
    let (mut count, mut written) = (0, 0);
    loop {
        let symbol = literals.symbol(bits)?;
        if symbol == 256 {
            return Some((last, count));
        }
        let symbol = match symbol.checked_sub(257) {
            None => {
                written += 1;
                Symbol::literal(symbol as u8)
            }
            Some(symbol) => {
                let (least, extra) = *LENGTHS.get(symbol)?;
                let len = least + bits.number(extra.into())? as u16;
                let (least, extra) = *DISTANCES.get(distances.symbol(bits)?)?;
                let dist = least + bits.number(extra.into())? as u16;
                if usize::from(dist) > window.min(reach + written) {
                    return None;
                }
                written += usize::from(len);
                Symbol::of_match(len, dist)
            }
        };
        *symbols.get_mut(count)? = symbol;
        count += 1;
        if written > room {
            return None;
        }
    }
}

/// Reads the codes of literals and lengths, and of distances.
fn codes(bits: &mut Bits<'_>) -> Option<(Code<286>, Code<30>)> {
    let literals = bits.number(5)? + 257;
    let distances = bits.number(5)? + 1;
    if literals > 286 || distances > 30 {
        return None;
    }
    let count = bits.number(4)? + 4;
    let mut lens = [0; 19];
    for &place in &ORDER[..count] {
        lens[usize::from(place)] = bits.number(3)? as u8;
    }
    let mut used = Lens::<19>::new();
    for (symbol, &len) in lens.iter().enumerate().filter(|(_, len)| **len > 0) {
        used.add(symbol, len)?;
    }
    let code = Code::new(&used)?;
    let (mut first, mut second) = (Lens::<286>::new(), Lens::<30>::new());
    let (mut at, mut len) = (0, None);
    while at < literals + distances {
        let times = match code.symbol(bits)? {
            symbol @ 0..16 => {
                len = Some(symbol as u8);
                1
            }
            16 => 3 + bits.number(2)?,
            symbol => {
                len = Some(0);
                match symbol {
                    17 => 3 + bits.number(3)?,
                    _ => 11 + bits.number(7)?,
                }
            }
        };
        let (len, end) = (len?, at + times);
        if end > literals + distances {
            return None;
        }
        if len > 0 {
            for symbol in at..end {
                match symbol.checked_sub(literals) {
                    None => first.add(symbol, len)?,
                    Some(symbol) => second.add(symbol, len)?,
                }
            }
        }
        at = end;
    }
    Some((Code::new(&first)?, Code::new(&second)?))
}
