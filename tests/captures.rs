//! The recorded conversations of real peers, against what a decoder of another make reads in them
//! (`tests/captures/README.md`).

mod common;

use common::captures::{self, Capture, sha1};
use common::drive::{self, Frame, Seen};
use common::rng::Rng;
use serde_json::Value;
use wscodec::frame::{MAX_HEADER_LEN, OpCode, encode};
use wscodec::message::{Kind, Piece};

/// Up to this many bytes a recording is cut at every place.
const SMALL: usize = 4096;

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

/// Cuts a recording in every way that this file tries.
fn each_cut(capture: &Capture, mut run: impl FnMut(&[usize])) {
    let len = capture.bytes.len();
    run(&[]);
    run(&(0..len).collect::<Vec<_>>());
    if len < SMALL {
        (0..=len).for_each(|cut| run(&[cut]));
    }
    let mut rng = Rng(len as u64);
    for step in [3, 50, 1000, 20_000] {
        run(&rng.cuts(len, step));
    }
}

/// Whether the recording ends within a frame or a message.
fn ends_early(capture: &Capture) -> bool {
    let end = &capture.expected["end"];
    end["what"] == "cut" || !end["message"].is_null()
}

fn hold_frames(capture: &Capture, frames: &[Frame]) {
    let expected = capture.expected["frames"].as_array().unwrap();
    assert_eq!(frames.len(), expected.len(), "{}", capture.name);
    for (frame, expected) in frames.iter().zip(expected) {
        let name = format!("{} at {}", capture.name, frame.offset);
        let header = &frame.header;
        assert_eq!(frame.offset, number(&expected["offset"]), "{name}");
        assert_eq!(header.opcode as u64, number(&expected["opcode"]), "{name}");
        assert_eq!(header.fin, expected["fin"], "{name}");
        assert_eq!(
            u64::from(header.rsv.bits()),
            number(&expected["rsv"]),
            "{name}"
        );
        assert_eq!(header.mask.is_some(), expected["masked"], "{name}");
        assert_eq!(header.len, number(&expected["length"]), "{name}");
        assert_eq!(header.len, frame.payload.len() as u64, "{name}");
        assert_eq!(sha1(&frame.payload), expected["sha1"], "{name}");
    }
}

/// The expected messages and close frames, in the form of [`noted`].
fn expected(capture: &Capture) -> (Vec<Value>, Vec<Value>) {
    let noted = |message: &Value| {
        serde_json::json!([
            message["kind"],
            message["compressed"],
            message["length"],
            message["sha1"]
        ])
    };
    let messages = capture.expected["messages"].as_array().unwrap();
    let frames = capture.expected["frames"].as_array().unwrap();
    let controls = frames.iter().filter(|f| number(&f["opcode"]) >= 8);
    let noted_control = |f: &Value| match number(&f["opcode"]) {
        8 => serde_json::json!([8, f["closeCode"], f["closeReason"]]),
        opcode => serde_json::json!([opcode, f["length"], f["sha1"]]),
    };
    (
        messages.iter().map(noted).collect(),
        controls.map(noted_control).collect(),
    )
}

fn noted(seen: &[Seen]) -> (Vec<Value>, Vec<Value>) {
    let (mut messages, mut controls) = (Vec::new(), Vec::new());
    for seen in seen {
        let (kind, compressed, payload) = match seen {
            Seen::Text(text) => (Kind::Text, false, text.as_bytes()),
            Seen::Binary(payload) => (Kind::Binary, false, &payload[..]),
            Seen::Opaque(kind, payload) => (*kind, true, &payload[..]),
            Seen::Ping(payload) => {
                controls.push(serde_json::json!([9, payload.len(), sha1(payload)]));
                continue;
            }
            Seen::Pong(payload) => {
                controls.push(serde_json::json!([10, payload.len(), sha1(payload)]));
                continue;
            }
            Seen::Close(close) => {
                let (code, reason) = close.clone().unzip();
                controls.push(serde_json::json!([8, code, reason]));
                continue;
            }
        };
        let kind = match kind {
            Kind::Text => "text",
            Kind::Binary => "binary",
        };
        messages.push(serde_json::json!([
            kind,
            compressed,
            payload.len(),
            sha1(payload)
        ]));
    }
    (messages, controls)
}

