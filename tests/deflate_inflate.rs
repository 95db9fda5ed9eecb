//! Receiving compressed messages: RFC 7692's examples, zlib's output, recordings of real peers, and
//! damage. Hostile 39–43.

#![cfg(feature = "deflate")]

mod common;
#[path = "common/inflate.rs"]
mod inflate;

use common::captures::{self, sha1};
use common::drive::{self, Run, Seen};
use common::rng::Rng;
use common::zlib::{self, TAIL};
use inflate::{DAMAGED, frame, inflater, one};
use wscodec::deflate::decompress;
use wscodec::frame::{OpCode, Role, Rsv};
use wscodec::message::{InboundExtension, MessageDecoder};
use wscodec::{ErrorKind, LimitError, Limits, PeerError};

fn compressed(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    frame(opcode, Rsv::RSV1, true, payload)
}

/// Reads as a client; all cuts must tell the same.
fn read(bytes: &[u8], limits: &Limits) -> Run {
    let run = |cuts: &[usize]| {
        let extension = inflater(15, true, limits);
        let mut receiver = MessageDecoder::with_extension(Role::Client, limits, extension);
        drive::through(&mut receiver, bytes, cuts)
    };
    let whole = run(&[]);
    for cut in common::cuts(bytes.len(), 300) {
        assert_eq!(run(&[cut]), whole, "cut at {cut}");
    }
    let single: Vec<_> = (0..bytes.len()).collect();
    assert_eq!(run(&single), whole, "byte by byte");
    whole
}

/// Deflate's fixed codes (RFC 1951 §3.2.6), written bit by bit.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, count: u32) {
        for i in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> i & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// Huffman codes go with their first bit first.
    fn code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn begin(&mut self, last: bool) -> &mut Self {
        self.put(last.into(), 1);
        self.put(1, 2);
        self
    }

    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.code(0x30 + symbol, 8),
            144..256 => self.code(0x190 + symbol - 144, 9),
            256..280 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn literals(&mut self, bytes: &[u8]) -> &mut Self {
        bytes.iter().for_each(|&byte| self.symbol(byte.into()));
        self
    }

    /// Three bytes from `distance` back.
    fn three(&mut self, distance: u32) -> &mut Self {
        self.symbol(257);
        let (mut base, mut code) = (1, 0);
        loop {
            let extra = if code < 4 { 0 } else { code / 2 - 1 };
            if distance < base + (1 << extra) {
                self.code(code, 5);
                self.put(distance - base, extra);
                return self;
            }
            base += 1 << extra;
            code += 1;
        }
    }

    fn end(&mut self) -> &mut Self {
        self.symbol(256);
        self
    }

    /// The header of an empty stored block, of which the rest is left out.
    fn finish(&mut self) -> Vec<u8> {
        self.put(0, 3);
        core::mem::take(self).bytes
    }
}

/// `len` bytes, then three from `distance` back.
fn reaching(len: usize, distance: u32) -> Vec<u8> {
    let data: Vec<_> = (0..len).map(|i| i as u8).collect();
    let mut bits = Bits::default();
    bits.begin(false)
        .literals(&data)
        .three(distance)
        .end()
        .finish()
}

#[test]
fn the_rfcs_examples() {
    // RFC 7692 §7.2.3.1 to §7.2.3.6.
    let hello = Ok(b"Hello".to_vec());
    let limits = Limits::default();
    let mut inflater = inflater(15, true, &limits);
    for coded in [
        &b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..],
        b"\xf2\x00\x11\x00\x00",
        b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
        b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
        b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
    ] {
        assert_eq!(one(&mut inflater, coded), hello, "{coded:x?}");
    }
    assert_eq!(one(&mut inflater, b"\x00"), Ok(vec![]));
    assert_eq!(one(&mut inflater, b""), Ok(vec![]));
    assert_eq!(one(&mut inflater, b"\xf2\x00\x11\x00\x00"), hello);
    // In fragments, with a ping between (§7.2.3.1).
    let bytes = b"\x41\x03\xf2\x48\xcd\x89\x00\x80\x04\xc9\xc9\x07\x00";
    let seen = [Seen::Ping(vec![]), Seen::Text("Hello".into())];
    assert_eq!(read(bytes, &limits).seen, seen);
}

