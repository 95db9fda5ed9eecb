//! Secrets blanked, so that what an inspection shows can be passed on.
//!
//! [`Redactor::event`] hands on the same event with these values replaced by [`BLANK`]:
//!
//! - the header fields `Cookie`, `Set-Cookie`, `Authorization`, `Proxy-Authorization`, and every field
//!   whose name has a [secret word](is_secret);
//! - `Sec-WebSocket-Key` and `Sec-WebSocket-Accept`;
//! - parameters of the target with a secret name;
//! - subprotocols that carry a token (they have `bearer` or a secret word in their name);
//! - in payloads of text, string members of JSON with a secret name. Such a payload has another length
//!   afterwards.
//!
//! This can't know every secret of an application: look at the output before you pass it on.

use std::borrow::Cow;

use wscodec::message::Kind;

use crate::event::{
    CapturedFrame, CapturedHandshake, CapturedHead, CapturedMessage, HeadField, InspectEvent,
    Violation,
};

/// The text in the place of a secret.
pub const BLANK: &str = "[redacted]";

/// Words that make a name secret.
const WORDS: [&str; 14] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "auth",
    "credential",
    "cookie",
    "session",
    "signature",
    "private",
    "bearer",
];

/// Whether a name, in any case, has a word that stands for a secret. Fields of HTTP and of the opening
/// handshake that are no secrets are left out.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let authority = matches!(&name[..], ":authority" | "authority" | "author" | "authors");
    !authority && WORDS.iter().any(|word| name.contains(word))
}

/// Blanks secrets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Redactor;

impl Redactor {
    /// Hands on the event without its secrets.
    ///
    /// ```
    /// use wscodec_inspect::redact::redacted_json;
    ///
    /// let text = r#"{"user":"ada","password":"x\"y","n":1}"#;
    /// assert_eq!(redacted_json(text), r#"{"user":"ada","password":"[redacted]","n":1}"#);
    /// ```
    pub fn event(&self, event: &InspectEvent<'_>, sink: &mut dyn FnMut(&InspectEvent<'_>)) {
        match event {
            InspectEvent::Handshake(handshake) => handshake_without_secrets(handshake, sink),
            InspectEvent::Frame(frame) if frame.kind == Some(Kind::Text) => {
                let payload = text(frame.payload);
                sink(&InspectEvent::Frame(&CapturedFrame {
                    payload: &payload,
                    compressed: b"",
                    unknown: if payload.len() == frame.payload.len() {
                        frame.unknown
                    } else {
                        &[]
                    },
                    ..**frame
                }));
            }
            InspectEvent::Message(message) if message.kind == Some(Kind::Text) => {
                let payload = text(message.payload);
                sink(&InspectEvent::Message(&CapturedMessage {
                    payload: &payload,
                    unknown: if payload.len() == message.payload.len() {
                        message.unknown
                    } else {
                        &[]
                    },
                    ..**message
                }));
            }
            other => sink(other),
        }
    }
}

fn text(payload: &[u8]) -> Cow<'_, [u8]> {
    match core::str::from_utf8(payload) {
        Ok(text) if text.contains('"') => match redacted_json(text) {
            Cow::Borrowed(text) => text.as_bytes().into(),
            Cow::Owned(text) => text.into_bytes().into(),
        },
        _ => payload.into(),
    }
}

/// Text with the string members of JSON objects blanked that have a secret name. It need not be valid
/// or whole.
pub fn redacted_json(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(name) = string_at(text, at) {
        at = name.end + 1;
        let rest = &text[at.min(text.len())..];
        let Some(value) = rest.trim_start().strip_prefix(':') else {
            continue;
        };
        let value = value.trim_start();
        let start = text.len() - value.len();
        if !value.starts_with('"') || !is_secret(&text[name.clone()]) {
            continue;
        }
        // A value that is cut is blanked up to the end.
        let end = string_at(text, start).map_or(text.len(), |value| value.end);
        out.push_str(&text[copied..=start]);
        out.push_str(BLANK);
        copied = end;
        at = end + 1;
    }
    match copied {
        0 => text.into(),
        _ => {
            out.push_str(&text[copied..]);
            out.into()
        }
    }
}

