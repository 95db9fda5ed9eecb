//! Classes of bytes (RFC 9110 §5.5, §5.6.2).
//!
//! Problem: the scanner looks at every byte of a head. A comparison with the ranges of a class takes a
//! branch for each range, and names and values arrive in an order that no processor predicts.
//!
//! Choice: one table has a bit for each class, so a test is a load and an AND. It is made by the
//! compiler from the lists of the RFCs. Runs are passed eight bytes at a time: names of headers are
//! mostly letters and dashes, and values are mostly visible ASCII, which arithmetic on a whole word
//! recognises.
//!
//! Invariant: the arithmetic recognises fewer bytes than the class has. The table decides about the
//! first byte that the arithmetic does not recognise, so both together accept exactly the class. A test
//! compares every byte in every position with the table.

const TOKEN: u8 = 1;
const VALUE: u8 = 2;
const REG_NAME: u8 = 4;
const BASE64: u8 = 8;

static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() {
            class[byte] |= TOKEN | REG_NAME | BASE64;
        }
        if b == b'\t' || (b >= b' ' && b != 0x7F) {
            class[byte] |= VALUE;
        }
        byte += 1;
    }
    class = mark(class, b"!#$%&'*+-.^_`|~", TOKEN);
    class = mark(class, b"-._~!$&'()*+,;=", REG_NAME);
    mark(class, b"+/", BASE64)
};

const fn mark(mut class: [u8; 256], mut bytes: &[u8], flag: u8) -> [u8; 256] {
    while let [byte, rest @ ..] = bytes {
        class[*byte as usize] |= flag;
        bytes = rest;
    }
    class
}

/// Whether the byte may stand in a token: letters, digits and ``!#$%&'*+-.^_`|~``
/// (RFC 9110 §5.6.2).
#[inline]
pub fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// Whether the byte may stand in a header's value: tab, space, visible ASCII, and bytes from 0x80
/// on, whose meaning HTTP leaves open (RFC 9110 §5.5).
#[inline]
pub fn is_value_byte(byte: u8) -> bool {
    CLASS[byte as usize] & VALUE != 0
}

/// Whether the bytes are a token: one or more [token bytes](is_token_byte).
///
/// ```
/// use wscodec::head::is_token;
///
/// assert!(is_token(b"permessage-deflate"));
/// assert!(!is_token(b"a b") && !is_token(b""));
/// ```
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|&b| is_token_byte(b))
}

/// Whether the bytes may be a header's value: nothing but [value bytes](is_value_byte), so neither
/// CR nor LF nor NUL. An empty value is one.
///
/// ```
/// use wscodec::head::is_value;
///
/// assert!(is_value("text/html; q=0.5, Grüße".as_bytes()));
/// assert!(!is_value(b"a\r\nSet-Cookie: b"));
/// ```
pub fn is_value(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| is_value_byte(b))
}

/// Whether the byte may stand in a host's name as it is: an unreserved character or a
/// sub-delimiter (RFC 3986 §3.2.2).
pub(super) fn is_reg_name_byte(byte: u8) -> bool {
    CLASS[byte as usize] & REG_NAME != 0
}

/// Whether all bytes are such.
#[inline]
pub(super) fn all_reg_name(bytes: &[u8]) -> bool {
    all(bytes, REG_NAME)
}

/// Whether these are digits of base64 (RFC 4648 §4), without padding.
#[inline]
pub(crate) fn is_base64(bytes: &[u8]) -> bool {
    all(bytes, BASE64)
}

/// Without an early end: what is asked for is short, and nearly always so.
#[inline]
fn all(bytes: &[u8], flag: u8) -> bool {
    let classes = bytes.iter().map(|&b| CLASS[b as usize]);
    classes.fold(flag, |all, class| all & class) != 0
}

