//! The body of an answer that rejects a handshake (RFC 9112 §6 and §7.1).
//!
//! A client that was rejected shows the beginning of the body to its user, and then closes the
//! connection. So trailers are not read, and an error in the framing of the body is not an error of
//! the handshake: it ends the body. A body that only the end of the connection ends may never end
//! on a connection that the server keeps open; [`BodyReader::has_end`] tells, and the caller limits
//! how long it waits.

use super::UpgradeResponse;
use crate::head::lists;

/// Takes the body out of the bytes behind an answer's head, cut in any way.
///
/// ```
/// use wscodec::Limits;
/// use wscodec::handshake::{BodyReader, UpgradeResponse};
///
/// let answer = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n\
///     4\r\nnot \r\n5\r\ntoday\r\n0\r\n\r\n";
/// let response = UpgradeResponse::parse(answer, &Limits::DEFAULT)?.expect("a whole head");
/// let mut input = &answer[response.head_len()..];
/// let mut reader = BodyReader::new(&response);
/// let mut body = Vec::new();
/// while let Some(piece) = reader.read(&mut input) {
///     body.extend_from_slice(piece);
/// }
/// assert_eq!(body, b"not today");
/// assert!(reader.is_done());
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyReader {
    state: State,
    chunked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    /// So many bytes are left.
    Length(u64),
    /// All bytes up to the end of the connection.
    Close,
    /// In the size of a chunk, of which so many digits were read.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind the size of a chunk, up to the end of the line.
    Extension(u64),
    /// So many bytes of a chunk are left.
    Chunk(u64),
    /// In the line end behind a chunk.
    ChunkEnd,
}

impl BodyReader {
    /// The body of this answer to a GET (RFC 9112 §6.3).
    pub fn new(response: &UpgradeResponse<'_>) -> Self {
        let (coding, length) = ("Transfer-Encoding", "Content-Length");
        Self::of_response(
            response.status(),
            response.header(coding),
            response.header(length),
        )
    }

    /// The body of a response with this status and these values of `Transfer-Encoding` and
    /// `Content-Length` (RFC 9112 §6.3): for onlookers, whose responses need not be acceptable. The
    /// response to a `HEAD` has no body, whatever it says.
    pub fn of_response(status: u16, coding: Option<&[u8]>, length: Option<&[u8]>) -> Self {
        let state = match status {
            100..200 | 204 | 304 => State::Done,
            _ => State::of(coding, length).unwrap_or(State::Close),
        };
        Self::from(state)
    }

    /// The body of a request with these values of `Transfer-Encoding` and `Content-Length`: without
    /// either of them there is none (RFC 9112 §6.3).
    ///
    /// ```
    /// use wscodec::handshake::BodyReader;
    ///
    /// let mut input = &b"a=1GET /"[..];
    /// let mut body = BodyReader::of_request(None, Some(b"3"));
    /// assert_eq!(body.read(&mut input), Some(&b"a=1"[..]));
    /// assert!(body.is_done());
    /// assert_eq!(input, b"GET /");
    /// ```
    pub fn of_request(coding: Option<&[u8]>, length: Option<&[u8]>) -> Self {
        Self::from(State::of(coding, length).unwrap_or(State::Done))
    }

    /// Says that the next bytes are missing, at most so many, and returns how many of them belong to
    /// the piece of the body that is being read. The rest is of unknown meaning.
    pub fn skip(&mut self, len: u64) -> u64 {
        let (left, next) = match self.state {
            State::Close => return len,
            State::Length(left) => (left, State::Length(left - left.min(len))),
            State::Chunk(left) => (left, State::Chunk(left - left.min(len))),
            _ => return 0,
        };
        self.state = match next {
            State::Length(0) => State::Done,
            State::Chunk(0) => State::ChunkEnd,
            next => next,
        };
        left.min(len)
    }

    /// Takes bytes off the front of `input` and gives the next piece of the body. `None` once the
    /// input is used up, or the body is at its end.
    pub fn read<'b>(&mut self, input: &mut &'b [u8]) -> Option<&'b [u8]> {
        loop {
            let (state, left) = match self.state {
                State::Done => return None,
                State::Close => (State::Close, u64::MAX),
                State::Length(left) | State::Chunk(left) => (self.state, left),
                _ => {
                    let (&byte, rest) = input.split_first()?;
                    *input = rest;
                    self.state = self.state.framing(byte);
                    continue;
                }
            };
            if input.is_empty() {
                return None;
            }
            let len = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
            let (piece, rest) = input.split_at(len);
            *input = rest;
            let left = left - len as u64;
            self.state = match state {
                State::Length(_) if left == 0 => State::Done,
                State::Length(_) => State::Length(left),
                State::Chunk(_) if left == 0 => State::ChunkEnd,
                State::Chunk(_) => State::Chunk(left),
                other => other,
            };
            return Some(piece);
        }
    }

    /// Whether the body is at its end.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the body comes in chunks. Behind the last chunk there
    /// are trailers and an empty line (RFC 9112 §7.1.2), which are not read here.
    pub fn is_chunked(&self) -> bool {
        self.chunked
    }

    /// Whether the answer says where its body ends. Otherwise the end of the connection is its end.
    pub fn has_end(&self) -> bool {
        self.state != State::Close
    }
}

