//! `wscodec connect --json-lines`: an object a line, in and out, for `jq` and scripts.
//!
//! The lines that come out can go in again: members that have no meaning there, such as `time`, are
//! passed over, and so are the types `open` and `pong`. A line that can't be understood ends the
//! run with an error, as a line that is not UTF-8 does without this option.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use wscodec::CloseCode;
use wscodec::message::Kind;

use wscodec_inspect::safe::safe_json;

/// The command of a line of the input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    /// To close, with a code and a reason, or without.
    Close(Option<(CloseCode, String)>),
    Nothing,
}

/// Reads a line of the input; an error is what is wrong with it.
pub(crate) fn read(line: &[u8]) -> Result<Asked, String> {
    let value: Value = serde_json::from_slice(line).map_err(|e| format!("is not JSON: {e}"))?;
    let Value::Object(object) = value else {
        return Err("is not a JSON object".into());
    };
    let Some(Value::String(kind)) = object.get("type") else {
        return Err("has no \"type\"".into());
    };
    match &kind[..] {
        "text" => match object.get("text") {
            Some(Value::String(text)) => Ok(Asked::Message(Kind::Text, text.clone().into())),
            _ => Err("has no \"text\"".into()),
        },
        "binary" => match base64(&object)? {
            Some(bytes) => Ok(Asked::Message(Kind::Binary, bytes)),
            None => Err("has no \"base64\"".into()),
        },
        "ping" => match base64(&object)?.unwrap_or_default() {
            payload if payload.len() > 125 => Err("has a ping of more than 125 bytes".into()),
            payload => Ok(Asked::Ping(payload)),
        },
        "close" => close(&object),
        "open" | "pong" => Ok(Asked::Nothing),
        other => Err(format!("has the type {other:?}, which there is not")),
    }
}

