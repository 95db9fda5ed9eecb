//! Files of other programs (tests/sources/README.md): recognised by their contents, read in pieces of
//! any size, and damaged in every way.

#[path = "../../../tests/common/rng.rs"]
#[allow(dead_code, unreachable_pub, reason = "each test uses a part of this")]
mod rng;

use std::path::Path;

use rng::Rng;
use serde_json::Value;
use wscodec_inspect::{InspectEvent, InspectOptions, Inspector, SourceError, json};

fn file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sources");
    std::fs::read(folder.join(name)).unwrap()
}

fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Result<(), SourceError>) {
    let mut out = Vec::new();
    let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
    let mut inspector = Inspector::new(InspectOptions {
        payload: 1000,
        ..InspectOptions::default()
    });
    let mut result = Ok(());
    for piece in bytes.chunks(piece) {
        result = result.and(inspector.push(piece, &mut sink));
    }
    result = result.and(inspector.finish(&mut sink));
    (out, result)
}

/// The lines of a file, which do not depend on the pieces.
fn lines(name: &str) -> Vec<Value> {
    let bytes = file(name);
    let (whole, result) = read(&bytes, bytes.len());
    assert_eq!(result, Ok(()), "{name}");
    for piece in [1, 7, 4096] {
        let (out, result) = read(&bytes, piece);
        assert_eq!(result, Ok(()), "{name} in pieces of {piece}");
        assert!(out == whole, "{name} in pieces of {piece}");
    }
    let text = String::from_utf8(whole).unwrap();
    text.lines()
        .map(|it| serde_json::from_str(it).expect(it))
        .collect()
}

fn of<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

fn messages(lines: &[Value]) -> Vec<(String, String)> {
    let shown = |line: &Value| {
        let payload = line["text"].as_str().or(line["hex"].as_str()).unwrap();
        (
            line["dir"].as_str().unwrap().to_owned(),
            payload[..8].to_owned(),
        )
    };
    of(lines, "message").into_iter().map(shown).collect()
}

#[test]
fn all_formats_of_chrome_tell_the_same_conversation() {
    let sent = [
        ("c2s", "{\"id\":1,"),
        ("c2s", "00ff0102"),
        ("c2s", "gr\u{c3}\u{bc}\u{c3}"),
        ("s2c", "{\"id\":1,"),
        ("s2c", "00ff0102"),
        ("s2c", "gr\u{c3}\u{bc}\u{c3}"),
    ];
    for name in ["chrome-devtools.jsonl", "chrome.har", "chrome-netlog.json"] {
        let lines = lines(name);
        let found = messages(&lines);
        assert_eq!(found.len(), 6, "{name}");
        for ((dir, text), (expected, begins)) in found.iter().zip(sent) {
            assert_eq!(dir, expected, "{name}");
            assert!(text.starts_with(begins), "{name}: {text}");
        }
        let upgrades: Vec<_> = of(&lines, "handshake");
        assert_eq!(upgrades.len(), 1, "{name}");
        let handshake = upgrades[0];
        assert_eq!(handshake["target"], "/chat?room=1", "{name}");
        assert_eq!(handshake["host"], "127.0.0.1:38113", "{name}");
        assert_eq!(handshake["status"], 101, "{name}");
        assert_eq!(handshake["protocol"], "chat", "{name}");
        assert_eq!(handshake["deflate"]["serverMaxWindowBits"], 15, "{name}");
        assert_eq!(of(&lines, "violation").len(), 0, "{name}");
        assert_eq!(of(&lines, "end").len(), 1, "{name}");
        let conversation = of(&lines, "conversation")[0];
        assert_eq!(conversation["server"], "127.0.0.1:38113", "{name}");
        // All of them have the time of day.
        for line in of(&lines, "message") {
            let time = line["time"].as_f64().unwrap();
            assert!((1.795e9..1.797e9).contains(&time), "{name}: {time}");
        }
    }
}

#[test]
fn a_netlog_with_bytes_has_frames_and_one_without_has_their_headers() {
    let with = lines("chrome-netlog.json");
    let without = lines("chrome-netlog-no-bytes.json");
    let frames = |lines: &[Value]| -> Vec<_> {
        let each = of(lines, "frame").into_iter();
        each.map(|it| {
            (
                it["dir"].clone(),
                it["opcode"].clone(),
                it["length"].clone(),
            )
        })
        .collect()
    };
    assert_eq!(frames(&with).len(), 10);
    assert_eq!(frames(&with), frames(&without));
    assert_eq!(of(&with, "end")[0]["closeCode"], 1000);
    assert_eq!(of(&without, "handshake")[0]["target"], "/chat?room=1");
    assert_eq!(of(&without, "frame")[0]["captured"], 0);
    assert_eq!(of(&without, "end").len(), 1);
}