/// Hostile 41: final blocks, with nothing, the byte of §7.2.3.4 or more blocks behind them.
#[test]
fn final_blocks() {
    let limits = Limits::default();
    let last =
        |text: &[u8]| core::mem::take(Bits::default().begin(true).literals(text).end()).bytes;
    let more = |text: &[u8]| Bits::default().begin(false).literals(text).end().finish();
    for (coded, expected) in [
        (last(b"abc"), &b"abc"[..]),
        ([last(b"abc"), vec![0]].concat(), b"abc"),
        ([last(b"abc"), last(b"def")].concat(), b"abcdef"),
        ([last(b"abc"), more(b"def")].concat(), b"abcdef"),
        ([last(b""), last(b""), more(b"x")].concat(), b"x"),
        (b"\x01\x03\x00\xfc\xffabc".to_vec(), b"abc"),
        (
            [b"\x01\x03\x00\xfc\xffabc".to_vec(), more(b"d")].concat(),
            b"abcd",
        ),
    ] {
        let text = String::from_utf8(expected.to_vec()).unwrap();
        // Later blocks may refer back over the final block.
        let next = Bits::default()
            .begin(false)
            .literals(b"<")
            .three(2)
            .end()
            .finish();
        let first = frame(OpCode::Text, Rsv::RSV1, true, &coded);
        let mut bytes = first.clone();
        bytes.extend(compressed(OpCode::Text, &coded));
        let twice = [Seen::Text(text.clone()), Seen::Text(text)];
        let run = read(&bytes, &limits);
        assert_eq!((&run.seen[..], run.fault), (&twice[..], None), "{coded:x?}");
        bytes.extend(compressed(OpCode::Binary, &next));
        assert_eq!(read(&bytes, &limits).fault, None);
    }
}

#[test]
fn stored_blocks_of_any_length() {
    let limits = Limits::default();
    let mut rng = Rng(3);
    for len in [1usize, 255, 256, 257, 32_767, 32_768, 32_769, 65_535] {
        let data = zlib::random(&mut rng, len);
        let mut coded = vec![0];
        coded.extend((len as u16).to_le_bytes());
        coded.extend((!(len as u16)).to_le_bytes());
        coded.extend(&data);
        coded.push(0);
        for bits in 8..=15 {
            let mut inflater = inflater(bits, true, &limits);
            assert_eq!(one(&mut inflater, &coded).as_ref(), Ok(&data));
            assert_eq!(one(&mut inflater, &coded).as_ref(), Ok(&data));
        }
    }
}

/// Hostile 40: a distance as long as the window is good, one more is damage; so is one beyond what
/// there is, in a new window and after a reset.
#[test]
fn distances() {
    let limits = Limits::default();
    for bits in 8..=15 {
        let size = 1usize << bits;
        for (len, distance, good) in [
            (size, size, true),
            (size + 5, size, true),
            (3 * size + 77, size, true),
            (size - 1, size, false),
            (size + 5, size + 1, false),
            (4 * size + 9, size + 1, false),
            (4 * size, 2 * size, false),
            (1, 1, true),
            (1, 2, false),
            (0, 1, false),
            (10, 11, false),
            (10, 10, true),
        ] {
            if distance > 32_768 {
                continue;
            }
            for step in [1, 7, 300, usize::MAX] {
                let coded = reaching(len, distance as u32);
                let mut inflater = inflater(bits, true, &limits);
                inflater.begin(Rsv::RSV1).unwrap();
                let mut out = vec![0; len + 10];
                let (mut result, mut at) = (Ok(()), 0);
                for piece in coded.chunks(step.min(coded.len())) {
                    let (mut rest, mut done) = (piece, false);
                    while !done && result.is_ok() {
                        let room = (at + step.min(out.len())).min(out.len());
                        match inflater.decode(rest, false, &mut out[at..room]) {
                            Ok(progress) => {
                                rest = &rest[progress.read..];
                                at += progress.written;
                                done = progress.done;
                            }
                            Err(error) => result = Err(error),
                        }
                    }
                }
                let name = format!("{bits} bits, {distance} back in {len}, by {step}");
                match good {
                    false => assert_eq!(result, Err(DAMAGED), "{name}"),
                    true => {
                        assert_eq!((result, at), (Ok(()), len + 3), "{name}");
                        let expected: Vec<_> = (0..3)
                            .map(|i| ((len - distance + i % distance) & 255) as u8)
                            .collect();
                        assert_eq!(out[len..at], expected, "{name}");
                    }
                }
            }
        }
    }
    let back = Bits::default().begin(false).three(3).end().finish();
    for takeover in [true, false] {
        let mut inflater = inflater(9, takeover, &limits);
        // More than the window, so that it went round.
        one(&mut inflater, &reaching(700, 512)).unwrap();
        let second = one(&mut inflater, &back);
        assert_eq!(second.is_ok(), takeover);
        assert_eq!(second.err(), (!takeover).then_some(DAMAGED));
    }
}