/// How many bytes from the first one on are of a token.
///
/// Names of headers are letters and dashes, so those are passed eight at a time. The table has the
/// last word about the byte at which that ends.
#[inline]
pub(crate) fn token_len(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let others = not_of_a_name(u64::from_le_bytes(*word));
        if others != 0 {
            at += others.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    at + run(&bytes[at..], TOKEN)
}

/// Sets the top bit of each byte that is neither a letter nor a dash. The sums stay below 0x100 in
/// each byte, so nothing is carried into the next one.
#[inline]
fn not_of_a_name(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const TOP: u64 = ONES * 0x80;
    let low = word & !TOP;
    let small = low | (ONES * 0x20);
    let from_a = small + ONES * (0x80 - b'a' as u64);
    let past_z = small + ONES * (0x7F - b'z' as u64);
    let no_dash = (low ^ (ONES * b'-' as u64)) + ONES * 0x7F;
    ((!from_a | past_z) & no_dash | word) & TOP
}

/// How many bytes from the first one on are of a header's value.
///
/// Values are most of a head, so eight bytes are looked at together. In a word, the lowest bit that
/// [`may_end_value`] sets is always right, and the higher ones need not be: a borrow runs upwards.
/// Tabs are rare, so they are left to the table. Sixteen bytes at a time by the compiler's own SIMD
/// took more instructions: most values are short.
#[inline]
pub(crate) fn value_len(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let ends = may_end_value(u64::from_le_bytes(*word));
        if ends != 0 {
            at += ends.trailing_zeros() as usize / 8;
            break;
        }
        at += 8;
    }
    at + run(&bytes[at..], VALUE)
}

/// Sets the top bit of each byte below 0x20 and of each 0x7F, up to the first such byte exactly.
#[inline]
fn may_end_value(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let delete = word ^ (ONES * 0x7F);
    let is_delete = delete.wrapping_sub(ONES) & !delete;
    (below_space | is_delete) & (ONES * 0x80)
}

#[inline]
fn run(bytes: &[u8], class: u8) -> usize {
    let end = bytes.iter().position(|&b| CLASS[b as usize] & class == 0);
    end.unwrap_or(bytes.len())
}

/// Takes a token off the front.
pub(crate) fn split_token<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (token, after) = rest.split_at(token_len(rest));
    *rest = after;
    (!token.is_empty()).then_some(token)
}

/// Bytes that were checked to be ASCII, as text.
pub(super) fn text(ascii: &[u8]) -> &str {
    core::str::from_utf8(ascii).unwrap_or_default()
}

/// The bytes after optional white space: spaces and tabs (RFC 9110 §5.6.3).
pub(crate) fn skip_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// The bytes without white space at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let mut bytes = skip_space(bytes);
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_class() {
        for byte in 0..=255u8 {
            let token = byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            assert_eq!(is_token_byte(byte), token, "{byte:#x}");
            let control = byte.is_ascii_control() && byte != b'\t';
            assert_eq!(is_value_byte(byte), !control, "{byte:#x}");
        }
    }

    #[test]
    fn trims_spaces_and_tabs_only() {
        assert_eq!(trim(b" \ta b\t "), b"a b");
        assert_eq!(trim(b" \t "), b"");
        assert_eq!(trim(b"\x0ba\x0b"), b"\x0ba\x0b");
    }

    #[test]
    fn runs_of_any_length_end_where_they_end() {
        for len in 0..100 {
            let mut bytes = std::vec![b'a'; len];
            assert_eq!((token_len(&bytes), value_len(&bytes)), (len, len));
            bytes.extend(b"\0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0");
            assert_eq!((token_len(&bytes), value_len(&bytes)), (len, len));
        }
        for byte in 0..=255 {
            assert_eq!(token_len(&[byte]) == 1, is_token_byte(byte));
            assert_eq!(value_len(&[byte]) == 1, is_value_byte(byte));
            for at in 0..8 {
                let mut bytes = *b"aaaaaaaabbbb";
                bytes[at] = byte;
                let expected = |class: fn(u8) -> bool| if class(byte) { 12 } else { at };
                assert_eq!(
                    token_len(&bytes),
                    expected(is_token_byte),
                    "{byte:#x} at {at}"
                );
                assert_eq!(
                    value_len(&bytes),
                    expected(is_value_byte),
                    "{byte:#x} at {at}"
                );
            }
        }
    }

    #[test]
    fn takes_a_token_off_the_front() {
        let mut rest: &[u8] = b"abc;d";
        assert_eq!(split_token(&mut rest), Some(&b"abc"[..]));
        assert_eq!(rest, b";d");
        assert_eq!(split_token(&mut rest), None);
    }
}
