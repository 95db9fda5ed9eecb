//! Reads a head: where it ends, its start line and header lines, and which bytes must not be in it
//! (RFC 9112 §2–§5).
//!
//! This is the only reader of heads in the project. A head is untrusted, comes cut anywhere, and
//! proxies in front of us read it too, so three things have to hold at once. It must be strict:
//! whoever accepts a bare LF, a folded line or a space before a colon sees other headers than the
//! proxy does (request smuggling). It must fail at the first wrong byte and at the limits while the
//! head still arrives, and not when it is whole. And it must look at each byte a bounded number of
//! times, even if the bytes come one by one.
//!
//! So the scanner keeps its place within the current line, and goes on there. A head in one piece,
//! as nearly all are, is read in one pass that hands each line to the caller. For a head in several
//! pieces the caller makes a second pass once the head is whole, because the views on the lines
//! borrow the buffer, which moves while it grows. httparse did the first pass before: it accepts
//! more than this grammar, tells no offset of a fault, and begins anew with each piece, so a
//! scanner was needed beside it, and both had to agree.
//!
//! Invariant: all bytes before `at + line.pos` are well-formed, and `at` is the first byte of the
//! line that this place is in.

use super::fields::{HeadLine, HeaderField};
use super::line::Line;
use super::token::{text, token_len, value_len};
use crate::error::{ErrorKind, Fault, HandshakeError, LimitError};
use crate::limits::Limits;

/// Which start line a head has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    Response,
}

/// The parts of a start line. The places are offsets in the head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StartLine {
    /// Where the method of a request ends.
    pub(crate) method_end: usize,
    /// Where the target of a request ends; it begins behind the method and a space.
    pub(crate) target_end: usize,
    /// The status of a response.
    pub(crate) status: u16,
    /// The minor version: 0 or 1.
    pub(crate) minor: u8,
}

