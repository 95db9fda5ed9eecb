//! Captures against the frames and payloads that they are expected to hold, which another program
//! found (tests/pcap/NOTICE.md); and the same events from pieces of any size.

#[path = "../../../tests/common/rng.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses a part of this")]
mod rng;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rng::Rng;
use serde_json::Value;
use sha1::{Digest, Sha1};
use wscodec_inspect::{InspectEvent, InspectOptions, Inspector, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pcap")
}

/// All captures that the reader can read: those with TLS need its feature.
fn captures() -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|it| it == "pcap" || it == "pcapng")
        })
        .filter(|path| cfg!(feature = "tls") || !path.ends_with("wss-TLSv1.3.pcap"))
        .collect();
    found.sort();
    assert!(found.len() >= 20, "only {} captures", found.len());
    found
}

#[derive(Debug, Default)]
struct Found {
    /// Frames as the expected lines describe them.
    frames: Vec<String>,
    /// Payloads of messages and of pings and pongs, in their order.
    messages: Vec<Vec<u8>>,
    controls: Vec<Vec<u8>>,
}

type Streams = BTreeMap<(u64, String), Found>;

fn inspect(path: &Path) -> Streams {
    let mut streams = Streams::new();
    let mut sink = |event: InspectEvent<'_>| match event {
        InspectEvent::Frame(frame) => {
            let key = (
                frame.location.conversation.stream.into(),
                frame.location.direction.name().into(),
            );
            let found: &mut Found = streams.entry(key).or_default();
            let header = frame.header;
            let mut line = format!(
                "opcode {} fin {} rsv {} masked {} length {}",
                header.opcode,
                header.fin,
                header.rsv.bits(),
                header.mask.is_some(),
                header.len
            );
            if let Some(close) = frame.close {
                let reason = String::from_utf8_lossy(close.reason);
                line += &format!(" code {:?} reason {reason}", close.code);
            }
            found.frames.push(line);
            if header.opcode > 8 {
                found.controls.push(frame.payload.to_vec());
            }
        }
        InspectEvent::Message(message) if message.finished => {
            let key = (
                message.location.conversation.stream.into(),
                message.location.direction.name().into(),
            );
            let found: &mut Found = streams.entry(key).or_default();
            // Only known bytes can be compared.
            found.messages.push(match message.unknown {
                [] => message.payload.to_vec(),
                _ => Vec::new(),
            });
            let inflated = message.inflated.unwrap_or(message.length);
            assert_eq!(
                message.payload.len() as u64,
                inflated,
                "a payload is not whole"
            );
        }
        _ => {}
    };
    let mut inspector = Inspector::new(InspectOptions {
        payload: 1 << 20,
        ..InspectOptions::default()
    });
    #[cfg(feature = "tls")]
    if let Ok(keys) = std::fs::read(path.with_extension("keys")) {
        inspector.keys(&keys);
    }
    inspector
        .push(&std::fs::read(path).unwrap(), &mut sink)
        .unwrap();
    inspector.finish(&mut sink).unwrap();
    streams
}

fn expected_line(row: &Value) -> String {
    let mut line = format!(
        "opcode {} fin {} rsv {} masked {} length {}",
        row["opcode"], row["fin"], row["rsv"], row["masked"], row["length"]
    );
    if row["opcode"] == 8 {
        let reason = row["reason"].as_str().unwrap_or_default();
        line += &format!(" code {:?} reason {reason}", row["closeCode"].as_u64());
    }
    line
}

/// Whether the payload is the expected one; `None` if the line has none.
fn same(row: &Value, payload: &[u8]) -> Option<bool> {
    if let Some(hex) = row["payload"].as_str() {
        let digits: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        return Some(digits == hex);
    }
    let hash = row["payloadSha1"].as_str()?;
    let digits: String = Sha1::digest(payload)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(digits == hash && row["payloadLength"] == payload.len())
}

