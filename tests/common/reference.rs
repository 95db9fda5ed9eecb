//! An inflater that is as plain as RFC 1951 allows, bit by bit, to say what the windows of the
//! others are: it knows how far back each distance reaches.

use super::zlib::TAIL;

const LENGTHS: [(usize, u32); 29] = {
    let mut table = [(258, 0); 29];
    let (mut code, mut base) = (0, 3);
    while code < 28 {
        let extra = if code < 8 { 0 } else { code as u32 / 4 - 1 };
        table[code] = (base, extra);
        base += 1 << extra;
        code += 1;
    }
    table
};

const ORDER: [usize; 19] = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
];

/// Inflates messages; `None` for what is no deflate stream within the window.
pub struct Reference {
    window: usize,
    takeover: bool,
    /// All that the next message may refer to, and what is of no use any more.
    history: Vec<u8>,
}

impl Reference {
    pub fn new(window: usize, takeover: bool) -> Self {
        Self {
            window,
            takeover,
            history: Vec::new(),
        }
    }

    pub fn message(&mut self, coded: &[u8]) -> Option<Vec<u8>> {
        if !self.takeover {
            self.history.clear();
        }
        let start = self.history.len();
        let input = [coded, &TAIL].concat();
        let mut bits = Bits {
            bytes: &input,
            at: 0,
        };
        while bits.at < input.len() * 8 {
            if bits.take(1)? == 1 {
                return None; // Final blocks are not for these tests.
            }
            match bits.take(2)? {
                0 => self.stored(&mut bits)?,
                1 => {
                    let lens: Vec<_> = (0..288)
                        .map(|symbol| match symbol {
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    self.block(&mut bits, &Codes::new(&lens), &Codes::new(&[5; 30]))?;
                }
                2 => {
                    let (literals, distances) = bits.tables()?;
                    self.block(&mut bits, &literals, &distances)?;
                }
                _ => return None,
            }
        }
        Some(self.history[start..].to_vec())
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        bits.at = bits.at.next_multiple_of(8);
        let (len, inverse) = (bits.take(16)?, bits.take(16)?);
        if len ^ inverse != 0xffff {
            return None;
        }
        for _ in 0..len {
            self.history.push(bits.take(8)? as u8);
        }
        Some(())
    }

    fn block(&mut self, bits: &mut Bits<'_>, literals: &Codes, distances: &Codes) -> Option<()> {
        loop {
            match literals.read(bits)? {
                symbol @ 0..256 => self.history.push(symbol as u8),
                256 => return Some(()),
                symbol => {
                    let (base, extra) = *LENGTHS.get(symbol - 257)?;
                    let len = base + bits.take(extra)?;
                    let code = distances.read(bits)?;
                    let extra = if code < 2 { 0 } else { code as u32 / 2 - 1 };
                    let base = if code < 2 {
                        code
                    } else {
                        (2 + code % 2) << extra
                    };
                    let distance = 1 + base + bits.take(extra)?;
                    if distance > self.window {
                        return None;
                    }
                    let from = self.history.len().checked_sub(distance)?;
                    for i in from..from + len {
                        self.history.push(self.history[i]);
                    }
                }
            }
        }
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<usize> {
        let mut value = 0;
        for i in 0..count {
            let byte = usize::from(*self.bytes.get(self.at / 8)?);
            value |= (byte >> (self.at % 8) & 1) << i;
            self.at += 1;
        }
        Some(value)
    }

    /// The codes of a block that brings its own (RFC 1951 §3.2.7).
    fn tables(&mut self) -> Option<(Codes, Codes)> {
        let (literals, distances) = (self.take(5)? + 257, self.take(5)? + 1);
        let mut lens = [0; 19];
        for i in 0..self.take(4)? + 4 {
            lens[ORDER[i]] = self.take(3)?;
        }
        let codes = Codes::new(&lens);
        let mut lens = Vec::new();
        while lens.len() < literals + distances {
            let (len, count) = match codes.read(self)? {
                16 => (*lens.last()?, 3 + self.take(2)?),
                17 => (0, 3 + self.take(3)?),
                18 => (0, 11 + self.take(7)?),
                len => (len, 1),
            };
            lens.extend(std::iter::repeat_n(len, count));
        }
        let (literals, distances) = lens.split_at(literals);
        Some((Codes::new(literals), Codes::new(distances)))
    }
}

/// A Huffman code (RFC 1951 §3.2.2): symbols in the order of their codes, and how many there are of
/// each length.
struct Codes {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Codes {
    fn new(lens: &[usize]) -> Self {
        let mut counts = [0; 16];
        let mut symbols = Vec::new();
        for (len, count) in counts.iter_mut().enumerate().skip(1) {
            let before = symbols.len();
            symbols.extend((0..lens.len()).filter(|&symbol| lens[symbol] == len));
            *count = symbols.len() - before;
        }
        Self { counts, symbols }
    }

    fn read(&self, bits: &mut Bits<'_>) -> Option<usize> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &self.counts[1..] {
            code |= bits.take(1)?;
            if code < first + count {
                return self.symbols.get(index + code - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }
}
