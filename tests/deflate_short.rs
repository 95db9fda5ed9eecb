//! Short blocks with codes of their own, many in a message. A block that lies in the input to its end
//! is decoded in another way than one that is cut, so both have to say the same: also where the
//! stream is damaged.

#![cfg(feature = "deflate")]

#[path = "hostile/bits.rs"]
#[allow(dead_code, reason = "most of it is of other tests")]
mod bits;
mod common;

use bits::Bits;
use common::reference::Reference;
use common::rng::Rng;
use wscodec::deflate::{Decompressor, DeflateDirection, Inflate, MinizInflate, WindowBits};
use wscodec::frame::Rsv;
use wscodec::message::InboundExtension;
use wscodec::{ErrorKind, Limits};

/// The lengths of a complete code of so many symbols.
fn lens(rng: &mut Rng, symbols: usize) -> Vec<u32> {
    match symbols {
        0 => return Vec::new(),
        1 => return vec![1],
        _ => {}
    }
    let mut leaves = vec![1, 1];
    while leaves.len() < symbols {
        let at = rng.below(leaves.len());
        if leaves[at] < 15 {
            leaves[at] += 1;
            leaves.push(leaves[at]);
        }
    }
    leaves
}

/// A code: for each symbol its length, 0 for none, and its bits (RFC 1951 §3.2.2).
struct Code {
    lens: Vec<u32>,
    codes: Vec<u32>,
}

impl Code {
    /// Of `count` symbols out of `all`, one of which `must` be.
    fn new(rng: &mut Rng, all: usize, must: Option<usize>, count: usize) -> Self {
        let mut lens_of = vec![0; all];
        let mut chosen: Vec<usize> = must.into_iter().collect();
        while chosen.len() < count {
            let symbol = rng.below(all);
            if !chosen.contains(&symbol) {
                chosen.push(symbol);
            }
        }
        for (symbol, len) in chosen.iter().zip(lens(rng, chosen.len())) {
            lens_of[*symbol] = len;
        }
        Self::of(lens_of)
    }

    fn of(lens: Vec<u32>) -> Self {
        let mut codes = vec![0; lens.len()];
        let mut code = 0;
        for len in 1..16 {
            code <<= 1;
            for symbol in (0..lens.len()).filter(|symbol| lens[*symbol] == len) {
                codes[symbol] = code;
                code += 1;
            }
        }
        Self { lens, codes }
    }

    fn put(&self, bits: Bits, symbol: usize) -> Bits {
        bits.code(self.codes[symbol], self.lens[symbol])
    }

    fn used(&self) -> Vec<usize> {
        let all = 0..self.lens.len();
        all.filter(|symbol| self.lens[*symbol] > 0).collect()
    }
}

/// Appends a block of some symbols. Distances reach at most as far as `written`, which is counted on.
fn block(mut bits: Bits, rng: &mut Rng, written: &mut usize) -> Bits {
    let literals = 257 + rng.below(30);
    let count = 1 + rng.below(12);
    let literal = Code::new(rng, literals, Some(256), count);
    // Distances of 1 to 4 bytes.
    let count = rng.below(5);
    let distance = Code::new(rng, 4, None, count);
    bits = bits.number(0, 1).number(2, 2);
    bits = bits
        .number(literals as u32 - 257, 5)
        .number(distance.lens.len() as u32 - 1, 5);
    bits = bits.number(15, 4);
    // Thirteen codes of four bits, and six of five.
    let code = Code::of((0..19).map(|it| if it < 13 { 4 } else { 5 }).collect());
    const ORDER: [usize; 19] = [
        16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
    ];
    for symbol in ORDER {
        bits = bits.number(code.lens[symbol], 3);
    }
    let all = [&literal.lens[..], &distance.lens].concat();
    let mut at = 0;
    while at < all.len() {
        let same = all[at..].iter().take_while(|len| **len == all[at]);
        let run = same.count();
        if all[at] == 0 && run >= 11 && rng.below(4) > 0 {
            let run = run.min(138);
            bits = code.put(bits, 18).number(run as u32 - 11, 7);
            at += run;
        } else if all[at] == 0 && run >= 3 && rng.below(4) > 0 {
            let run = run.min(10);
            bits = code.put(bits, 17).number(run as u32 - 3, 3);
            at += run;
        } else {
            bits = code.put(bits, all[at] as usize);
            at += 1;
            if run >= 4 && rng.below(2) == 0 {
                let run = (run - 1).min(6);
                bits = code.put(bits, 16).number(run as u32 - 3, 2);
                at += run;
            }
        }
    }
    let (symbols, distances) = (literal.used(), distance.used());
    let most = [0, 1, 5, 40, 126, 130, 300][rng.below(7)];
    for _ in 0..rng.below(most + 1) {
        let symbol = symbols[rng.below(symbols.len())];
        if symbol < 256 {
            bits = literal.put(bits, symbol);
            *written += 1;
        } else if (257..265).contains(&symbol) && !distances.is_empty() {
            let back = distances[rng.below(distances.len())];
            if back < *written {
                bits = distance.put(literal.put(bits, symbol), back);
                *written += symbol - 254;
            }
        }
    }
    literal.put(bits, 256)
}

