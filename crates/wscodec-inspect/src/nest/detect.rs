//! The state of a connection of which no byte is understood yet, and the look of its first bytes.

use super::proxy;

#[derive(Debug)]
pub(super) struct Detect {
    /// Whether the bytes are the first ones of the connection.
    pub(super) from_start: bool,
    /// Bytes given up without a frame.
    pub(super) tried: u64,
    /// Bytes of both directions that are to be there before the next trial.
    pub(super) wanted: usize,
}

impl Detect {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            from_start,
            tried: 0,
            wanted: 0,
        }
    }
}

/// The protocol that the first bytes of a direction look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There are too few bytes.
    Short,
    Request,
    Response,
    Proxy,
    Tls,
    /// The connection preface of an HTTP/2 client (RFC 9113 §3.4).
    Http2,
    /// A SETTINGS frame, with which an HTTP/2 server begins.
    Settings,
    Other,
}

/// The protocol of the first bytes of a direction.
pub(super) fn look(bytes: &[u8]) -> Look {
    let begins = |with: &[u8]| {
        let len = with.len().min(bytes.len());
        match bytes[..len] == with[..len] {
            true if len == with.len() => Some(true),
            true => None,
            false => Some(false),
        }
    };
    match bytes {
        [] => return Look::Short,
        [0x16, 3, ..] => return Look::Tls,
        [0x16] => return Look::Short,
        [0, 0, _, 4, 0, 0, 0, 0, 0, ..] => return Look::Settings,
        [0] | [0, 0] | [0, 0, _] | [0, 0, _, 4] | [0, 0, _, 4, 0] => return Look::Short,
        [0, 0, _, 4, 0, rest @ ..] if rest.len() < 4 && rest.iter().all(|it| *it == 0) => {
            return Look::Short;
        }
        _ => {}
    }
    for (with, look) in [
        (&b"HTTP/1."[..], Look::Response),
        (&b"PROXY "[..], Look::Proxy),
        (&proxy::SIGNATURE[..], Look::Proxy),
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], Look::Http2),
    ] {
        match begins(with) {
            Some(true) => return look,
            None => return Look::Short,
            Some(false) => {}
        }
    }
    if matches!(bytes, [b'\r' | b'\n', ..]) {
        let rest = bytes.trim_ascii_start();
        return if rest.is_empty() {
            Look::Short
        } else {
            look(rest)
        };
    }
    // A method is a token, and in fact a word of capital letters (RFC 9110 §9.1).
    let method = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-')
        .count();
    match bytes.get(method) {
        None if method <= 24 => Look::Short,
        Some(b' ') if (3..=24).contains(&method) => Look::Request,
        _ => Look::Other,
    }
}

/// Whether a packet begins with a head, for certain.
pub(super) fn is_head(bytes: &[u8]) -> bool {
    match look(bytes) {
        Look::Response => true,
        Look::Request => {
            let line = bytes
                .split(|&byte| byte == b'\n')
                .next()
                .unwrap_or_default();
            line.windows(8).any(|part| part == b" HTTP/1.")
        }
        _ => false,
    }
}