/// Finds the end of an HTTP/1.1 head in bytes that come in pieces.
///
/// Feed it all bytes buffered so far, again and again; it goes on where it stopped, so the work is
/// linear in the bytes however they are cut. It rejects the first byte that cannot be right: a bare
/// LF or CR, a control character, a folded line, a space before a colon, and the byte that passes
/// [`Limits::head`] or [`Limits::headers`]. A malformed start line is rejected at its end.
///
/// The scanner is stricter than RFC 9112 requires: it accepts no empty line before the start line,
/// and no byte from 0x80 on in a request's target. It is more lenient in one point: a status line
/// may end after the status.
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
    max_bytes: usize,
    max_lines: usize,
    start: Option<StartLine>,
    /// Header lines that are whole.
    lines: usize,
    /// The first byte of the line that is being read.
    at: usize,
    line: Line,
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
            max_bytes: limits.head,
            max_lines: limits.headers.min(Limits::MAX_HEADERS),
            start: None,
            lines: 0,
            at: 0,
            line: Line::default(),
        }
    }

    /// Looks at the bytes that came since the last call; `buf` holds all of them from the first
    /// one of the head on. Gives the length of the head with its closing empty line once that is
    /// there, and `None` before.
    ///
    /// # Errors
    /// [`MalformedHead`](HandshakeError::MalformedHead) at the byte that cannot be right,
    /// [`HttpVersion`](HandshakeError::HttpVersion) at a version that is neither 1.0 nor 1.1,
    /// [`HeadTooLarge`](LimitError::HeadTooLarge) at the limit and
    /// [`TooManyHeaders`](LimitError::TooManyHeaders) at the first line too many. A scanner that
    /// has failed gives the same error again.
    pub fn scan(&mut self, buf: &[u8]) -> Result<Option<usize>, Fault> {
        self.scan_lines(buf, |_| {})
    }

    /// As [`scan`](Self::scan), and hands each header line to `each` in the call in which the line
    /// becomes whole.
    #[inline]
    pub(crate) fn scan_lines<'b>(
        &mut self,
        buf: &'b [u8],
        mut each: impl FnMut(Field<'b>),
    ) -> Result<Option<usize>, Fault> {
        let seen = &buf[..buf.len().min(self.max_bytes)];
        if self.start.is_none() {
            self.start = self.start_line(seen)?;
        }
        if self.start.is_some() {
            let mut rest = seen.get(self.at..).unwrap_or_default();
            while let [first, ..] = rest {
                if *first == b'\r' {
                    match rest.get(1) {
                        Some(b'\n') => return Ok(Some(self.at + 2)),
                        Some(_) => return Err(malformed(self.at)),
                        None => break,
                    }
                }
                if self.lines >= self.max_lines {
                    let error = ErrorKind::from(LimitError::TooManyHeaders);
                    return Err(error.at(self.at as u64));
                }
                match self.line.read(rest) {
                    Ok(Some((name, value, after))) => {
                        let at = self.at;
                        self.at = seen.len() - after.len();
                        self.line = Line::default();
                        self.lines += 1;
                        rest = after;
                        each(Field { at, name, value });
                    }
                    Ok(None) => break,
                    Err(at) => return Err(malformed(self.at + at)),
                }
            }
        }
        if buf.len() >= self.max_bytes {
            let error = ErrorKind::from(LimitError::HeadTooLarge);
            return Err(error.at(self.max_bytes as u64));
        }
        Ok(None)
    }

    /// Reads the start line, and gives it in the call in which it becomes whole.
    pub(crate) fn scan_start<'b>(&mut self, buf: &'b [u8]) -> Result<Option<HeadLine<'b>>, Fault> {
        if self.start.is_some() {
            return Ok(None);
        }
        self.start = self.start_line(&buf[..buf.len().min(self.max_bytes)])?;
        let Some(start) = self.start else {
            return Ok(None);
        };
        let [first, second, third] = start_line(buf);
        Ok(Some(match self.kind {
            Kind::Request => HeadLine::Request {
                method: text(first),
                target: text(second),
            },
            Kind::Response => HeadLine::Response {
                status: start.status,
                reason: third,
            },
        }))
    }

    /// Whether no byte has been passed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.at == 0 && self.line.pos == 0
    }

    /// A scanner of the same kind with the same limits, at the first byte.
    pub(crate) fn restarted(&self) -> Self {
        Self {
            start: None,
            lines: 0,
            at: 0,
            line: Line::default(),
            ..*self
        }
    }

    /// The start line, if it is whole.
    pub(crate) fn start(&self) -> StartLine {
        self.start.unwrap_or_default()
    }

    /// Reads the start line if it is whole.
    fn start_line(&mut self, seen: &[u8]) -> Result<Option<StartLine>, Fault> {
        let Some(rest) = seen.get(self.line.pos..) else {
            return Ok(None);
        };
        let end = self.line.pos + value_len(rest);
        self.line.pos = end;
        match seen[end..] {
            [] | [b'\r'] => Ok(None),
            [b'\r', b'\n', ..] => {
                let line = &seen[..end];
                let start = match self.kind {
                    Kind::Request => request_line(line),
                    Kind::Response => status_line(line),
                }?;
                self.at = end + 2;
                self.line = Line::default();
                Ok(Some(start))
            }
            _ => Err(malformed(end)),
        }
    }
}

/// Where a head ends by its first empty line, whether or not it is right: for onlookers, who go on
/// behind a head that they report. Of a head that a [`HeadScanner`] passes, this is its length.
///
/// ```
/// use wscodec::head::end_of_head;
///
/// assert_eq!(end_of_head(b"G\0T\r\nA : b\r\n\r\nmore"), Some(14));
/// assert_eq!(end_of_head(b"GET / HTTP/1.1\r\n"), None);
/// ```
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|&b| b == b'\n')? + 1;
        if bytes[..at].ends_with(b"\r\n\r\n") {
            return Some(at);
        }
    }
}

/// The three parts of a start line, right or wrong, for onlookers: method, target and version of a
/// request; version, status and reason of a response. A part that is not there is empty.
///
/// ```
/// use wscodec::head::start_line;
///
/// let parts: [&[u8]; 3] = [b"HTTP/1.1", b"404", b"Not Found"];
/// assert_eq!(start_line(b"HTTP/1.1 404 Not Found\r\n\r\n"), parts);
/// ```
pub fn start_line(head: &[u8]) -> [&[u8]; 3] {
    let mut parts = head[..value_len(head)].splitn(3, |&b| b == b' ');
    core::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// A header line, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'b> {
    pub(crate) at: usize,
    /// A token.
    pub(crate) name: &'b [u8],
    /// Without the white space at its ends.
    pub(crate) value: &'b [u8],
}