#[test]
fn every_expected_frame_and_payload_is_found() {
    let (mut frames, mut payloads) = (0, 0);
    for path in captures() {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let found = inspect(&path);
        let expected = folder().join(format!("{name}.expected.jsonl"));
        let mut rows: BTreeMap<(u64, String), Vec<Value>> = BTreeMap::new();
        for line in std::fs::read_to_string(expected).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let stream = row["stream"].as_u64().unwrap();
            let dir = row["dir"].as_str().unwrap().to_owned();
            rows.entry((stream, dir)).or_default().push(row);
        }
        let keys: Vec<_> = found.iter().filter(|it| !it.1.frames.is_empty()).collect();
        assert_eq!(
            keys.iter().map(|it| it.0).collect::<Vec<_>>(),
            rows.keys().collect::<Vec<_>>(),
            "{name}: connections and directions with frames"
        );
        for (key, rows) in &rows {
            let found = &found[key];
            let lines: Vec<_> = rows.iter().map(expected_line).collect();
            assert_eq!(found.frames, lines, "{name} {key:?}");
            frames += lines.len();
            let is_data = |row: &&Value| row["opcode"].as_u64() < Some(8) && row["fin"] == true;
            let mut compared = |rows: Vec<&Value>, found: &[Vec<u8>]| {
                assert_eq!(rows.len(), found.len(), "{name} {key:?}");
                for (i, (row, payload)) in rows.into_iter().zip(found).enumerate() {
                    // The window at the beginning of this capture is not known.
                    if name.starts_with("midstream") && payload.is_empty() {
                        continue;
                    }
                    if let Some(same) = same(row, payload) {
                        assert!(same, "{name} {key:?}: payload {i}: {row}");
                        payloads += 1;
                    }
                }
            };
            compared(rows.iter().filter(is_data).collect(), &found.messages);
            let is_control = |row: &&Value| row["opcode"].as_u64() > Some(8);
            compared(rows.iter().filter(is_control).collect(), &found.controls);
        }
    }
    println!("{frames} frames and {payloads} payloads are the same");
    let (least_frames, least_payloads) = match cfg!(feature = "tls") {
        true => (405, 316),
        false => (380, 301),
    };
    assert!(frames >= least_frames && payloads >= least_payloads);
}

fn lines(bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut sink = |event: InspectEvent<'_>| json::write(&event, 64, &mut out);
    let mut inspector = Inspector::new(InspectOptions::default());
    for piece in bytes.chunks(piece) {
        inspector.push(piece, &mut sink).unwrap();
    }
    inspector.finish(&mut sink).unwrap();
    out
}

#[test]
fn pieces_of_any_size_give_the_same_lines() {
    for path in captures() {
        let bytes = std::fs::read(&path).unwrap();
        let whole = lines(&bytes, bytes.len());
        assert!(!whole.is_empty(), "{path:?}");
        for line in whole.split_inclusive(|&byte| byte == b'\n') {
            let value: Value = serde_json::from_slice(line).unwrap();
            assert!(value["type"].is_string());
        }
        for piece in [1, 7, 1000, 4096, 262_144] {
            assert!(
                lines(&bytes, piece) == whole,
                "{path:?} in pieces of {piece}"
            );
        }
    }
}

/// Flipped and cut bytes: whatever a capture holds, reading it ends, and gives the same lines from
/// pieces of any size.
#[test]
fn damaged_captures_do_no_harm() {
    let mut rng = Rng(1);
    for path in captures() {
        let bytes = std::fs::read(&path).unwrap();
        // The long ones are alike.
        let rounds = if bytes.len() > 100_000 { 4 } else { 60 };
        for _ in 0..rounds {
            let mut damaged = bytes.clone();
            for _ in 0..1 + rng.below(20) {
                // The header of the file stays, so that most damage is in packets.
                let Some(rest) = damaged.len().checked_sub(41) else {
                    break;
                };
                let at = 40 + rng.below(rest + 1);
                match rng.below(4) {
                    0 => damaged.truncate(at + 1),
                    1 => damaged[at] = [0, 0x7e, 0x7f, 0x80, 0xff][rng.below(5)],
                    _ => damaged[at] ^= 1 << rng.below(8),
                }
            }
            let run = |piece: usize| {
                let mut out = Vec::new();
                let mut sink = |event: InspectEvent<'_>| json::write(&event, 64, &mut out);
                let mut inspector = Inspector::new(InspectOptions::default());
                for piece in damaged.chunks(piece) {
                    if inspector.push(piece, &mut sink).is_err() {
                        break;
                    }
                }
                let _ = inspector.finish(&mut sink);
                out
            };
            assert!(run(damaged.len()) == run(777), "{path:?}");
        }
    }
}
