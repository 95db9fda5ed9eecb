//! Sending compressed messages: what we send, a receiver inflates that has exactly the window agreed
//! on, and an empty one for each message where that is agreed on. Hostile 44.

#![cfg(feature = "deflate")]

mod common;

use common::reference::Reference;
use common::rng::Rng;
use common::{drive, zlib};
use wscodec::Limits;
use wscodec::deflate::{
    Compressor, Decompressor, DeflateDirection, DeflateOptions, WindowBits, compress,
};
use wscodec::frame::Role;
use wscodec::message::{
    InboundExtension, Kind, MessageDecoder, MessageEncoder, OutboundExtension, Unmasked,
};

// The engines under test: zlib-rs where it is built in.
#[cfg(not(feature = "zlib-rs"))]
use wscodec::deflate::{MinizDeflate as DefaultDeflate, MinizInflate as DefaultInflate};
#[cfg(feature = "zlib-rs")]
use wscodec::deflate::{ZlibDeflate as DefaultDeflate, ZlibInflate as DefaultInflate};

type Deflater = Compressor<DefaultDeflate>;
type Inflater = Decompressor<DefaultInflate>;

/// Of a window of 9 bits zlib uses less than one of 8 bits.
const ZLIB: bool = cfg!(feature = "zlib-rs");

fn direction(bits: u8, takeover: bool) -> DeflateDirection {
    let window = WindowBits::new(bits).unwrap();
    DeflateDirection { window, takeover }
}

fn deflater(direction: DeflateDirection, level: u8) -> Deflater {
    let mut config = DeflateOptions::default();
    config.level = level;
    Compressor::with_engine(direction, &config)
}

fn inflater(direction: DeflateDirection) -> Inflater {
    let mut limits = Limits::default();
    limits.inflation = u32::MAX;
    Decompressor::with_engine(direction, &limits)
}

fn message(deflater: &mut Deflater, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.message(payload, &mut out).unwrap();
    out
}

/// Through our inflater, another make's, and a plain one that measures each distance.
fn hold(direction: DeflateDirection, level: u8, messages: &[Vec<u8>]) {
    let mut deflater = deflater(direction, level);
    let mut ours = inflater(direction);
    let mut zlibs = zlib::Decompressor::new(direction.takeover);
    let mut plain = Reference::new(direction.window.len(), direction.takeover);
    for payload in messages {
        let coded = message(&mut deflater, payload);
        let out = plain.message(&coded);
        assert!(out.as_ref() == Some(payload), "{direction:?} {level}");
        let mut out = Vec::new();
        ours.message(&coded, &mut out).unwrap();
        assert!(out == *payload, "ours: {direction:?} {level}");
        let out = zlibs.message(&coded);
        assert!(out.as_ref() == Some(payload), "zlib: {direction:?} {level}");
        let part = if ZLIB { 16 } else { 24 };
        assert!(coded.len() <= payload.len() + payload.len() / part + 16);
    }
}

#[test]
fn every_window_takeover_and_level() {
    let messages = zlib::conversation(21);
    for bits in 8..=15 {
        for takeover in [true, false] {
            for level in [1, 2, 3, 6, 9] {
                hold(direction(bits, takeover), level, &messages);
            }
        }
    }
}

/// Messages that end where the window's flush is due, or one byte to either side.
#[test]
fn sizes_at_the_edge_of_the_window() {
    let mut rng = Rng(5);
    for bits in 8..=15 {
        let size = 1usize << bits;
        for takeover in [true, false] {
            let mut messages = Vec::new();
            for len in [
                size,
                1,
                size - 1,
                size + 1,
                0,
                2 * size,
                size / 2,
                size / 2,
                0,
                3,
            ] {
                messages.push(zlib::words(&mut rng, len));
                messages.push(vec![b'-'; len]);
            }
            hold(direction(bits, takeover), 6, &messages);
        }
    }
}