impl<'b> Field<'b> {
    /// The line as it is shown to callers.
    pub(crate) fn public(self) -> HeaderField<'b> {
        HeaderField {
            name: text(self.name),
            value: self.value,
        }
    }
}

pub(crate) fn malformed(at: usize) -> Fault {
    ErrorKind::from(HandshakeError::MalformedHead).at(at as u64)
}

/// `method SP request-target SP HTTP-version` (RFC 9112 §3).
fn request_line(line: &[u8]) -> Result<StartLine, Fault> {
    let method_end = token_len(line);
    if method_end == 0 || line.get(method_end) != Some(&b' ') {
        return Err(malformed(method_end));
    }
    let target = method_end + 1;
    let len = line[target..]
        .iter()
        .position(|b| !b.is_ascii_graphic())
        .unwrap_or(line.len() - target);
    let target_end = target + len;
    if len == 0 || line.get(target_end) != Some(&b' ') {
        return Err(malformed(target_end));
    }
    Ok(StartLine {
        method_end,
        target_end,
        status: 0,
        minor: version(&line[target_end + 1..], target_end + 1)?,
    })
}

/// `HTTP-version SP status-code [SP [reason-phrase]]` (RFC 9112 §4).
fn status_line(line: &[u8]) -> Result<StartLine, Fault> {
    let minor = version(line.get(..8).unwrap_or(line), 0)?;
    match line[8..] {
        [b' ', a, b, c] | [b' ', a, b, c, b' ', ..] if [a, b, c].iter().all(u8::is_ascii_digit) => {
            let digit = |byte: u8| u16::from(byte - b'0');
            Ok(StartLine {
                status: digit(a) * 100 + digit(b) * 10 + digit(c),
                minor,
                ..StartLine::default()
            })
        }
        _ => Err(malformed(8)),
    }
}

/// The minor version.
fn version(bytes: &[u8], at: usize) -> Result<u8, Fault> {
    match bytes {
        b"HTTP/1.1" => Ok(1),
        b"HTTP/1.0" => Ok(0),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(ErrorKind::from(HandshakeError::HttpVersion).at(at as u64))
        }
        _ => Err(malformed(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::string::{String, ToString};
    use std::vec::Vec;

    const MALFORMED: ErrorKind = ErrorKind::Handshake(HandshakeError::MalformedHead);
    const VERSION: ErrorKind = ErrorKind::Handshake(HandshakeError::HttpVersion);
    const LARGE: ErrorKind = ErrorKind::Limit(LimitError::HeadTooLarge);
    const MANY: ErrorKind = ErrorKind::Limit(LimitError::TooManyHeaders);

    /// The result of a scan of the whole, which is the same at every split and byte by byte.
    fn scan(scanner: &HeadScanner, bytes: &[u8]) -> Result<Option<usize>, (ErrorKind, u64)> {
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

    fn request(bytes: &str) -> Result<Option<usize>, (ErrorKind, u64)> {
        scan(&HeadScanner::request(&Limits::DEFAULT), bytes.as_bytes())
    }

    fn response(bytes: &str) -> Result<Option<usize>, (ErrorKind, u64)> {
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

    #[test]
    fn hands_out_each_line_once_however_the_head_is_cut() {
        let bytes = b"GET / HTTP/1.1\r\nA: b\r\nC:\r\nLonger-Name:\t some value \r\n\r\nD: e\r\n";
        let expected = [
            (16, "A", "b"),
            (22, "C", ""),
            (26, "Longer-Name", "some value"),
        ];
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let mut scanner = HeadScanner::request(&Limits::DEFAULT);
                let mut lines = Vec::new();
                let mut len = None;
                for end in [first, second, bytes.len()] {
                    if len.is_none() {
                        let result = scanner.scan_lines(&bytes[..end], |field| {
                            let text = |bytes| core::str::from_utf8(bytes).unwrap();
                            lines.push((field.at, text(field.name), text(field.value)));
                        });
                        len = result.unwrap();
                    }
                }
                assert_eq!((len, &lines[..]), (Some(55), &expected[..]));
            }
        }
    }
}
