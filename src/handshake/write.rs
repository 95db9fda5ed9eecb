//! Writing heads, and what a caller may have written into them.

use alloc::vec::Vec;
use core::fmt;

use crate::error::MisuseError;
use crate::head::{is_token, is_value};

/// The fields that the handshake writes itself, and those that would make frames look like a body.
pub(super) fn is_reserved(name: &str) -> bool {
    const PREFIX: &str = "sec-websocket-";
    const NAMES: [&str; 6] = [
        "host",
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "allow",
    ];
    let name = name.as_bytes();
    let prefix = name.get(..PREFIX.len());
    prefix.is_some_and(|prefix| same(prefix, PREFIX)) || NAMES.iter().any(|other| same(name, other))
}

/// Not inlined: made for each name by itself, it takes 2 KB of the wasm module.
#[inline(never)]
fn same(name: &[u8], other: &str) -> bool {
    name.eq_ignore_ascii_case(other.as_bytes())
}

/// Whether each header can be written as it is: no CR, LF or other control character gets past.
pub(super) fn check_headers(headers: &[(&str, &str)]) -> Result<(), MisuseError> {
    for (name, value) in headers {
        if !is_token(name.as_bytes()) || !is_value(value.as_bytes()) {
            return Err(MisuseError::InvalidHeader);
        }
        if is_reserved(name) {
            return Err(MisuseError::ReservedHeader);
        }
    }
    Ok(())
}

/// Writes header lines into a head that is being made: see
/// [`Accept::write_with`](super::Accept::write_with),
/// [`ClientRequest::write_with`](super::ClientRequest::write_with) and
/// [`Rejection::write_with`](super::Rejection::write_with).
#[derive(Debug)]
pub struct HeaderWriter<'o> {
    out: &'o mut Vec<u8>,
    /// The reason that nothing more is written.
    error: Option<MisuseError>,
}

impl HeaderWriter<'_> {
    /// Adds a header; the value is whatever can be displayed.
    ///
    /// A name or a value that is not allowed, or a header that the handshake writes itself, makes the
    /// method fail that this writer came from, and nothing is written.
    pub fn add(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        if self.error.is_none() {
            self.error = put_header(self.out, name, value).err();
        }
        self
    }

    /// Adds lines that [`put_header`] has written elsewhere.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn add_lines(&mut self, lines: &[u8]) {
        self.out.extend_from_slice(lines);
    }

    /// Has the caller write the last headers of the head that begins at `begin`, and ends it.
    pub(super) fn end_head(
        out: &mut Vec<u8>,
        begin: usize,
        headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) -> Result<(), MisuseError> {
        let mut writer = HeaderWriter { out, error: None };
        headers(&mut writer);
        if let Some(error) = writer.error {
            out.truncate(begin);
            return Err(error);
        }
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// Appends a header line, or nothing if it is not allowed.
pub(crate) fn put_header(
    out: &mut Vec<u8>,
    name: &str,
    value: impl fmt::Display,
) -> Result<(), MisuseError> {
    struct Bytes<'o>(&'o mut Vec<u8>);

    impl fmt::Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }

    check_headers(&[(name, "")])?;
    let begin = out.len();
    put(out, &[name.as_bytes(), b": "]);
    let start = out.len();
    let written = fmt::Write::write_fmt(&mut Bytes(out), format_args!("{value}"));
    if written.is_err() || !is_value(&out[start..]) {
        out.truncate(begin);
        return Err(MisuseError::InvalidHeader);
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The bytes that the headers take.
pub(super) fn headers_len(headers: &[(&str, &str)]) -> usize {
    let len = |(name, value): &(&str, &str)| name.len() + value.len() + 4;
    headers.iter().map(len).sum()
}

pub(super) fn put_headers(out: &mut Vec<u8>, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        put(out, &[name.as_bytes(), b": ", value.as_bytes(), b"\r\n"]);
    }
}

/// Not inlined, for the wasm module's size.
#[inline(never)]
pub(super) fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// Decimal digits, without the machinery of `fmt`.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_all_their_digits() {
        let mut out = Vec::new();
        for (number, text) in [(0, "0"), (10, "10"), (426, "426")] {
            out.clear();
            put_number(&mut out, number);
            assert_eq!(out, text.as_bytes());
        }
        out.clear();
        put_number(&mut out, usize::MAX);
        assert_eq!(out, std::format!("{}", usize::MAX).as_bytes());
    }

    #[test]
    fn a_header_that_is_not_allowed_leaves_nothing_behind() {
        let write = |name: &str, value: &str| {
            let mut out = b"before".to_vec();
            let rejection = super::super::Rejection::new(403).body(b"body");
            let result = rejection.write_with(&mut out, |headers| {
                headers.add("Good", 1).add(name, value).add("Good", 2);
            });
            (result, out)
        };
        for (name, value, error) in [
            ("A b", "", MisuseError::InvalidHeader),
            ("A", "\r\nB: c", MisuseError::InvalidHeader),
            ("Host", "a", MisuseError::ReservedHeader),
        ] {
            assert_eq!(write(name, value), (Err(error), b"before".to_vec()));
        }
        let (result, out) = write("A", "b");
        assert_eq!(result, Ok(()));
        assert!(out.ends_with(b"\r\nGood: 1\r\nA: b\r\nGood: 2\r\n\r\nbody"));
    }

    #[test]
    fn reserved_in_any_case_and_by_prefix() {
        for name in ["Host", "UPGRADE", "Sec-WebSocket-Accept", "sec-websocket-x"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["Hosts", "X-Host", "Sec-WebSocket", "Set-Cookie", "é"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