/// With half of the window that they were compressed with, these messages are refused: otherwise
/// nothing would have been tested here.
#[test]
fn a_smaller_window_is_noticed() {
    let messages = zlib::conversation(2);
    for bits in if ZLIB { 10..=15 } else { 9..=15 } {
        let mut deflater = deflater(direction(bits, true), 6);
        let mut inflater = inflater(direction(bits - 1, true));
        let mut plain = Reference::new(1 << (bits - 1), true);
        let refused = messages.iter().position(|payload| {
            let coded = message(&mut deflater, payload);
            let refused = inflater.message(&coded, &mut Vec::new()).is_err();
            assert_eq!(plain.message(&coded).is_none(), refused, "{bits}");
            refused
        });
        assert!(refused.is_some(), "{bits}");
    }
}

#[test]
fn without_takeover_messages_stand_alone() {
    let mut deflater = deflater(direction(15, false), 6);
    let json = zlib::json(&mut Rng(8));
    let first = message(&mut deflater, &json);
    assert_eq!(message(&mut deflater, &json), first);
    if !ZLIB {
        // This function has the default engine.
        assert_eq!(compress(&json, 6).unwrap(), first);
    }
    let mut taken_over = self::deflater(direction(15, true), 6);
    assert_eq!(message(&mut taken_over, &json), first);
    assert!(message(&mut taken_over, &json).len() < first.len() / 4);
}

/// As small as zlib makes it, give or take: within 3 % at the same level over a conversation.
#[test]
fn as_small_as_zlib() {
    let mut rng = Rng(4);
    let mut messages: Vec<_> = (0..300).map(|_| zlib::json(&mut rng)).collect();
    messages.push(zlib::words(&mut rng, 200_000));
    for takeover in [true, false] {
        let mut deflater = deflater(direction(15, takeover), 6);
        let mut zlib = zlib::Compressor::new(6, 15, takeover);
        let ours: usize = messages
            .iter()
            .map(|it| message(&mut deflater, it).len())
            .sum();
        let zlibs: usize = messages.iter().map(|it| zlib.message(it).len()).sum();
        assert!(ours * 100 <= zlibs * 103, "{ours} to zlib's {zlibs}");
    }
}

/// Chats and ticks: messages of one kind, shorter than what pays for tables of its own.
#[test]
fn small_messages() {
    let mut rng = Rng(14);
    for (len, part) in [(30, 2), (64, 20), (94, 20), (120, 20), (141, 20)] {
        let mut deflater = deflater(direction(15, true), 6);
        let mut zlib = zlib::Compressor::new(6, 15, true);
        let (mut ours, mut zlibs) = (0, 0);
        for _ in 0..300 {
            let mut json = zlib::json(&mut rng);
            json.truncate(len);
            ours += message(&mut deflater, &json).len();
            zlibs += zlib.message(&json).len();
        }
        let most = zlibs * (100 + part) / 100;
        assert!(ours <= most, "{len}: {ours} to zlib's {zlibs}");
    }
}

#[test]
fn a_larger_window_makes_less() {
    let mut rng = Rng(6);
    let messages: Vec<_> = (0..400).map(|_| zlib::json(&mut rng)).collect();
    let size = |bits, takeover| {
        let mut deflater = deflater(direction(bits, takeover), 6);
        let coded = messages.iter().map(|it| message(&mut deflater, it).len());
        coded.sum::<usize>()
    };
    let sizes: Vec<_> = (8..=15).map(|bits| size(bits, true)).collect();
    let from = usize::from(ZLIB);
    assert!(sizes[from..].is_sorted_by(|a, b| a > b), "{sizes:?}");
    assert!(sizes[7] < size(15, false));
}

