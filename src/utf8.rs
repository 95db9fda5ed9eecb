//! Checks UTF-8 in pieces of any size (RFC 6455 §5.6, §8.1).
//!
//! Text is rejected at the first byte that no further bytes could make valid. This byte may be within
//! a character: `E0 80` is invalid at its second byte.
//!
//! ```
//! use wscodec::utf8::Validator;
//!
//! let mut validator = Validator::new();
//! validator.push("caf\u{e9}".as_bytes().split_at(4).0).unwrap(); // cut within the é
//! assert!(!validator.is_complete());
//! assert_eq!(validator.push(b"x"), Err(0)); // that é can't go on with an x
//! ```

use core::str::Utf8Error;

/// Checks text that arrives in pieces. It holds at most 3 bytes: an incomplete character.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validator {
    begun: [u8; 4],
    len: u8,
}

impl Validator {
    /// Creates a validator at the beginning of a text.
    pub const fn new() -> Self {
        Self {
            begun: [0; 4],
            len: 0,
        }
    }

    /// Whether the text may end here, which means that its last character is complete.
    #[inline]
    pub const fn is_complete(&self) -> bool {
        self.len == 0
    }

    /// Checks the next piece.
    ///
    /// # Errors
    /// Returns the index in `piece` of the first invalid byte. The validator must not be used after
    /// that.
    #[inline]
    pub fn push(&mut self, piece: &[u8]) -> Result<(), usize> {
        let taken = if self.len == 0 {
            0
        } else {
            self.complete(piece)?
        };
        let (whole, cut) = split_cut_character(&piece[taken..]);
        if simdutf8::basic::from_utf8(whole).is_err() {
            return Err(taken + first_fault(whole));
        }
        if cut.is_empty() {
            return Ok(());
        }
        self.keep(cut).map_err(|i| taken + whole.len() + i)
    }

    /// Accepts a piece that the caller knows to be ASCII.
    ///
    /// # Errors
    /// `Err(0)` if the last character is incomplete and the piece is not empty.
    #[inline]
    pub fn push_ascii(&mut self, len: usize) -> Result<(), usize> {
        if self.len != 0 && len != 0 {
            return Err(0);
        }
        Ok(())
    }

    /// Continues an incomplete character. Returns the number of bytes that it took.
    fn complete(&mut self, piece: &[u8]) -> Result<usize, usize> {
        for (i, byte) in piece.iter().enumerate() {
            self.begun[usize::from(self.len)] = *byte;
            self.len += 1;
            match core::str::from_utf8(&self.begun[..usize::from(self.len)]) {
                Ok(_) => {
                    self.len = 0;
                    return Ok(i + 1);
                }
                Err(e) if e.error_len().is_some() => return Err(i),
                Err(_) => {}
            }
        }
        Ok(piece.len())
    }

    /// Keeps an incomplete character, if further bytes can make it valid.
    fn keep(&mut self, cut: &[u8]) -> Result<(), usize> {
        match core::str::from_utf8(cut) {
            Err(e) if e.error_len().is_some() => Err(first_impossible(cut, e)),
            _ => {
                self.begun[..cut.len()].copy_from_slice(cut);
                self.len = cut.len() as u8;
                Ok(())
            }
        }
    }
}

/// Splits off an incomplete character at the end of `bytes`: at most 3 bytes, and none if the last
/// character is complete.
#[inline]
fn split_cut_character(bytes: &[u8]) -> (&[u8], &[u8]) {
    for len in 1..=bytes.len().min(3) {
        let start = bytes.len() - len;
        match bytes[start] {
            0x80..=0xbf => {}
            0xc0.. if len < lead_len(bytes[start]) => return bytes.split_at(start),
            _ => break,
        }
    }
    (bytes, &[])
}

/// The number of bytes of the character that begins with this byte.
const fn lead_len(lead: u8) -> usize {
    match lead {
        0xf0.. => 4,
        0xe0.. => 3,
        _ => 2,
    }
}

/// The position of the fault in bytes that are not valid UTF-8.
#[cold]
fn first_fault(bytes: &[u8]) -> usize {
    match core::str::from_utf8(bytes) {
        Err(e) => first_impossible(bytes, e),
        Ok(_) => bytes.len(),
    }
}

/// The index of the first byte that no further bytes could make valid; the length if the last
/// character is only incomplete.
pub(crate) fn first_impossible(bytes: &[u8], error: Utf8Error) -> usize {
    let start = error.valid_up_to();
    match (error.error_len(), bytes.get(start)) {
        (None, _) => bytes.len(),
        // The byte begins a character, so the invalid byte is the one after its valid part.
        (Some(good), Some(0xc2..=0xf4)) => start + good,
        _ => start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// The length of the longest prefix of `bytes` that could become UTF-8, found by the slow way.
    fn oracle(bytes: &[u8]) -> Option<usize> {
        (0..bytes.len()).find(|&i| match core::str::from_utf8(&bytes[..=i]) {
            Ok(_) => false,
            Err(e) => e.error_len().is_some(),
        })
    }

    fn in_pieces(bytes: &[u8], cut: usize) -> Result<bool, usize> {
        let mut validator = Validator::new();
        let (front, back) = bytes.split_at(cut);
        validator.push(front)?;
        validator.push(back).map_err(|i| cut + i)?;
        Ok(validator.is_complete())
    }

    #[test]
    fn agrees_with_the_oracle_at_every_cut() {
        let mut cases: Vec<Vec<u8>> = std::vec![
            "κόσμε, 日本語, 🦀".into(),
            b"\xf4\x8f\xbf\xbf".to_vec(),
            b"\xf4\x90\x80\x80".to_vec(),
            b"\xed\x9f\xbf\xed\xa0\x80".to_vec(),
            b"a\xe0\x80\x80".to_vec(),
            b"\xf0\x8f\x80\x80".to_vec(),
            b"ab\xc0\xaf".to_vec(),
            b"\xff".to_vec(),
            b"abc\x80".to_vec(),
            b"\xf0\x90\x80A".to_vec(),
        ];
        // The texts are long, so that the vector code has its part, and one byte is damaged at each
        // position.
        let text = "0123456789 Straße — 北京 🦀 ".repeat(6);
        cases.push(text.clone().into());
        for at in (0..text.len()).step_by(3) {
            let mut spoilt = text.clone().into_bytes();
            spoilt[at] ^= 0xc0;
            cases.push(spoilt);
        }
        for case in &cases {
            let expected = match oracle(case) {
                Some(i) => Err(i),
                None => Ok(core::str::from_utf8(case).is_ok()),
            };
            for cut in 0..=case.len() {
                assert_eq!(in_pieces(case, cut), expected, "{case:x?} cut at {cut}");
            }
        }
    }

    #[test]
    fn every_pair_and_triple_of_lead_bytes_agrees() {
        for a in 0x80..=0xffu8 {
            for b in 0..=0xffu8 {
                for rest in [&[][..], &[0x80], &[0xbf, 0x80], &[0x41]] {
                    let bytes = [&[a, b], rest].concat();
                    let mut validator = Validator::new();
                    let found = bytes
                        .iter()
                        .position(|byte| validator.push(&[*byte]).is_err());
                    assert_eq!(found, oracle(&bytes), "{bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn ascii_can_not_stand_within_a_character() {
        let mut validator = Validator::new();
        validator.push(b"\xe2").unwrap();
        assert_eq!(validator.push_ascii(0), Ok(()));
        assert_eq!(validator.push_ascii(1), Err(0));
    }
}
