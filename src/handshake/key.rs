//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §1.3, §4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::head::is_base64;

/// The text that both sides put behind the key (RFC 6455 §1.3).
const GUID: &[u8; 36] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` as it stands in the header: base64 of the
/// SHA-1 of key and GUID (RFC 6455 §4.2.2). Any key is taken; whether it is one is checked by
/// whoever reads the request.
///
/// ```
/// use wscodec::handshake::accept_key;
///
/// assert_eq!(&accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
pub fn accept_key(key: &[u8]) -> [u8; 28] {
    let mut sha1 = Sha1::new();
    sha1.update(key);
    sha1.update(GUID);
    base64(&sha1.finalize())
}

/// A client's nonce: 16 bytes that can't be guessed, new for each connection (RFC 6455 §4.1).
///
/// There is no source of random numbers in here. With the feature `io`, `io::nonce` asks the system for
/// one; elsewhere the bytes come from whatever the device has.
///
/// ```
/// use wscodec::handshake::Nonce;
///
/// let nonce = Nonce::from(*b"the sample nonce");
/// assert_eq!(&nonce.key(), b"dGhlIHNhbXBsZSBub25jZQ==");
/// assert_eq!(&nonce.accept_key(), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(pub [u8; 16]);

impl Nonce {
    /// The `Sec-WebSocket-Key` that a client sends: the nonce in base64.
    pub fn key(&self) -> [u8; 24] {
        base64(&self.0)
    }

    /// The `Sec-WebSocket-Accept` with which a server must answer: see [`accept_key`].
    pub fn accept_key(&self) -> [u8; 28] {
        accept_key(&self.key())
    }
}

impl From<[u8; 16]> for Nonce {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

/// Base64 with padding (RFC 4648 §4). `N` is four for each three bytes begun.
fn base64<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    let written = STANDARD.encode_slice(bytes, &mut out);
    debug_assert_eq!(written, Ok(N));
    out
}

/// Whether this is base64 of 16 bytes: 22 digits and the padding. What the last digit has beyond
/// the 128 bits is not looked at, as decoders are free to (RFC 4648 §3.5).
pub(super) fn is_key(value: &[u8]) -> bool {
    is_padded::<22>(value, b"==")
}

/// Whether this is base64 of the 20 bytes of a SHA-1.
pub(super) fn is_accept(value: &[u8]) -> bool {
    is_padded::<27>(value, b"=")
}

fn is_padded<const DIGITS: usize>(value: &[u8], padding: &[u8]) -> bool {
    value
        .split_first_chunk::<DIGITS>()
        .is_some_and(|(digits, end)| end == padding && is_base64(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6455_section_1_3() {
        let key = Nonce(*b"the sample nonce").key();
        assert_eq!(&key, b"dGhlIHNhbXBsZSBub25jZQ==");
        assert!(is_key(&key));
        let accept = accept_key(&key);
        assert_eq!(&accept, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_accept(&accept));
    }

    #[test]
    fn a_key_is_base64_of_16_bytes_only() {
        assert!(is_key(b"++++////AAAAzzzz999900=="));
        for value in [
            &b""[..],
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ===",
            b"dGhlIHNhbXBsZSBub25jZQo=",
            b"dGhlIHNhbXBsZSBub25j",
            b"dGhlIHNhbXBsZSBub25jZ===",
            b"dGhlIHNhbXBsZSBub25j_Q==",
            b"dGhlIHNhbXBs SBub25jZQ==",
            b"dGhlIHNhbXBs\xffSBub25jZQ==",
            b"==dGhlIHNhbXBsZSBub25jZQ",
        ] {
            assert!(!is_key(value), "{value:?}");
        }
    }
}
