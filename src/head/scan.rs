//! Where a head ends, and what must not be in it (RFC 9112 §2–§5).

use super::token::{is_token_byte, token_len, value_len};
use crate::error::{Fault, HandshakeError, LimitError};
use crate::limits::Limits;

/// Which start line a head has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
}

/// Where in the head the next byte lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    StartLine,
    LineStart,
    Name,
    Value,
}

/// Finds the end of an HTTP/1.1 head in bytes that come in pieces.
///
/// Feed it all bytes buffered so far, again and again; it goes on where it stopped, so the work is
/// linear in the bytes however they are cut. It refuses at the first byte that can't be: a bare LF
/// or CR, a control character, a folded line, a space before a colon, and what passes
/// [`Limits::head`] or [`Limits::headers`]. A malformed start line is refused at its end.
///
/// Stricter than RFC 9112 asks for: no empty line before the start line, and no byte from 0x80 on
/// in a request's target. More lenient in one point: a status line may end after the status.
///
/// ```
/// use wscodec::{HandshakeError, Limits, head::HeadScanner};
///
/// let mut scanner = HeadScanner::request(&Limits::DEFAULT);
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nHost: a"), Ok(None));
/// let buffered = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nmore";
/// assert_eq!(scanner.scan(buffered), Ok(Some(27)));
///
/// let mut scanner = HeadScanner::request(&Limits::DEFAULT);
/// let fault = scanner.scan(b"GET / HTTP/1.1\nHost").unwrap_err();
/// assert_eq!(fault.error, HandshakeError::MalformedHead.into());
/// assert_eq!(fault.offset, 14);
/// ```
#[derive(Clone, Debug)]
pub struct HeadScanner {
    kind: Kind,
    part: Part,
    max_bytes: usize,
    max_lines: usize,
    /// Everything before has been looked at and is well-formed. Stays on a CR until the byte
    /// after it is there.
    pos: usize,
    lines: usize,
}

impl HeadScanner {
    /// For the head of a request.
    pub fn request(limits: &Limits) -> Self {
        Self::new(Kind::Request, limits)
    }

    /// For the head of a response.
    pub fn response(limits: &Limits) -> Self {
        Self::new(Kind::Response, limits)
    }

    fn new(kind: Kind, limits: &Limits) -> Self {
        Self {
            kind,
            part: Part::StartLine,
            max_bytes: limits.head,
            max_lines: limits.headers.min(Limits::MAX_HEADERS),
            pos: 0,
            lines: 0,
        }
    }

    /// Looks at the bytes that came since the last call; `buf` holds all of them from the first
    /// one of the head on. Gives the length of the head with its closing empty line once that is
    /// there, and `None` before.
    ///
    /// # Errors
    /// [`MalformedHead`](HandshakeError::MalformedHead) at the byte that can't be,
    /// [`HttpVersion`](HandshakeError::HttpVersion) at a version that is neither 1.0 nor 1.1,
    /// [`HeadTooLarge`](LimitError::HeadTooLarge) at the limit and
    /// [`TooManyHeaders`](LimitError::TooManyHeaders) at the first line too many. A scanner that
    /// has failed gives the same error again.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, Fault> {
        let seen = self.within_limit(buf);
        while let Some(rest @ [first, ..]) = seen.get(self.pos..) {
            match self.part {
                Part::StartLine | Part::Value => {
                    let run = value_len(rest);
                    self.pos += run;
                    match rest[run..] {
                        [] | [b'\r'] => break,
                        [b'\r', b'\n', ..] => {
                            if self.part == Part::StartLine {
                                self.start_line(&seen[..self.pos])?;
                            }
                            self.pos += 2;
                            self.part = Part::LineStart;
                        }
                        _ => return Err(malformed(self.pos)),
                    }
                }
                Part::LineStart => match *first {
                    b'\r' => match rest.get(1) {
                        Some(b'\n') => return Ok(Some(self.pos + 2)),
                        Some(_) => return Err(malformed(self.pos)),
                        None => break,
                    },
                    _ if self.lines >= self.max_lines => {
                        let error = crate::Error::from(LimitError::TooManyHeaders);
                        return Err(error.at(self.pos as u64));
                    }
                    byte if is_token_byte(byte) => {
                        self.lines += 1;
                        self.part = Part::Name;
                    }
                    _ => return Err(malformed(self.pos)),
                },
                Part::Name => {
                    let run = token_len(rest);
                    self.pos += run;
                    match rest.get(run) {
                        Some(b':') => {
                            self.pos += 1;
                            self.part = Part::Value;
                        }
                        Some(_) => return Err(malformed(self.pos)),
                        None => break,
                    }
                }
            }
        }
        if buf.len() >= self.max_bytes {
            let error = crate::Error::from(LimitError::HeadTooLarge);
            return Err(error.at(self.max_bytes as u64));
        }
        Ok(None)
    }

    /// Whether no byte has been passed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.pos == 0
    }

    /// The bytes that a head may have at most.
    pub(crate) fn within_limit<'h>(&self, buf: &'h [u8]) -> &'h [u8] {
        &buf[..buf.len().min(self.max_bytes)]
    }

    /// How many header lines a head may have at most.
    pub(crate) fn max_lines(&self) -> usize {
        self.max_lines
    }

    fn start_line(&self, line: &[u8]) -> Result<(), Fault> {
        match self.kind {
            Kind::Request => request_line(line),
            Kind::Response => status_line(line),
        }
    }
}

