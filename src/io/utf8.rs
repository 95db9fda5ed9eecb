//! Checks text in a `Read` (RFC 6455 §8.1).

use std::io::{self, Read};

use crate::error::PeerError;
use crate::utf8::Validator;

/// A [`Read`] that checks that every byte that passes through it is valid UTF-8.
///
/// A read with invalid bytes returns the bytes before the first invalid one, and the next read fails.
/// A text that ends within a character fails at its end. The bytes that were read are therefore
/// always valid, and a program that reads to the end gets the error.
///
/// ```
/// use std::io::Read;
/// use wscodec::io::Utf8Reader;
///
/// let mut text = Vec::new();
/// let error = Utf8Reader::new(&b"caf\xc3\xa9 \xff!"[..]).read_to_end(&mut text).unwrap_err();
/// assert_eq!(wscodec::Error::from(error).code(), "INVALID_UTF8");
/// assert_eq!(text, "café ".as_bytes());
/// ```
///
/// The errors are those of the inner reader, and [`PeerError::InvalidUtf8`] with the offset of the
/// invalid byte. The [`io::Error`] has it as an [`Error`](super::Error) inside.
#[derive(Clone, Debug)]
pub struct Utf8Reader<R> {
    reader: R,
    validator: Validator,
    /// The number of bytes that were read.
    offset: u64,
    failed: bool,
}

impl<R> Utf8Reader<R> {
    /// Creates a reader over `reader`, whose next byte is the first byte of a text.
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            validator: Validator::new(),
            offset: 0,
            failed: false,
        }
    }

    /// Begins the next text.
    pub fn restart(&mut self) {
        (self.validator, self.offset, self.failed) = (Validator::new(), 0, false);
    }

    /// Whether the bytes that were read so far are valid UTF-8 and end with a whole character.
    pub fn is_valid(&self) -> bool {
        !self.failed && self.validator.is_complete()
    }

    /// The inner reader, mutably.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The inner reader.
    pub fn into_inner(self) -> R {
        self.reader
    }

    fn fault(&self) -> io::Error {
        let error = crate::error::ErrorKind::from(PeerError::InvalidUtf8);
        super::Error::from(error.at(self.offset)).into()
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.failed {
            return Err(self.fault());
        }
        let n = self.reader.read(buf)?;
        let good = match self.validator.push(&buf[..n]) {
            Ok(()) => n,
            Err(good) => {
                self.failed = true;
                good
            }
        };
        self.failed |= n == 0 && !buf.is_empty() && !self.validator.is_complete();
        self.offset += good as u64;
        match good == 0 && self.failed {
            true => Err(self.fault()),
            false => Ok(good),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn read(text: &[u8], step: usize) -> (Vec<u8>, Option<io::Error>) {
        let mut reader = Utf8Reader::new(text);
        let (mut read, mut buf) = (Vec::new(), [0; 64]);
        loop {
            match reader.read(&mut buf[..step]) {
                Ok(0) => {
                    assert!(reader.is_valid());
                    return (read, None);
                }
                Ok(n) => read.extend_from_slice(&buf[..n]),
                Err(error) => {
                    assert!(!reader.is_valid() && reader.read(&mut buf).is_err());
                    return (read, Some(error));
                }
            }
        }
    }

    #[test]
    fn finds_the_first_wrong_byte_however_it_is_cut() {
        for step in 1..20 {
            let (all, error) = read("日本語 🦀".as_bytes(), step);
            assert!(error.is_none() && all == "日本語 🦀".as_bytes());
            for (text, good) in [
                (&b"ab\xffcd"[..], 2),
                (b"a\xe2\x82x", 3),
                (b"a\xe2\x82", 3),
                (b"\x80", 0),
            ] {
                let (all, error) = read(text, step);
                assert_eq!(all, text[..good]);
                let error = crate::io::Error::from(error.unwrap());
                let crate::io::Error::Fault(fault) = error else {
                    panic!("{error}");
                };
                assert_eq!(fault.offset, good as u64);
            }
        }
    }
}