#[test]
fn frames() {
    for capture in captures::all() {
        let whole = drive::frames(&capture.setup, &capture.bytes, &[]);
        hold_frames(&capture, &whole.seen);
        assert_eq!(
            whole.fault.is_some(),
            ends_early(&capture),
            "{}",
            capture.name
        );
        assert!(!whole.early, "{}", capture.name);
        each_cut(&capture, |cuts| {
            let run = drive::frames(&capture.setup, &capture.bytes, cuts);
            assert!(run == whole, "{} cut at {cuts:?}", capture.name);
        });
    }
}

#[test]
fn messages() {
    for capture in captures::all() {
        let whole = drive::receiver(&capture.setup, &capture.bytes, &[]);
        assert_eq!(noted(&whole.seen), expected(&capture), "{}", capture.name);
        assert_eq!(
            whole.fault.is_some(),
            ends_early(&capture),
            "{}",
            capture.name
        );
        each_cut(&capture, |cuts| {
            let run = drive::receiver(&capture.setup, &capture.bytes, cuts);
            assert!(run == whole, "receiver: {} cut at {cuts:?}", capture.name);
            let run = drive::pieces(&capture.setup, &capture.bytes, cuts);
            assert!(run == whole, "pieces: {} cut at {cuts:?}", capture.name);
        });
        for most in [1, 100, 5000, 1 << 20] {
            let run = drive::filled(&capture.setup, &capture.bytes, most);
            assert!(run == whole, "filled: {} by {most}", capture.name);
        }
    }
}

/// `Pieces` tells where each message begins, and of how many frames it is.
#[test]
fn places_of_messages() {
    for capture in captures::all() {
        let mut bytes = capture.bytes.clone();
        let mut pieces = capture.setup.pieces();
        let mut input = &mut bytes[..];
        let mut places = Vec::new();
        let (mut offset, mut fragments) = (0, 0);
        loop {
            let open = pieces.kind().is_some();
            match pieces.receive(&mut input).unwrap() {
                None => break,
                Some(Piece::Frame(header)) if !header.opcode.is_control() => {
                    fragments += 1;
                    if header.opcode != OpCode::Continuation {
                        assert!(!open);
                        (offset, fragments) = (pieces.frame_offset(), 1);
                    }
                }
                Some(Piece::End) => places.push((offset, fragments)),
                Some(_) => {}
            }
        }
        let messages = capture.expected["messages"].as_array().unwrap();
        let expected: Vec<_> = messages
            .iter()
            .map(|m| (number(&m["offset"]), number(&m["fragments"])))
            .collect();
        assert_eq!(places, expected, "{}", capture.name);
    }
}

/// All peers write lengths in their shortest form, as we do: what was read is written back to the
/// same bytes, with the same keys.
#[test]
fn frames_are_written_back_to_the_same_bytes() {
    for capture in captures::all() {
        let frames = drive::frames(&capture.setup, &capture.bytes, &[]).seen;
        let mut written = Vec::new();
        for frame in &frames {
            let at = written.len();
            written.resize(at + MAX_HEADER_LEN + frame.payload.len(), 0);
            let n = encode(frame.header, &frame.payload, &mut written[at..]).unwrap();
            written.truncate(at + n);
        }
        let rest = match capture.expected["end"]["what"] == "cut" {
            true => number(&capture.expected["end"]["offset"]) - capture.setup.offset,
            false => capture.bytes.len() as u64,
        };
        assert!(
            written == capture.bytes[..rest as usize],
            "{}",
            capture.name
        );
    }
}