/// The content of the first string from an index on.
fn string_at(text: &str, from: usize) -> Option<core::ops::Range<usize>> {
    let start = from + text.get(from..)?.find('"')? + 1;
    let mut escaped = false;
    for (i, byte) in text.as_bytes()[start..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(start..start + i),
            _ => {}
        }
    }
    None
}

fn handshake_without_secrets(
    handshake: &CapturedHandshake<'_>,
    sink: &mut dyn FnMut(&InspectEvent<'_>),
) {
    let heads = handshake
        .heads()
        .map(|head| head.map(|head| (head, fields(&head))));
    let target = handshake
        .target()
        .map(|it| target(&String::from_utf8_lossy(it)));
    let violations: Vec<_> = handshake
        .violations
        .iter()
        .map(|(direction, violation)| (*direction, violation_without_secrets(violation)))
        .collect();
    let view = |i: usize| {
        let (head, fields) = heads[i].as_ref()?;
        let mut start = head.start_line();
        if let (0, Some(target)) = (i, &target) {
            start[1] = target.as_bytes();
        }
        Some(CapturedHead::of_fields(start, fields, head.location))
    };
    let protocol = handshake
        .protocol
        .map(|it| if is_secret(it) { BLANK } else { it });
    sink(&InspectEvent::Handshake(&CapturedHandshake {
        request: view(0),
        response: view(1),
        protocol,
        violations: &violations,
        ..*handshake
    }));
}

fn violation_without_secrets(violation: &Violation) -> Violation {
    let code = violation.error.code();
    let mut violation = violation.clone();
    if matches!(code, "ACCEPT" | "KEY") || is_secret(&violation.found) {
        violation.found = BLANK.into();
    }
    if code == "ACCEPT" {
        violation.expected = BLANK.into();
    }
    violation
}

fn fields(head: &CapturedHead<'_>) -> Vec<HeadField> {
    let each = head.fields().map(|(name, value)| {
        let lower = String::from_utf8_lossy(name).to_ascii_lowercase();
        let shown = match &lower[..] {
            "sec-websocket-key" | "sec-websocket-accept" => BLANK.as_bytes().to_vec(),
            "sec-websocket-protocol" => {
                let all = String::from_utf8_lossy(value);
                let each = all
                    .split(',')
                    .map(|it| if is_secret(it) { BLANK } else { it.trim() });
                each.collect::<Vec<_>>().join(", ").into_bytes()
            }
            ":path" | "referer" | "origin" => target(&String::from_utf8_lossy(value)).into_bytes(),
            name if is_secret(name) => BLANK.as_bytes().to_vec(),
            _ => value.to_vec(),
        };
        (name.to_vec(), shown)
    });
    each.collect()
}

/// A target with the parameters blanked that have a secret name.
fn target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else {
        return target.to_owned();
    };
    let query = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) || name.eq_ignore_ascii_case("key") => {
            format!("{name}={BLANK}")
        }
        _ => pair.to_owned(),
    });
    format!("{path}?{}", query.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_with_secret_names_are_blanked() {
        for (text, shown) in [
            (r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"Token" : "x" }"#, r#"{"Token" : "[redacted]" }"#),
            (
                r#"[{"auth":"a"},{"auth":5}]"#,
                r#"[{"auth":"[redacted]"},{"auth":5}]"#,
            ),
            // Cut within the value, and within the name.
            (r#"{"secret":"abc"#, r#"{"secret":"[redacted]"#),
            (r#"{"secr"#, r#"{"secr"#),
            (r#"no json "password" here"#, r#"no json "password" here"#),
            (r#"{"x":"token","y":"z"}"#, r#"{"x":"token","y":"z"}"#),
        ] {
            assert_eq!(redacted_json(text), shown);
        }
    }

    #[test]
    fn parameters_with_secret_names_are_blanked() {
        assert_eq!(
            target("/a?room=1&access_token=x&key=2"),
            "/a?room=1&access_token=[redacted]&key=[redacted]"
        );
        assert_eq!(target("/a"), "/a");
    }
}