#[test]
fn zlibs_output_at_every_window() {
    let limits = Limits::default();
    for bits in 9..=15 {
        for takeover in [true, false] {
            for level in [1, 6, 9] {
                let mut zlib = zlib::Compressor::new(level, bits, takeover);
                let mut inflater = inflater(bits, takeover, &limits);
                for payload in zlib::conversation(7) {
                    let coded = zlib.message(&payload);
                    let inflated = one(&mut inflater, &coded);
                    assert!(
                        inflated.as_ref() == Ok(&payload),
                        "{bits} {takeover} {level}"
                    );
                }
                let zlib = cfg!(feature = "zlib-rs") && bits == 15;
                let tables = if zlib { 48_000 } else { 11_000 };
                assert!(inflater.memory() < tables + (1 << bits));
            }
        }
    }
}

/// Hostile 42: a message that isn't compressed leaves the window alone.
#[test]
fn messages_that_are_not_compressed() {
    let mut zlib = zlib::Compressor::new(6, 15, true);
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for (i, payload) in zlib::conversation(1).into_iter().take(20).enumerate() {
        if i % 3 == 1 {
            bytes.extend(frame(OpCode::Binary, Rsv::NONE, true, &payload));
        } else {
            bytes.extend(compressed(OpCode::Binary, &zlib.message(&payload)));
        }
        expected.push(Seen::Binary(payload));
    }
    let run = read(&bytes, &Limits::default());
    assert_eq!((run.seen, run.fault), (expected, None));
}

/// Every direction of every recording, whole, byte by byte and cut at random: its messages are what
/// Python's zlib made of them.
#[test]
fn recordings() {
    let mut inflated = 0;
    for capture in captures::all() {
        let agreed = &capture.deflate;
        if agreed.is_null() {
            continue;
        }
        let (window, reset) = match capture.setup.role {
            Role::Server => ("clientMaxWindowBits", "clientNoContextTakeover"),
            Role::Client => ("serverMaxWindowBits", "serverNoContextTakeover"),
        };
        let bits = agreed[window].as_u64().unwrap() as u8;
        let takeover = !agreed[reset].as_bool().unwrap();
        let limits = Limits::default();
        let run = |cuts: &[usize]| {
            let extension = inflater(bits, takeover, &limits);
            let mut receiver =
                MessageDecoder::with_extension(capture.setup.role, &limits, extension)
                    .with_offset(capture.setup.offset);
            drive::through(&mut receiver, &capture.bytes, cuts)
        };
        let whole = run(&[]);
        let messages: Vec<_> = whole
            .seen
            .iter()
            .filter_map(|seen| match seen {
                Seen::Text(text) => Some((text.len() as u64, sha1(text.as_bytes()))),
                Seen::Binary(payload) => Some((payload.len() as u64, sha1(payload))),
                _ => None,
            })
            .collect();
        let expected: Vec<_> = capture.expected["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| {
                let coded = message["compressed"] == true;
                inflated += u32::from(coded);
                let (len, sha1) = match coded {
                    true => ("inflatedLength", "inflatedSha1"),
                    false => ("length", "sha1"),
                };
                let sha1 = message[sha1].as_str().unwrap().to_owned();
                (message[len].as_u64().unwrap(), sha1)
            })
            .collect();
        assert_eq!(messages, expected, "{}", capture.name);
        let len = capture.bytes.len();
        assert!(
            run(&(0..len).collect::<Vec<_>>()) == whole,
            "{}",
            capture.name
        );
        let mut rng = Rng(len as u64);
        for step in [3, 50, 1000, 20_000] {
            assert!(run(&rng.cuts(len, step)) == whole, "{}", capture.name);
        }
    }
    assert!(inflated > 480, "only {inflated} compressed messages");
}

