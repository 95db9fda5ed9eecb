//! Payloads laid out for people: JSON and MessagePack, one member a line.
//!
//! JSON keeps the order of its members and the digits of its numbers. MessagePack is shown as JSON with
//! `bin(...)` and `ext(...)` for the values that JSON lacks.
//!
//! ```
//! use wscodec_inspect::pretty::pretty;
//!
//! assert_eq!(pretty(br#"{"a":[1,{}]}"#).unwrap(), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
//! // {"a": 1} in MessagePack.
//! assert_eq!(pretty(b"\x81\xa1a\x01").unwrap(), "{\n  \"a\": 1\n}");
//! assert_eq!(pretty(b"plain text"), None);
//! ```

use rmpv::ValueRef;
use serde_json::value::RawValue;

use crate::safe::put_json_string;

/// Values in each other.
const MAX_DEPTH: usize = 64;

/// The layout of a payload that is a JSON object or array, or a MessagePack map or array. `None` for all
/// other payloads. Characters that a terminal acts upon are escaped.
pub fn pretty(payload: &[u8]) -> Option<String> {
    json(payload).or_else(|| message_pack(payload))
}

/// A JSON object or array. The text is known to be valid, so tokens are told apart by their first
/// characters.
fn json(payload: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(payload).ok()?.trim();
    if !text.starts_with(['{', '[']) || serde_json::from_str::<&RawValue>(text).is_err() {
        return None;
    }
    let mut out = String::with_capacity(2 * text.len());
    let mut depth = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                let mut escaped = false;
                let mut end = at;
                for (i, char) in chars.by_ref() {
                    end = i;
                    match char {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
                out.push_str(&crate::safe::safe_json(&text[at..=end]));
            }
            '{' | '[' => {
                out.push(char);
                while chars.next_if(|(_, it)| it.is_ascii_whitespace()).is_some() {}
                match chars.next_if(|(_, it)| matches!(it, '}' | ']')) {
                    Some((_, close)) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(char);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ if char.is_ascii_whitespace() => {}
            _ => out.push(char),
        }
    }
    Some(out)
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth.min(MAX_DEPTH) {
        out.push_str("  ");
    }
}

/// A map or an array that is the whole payload.
fn message_pack(payload: &[u8]) -> Option<String> {
    let first = *payload.first()?;
    if !matches!(first, 0x80..=0x9f | 0xdc..=0xdf) {
        return None;
    }
    let mut rest = payload;
    let value = rmpv::decode::read_value_ref_with_max_depth(&mut rest, MAX_DEPTH).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut out = String::new();
    put(&value, 0, &mut out);
    Some(out)
}

fn put(value: &ValueRef<'_>, depth: usize, out: &mut String) {
    match value {
        ValueRef::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                put(item, depth + 1, out);
            }
            if !items.is_empty() {
                line(out, depth);
            }
            out.push(']');
        }
        ValueRef::Map(members) => {
            out.push('{');
            for (i, (key, item)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, depth + 1);
                put(key, depth + 1, out);
                out.push_str(": ");
                put(item, depth + 1, out);
            }
            if !members.is_empty() {
                line(out, depth);
            }
            out.push('}');
        }
        ValueRef::String(text) => {
            let mut shown = Vec::new();
            put_json_string(text.as_bytes(), &mut shown);
            out.push_str(&String::from_utf8_lossy(&shown));
        }
        ValueRef::Binary(bytes) => put_hex("bin", bytes, out),
        ValueRef::Ext(kind, bytes) => {
            out.push_str(&format!("ext {kind} "));
            put_hex("", bytes, out);
        }
        other => out.push_str(&other.to_string()),
    }
}

fn put_hex(name: &str, bytes: &[u8], out: &mut String) {
    use core::fmt::Write;
    out.push_str(name);
    out.push('(');
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push(')');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_order_and_its_digits() {
        let text = r#" {"b": 1.50, "a" : [ ], "c":["x\"}",{ "d":null }], "e":1e400} "#;
        let shown = pretty(text.as_bytes()).unwrap();
        assert_eq!(
            shown,
            "{\n  \"b\": 1.50,\n  \"a\": [],\n  \"c\": [\n    \"x\\\"}\",\n    {\n      \"d\": null\n    }\n  ],\n  \"e\": 1e400\n}"
        );
        assert_eq!(
            pretty("[\"\u{202e}\"]".as_bytes()).unwrap(),
            "[\n  \"\\u202e\"\n]"
        );
        for text in ["{", "[1,]", "1", "\"x\"", "", "{\"a\":1} x"] {
            assert_eq!(pretty(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn message_pack_is_shown_as_json() {
        let bytes = b"\x94\xa2hi\xc4\x02\x00\xff\xd4\x05\x07\xcb\x3f\xf8\0\0\0\0\0\0";
        assert_eq!(
            pretty(bytes).unwrap(),
            "[\n  \"hi\",\n  bin(00ff),\n  ext 5 (07),\n  1.5\n]"
        );
        // Something follows, something is missing, or it is nested without end.
        assert_eq!(pretty(b"\x80\x01"), None);
        assert_eq!(pretty(b"\x92\x01"), None);
        assert_eq!(pretty(&[0x91; 100_000]), None);
        assert_eq!(pretty(b"\xdd\xff\xff\xff\xff"), None);
    }
}
