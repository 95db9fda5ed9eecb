//! The shared vectors (`tests/vectors/*.json`), through every decoder: whole, cut in two at every
//! place, and byte by byte. The JavaScript tests run the same files.

mod common;

use common::drive::{self, Run, Seen, Setup};
use common::vectors::{self, Expected};
use serde_json::Value;
use wscodec::frame::{FrameHeader, OpCode, Role, Rsv, encode};
use wscodec::message::{MaskSource, MessageEncoder, NoExtension, Unmasked};
use wscodec::{CloseCode, ErrorKind, Fault, PeerError};

const DECODE: [&str; 5] = [
    "frames.json",
    "messages.json",
    "text.json",
    "close.json",
    "limits.json",
];

/// The errors that a header shows by itself.
const BY_HEADER: [&str; 11] = [
    "RESERVED_BITS",
    "RESERVED_OPCODE",
    "UNMASKED_FRAME",
    "MASKED_FRAME",
    "LENGTH_NOT_MINIMAL",
    "LENGTH_TOP_BIT",
    "FRAGMENTED_CONTROL",
    "CONTROL_TOO_LONG",
    "UNEXPECTED_CONTINUATION",
    "EXPECTED_CONTINUATION",
    "FRAME_TOO_LARGE",
];

fn told(fault: &Fault) -> Expected<'static> {
    Expected {
        code: fault.error.code(),
        close_code: fault.error.close_code().map_or(0, |c| c.value().into()),
        offset: fault.offset,
    }
}

/// Cuts `bytes` in every way that this file tries, and shows each to `run`.
fn each_cut(bytes: &[u8], mut run: impl FnMut(&[usize])) {
    run(&[]);
    for cut in common::cuts(bytes.len(), 700) {
        run(&[cut]);
    }
    run(&(0..bytes.len()).collect::<Vec<_>>());
}

fn each_vector(mut run: impl FnMut(&str, &Value, &Setup, &[u8])) {
    for file in DECODE {
        for (name, vector) in vectors::read(file) {
            let bytes = vectors::bytes(&vector["bytes"]);
            run(&name, &vector, &vectors::setup(&vector), &bytes);
        }
    }
}

/// Holds a run to the vector: the events, the fault, and what the end of the stream is.
fn hold(name: &str, vector: &Value, run: &Run, len: usize) {
    assert_eq!(run.seen, vectors::events(vector), "{name}");
    let eof = ErrorKind::from(PeerError::UnexpectedEof).at(len as u64);
    let fault = match vectors::error(vector) {
        None if vector["end"] == false => Some(told(&eof)),
        error => {
            assert_eq!(run.early, error.is_some(), "{name}: found at the end only");
            error
        }
    };
    assert_eq!(run.fault.as_ref().map(told), fault, "{name}");
}

#[test]
fn receiver() {
    each_vector(|name, vector, setup, bytes| {
        each_cut(bytes, |cuts| {
            let run = drive::receiver(setup, bytes, cuts);
            hold(
                &format!("{name}, cut at {cuts:?}"),
                vector,
                &run,
                bytes.len(),
            );
        });
    });
}

#[test]
fn places_that_are_lent_after_the_loop() {
    each_vector(|name, vector, setup, bytes| {
        each_cut(bytes, |cuts| {
            let name = format!("{name}, cut at {cuts:?}");
            let run = drive::found(setup, bytes, cuts);
            hold(&name, vector, &run, bytes.len());
            let run = drive::batches(setup, bytes, cuts);
            hold(&format!("{name}, in batches"), vector, &run, bytes.len());
        });
    });
}

#[test]
fn receiver_with_payloads_read_into_place() {
    each_vector(|name, vector, setup, bytes| {
        for most in [1, 2, 3, 7, 64, 1 << 20] {
            let run = drive::filled(setup, bytes, most);
            hold(
                &format!("{name}, {most} at a time"),
                vector,
                &run,
                bytes.len(),
            );
        }
    });
}

#[test]
fn pieces() {
    each_vector(|name, vector, setup, bytes| {
        each_cut(bytes, |cuts| {
            let run = drive::pieces(setup, bytes, cuts);
            hold(
                &format!("{name}, cut at {cuts:?}"),
                vector,
                &run,
                bytes.len(),
            );
        });
    });
}

#[test]
fn frames() {
    each_vector(|name, vector, setup, bytes| {
        let error = vectors::error(vector);
        let events = vectors::events(vector);
        let closed = events.iter().any(|event| matches!(event, Seen::Close(_)));
        let whole = drive::frames(setup, bytes, &[]);
        each_cut(bytes, |cuts| {
            let run = drive::frames(setup, bytes, cuts);
            assert_eq!(run, whole, "{name}, cut at {cuts:?}");
        });
        // Payloads are not looked at, and a close frame is one as others.
        let seen = drive::joined(&whole.seen);
        assert!(seen.starts_with(&events), "{name}: {seen:?}");
        match error {
            Some(error) if BY_HEADER.contains(&error.code) => {
                assert_eq!(whole.fault.as_ref().map(told), Some(error), "{name}");
                assert!(whole.early, "{name}");
            }
            // The fault is the message's, or lies behind a close frame.
            Some(_) => {}
            None if closed => {}
            None => {
                assert!(!whole.early, "{name}");
                assert_eq!(whole.fault.is_some(), vector["end"] == false, "{name}");
                assert_eq!(seen, events, "{name}");
            }
        }
    });
}