/// Hostile 39: cut at every byte, any bit turned. No panic, only the errors that there are, and the
/// same for any split.
#[test]
fn damage() {
    let limits = Limits::default();
    let mut rng = Rng(9);
    let texts = [
        zlib::json(&mut rng),
        zlib::words(&mut rng, 3000),
        vec![b'x'; 900],
    ];
    for text in texts {
        for level in [1, 9] {
            let coded = zlib::Compressor::new(level, 15, true).message(&text);
            let mut seem_whole = 0;
            for len in 1..coded.len() {
                match decompress(&coded[..len], &limits) {
                    Err(error) => assert_eq!(error, DAMAGED, "{len} of {}", coded.len()),
                    // By chance a block may seem to end here, after a last match that is none.
                    Ok(out) => {
                        let sure = &out[..out.len().saturating_sub(258)];
                        assert!(text.starts_with(sure), "{len} of {}", coded.len());
                        seem_whole += 1;
                    }
                }
            }
            assert!(seem_whole <= coded.len() / 300, "{seem_whole} cuts");
            for bit in 0..coded.len() * 8 {
                let mut coded = coded.clone();
                coded[bit / 8] ^= 1 << (bit % 8);
                if let Err(error) = decompress(&coded, &limits) {
                    assert_eq!(error, DAMAGED, "bit {bit}");
                }
            }
        }
    }
    let mut errors = 0;
    for round in 0..400 {
        let text = zlib::json(&mut rng);
        let mut coded = zlib::Compressor::new(6, 15, true).message(&text);
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(coded.len());
            coded[at] = rng.byte();
        }
        let cut = rng.below(coded.len());
        let mut bytes = compressed(OpCode::Text, b"\x00");
        bytes.extend(frame(OpCode::Text, Rsv::RSV1, false, &coded[..cut]));
        bytes.extend(frame(OpCode::Continuation, Rsv::NONE, true, &coded[cut..]));
        let run = |cuts: &[usize]| {
            let extension = inflater(15, true, &limits);
            let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, extension);
            drive::through(&mut receiver, &bytes, cuts)
        };
        let whole = run(&[]);
        if let Some(fault) = whole.fault {
            let known = [DAMAGED, PeerError::InvalidUtf8.into()];
            assert!(known.contains(&fault.error), "{fault:?}");
            errors += 1;
        }
        assert_eq!(run(&(0..bytes.len()).collect::<Vec<_>>()), whole, "{round}");
        for step in [2, 10, 100] {
            assert_eq!(run(&rng.cuts(bytes.len(), step)), whole, "{round}");
        }
    }
    assert!(errors > 200, "{errors}");
}