impl From<State> for BodyReader {
    fn from(state: State) -> Self {
        Self {
            state,
            chunked: state == State::START,
        }
    }
}

impl State {
    /// The framing of the body by its fields; `None` if they do not say where it ends.
    fn of(coding: Option<&[u8]>, length: Option<&[u8]>) -> Option<Self> {
        match (coding, length) {
            (Some(coding), _) if lists(coding, b"chunked") => Some(Self::START),
            (Some(_), _) | (None, None) => None,
            (None, Some(length)) => match number(length)? {
                0 => Some(Self::Done),
                length => Some(Self::Length(length)),
            },
        }
    }

    /// Before a chunk.
    const START: Self = Self::Size { size: 0, digits: 0 };

    /// The state behind a byte that is not one of the body's.
    fn framing(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Size { size, digits }, _) if digits < 15 && byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                Self::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (Self::Size { size, digits: 1.. } | Self::Extension(size), b'\n') => match size {
                0 => Self::Done,
                _ => Self::Chunk(size),
            },
            (Self::Size { size, digits: 1.. }, b'\r' | b';' | b' ' | b'\t') => {
                Self::Extension(size)
            }
            (Self::Extension(size), _) => Self::Extension(size),
            (Self::ChunkEnd, b'\r') => Self::ChunkEnd,
            (Self::ChunkEnd, b'\n') => Self::START,
            _ => Self::Done,
        }
    }
}

fn number(value: &[u8]) -> Option<u64> {
    match value.iter().all(u8::is_ascii_digit) {
        true => core::str::from_utf8(value).ok()?.parse().ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::Limits;

    /// The body of this answer, cut into pieces of that size.
    fn body(answer: &[u8], step: usize) -> (Vec<u8>, BodyReader) {
        let response = UpgradeResponse::parse(answer, &Limits::DEFAULT)
            .unwrap()
            .unwrap();
        let mut reader = BodyReader::new(&response);
        let mut body = Vec::new();
        for mut input in answer[response.head_len()..].chunks(step) {
            while let Some(piece) = reader.read(&mut input) {
                body.extend_from_slice(piece);
            }
            assert!(input.is_empty() || reader.is_done());
        }
        (body, reader)
    }

    #[test]
    fn each_framing_has_its_end_at_any_cut() {
        for (answer, expected, done, has_end) in [
            (
                "404 x\r\nContent-Length: 4\r\n\r\nbodyrest",
                "body",
                true,
                true,
            ),
            (
                "404 x\r\nContent-Length: 9\r\n\r\nbody",
                "body",
                false,
                true,
            ),
            ("404 x\r\nContent-Length: 0\r\n\r\nrest", "", true, true),
            (
                "404 x\r\nContent-Length: +4\r\n\r\nall",
                "all",
                false,
                false,
            ),
            ("204 x\r\n\r\nrest", "", true, true),
            ("304 x\r\nContent-Length: 5\r\n\r\n", "", true, true),
            (
                "302 x\r\nLocation: /a\r\n\r\nall of it",
                "all of it",
                false,
                false,
            ),
            (
                "500 x\r\nTransfer-Encoding: gzip, Chunked\r\nContent-Length: 1\r\n\r\n\
                 3\r\nabc\r\n0A;a=\"b\"\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n",
                "abc0123456789",
                true,
                true,
            ),
            (
                "500 x\r\nTransfer-Encoding: gzip\r\n\r\nall",
                "all",
                false,
                false,
            ),
            (
                "500 x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                "ab",
                false,
                true,
            ),
            // A chunk that is longer than it says, a size that is none, and one too large.
            (
                "500 x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n",
                "a",
                true,
                true,
            ),
            (
                "500 x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nab",
                "",
                true,
                true,
            ),
            (
                "500 x\r\nTransfer-Encoding: chunked\r\n\r\n\r\nab",
                "",
                true,
                true,
            ),
            (
                "500 x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab",
                "",
                true,
                true,
            ),
        ] {
            let answer = [b"HTTP/1.1 ", answer.as_bytes()].concat();
            for step in [1, 2, 3, 7, 100] {
                let (found, reader) = body(&answer, step);
                assert_eq!(found, expected.as_bytes(), "{answer:?} by {step}");
                assert_eq!((reader.is_done(), reader.has_end()), (done, has_end));
            }
        }
    }
}
