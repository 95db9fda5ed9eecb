//! The message decoder, for both roles, with and without compression, whole and in pieces: any split
//! gives the same events, the same fault and the same offset, and memory stays within the limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wscodec::deflate::{Decompressor, DeflateDirection, WindowBits};
use wscodec::frame::{CloseFrame, Role};
use wscodec::message::{Event, InboundExtension, Kind, MessageDecoder, NoExtension, Piece};
use wscodec::{Fault, Limits};
use wscodec_fuzz::{Choices, Cuts};

#[derive(Debug, PartialEq)]
enum Seen {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
}

#[derive(Debug, PartialEq)]
struct Run {
    seen: Vec<Seen>,
    fault: Option<Fault>,
}

fn close(close: Option<CloseFrame<'_>>) -> Seen {
    Seen::Close(close.map(|close| (close.code.into(), close.reason.to_owned())))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.message = 1 << 16;
    limits.fragments = 200;
    limits
}

/// The most memory that a decoder may hold: a message, as much again while it grows, and what an extension needs.
const MEMORY: usize = (2 << 16) + (256 << 10);

fn whole<E: InboundExtension>(mut decoder: MessageDecoder<E>, bytes: &[u8], seed: u8) -> Run {
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut cuts = Cuts::new(seed);
    let mut seen = Vec::new();
    loop {
        let mut piece = cuts.next(&mut rest);
        loop {
            match decoder.receive(&mut piece) {
                Ok(Some(event)) => seen.push(match event {
                    Event::Message(message) => {
                        if message.kind == Kind::Text {
                            assert!(std::str::from_utf8(message.payload).is_ok());
                        }
                        Seen::Message(message.kind, message.payload.to_vec())
                    }
                    Event::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Event::Pong(payload) => Seen::Pong(payload.to_vec()),
                    Event::Close(frame) => close(frame),
                }),
                Ok(None) => break,
                Err(fault) => {
                    assert_eq!(decoder.receive(&mut piece).unwrap_err(), fault);
                    return Run {
                        seen,
                        fault: Some(fault),
                    };
                }
            }
            assert!(decoder.buffered() + decoder.extension().memory() <= MEMORY);
        }
        if rest.is_empty() {
            let fault = decoder.end().err();
            return Run { seen, fault };
        }
    }
}

/// The same in pieces, put together. Bytes before a fault are handed out, so the last message of a
/// run with a fault may be there in part: it is not compared.
fn pieces<E: InboundExtension>(mut decoder: MessageDecoder<E>, bytes: &[u8], seed: u8) -> Run {
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut cuts = Cuts::new(seed);
    let (mut seen, mut open) = (Vec::new(), None);
    loop {
        let mut piece = cuts.next(&mut rest);
        loop {
            match decoder.receive_piece(&mut piece) {
                Ok(Some(Piece::Frame(header))) => {
                    if let Some(kind) = [Kind::Text, Kind::Binary]
                        .into_iter()
                        .find(|kind| kind.opcode() == header.opcode)
                    {
                        open = Some((kind, Vec::new()));
                    }
                }
                Ok(Some(Piece::Data(data))) => open.as_mut().unwrap().1.extend_from_slice(data),
                Ok(Some(Piece::End)) => {
                    let (kind, payload) = open.take().unwrap();
                    seen.push(Seen::Message(kind, payload));
                }
                Ok(Some(Piece::Ping(payload))) => seen.push(Seen::Ping(payload.to_vec())),
                Ok(Some(Piece::Pong(payload))) => seen.push(Seen::Pong(payload.to_vec())),
                Ok(Some(Piece::Close(frame))) => seen.push(close(frame)),
                Ok(None) => break,
                Err(fault) => {
                    return Run {
                        seen,
                        fault: Some(fault),
                    };
                }
            }
        }
        if rest.is_empty() {
            let fault = decoder.end().err();
            return Run { seen, fault };
        }
    }
}

fn check<E: InboundExtension>(new: impl Fn() -> MessageDecoder<E>, bytes: &[u8], seed: u8) {
    let expected = whole(new(), bytes, 0);
    assert_eq!(whole(new(), bytes, seed | 1), expected);
    let run = pieces(new(), bytes, 0);
    assert_eq!(pieces(new(), bytes, seed | 1), run);
    assert_eq!(run, expected);
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let role = if choices.flag() {
        Role::Client
    } else {
        Role::Server
    };
    let coded = choices.byte();
    let seed = choices.byte();
    let bytes = choices.rest();
    let limits = limits();
    if coded & 1 == 0 {
        check(
            || MessageDecoder::with_extension(role, &limits, NoExtension),
            bytes,
            seed,
        );
    } else {
        let direction = DeflateDirection {
            window: WindowBits::new(8 + (coded >> 2) % 8).unwrap(),
            takeover: coded & 2 != 0,
        };
        let inflater = || Decompressor::with_engine(direction, &limits);
        check(
            || {
                let inflater: Decompressor = inflater();
                MessageDecoder::with_extension(role, &limits, inflater)
            },
            bytes,
            seed,
        );
    }
});