fn stream(rng: &mut Rng, blocks: usize) -> Vec<u8> {
    let (mut bits, mut written) = (Bits::default(), 0);
    for _ in 0..blocks {
        bits = match rng.below(12) {
            0 => bits.stored(false, b"stored"),
            1 => bits.fixed(false).literal(b'f').end(),
            _ => block(bits, rng, &mut written),
        };
    }
    bits.flushed()
}

/// Inflates a message that comes in pieces of `size`, into room of `room` bytes at a time.
fn inflate(
    message: &[u8],
    window: WindowBits,
    size: usize,
    room: usize,
) -> Result<Vec<u8>, ErrorKind> {
    let direction = DeflateDirection {
        window,
        takeover: true,
    };
    let limits = Limits::default();
    let mut inflate = Decompressor::<MinizInflate>::with_engine(direction, &limits);
    let (mut out, mut buffer) = (Vec::new(), vec![0; room]);
    inflate.begin(Rsv::RSV1)?;
    let mut pieces = message.chunks(size).peekable();
    while let Some(mut piece) = pieces.next() {
        let last = pieces.peek().is_none();
        loop {
            let progress = inflate.decode(piece, last, &mut buffer)?;
            out.extend_from_slice(&buffer[..progress.written]);
            piece = &piece[progress.read..];
            if progress.done {
                break;
            }
        }
    }
    Ok(out)
}

#[test]
fn streams_of_short_blocks() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let blocks = 1 + rng.below(30);
        let message = stream(&mut rng, blocks);
        let expected = Reference::new(1 << 15, true).message(&message);
        let expected = Ok(expected.expect("a deflate stream"));
        let whole = message.len();
        for (size, room) in [(whole, 1 << 16), (whole, 100), (50, 7), (1, 1000)] {
            let found = inflate(&message, WindowBits::MAX, size, room);
            assert!(found == expected, "{seed} {size} {room}");
        }
    }
}

#[test]
fn damaged_streams_of_short_blocks() {
    let mut damaged = 0;
    for seed in 0..4000 {
        let mut rng = Rng(seed);
        let blocks = 1 + rng.below(8);
        let mut message = stream(&mut rng, blocks);
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(message.len());
            message[at] ^= 1 << rng.below(8);
        }
        let window = WindowBits::new(8 + rng.below(8) as u8).unwrap();
        let expected = inflate(&message, window, 1, 1 << 12);
        damaged += usize::from(expected.is_err());
        let whole = message.len();
        for (size, room) in [(whole, 1 << 16), (whole, 64), (40, 1 << 12)] {
            let found = inflate(&message, window, size, room);
            assert!(found == expected, "{seed} {size} {room}");
        }
    }
    assert!((1000..3900).contains(&damaged), "{damaged}");
}

/// No byte is read behind the last block.
#[test]
fn nothing_is_read_behind_the_last_block() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let (mut bits, mut written) = (Bits::default(), 0);
        for _ in 0..5 {
            bits = block(bits, &mut rng, &mut written);
        }
        let whole = bits.fixed(true).end().bytes();
        let message = [&whole[..], b"behind it"].concat();
        let mut engine = MinizInflate::new(WindowBits::MAX);
        let mut out = vec![0; written + 100];
        let inflated = engine.inflate(&message, &mut out);
        let told = (inflated.read, inflated.written);
        assert_eq!(told, (whole.len(), written), "{seed}");
    }
}