#[test]
fn random_bytes() {
    let mut rng = Rng(11);
    let mut limits = Limits::default();
    limits.message = 1 << 16;
    for round in 0..20_000 {
        let len = rng.below(60);
        let coded = zlib::random(&mut rng, len);
        let bits = 8 + (round % 8) as u8;
        let mut inflater = inflater(bits, round % 2 == 0, &limits);
        match one(&mut inflater, &coded) {
            Ok(_) | Err(DAMAGED) => {}
            Err(error) => assert_eq!(error, LimitError::MessageTooLarge.into()),
        }
    }
    // Block types and codes that there are not, lengths that contradict each other.
    for coded in [
        &b"\x07"[..],
        b"\x06\x00",
        b"\x00\x01\x00\x01\x00x",
        b"\xff\xff\xff\xff",
    ] {
        assert_eq!(decompress(coded, &limits), Err(DAMAGED), "{coded:x?}");
    }
    // The tail itself is not to be sent, but is a block like any other.
    let sent = [&b"\xf2\x48\xcd\xc9\xc9\x07\x00"[..], &TAIL].concat();
    assert_eq!(
        decompress(&[sent, vec![0]].concat(), &limits),
        Ok(b"Hello".to_vec())
    );
}

#[test]
fn a_fault_stays() {
    let limits = Limits::default();
    let mut inflater = inflater(15, true, &limits);
    assert_eq!(one(&mut inflater, b"\xff\xff"), Err(DAMAGED));
    assert_eq!(one(&mut inflater, b"\x00"), Err(DAMAGED));
    assert_eq!(inflater.begin(Rsv::RSV1), Err(DAMAGED));
}

/// Hostile 43: text is checked as it is inflated, before the message ends.
#[test]
fn text_is_checked_as_it_inflates() {
    let limits = Limits::default();
    let mut bits = Bits::default();
    let coded = bits
        .begin(false)
        .literals(b"ab\xff and so on")
        .end()
        .finish();
    let bad = ErrorKind::from(PeerError::InvalidUtf8);
    let mut bytes = frame(OpCode::Text, Rsv::RSV1, false, &coded[..6]);
    let fault = read(&bytes, &limits).fault.unwrap();
    assert_eq!((fault.error, fault.offset), (bad, 0));
    bytes.extend(frame(OpCode::Continuation, Rsv::NONE, true, &coded[6..]));
    assert_eq!(read(&bytes, &limits).fault, Some(fault));
    // The text's fault comes before that of the stream behind it.
    let mut damaged = coded[..coded.len() - 1].to_vec();
    damaged.extend([0xff; 8]);
    let run = read(&compressed(OpCode::Text, &damaged), &limits);
    assert_eq!(run.fault.map(|fault| fault.error), Some(bad));
    // A character cut by a fragment is whole.
    let mut bits = Bits::default();
    let crab = bits.begin(false).literals("🦀🦀".as_bytes()).end().finish();
    for cut in 0..crab.len() {
        let mut bytes = frame(OpCode::Text, Rsv::RSV1, false, &crab[..cut]);
        bytes.extend(frame(OpCode::Continuation, Rsv::NONE, true, &crab[cut..]));
        assert_eq!(read(&bytes, &limits).seen, [Seen::Text("🦀🦀".into())]);
    }
}

#[test]
fn memory_is_taken_late_and_given_back() {
    let limits = Limits::default();
    for takeover in [true, false] {
        let mut inflater = inflater(10, takeover, &limits);
        assert_eq!(inflater.memory(), 0);
        let mut zlib = zlib::Compressor::new(6, 10, takeover);
        for payload in zlib::conversation(5).into_iter().take(30) {
            let coded = zlib.message(&payload);
            assert_eq!(one(&mut inflater, &coded), Ok(payload));
            assert!(inflater.memory() >= 1024);
            inflater.release();
            assert_eq!(inflater.memory(), if takeover { 1024 } else { 0 });
        }
        // Not within a message.
        inflater.begin(Rsv::RSV1).unwrap();
        let coded = zlib.message(b"a message of its own");
        let (front, back) = coded.split_at(5);
        let mut out = [0; 100];
        let first = inflater.decode(front, false, &mut out).unwrap();
        assert!(first.done);
        inflater.release();
        let second = inflater
            .decode(back, true, &mut out[first.written..])
            .unwrap();
        assert_eq!(
            out[..first.written + second.written],
            *b"a message of its own"
        );
    }
}
