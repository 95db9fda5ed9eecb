//! Header blocks of HTTP/2 (RFC 7541), with a limit on the memory and the time that one costs.
//!
//! `loona_hpack` decodes a block and keeps the dynamic table. A block of a few bytes can stand for a
//! thousand times as much, by references to long fields; and the crate's decoder can't be stopped
//! within a block. So a block is handed to it field by field: [`field_len`] finds where each ends,
//! without decoding it. A block that passes the limit is given up, and with it the connection, because
//! the table is not known afterwards.

use core::fmt;

use loona_hpack::Decoder;

use crate::event::HeadField;

/// Bytes of names and values that the fields of one block may have.
const MAX_FIELDS: usize = 64 << 10;

/// The largest dynamic table. Chrome asks for 64 KiB.
const MAX_TABLE: usize = 64 << 10;

/// The decoder of one direction.
pub(super) struct Hpack(Decoder<'static>);

/// The block can't be decoded, so no later one can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

impl Default for Hpack {
    fn default() -> Self {
        let mut decoder = Decoder::new();
        // The receiver's SETTINGS may be in the capture later than the first block that uses them.
        decoder.set_max_allowed_table_size(MAX_TABLE);
        Self(decoder)
    }
}

impl fmt::Debug for Hpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hpack")
    }
}

impl Hpack {
    /// The fields of a block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Vec<HeadField>, Undecodable> {
        let mut fields = Vec::new();
        let mut total = 0;
        let mut rest = block;
        while !rest.is_empty() {
            // An update of the table's size is decoded together with the field behind it.
            let mut len = 0;
            loop {
                let front = &rest[len..];
                len += field_len(front).ok_or(Undecodable)?;
                if front.first().is_none_or(|byte| byte & 0xe0 != 0x20) || len >= rest.len() {
                    break;
                }
            }
            let (field, after) = rest.split_at_checked(len).ok_or(Undecodable)?;
            rest = after;
            let decoded = self.0.decode_with_cb(field, |name, value| {
                total += name.len() + value.len();
                fields.push((name.into_owned(), value.into_owned()));
            });
            if decoded.is_err() || total > MAX_FIELDS {
                return Err(Undecodable);
            }
        }
        Ok(fields)
    }
}

/// How many bytes the field at the front of a block has (RFC 7541 §6).
fn field_len(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    let (prefix, literal) = match first {
        0x80.. => (7, false),
        0x40..0x80 => (6, true),
        0x20..0x40 => (5, false),
        _ => (4, true),
    };
    let (index, mut len) = integer(bytes, prefix)?;
    if literal {
        let strings = if index == 0 { 2 } else { 1 };
        for _ in 0..strings {
            let (string, head) = integer(bytes.get(len..)?, 7)?;
            len = len.checked_add(head)?.checked_add(string)?;
        }
    }
    (len <= bytes.len()).then_some(len)
}

/// An integer with a prefix of so many bits, and how many bytes it has (RFC 7541 §5.1).
fn integer(bytes: &[u8], prefix: u32) -> Option<(usize, usize)> {
    let most = (1 << prefix) - 1;
    let first = usize::from(*bytes.first()?) & most;
    if first < most {
        return Some((first, 1));
    }
    let mut value = most;
    for (i, &byte) in bytes.iter().enumerate().skip(1).take(4) {
        value += usize::from(byte & 0x7f) << (7 * (i - 1));
        if byte & 0x80 == 0 {
            return Some((value, i + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_one_by_one() {
        // An update of the table's size, an indexed field, and literals (RFC 7541 §C.2.1 and §C.3).
        let mut block = vec![0x20, 0x3f, 0xe1, 0x1f, 0x82];
        block.extend(b"\x40\x0acustom-key\x0dcustom-header");
        block.extend(b"\x41\x0fwww.example.com");
        block.extend(b"\x10\x01a\x01b");
        let fields = Hpack::default().decode(&block).unwrap();
        let shown: Vec<_> = fields
            .iter()
            .map(|(name, value)| [name, value].map(|it| String::from_utf8_lossy(it).into_owned()))
            .collect();
        assert_eq!(
            shown,
            [
                [":method", "GET"],
                ["custom-key", "custom-header"],
                [":authority", "www.example.com"],
                ["a", "b"]
            ]
        );
        for len in 0..block.len() {
            let _ = Hpack::default().decode(&block[..len]);
        }
    }

    #[test]
    fn a_short_block_that_stands_for_much_is_given_up() {
        let mut block = b"\x40\x01a\x7f\x81\x1e".to_vec();
        block.resize(block.len() + 4000, b'x');
        block.resize(block.len() + 1000, 0xbe);
        assert_eq!(Hpack::default().decode(&block), Err(Undecodable));
    }

    #[test]
    fn damage_is_told() {
        for block in [
            &b"\x40"[..],
            b"\xff\xff\xff\xff\xff\xff",
            b"\x40\x7f\xff\xff\xff\x7f",
            b"\xfe",
        ] {
            assert_eq!(
                Hpack::default().decode(block),
                Err(Undecodable),
                "{block:x?}"
            );
        }
    }
}