fn base64(object: &Map<String, Value>) -> Result<Option<Vec<u8>>, String> {
    match object.get("base64") {
        None => Ok(None),
        Some(Value::String(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err("has a \"base64\" that is none".into()),
        },
        Some(_) => Err("has a \"base64\" that is no string".into()),
    }
}

fn close(object: &Map<String, Value>) -> Result<Asked, String> {
    let reason = match object.get("reason") {
        None => "",
        Some(Value::String(reason)) if reason.len() <= 123 => reason,
        Some(_) => return Err("has a \"reason\" that is no string of up to 123 bytes".into()),
    };
    match object.get("code").map(Value::as_u64) {
        None | Some(Some(1005)) if reason.is_empty() => Ok(Asked::Close(None)),
        Some(Some(code)) => match u16::try_from(code).map(CloseCode::from) {
            Ok(code) if code.is_sendable() => Ok(Asked::Close(Some((code, reason.into())))),
            _ => Err(format!("has the close code {code}, which must not be sent")),
        },
        _ => Err("has a \"reason\" without a \"code\"".into()),
    }
}

/// The line for a message.
pub(crate) fn message(kind: Kind, payload: &[u8]) -> String {
    match kind {
        Kind::Text => line("text", &[("text", json!(String::from_utf8_lossy(payload)))]),
        Kind::Binary => line("binary", &[("base64", json!(STANDARD.encode(payload)))]),
    }
}

/// The line for a ping.
pub(crate) fn ping(payload: &[u8]) -> String {
    line("ping", &[("base64", json!(STANDARD.encode(payload)))])
}

/// The line for a pong, with the round trip in seconds if it answers a ping of ours.
pub(crate) fn pong(payload: &[u8], round_trip: Option<Duration>) -> String {
    let payload = json!(STANDARD.encode(payload));
    match round_trip {
        None => line("pong", &[("base64", payload)]),
        Some(time) => {
            let members = [
                ("base64", payload),
                ("round_trip", json!(time.as_secs_f64())),
            ];
            line("pong", &members)
        }
    }
}

/// The line for the handshake.
pub(crate) fn open(protocol: Option<&str>) -> String {
    line("open", &[("protocol", json!(protocol))])
}

/// The line for the close frame.
pub(crate) fn closed(code: u16, reason: &str) -> String {
    line("close", &[("code", json!(code)), ("reason", json!(reason))])
}

/// The type comes first, for those who read it. The time is in seconds since 1970, to the
/// microsecond.
fn line(kind: &str, members: &[(&str, Value)]) -> String {
    let time = SystemTime::now().duration_since(UNIX_EPOCH);
    let micros = time.map_or(0, |time| time.as_micros() as u64);
    let mut text = format!("{{\"type\":{}", json!(kind));
    for (name, value) in members {
        text += &format!(",{}:{value}", json!(name));
    }
    text += &format!(",\"time\":{}}}", json!(micros as f64 / 1e6));
    safe_json(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_input() {
        let message = |kind, bytes: &[u8]| Ok(Asked::Message(kind, bytes.to_vec()));
        let close = |code: u16, reason: &str| Ok(Asked::Close(Some((code.into(), reason.into()))));
        for (line, expected) in [
            (
                r#"{"type":"text","text":"a\nb","time":1.5}"#,
                message(Kind::Text, b"a\nb"),
            ),
            (
                r#" {"type":"binary","base64":"AP8="} "#,
                message(Kind::Binary, b"\0\xff"),
            ),
            (r#"{"type":"ping"}"#, Ok(Asked::Ping(Vec::new()))),
            (
                r#"{"type":"ping","base64":"AQ=="}"#,
                Ok(Asked::Ping(vec![1])),
            ),
            (r#"{"type":"close"}"#, Ok(Asked::Close(None))),
            (
                r#"{"type":"close","code":1005,"reason":""}"#,
                Ok(Asked::Close(None)),
            ),
            (
                r#"{"type":"close","code":4000,"reason":"x"}"#,
                close(4000, "x"),
            ),
            (r#"{"type":"open","protocol":null}"#, Ok(Asked::Nothing)),
        ] {
            assert_eq!(read(line.as_bytes()), expected, "{line}");
        }
        for line in [
            "",
            "text",
            "[]",
            "{}",
            r#"{"type":"text"}"#,
            r#"{"type":"text","text":1}"#,
            r#"{"type":"text","text":"\ud800"}"#,
            r#"{"type":"binary","text":"x"}"#,
            r#"{"type":"binary","base64":"A"}"#,
            r#"{"type":"close","code":1006}"#,
            r#"{"type":"close","code":70000}"#,
            r#"{"type":"close","code":"1000"}"#,
            r#"{"type":"close","reason":"x"}"#,
            r#"{"type":"dance"}"#,
        ] {
            assert!(read(line.as_bytes()).is_err(), "{line}");
        }
        assert!(read(b"{\"type\":\"text\",\"text\":\"\xff\"}").is_err());
    }

    #[test]
    fn lines_of_the_output_go_in_again() {
        let text = "\u{202e}\u{1b}\"größer\u{2028}\\";
        let line = message(Kind::Text, text.as_bytes());
        assert!(line.contains("\\u202e\\u001b") && line.contains("größer\\u2028"));
        let again = Asked::Message(Kind::Text, text.into());
        assert_eq!(read(line.as_bytes()), Ok(again));
        let line = message(Kind::Binary, b"\xff");
        let again = Asked::Message(Kind::Binary, vec![0xff]);
        assert_eq!(read(line.as_bytes()), Ok(again));
        assert_eq!(read(open(Some("chat")).as_bytes()), Ok(Asked::Nothing));
        assert_eq!(
            read(pong(b"x", Some(Duration::from_millis(1))).as_bytes()),
            Ok(Asked::Nothing)
        );
        let again = Asked::Close(Some((1000.into(), "done".into())));
        assert_eq!(read(closed(1000, "done").as_bytes()), Ok(again));
    }
}
