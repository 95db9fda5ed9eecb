//! The shared vectors over TCP: what the echo server sends back says what it saw.

use std::io::Write;
use std::net::Shutdown;

use serde_json::Value;
use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Event, MessageDecoder};

use crate::client::{REQUEST, open};
use crate::common::drive::{Seen, own};
use crate::common::vectors::{bytes, error, events, read, setup};
use crate::component::{Component, read_all, serve};

const FILES: [&str; 5] = [
    "frames.json",
    "messages.json",
    "text.json",
    "close.json",
    "limits.json",
];

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn vectors() {
    let mut vectors: Vec<_> = FILES
        .iter()
        .flat_map(|file| read(file))
        // The server has no extension that would take reserved bits.
        .filter(|(_, it)| it["role"] == "server" && it.get("rsv").is_none())
        .map(|(name, it)| (arguments(&it), name, it))
        .collect();
    // One server for all with the same limits.
    vectors.sort_by(|a, b| a.0.cmp(&b.0));
    let mut server: Option<(Vec<String>, Component)> = None;
    for (args, name, vector) in &vectors {
        if server.as_ref().is_none_or(|(running, _)| running != args) {
            let words: Vec<_> = args.iter().map(|it| &it[..]).collect();
            server = Some((args.clone(), serve(&words)));
        }
        let Some((_, server)) = &server else { continue };
        assert_eq!(
            conversation(server, &bytes(&vector["bytes"])),
            answers(vector),
            "{name}"
        );
    }
    assert!(vectors.len() > 50, "there are many more");
}

/// The limits of a vector.
fn arguments(vector: &Value) -> Vec<String> {
    let limits = setup(vector).limits;
    let default = Limits::default();
    let mut args = Vec::new();
    let mut add = |name: &str, value: u64, usual: u64| {
        if value != usual {
            args.extend([format!("--max-{name}"), value.to_string()]);
        }
    };
    add("frame", limits.max_frame(), default.max_frame());
    add("message", limits.message, default.message);
    add(
        "fragments",
        limits.fragments.into(),
        default.fragments.into(),
    );
    args
}

/// The answer of an echo server to a vector.
fn answers(vector: &Value) -> Vec<Seen> {
    let mut answers = Vec::new();
    for event in events(vector) {
        match event {
            Seen::Ping(payload) => answers.push(Seen::Pong(payload)),
            Seen::Pong(_) => {}
            Seen::Close(close) => {
                // The bytes behind it are dropped.
                answers.push(Seen::Close(close.map(|(code, _)| (code, String::new()))));
                return answers;
            }
            message => answers.push(message),
        }
    }
    if let Some(error) = error(vector) {
        answers.push(Seen::Close(Some((error.close_code as u16, String::new()))));
    }
    answers
}

/// Sends the bytes behind a request, and nothing more; gives what comes, without reasons.
fn conversation(server: &Component, bytes: &[u8]) -> Vec<Seen> {
    let mut stream = open(server.address);
    let mut writer = stream.try_clone().unwrap();
    let sent = [REQUEST, bytes].concat();
    let writing = std::thread::spawn(move || {
        // It fails if the server has ended the connection before.
        let _ = writer.write_all(&sent);
        let _ = writer.shutdown(Shutdown::Write);
    });
    let mut all = read_all(&mut stream);
    writing.join().unwrap();
    let end = all.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let mut input = &mut all[end..];
    let mut receiver = MessageDecoder::new(Role::Client, &Limits::default());
    let mut seen = Vec::new();
    while let Some(event) = receiver.receive(&mut input).unwrap() {
        seen.push(match event {
            Event::Close(close) => Seen::Close(close.map(|it| (it.code.value(), String::new()))),
            event => own(event),
        });
    }
    assert!(input.is_empty());
    seen
}