/// Through `MessageEncoder` and `MessageDecoder`: short messages go as they are, without touching the window.
#[test]
fn the_threshold() {
    let mut config = DeflateOptions::default();
    config.threshold = 100;
    let deflater: Deflater = Compressor::with_engine(DeflateDirection::DEFAULT, &config);
    let mut sender = MessageEncoder::new(Unmasked, deflater);
    let mut out = Vec::new();
    sender.binary(&[7; 99], &mut out).unwrap();
    assert_eq!(out[..2], [0x82, 99]);
    assert_eq!(sender.extension().memory(), 0);
    out.clear();
    sender.binary(&[7; 100], &mut out).unwrap();
    assert_eq!(out[0], 0xc2);
    assert!(out.len() < 20);
    out.clear();
    // The length of a fragmented message isn't known.
    sender.begin(Kind::Text, b"a", &mut out).unwrap();
    assert_eq!(out[0], 0x41);
    sender.finish(b"b", &mut out).unwrap();
}

#[test]
fn what_is_sent_is_received() {
    let limits = Limits::default();
    for (bits, takeover) in [(9, true), (9, false), (15, true), (15, false)] {
        let mut rng = Rng(u64::from(bits));
        let mut keys = Rng(1);
        let keys = move || (keys.next() as u32).to_le_bytes();
        let mut sender = MessageEncoder::new(keys, deflater(direction(bits, takeover), 6));
        let (mut out, mut expected) = (Vec::new(), Vec::new());
        for payload in zlib::conversation(3) {
            match rng.below(4) {
                0 => {
                    let (front, back) = payload.split_at(rng.below(payload.len() + 1));
                    let (middle, back) = back.split_at(rng.below(back.len() + 1));
                    sender.begin(Kind::Binary, front, &mut out).unwrap();
                    sender.ping(b"", &mut out).unwrap();
                    expected.push(drive::Seen::Ping(vec![]));
                    sender.more(middle, &mut out).unwrap();
                    sender.more(b"", &mut out).unwrap();
                    sender.finish(back, &mut out).unwrap();
                }
                _ => sender.binary(&payload, &mut out).unwrap(),
            }
            expected.push(drive::Seen::Binary(payload));
        }
        let run = |cuts: &[usize]| {
            let inflater = inflater(direction(bits, takeover));
            let mut receiver = MessageDecoder::with_extension(Role::Server, &limits, inflater);
            drive::through(&mut receiver, &out, cuts)
        };
        let whole = run(&[]);
        assert!(whole.seen == expected && whole.fault.is_none());
        for step in [3, 700] {
            assert!(run(&rng.cuts(out.len(), step)) == whole);
        }
    }
}

/// Each fragment can be read when it comes.
#[test]
fn fragments_are_flushed() {
    for bits in [9, 15] {
        let mut deflater = deflater(direction(bits, true), 6);
        let mut inflater = inflater(direction(bits, true));
        let rsv = deflater.begin(Kind::Binary, None);
        inflater.begin(rsv).unwrap();
        for part in zlib::conversation(9) {
            let (mut coded, mut out) = (Vec::new(), vec![0; part.len() + 1]);
            deflater.encode(&part, false, &mut coded).unwrap();
            let progress = inflater.decode(&coded, false, &mut out).unwrap();
            assert!(progress.done && out[..progress.written] == part);
        }
    }
}

/// A message by itself is the same as one through `MessageEncoder`.
#[test]
fn messages_by_themselves() {
    let json = zlib::json(&mut Rng(12));
    let mut sender = MessageEncoder::new(Unmasked, deflater(DeflateDirection::DEFAULT, 6));
    let mut deflater = deflater(DeflateDirection::DEFAULT, 6);
    for _ in 0..3 {
        let mut frame = Vec::new();
        sender.binary(&json, &mut frame).unwrap();
        let coded = message(&mut deflater, &json);
        assert!(frame.ends_with(&coded) && frame.len() <= coded.len() + 4);
    }
    assert_eq!(message(&mut deflater, b""), [0]);
    assert_eq!(message(&mut deflater, b""), [0]);
}