/// A fault of a header is found as soon as the bytes are there that show it.
#[test]
fn a_header_at_fault_is_refused_at_once() {
    const BY_LENGTH: [&str; 5] = [
        "LENGTH_NOT_MINIMAL",
        "LENGTH_TOP_BIT",
        "FRAME_TOO_LARGE",
        "MESSAGE_TOO_LARGE",
        "TOO_MANY_FRAGMENTS",
    ];
    let mut tried = [0; 2];
    each_vector(|name, vector, setup, bytes| {
        let Some(error) = vectors::error(vector) else {
            return;
        };
        let start = error.offset as usize;
        let by_length = BY_LENGTH.contains(&error.code);
        let needed = match bytes.get(start + 1).map(|second| second & 0x7f) {
            _ if !by_length && !BY_HEADER.contains(&error.code) => return,
            Some(126) if by_length => 4,
            Some(127) if by_length => 10,
            _ => 2,
        };
        tried[usize::from(by_length)] += 1;
        let bytes = &bytes[..start + needed];
        let single: Vec<_> = (0..bytes.len()).collect();
        for cuts in [&[][..], &single] {
            for run in [
                drive::receiver(setup, bytes, cuts),
                drive::pieces(setup, bytes, cuts),
            ] {
                assert!(run.early, "{name}, cut at {cuts:?}");
                assert_eq!(run.fault.as_ref().map(told), Some(error), "{name}");
            }
            let run = drive::frames(setup, bytes, cuts);
            assert!(run.early || !BY_HEADER.contains(&error.code), "{name}");
        }
    });
    assert!(tried.iter().all(|count| *count > 15), "{tried:?}");
}

/// Offsets count from where the stream is said to begin.
#[test]
fn offsets_count_from_where_they_are_told_to() {
    each_vector(|name, vector, setup, bytes| {
        let begin = 5_000_000_000;
        let shifted = Setup {
            offset: begin,
            ..*setup
        };
        let expected = drive::receiver(setup, bytes, &[]);
        let expected = expected.fault.map(|f| f.error.at(f.offset + begin));
        for run in [
            drive::receiver(&shifted, bytes, &[]),
            drive::receiver(&shifted, bytes, &[bytes.len() / 2]),
            drive::pieces(&shifted, bytes, &[]),
            drive::filled(&shifted, bytes, 9),
        ] {
            assert_eq!(run.fault, expected, "{name}");
            assert_eq!(run.seen, vectors::events(vector), "{name}");
        }
    });
}

/// Keys in the order of the vector.
struct Keys(std::vec::IntoIter<[u8; 4]>);

impl MaskSource for Keys {
    fn next_key(&mut self) -> Option<[u8; 4]> {
        Some(self.0.next().expect("a key for each frame"))
    }
}

fn keys(vector: &Value) -> Vec<[u8; 4]> {
    let keys = vector["maskKey"].as_array().into_iter().flatten();
    keys.map(|key| vectors::bytes(key).try_into().unwrap())
        .collect()
}

fn header(options: &Value) -> FrameHeader {
    FrameHeader {
        fin: options["fin"] != false,
        rsv: Rsv::new(options["rsv"].as_u64().unwrap_or(0) as u8),
        ..FrameHeader::new(
            OpCode::new(options["opcode"].as_u64().unwrap() as u8).unwrap(),
            0,
        )
    }
}

/// Writes what one entry of a vector asks for.
fn send<M: MaskSource>(
    sender: &mut MessageEncoder<M>,
    key: Option<[u8; 4]>,
    what: &Value,
    out: &mut Vec<u8>,
) -> Result<(), ErrorKind> {
    let (kind, payload) = what.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "text" => sender.text(&vectors::text(payload), out),
        "binary" => sender.binary(&vectors::bytes(payload), out),
        "ping" => Ok(sender.ping(&vectors::bytes(payload), out)?),
        "pong" => Ok(sender.pong(&vectors::bytes(payload), out)?),
        "close" => {
            let close = payload.as_array().unwrap();
            let reason = close.get(1).map(vectors::text).unwrap_or_default();
            let code = close.first();
            let code = code.map(|code| CloseCode::new(code.as_u64().unwrap() as u16));
            Ok(sender.close(code, &reason, out)?)
        }
        "frame" => {
            let header = FrameHeader {
                mask: key,
                ..header(payload)
            };
            let payload = vectors::bytes(&what["payload"]);
            let mut frame = vec![0; payload.len() + 14];
            let n = encode(header, &payload, &mut frame)?;
            out.extend_from_slice(&frame[..n]);
            Ok(())
        }
        other => panic!("nothing to send: {other}"),
    }
}

fn write<M: MaskSource>(name: &str, vector: &Value, mut sender: MessageEncoder<M>) -> Vec<u8> {
    let mut out = Vec::new();
    let keys = keys(vector);
    for (i, what) in vector["frames"].as_array().unwrap().iter().enumerate() {
        let before = out.len();
        let key = keys.get(i).copied();
        match what["error"].as_str() {
            None => send(&mut sender, key, what, &mut out).expect(name),
            Some(code) => {
                let error = send(&mut sender, key, &what["of"], &mut out).unwrap_err();
                assert_eq!((error.code(), out.len()), (code, before), "{name}");
                assert_eq!(error.close_code(), None, "{name}");
            }
        }
    }
    out
}

#[test]
fn encoded() {
    for (name, vector) in vectors::read("encode.json") {
        let expected = vectors::bytes(&vector["bytes"]);
        let written = match vectors::role(&vector["role"]) {
            Role::Server => write(&name, &vector, MessageEncoder::new(Unmasked, NoExtension)),
            Role::Client => {
                let keys = Keys(keys(&vector).into_iter());
                write(&name, &vector, MessageEncoder::new(keys, NoExtension))
            }
        };
        assert!(written == expected, "{name}: {written:02x?}");
    }
}
