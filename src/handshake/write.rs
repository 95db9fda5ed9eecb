//! Writing heads, and what a caller may have written into them.

use alloc::vec::Vec;

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
    fn reserved_in_any_case_and_by_prefix() {
        for name in ["Host", "UPGRADE", "Sec-WebSocket-Accept", "sec-websocket-x"] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["Hosts", "X-Host", "Sec-WebSocket", "Set-Cookie", "é"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
