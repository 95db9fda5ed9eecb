//! Messages that are compressed once and sent to many, between those of each connection.

#![cfg(feature = "deflate")]

mod common;

use common::drive::{self, Seen};
use common::rng::Rng;
use common::zlib;
use wscodec::deflate::{
    AgreedDeflate, Compressor, Decompressor, DeflateDirection, DeflateOptions, WindowBits,
    prepare_binary, prepare_text,
};
use wscodec::frame::Role;
use wscodec::message::{MessageDecoder, MessageEncoder, Prepared};
use wscodec::{ErrorKind, Limits, MisuseError};

fn agreed(bits: u8, takeover: bool) -> AgreedDeflate {
    let window = WindowBits::new(bits).unwrap();
    let direction = DeflateDirection { window, takeover };
    AgreedDeflate {
        send: direction,
        receive: direction,
    }
}

fn config(bits: u8) -> DeflateOptions {
    let mut config = DeflateOptions::default();
    config.send.window = WindowBits::new(bits).unwrap();
    config
}

/// A connection's sender, masked, with or without the extension.
fn sender(
    agreed: Option<AgreedDeflate>,
) -> MessageEncoder<impl FnMut() -> [u8; 4], Option<Compressor>> {
    let mut keys = Rng(1);
    let deflate = agreed.map(|agreed| Compressor::new(&agreed, &DeflateOptions::default()));
    MessageEncoder::new(move || (keys.next() as u32).to_le_bytes(), deflate)
}

fn read(agreed: Option<AgreedDeflate>, bytes: &[u8]) -> drive::Run {
    let limits = Limits::default();
    let inflate = agreed.map(|agreed| Decompressor::new(&agreed, &limits));
    let mut receiver = MessageDecoder::with_extension(Role::Server, &limits, inflate);
    drive::through(&mut receiver, bytes, &[])
}

/// Prepared messages between others, with every agreement: what the peer reads is what was sent.
#[test]
fn between_other_messages() {
    let messages = zlib::conversation(13);
    for prepared_bits in [8, 11, 15] {
        let config = config(prepared_bits);
        let prepared: Vec<_> = messages
            .iter()
            .map(|it| prepare_binary(it, &config).unwrap())
            .collect();
        let mut agreements = vec![None];
        for bits in 8..=15 {
            agreements.extend([Some(agreed(bits, true)), Some(agreed(bits, false))]);
        }
        for agreed in agreements {
            let mut rng = Rng(7);
            let mut sender = sender(agreed);
            let (mut out, mut expected) = (Vec::new(), Vec::new());
            for (payload, prepared) in messages.iter().zip(&prepared) {
                let start = out.len();
                match rng.below(3) {
                    0 => sender.prepared(prepared, &mut out).unwrap(),
                    1 => sender.binary(payload, &mut out).unwrap(),
                    _ => {
                        sender.binary(payload, &mut out).unwrap();
                        sender.prepared(prepared, &mut out).unwrap();
                        expected.push(Seen::Binary(payload.clone()));
                    }
                }
                expected.push(Seen::Binary(payload.clone()));
                let compressed = out[start] & 0x40 != 0;
                assert!(!compressed || agreed.is_some() && payload.len() >= 64);
            }
            let run = read(agreed, &out);
            assert_eq!(run.fault, None, "{agreed:?}");
            assert!(run.seen == expected, "{agreed:?}");
        }
    }
}

#[test]
fn those_get_it_compressed_who_can_read_it() {
    let text = "a message to all ".repeat(100);
    let prepared = prepare_text(&text, &config(11)).unwrap();
    let plain = Prepared::text(&text).unwrap();
    assert_eq!(
        (prepared.payload(), prepared.frame()),
        (text.as_bytes(), plain.frame())
    );
    for (agreed, compressed) in [
        (None, false),
        (Some(agreed(10, true)), false),
        (Some(agreed(10, false)), false),
        (Some(agreed(11, true)), true),
        (Some(agreed(15, false)), true),
    ] {
        let mut sender = sender(agreed);
        let mut out = Vec::new();
        sender.prepared(&prepared, &mut out).unwrap();
        assert_eq!(out[0], if compressed { 0xc1 } else { 0x81 }, "{agreed:?}");
        assert_eq!(read(agreed, &out).seen, [Seen::Text(text.clone())]);
        // It takes no memory of the connection's.
        assert_eq!(sender.extension().as_ref().map_or(0, Compressor::memory), 0);
        // A message prepared without compression is sent so.
        out.clear();
        sender.prepared(&plain, &mut out).unwrap();
        assert_eq!(out[0], 0x81);
    }
    let short = prepare_text("short", &config(15)).unwrap();
    assert_eq!(short, Prepared::text("short").unwrap());
}

/// The message after a prepared one refers to nothing before it, the one after that does again.
#[test]
fn takeover_goes_on_after_a_prepared_message() {
    let json = zlib::json(&mut Rng(3));
    let prepared = prepare_binary(&json, &DeflateOptions::default()).unwrap();
    let mut sender = sender(Some(agreed(15, true)));
    let mut lens = Vec::new();
    let mut all = Vec::new();
    for prepare in [false, false, true, false, false] {
        let start = all.len();
        match prepare {
            true => sender.prepared(&prepared, &mut all).unwrap(),
            false => sender.binary(&json, &mut all).unwrap(),
        }
        lens.push(all.len() - start);
    }
    assert!(lens[1] < lens[0] / 4);
    assert_eq!((lens[2], lens[3]), (lens[0], lens[0]));
    assert!(lens[4] < lens[0] / 4);
    let run = read(Some(agreed(15, true)), &all);
    assert!(run.seen == vec![Seen::Binary(json); 5] && run.fault.is_none());
}

#[test]
fn not_within_a_message() {
    let prepared = prepare_binary(&[0; 100], &DeflateOptions::default()).unwrap();
    let mut sender = sender(Some(agreed(15, true)));
    let mut out = Vec::new();
    sender
        .begin(wscodec::message::Kind::Binary, b"x", &mut out)
        .unwrap();
    let before = out.len();
    let error = ErrorKind::from(MisuseError::MessageUnfinished);
    assert_eq!(sender.prepared(&prepared, &mut out), Err(error));
    assert_eq!(out.len(), before);
}