/// Chromium with two WebSockets on one HTTP/2 connection, within TLS 1.3.
#[cfg(feature = "tls")]
#[test]
fn two_websockets_of_chromium_on_one_http_2_connection_are_decrypted() {
    let bytes = file("chrome-http2.pcapng");
    let run = |piece: usize| {
        let mut out = Vec::new();
        let mut sink = |event: InspectEvent<'_>| json::write(&event, 1000, &mut out);
        let mut inspector = Inspector::new(InspectOptions::default());
        inspector.keys(&file("chrome-http2.keys"));
        for piece in bytes.chunks(piece) {
            inspector.push(piece, &mut sink).unwrap();
        }
        inspector.finish(&mut sink).unwrap();
        String::from_utf8(out).unwrap()
    };
    let whole = run(bytes.len());
    for piece in [1, 7, 4096] {
        assert!(run(piece) == whole, "in pieces of {piece}");
    }
    let lines: Vec<Value> = whole
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    for (substream, name) in [(3, "one"), (5, "two")] {
        let of = |kind| {
            let mut found = of(&lines, kind);
            found.retain(|line| line["substream"] == substream);
            found
        };
        assert_eq!(of("handshake")[0]["target"], format!("/{name}"));
        assert_eq!(of("handshake")[0]["accepted"], true);
        let sent: Vec<_> = of("message")
            .iter()
            .map(|it| (it["dir"].clone(), it["length"].clone()))
            .collect();
        for dir in ["c2s", "s2c"] {
            let lengths: Vec<_> = sent
                .iter()
                .filter(|it| it.0 == dir)
                .map(|it| &it.1)
                .collect();
            assert_eq!(lengths, [9, 3, 208], "{name} {dir}");
        }
        assert_eq!(of("message")[0]["text"], format!("hello {name}"));
        assert_eq!(of("violation").len(), 0);
        assert_eq!(of("end")[0]["closeReason"], format!("done {name}"));
    }
}

#[test]
fn flow_files_of_mitmproxy_are_read() {
    let lines = lines("mitmproxy.flows");
    assert_eq!(of(&lines, "conversation").len(), 1);
    let shown: Vec<_> = of(&lines, "message")
        .iter()
        .map(|it| (it["dir"].clone(), it["time"].clone()))
        .collect();
    let time = |seconds: u64| serde_json::json!(seconds as f64);
    assert_eq!(
        shown,
        [
            ("c2s".into(), time(946_681_203)),
            ("c2s".into(), time(946_681_204)),
            ("s2c".into(), time(946_681_205)),
        ]
    );
    assert_eq!(of(&lines, "message")[2]["text"], "it's me");
    assert_eq!(of(&lines, "handshake")[0]["target"], "/ws");
    assert_eq!(of(&lines, "end")[0]["by"], "s2c");
    // The flow was made by hand, without a Host and with a key that is none.
    assert!(!of(&lines, "violation").is_empty());
}

#[test]
fn files_that_end_too_early_show_what_they_have() {
    for (name, error) in [
        ("chrome-netlog.json", SourceError::JsonCut),
        ("chrome.har", SourceError::JsonCut),
        ("mitmproxy.flows", SourceError::FlowCut),
    ] {
        let bytes = file(name);
        // Without the end of the last message and all that follows it.
        let cut = bytes.len() - bytes.len() / 8;
        let (out, result) = read(&bytes[..cut], 1000);
        assert_eq!(result, Err(error), "{name}");
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\"type\":\"conversation\""), "{name}: {text}");
        assert!(text.contains("\"type\":\"end\""), "{name}");
    }
}

#[test]
fn damaged_files_do_no_harm() {
    let mut rng = Rng(1);
    for name in [
        "chrome-devtools.jsonl",
        "chrome.har",
        "chrome-netlog.json",
        "mitmproxy.flows",
    ] {
        let bytes = file(name);
        for _ in 0..40 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + rng.below(6) {
                let at = 40 + rng.below(damaged.len() - 40);
                match rng.below(4) {
                    0 => damaged[at] = b"\"{}[]:,0\\"[rng.below(9)],
                    1 => drop(damaged.drain(at..(at + rng.below(20)).min(damaged.len()))),
                    _ => damaged[at] ^= 1 << rng.below(8),
                }
            }
            assert!(
                read(&damaged, damaged.len()) == read(&damaged, 77),
                "{name}"
            );
        }
    }
}

#[test]
fn files_of_no_format_are_told() {
    for bytes in [
        &b"hello, this is no capture of any kind"[..],
        b"{}",
        b"[1,2]",
        b"12345",
    ] {
        let (_, result) = read(bytes, 3);
        assert_eq!(result, Err(SourceError::UnknownFormat), "{bytes:?}");
    }
    assert_eq!(read(b"", 1).1, Err(SourceError::Empty));
}
