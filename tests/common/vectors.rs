//! Reads `tests/vectors/*.json`.

use std::fs;

use serde_json::Value;
use wscodec::Limits;
use wscodec::frame::{Role, Rsv};
use wscodec::message::Kind;

use super::drive::{Seen, Setup};

/// Bytes as the vectors write them: strings of hex, in which spaces are of no meaning, `00*5` is
/// five zeros, and `#` begins a comment.
pub fn bytes(value: &Value) -> Vec<u8> {
    let lines: Vec<&str> = match value {
        Value::String(line) => vec![line],
        Value::Array(lines) => lines.iter().map(|l| l.as_str().unwrap()).collect(),
        other => panic!("no bytes: {other}"),
    };
    let mut bytes = Vec::new();
    for line in lines {
        for word in line.split('#').next().unwrap().split_whitespace() {
            let (hex, times) = word.split_once('*').unwrap_or((word, "1"));
            assert!(hex.len() % 2 == 0, "half a byte: {word}");
            let part: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect(word))
                .collect();
            bytes.extend(part.repeat(times.parse().expect(word)));
        }
    }
    bytes
}

/// A text: a string, or `[string, times]`.
pub fn text(value: &Value) -> String {
    match value {
        Value::Array(pair) => {
            let times = pair[1].as_u64().unwrap();
            pair[0].as_str().unwrap().repeat(times as usize)
        }
        text => text.as_str().expect("a text").to_owned(),
    }
}

pub fn role(value: &Value) -> Role {
    match value.as_str() {
        Some("client") => Role::Client,
        Some("server") => Role::Server,
        other => panic!("no role: {other:?}"),
    }
}

/// The vectors of a file, each with its name.
pub fn read(file: &str) -> Vec<(String, Value)> {
    let path = super::path("vectors").join(file);
    let json: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).expect(file);
    let vectors = json["vectors"].as_array().expect(file);
    let named = |vector: &Value| {
        let name = vector["name"].as_str().expect("a name");
        (format!("{file}: {name}"), vector.clone())
    };
    vectors.iter().map(named).collect()
}

/// A fault as a vector has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected<'a> {
    pub code: &'a str,
    pub close_code: u64,
    pub offset: u64,
}

/// How a vector wants its bytes to be read.
pub fn setup(vector: &Value) -> Setup {
    let mut limits = Limits::default();
    for (name, value) in vector["limits"].as_object().into_iter().flatten() {
        let value = value.as_u64().unwrap();
        match name.as_str() {
            "frame" => limits.frame = Some(value),
            "message" => limits.message = value,
            "fragments" => limits.fragments = u32::try_from(value).unwrap(),
            other => panic!("no limit: {other}"),
        }
    }
    Setup {
        limits,
        rsv: Rsv::new(vector["rsv"].as_u64().unwrap_or(0) as u8),
        ..Setup::new(role(&vector["role"]))
    }
}

/// The fault that the bytes hold.
pub fn error(vector: &Value) -> Option<Expected<'_>> {
    let error = vector.get("error")?;
    Some(Expected {
        code: error["code"].as_str().unwrap(),
        close_code: error["closeCode"].as_u64().unwrap(),
        offset: error["offset"].as_u64().unwrap(),
    })
}

/// The events that the bytes hold.
pub fn events(vector: &Value) -> Vec<Seen> {
    let events = vector["events"].as_array().expect("events");
    events.iter().map(event).collect()
}

fn event(value: &Value) -> Seen {
    let (what, payload) = value.as_object().unwrap().iter().next().unwrap();
    match what.as_str() {
        "text" => Seen::Text(text(payload)),
        "binary" => Seen::Binary(bytes(payload)),
        "opaqueText" => Seen::Opaque(Kind::Text, bytes(payload)),
        "opaqueBinary" => Seen::Opaque(Kind::Binary, bytes(payload)),
        "ping" => Seen::Ping(bytes(payload)),
        "pong" => Seen::Pong(bytes(payload)),
        "close" => {
            let close = payload.as_array().unwrap();
            Seen::Close(close.first().map(|code| {
                let reason = text(close.get(1).unwrap_or(&Value::String(String::new())));
                (code.as_u64().unwrap() as u16, reason)
            }))
        }
        other => panic!("no event: {other}"),
    }
}