pub(crate) fn malformed(at: usize) -> Fault {
    crate::Error::from(HandshakeError::MalformedHead).at(at as u64)
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3).
fn request_line(line: &[u8]) -> Result<(), Fault> {
    let method = token_len(line);
    if method == 0 || line.get(method) != Some(&b' ') {
        return Err(malformed(method));
    }
    let target = method + 1;
    let len = line[target..]
        .iter()
        .position(|b| !b.is_ascii_graphic())
        .unwrap_or(line.len() - target);
    let end = target + len;
    if len == 0 || line.get(end) != Some(&b' ') {
        return Err(malformed(end));
    }
    version(&line[end + 1..], end + 1)
}

/// `HTTP-version SP status-code [SP [reason-phrase]]` (RFC 9112 §4).
fn status_line(line: &[u8]) -> Result<(), Fault> {
    version(line.get(..8).unwrap_or(line), 0)?;
    match line[8..] {
        [b' ', a, b, c] | [b' ', a, b, c, b' ', ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
            Ok(())
        }
        _ => Err(malformed(8)),
    }
}

fn version(bytes: &[u8], at: usize) -> Result<(), Fault> {
    match bytes {
        b"HTTP/1.1" | b"HTTP/1.0" => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(crate::Error::from(HandshakeError::HttpVersion).at(at as u64))
        }
        _ => Err(malformed(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const MALFORMED: Error = Error::Handshake(HandshakeError::MalformedHead);
    const VERSION: Error = Error::Handshake(HandshakeError::HttpVersion);
    const LARGE: Error = Error::Limit(LimitError::HeadTooLarge);
    const MANY: Error = Error::Limit(LimitError::TooManyHeaders);

    /// What a scan says of the whole, the same at every split and byte by byte.
    fn scan(scanner: &HeadScanner, bytes: &[u8]) -> Result<Option<usize>, (Error, u64)> {
        let outcome = |parts: &[usize]| {
            let mut scanner = scanner.clone();
            let mut result = Ok(None);
            for &end in parts {
                result = scanner.scan(&bytes[..end]);
                if result != Ok(None) {
                    assert_eq!(scanner.scan(bytes), result, "the same again");
                    break;
                }
            }
            result.map_err(|fault| (fault.error, fault.offset))
        };
        let whole = outcome(&[bytes.len()]);
        for split in 0..bytes.len() {
            assert_eq!(outcome(&[split, bytes.len()]), whole, "split at {split}");
        }
        let every: Vec<usize> = (0..=bytes.len()).collect();
        assert_eq!(outcome(&every), whole, "byte by byte");
        whole
    }

    fn request(bytes: &str) -> Result<Option<usize>, (Error, u64)> {
        scan(&HeadScanner::request(&Limits::DEFAULT), bytes.as_bytes())
    }

    fn response(bytes: &str) -> Result<Option<usize>, (Error, u64)> {
        scan(&HeadScanner::response(&Limits::DEFAULT), bytes.as_bytes())
    }

    #[test]
    fn finds_the_end() {
        assert_eq!(request("GET / HTTP/1.1\r\n\r\n"), Ok(Some(18)));
        assert_eq!(
            request("GET / HTTP/1.1\r\nA:\r\nB: \tc \r\n\r\n\r\n"),
            Ok(Some(30))
        );
        assert_eq!(
            request("GET / HTTP/1.1\r\nA: \u{e9}\r\n\r\n\0\0"),
            Ok(Some(25))
        );
        assert_eq!(response("HTTP/1.1 101 Switching\r\n\r\n"), Ok(Some(26)));
        assert_eq!(response("HTTP/1.0 404 \r\nA: b\r\n\r\n<"), Ok(Some(23)));
        assert_eq!(response("HTTP/1.1 101\r\n\r\n"), Ok(Some(16)));
        for part in ["", "G", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nA: b\r\n\r"] {
            assert_eq!(request(part), Ok(None));
        }
    }

    #[test]
    fn refuses_at_the_first_byte_that_cannot_be() {
        for (bytes, at) in [
            ("\r\nGET / HTTP/1.1\r\n\r\n", 0),
            ("\n", 0),
            ("\x16\x03\x01", 0),
            ("GET / HTTP/1.1\n", 14),
            ("GET / HTTP/1.1\rA", 14),
            ("GET / HTTP/1.1\r\r", 14),
            ("GET /\0", 5),
            ("GET /\x7f", 5),
            ("GET / HTTP/1.1\r\nA: b\n", 20),
            ("GET / HTTP/1.1\r\nA: b\rc", 20),
            ("GET / HTTP/1.1\r\nA: \0", 19),
            ("GET / HTTP/1.1\r\nA: \x1b", 19),
            ("GET / HTTP/1.1\r\n A", 16),
            ("GET / HTTP/1.1\r\nA: b\r\n\tc", 22),
            ("GET / HTTP/1.1\r\nA : b", 17),
            ("GET / HTTP/1.1\r\nA\t: b", 17),
            ("GET / HTTP/1.1\r\n: b", 16),
            ("GET / HTTP/1.1\r\nA\r\n", 17),
            ("GET / HTTP/1.1\r\n\u{e9}: b", 16),
            ("GET / HTTP/1.1\r\nA(: b", 17),
            ("GET / HTTP/1.1\r\n\n", 16),
            ("GET / HTTP/1.1\r\n\rA", 16),
            ("GET / HTTP/1.1\r\nA: b\r\n\n", 22),
        ] {
            assert_eq!(request(bytes), Err((MALFORMED, at)), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_start_lines_at_their_end() {
        for (line, at) in [
            (" / HTTP/1.1", 0),
            ("GET", 3),
            ("GET\t/ HTTP/1.1", 3),
            ("G(T / HTTP/1.1", 1),
            ("GET  / HTTP/1.1", 4),
            ("GET /", 5),
            ("GET /a\tb HTTP/1.1", 6),
            ("GET /\u{e9} HTTP/1.1", 5),
            ("GET /  HTTP/1.1", 6),
            ("GET / HTTP/1.1 ", 6),
            ("GET / http/1.1", 6),
            ("GET / HTTP/1.10", 6),
            ("GET / HTTP/1", 6),
        ] {
            let line = String::from(line) + "\r\n";
            assert_eq!(request(&line), Err((MALFORMED, at)), "{line:?}");
        }
        assert_eq!(request("PRI * HTTP/2.0\r\n\r\n"), Err((VERSION, 6)));
        assert_eq!(request("GET / HTTP/1.2\r\n"), Err((VERSION, 6)));
        for (line, at) in [
            ("", 0),
            ("HTTP/1.1", 8),
            ("HTTP/1.1101 OK", 8),
            ("HTTP/1.1 1O1 OK", 8),
            ("HTTP/1.1 10 OK", 8),
            ("HTTP/1.1 1010", 8),
            ("HTTP/1.1  101 OK", 8),
            ("ICY 200 OK", 0),
        ] {
            let line = String::from(line) + "\r\n";
            assert_eq!(response(&line), Err((MALFORMED, at)), "{line:?}");
        }
        assert_eq!(response("HTTP/3.0 200 OK\r\n"), Err((VERSION, 0)));
    }

    #[test]
    fn limits_bytes_and_lines() {
        let limits = Limits {
            head: 27,
            headers: 2,
            ..Limits::DEFAULT
        };
        let scanner = HeadScanner::request(&limits);
        let start = b"GET / HTTP/1.1\r\n".to_vec();
        let with = |rest: &str| [&start, rest.as_bytes()].concat();
        assert_eq!(scan(&scanner, &with("A: 45678\r\n\r\n")), Err((LARGE, 27)));
        assert_eq!(scan(&scanner, &with("A: 4567\r\n\r\n")), Ok(Some(27)));
        assert_eq!(scan(&scanner, &with("A: 4567\r\n\r\nmore")), Ok(Some(27)));
        assert_eq!(scan(&scanner, &with("A: 45678901")), Err((LARGE, 27)));
        assert_eq!(scan(&scanner, &with("A: 4567890")), Ok(None));
        assert_eq!(scan(&scanner, &with("A:\r\nB:\r\nC")), Err((MANY, 24)));
        assert_eq!(scan(&scanner, &with("A:\r\nB:\r\n\r\n")), Ok(Some(26)));
        let limits = Limits { head: 0, ..limits };
        assert_eq!(scan(&HeadScanner::request(&limits), b""), Err((LARGE, 0)));
    }

    #[test]
    fn no_more_lines_than_there_is_room_for() {
        let limits = Limits {
            headers: usize::MAX,
            ..Limits::DEFAULT
        };
        let head = "GET / HTTP/1.1\r\n".to_string() + &"A:\r\n".repeat(Limits::MAX_HEADERS);
        let mut scanner = HeadScanner::request(&limits);
        assert_eq!(scanner.scan(head.as_bytes()), Ok(None));
        let fault = scanner.scan((head.clone() + "A").as_bytes()).unwrap_err();
        assert_eq!((fault.error, fault.offset), (MANY, head.len() as u64));
    }

    #[test]
    fn fewer_bytes_than_before_are_no_new_ones() {
        let mut scanner = HeadScanner::request(&Limits::DEFAULT);
        assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nA: b"), Ok(None));
        assert_eq!(scanner.scan(b"GET /"), Ok(None));
        assert_eq!(scanner.scan(b""), Ok(None));
    }
}
