//! A head taken apart by `httparse`, with what it lets through refused: empty lines before the
//! start line, bare LFs, and bytes from 0x80 on in a request's target.

use core::mem::MaybeUninit;

use crate::limits::Limits;

/// Room for the header lines of one head, never written before `httparse` does.
pub(crate) type Room<'h> = [MaybeUninit<httparse::Header<'h>>; Limits::MAX_HEADERS];

pub(crate) const fn room<'h>() -> Room<'h> {
    [const { MaybeUninit::uninit() }; Limits::MAX_HEADERS]
}

/// The lines of a head.
pub(crate) struct Lines<'r, 'h> {
    buf: &'h [u8],
    headers: &'r [httparse::Header<'h>],
}

impl<'r, 'h> Lines<'r, 'h> {
    /// Offset, name and value of each header; `None` in place of one that comes after a bare LF.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<(usize, &'h str, &'h [u8])>> + 'r {
        let buf = self.buf;
        self.headers.iter().map(move |header| {
            let at = offset(buf, header.name.as_bytes());
            let before = buf.get(at.wrapping_sub(2)..at)?;
            (before == b"\r\n").then_some((at, header.name, header.value))
        })
    }
}

/// Request line, headers, and length of the head. `None`: not whole or not well-formed, which of
/// the two is the scanner's to say.
#[inline]
pub(crate) fn request<'r, 'h>(
    buf: &'h [u8],
    room: &'r mut [MaybeUninit<httparse::Header<'h>>],
) -> Option<(usize, &'h str, &'h str, u8, Lines<'r, 'h>)> {
    let mut request = httparse::Request::new(&mut []);
    let len = match request.parse_with_uninit_headers(buf, room) {
        Ok(httparse::Status::Complete(len)) => len,
        _ => return None,
    };
    let (method, path) = (request.method?, request.path?);
    let strict =
        offset(buf, method.as_bytes()) == 0 && path.is_ascii() && buf[..len].ends_with(b"\r\n\r\n");
    let lines = Lines {
        buf,
        headers: request.headers,
    };
    strict.then_some((len, method, path, request.version?, lines))
}

/// Status, version and headers, and length of the head; `None` as in [`request`].
#[inline]
pub(crate) fn response<'r, 'h>(
    buf: &'h [u8],
    room: &'r mut [MaybeUninit<httparse::Header<'h>>],
) -> Option<(usize, u16, u8, Lines<'r, 'h>)> {
    let mut response = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        buf,
        room,
    );
    let len = match parsed {
        Ok(httparse::Status::Complete(len)) => len,
        _ => return None,
    };
    let strict = buf.first() == Some(&b'H') && buf[..len].ends_with(b"\r\n\r\n");
    let lines = Lines {
        buf,
        headers: response.headers,
    };
    strict.then_some((len, response.code?, response.version?, lines))
}

/// Where `part` begins in `whole`, whose slice it is.
#[inline]
fn offset(whole: &[u8], part: &[u8]) -> usize {
    part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::HeadScanner;
    use std::string::String;
    use std::vec::Vec;

    const SEEDS: [&[u8]; 6] = [
        b"GET /chat?a=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nX:\r\n\r\n\x81\x00",
        b"GET / HTTP/1.1\r\n\r\n\r\n\r\n",
        b"POST http://a/ HTTP/1.0\r\nLong-Name-Of-A-Header: \t value of some length, \xe9 \t\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nA: b\r\n\r\n\x81\x00",
        b"HTTP/1.0 404\r\nServer: \xff\r\n\r\n",
        b"HTTP/1.1 101 \xe9\r\nA:\r\n\r\n",
    ];

    /// xorshift64*, so that a failure can be had again.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
        }
    }

    /// Whether the scanner and the parser with its added strictness agree on a head's length.
    fn assert_agree(bytes: &[u8]) {
        let scanned = |mut scanner: HeadScanner| scanner.scan(bytes).ok().flatten();
        let text = || String::from_utf8_lossy(bytes).into_owned();
        let limits = Limits::DEFAULT;
        let all = |lines: Lines<'_, '_>| lines.iter().all(|line| line.is_some());

        let mut space = room();
        let parsed = request(bytes, &mut space[..limits.headers]);
        let parsed = parsed.and_then(|(len, .., lines)| all(lines).then_some(len));
        assert_eq!(
            parsed,
            scanned(HeadScanner::request(&limits)),
            "{:?}",
            text()
        );

        let mut space = room();
        let parsed = response(bytes, &mut space[..limits.headers]);
        let parsed = parsed.and_then(|(len, .., lines)| all(lines).then_some(len));
        assert_eq!(
            parsed,
            scanned(HeadScanner::response(&limits)),
            "{:?}",
            text()
        );
    }

    #[test]
    fn agrees_with_the_scanner_on_mutated_heads() {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let odd = b"\r\n\r\n \t:\0/.\x7f\x80\xffAG1";
        for _ in 0..60_000 {
            let mut bytes: Vec<u8> = SEEDS[random.below(SEEDS.len())].to_vec();
            for _ in 0..random.below(4) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] = odd[random.below(odd.len())],
                    1 => bytes.insert(at, odd[random.below(odd.len())]),
                    2 => bytes[at] = random.below(256) as u8,
                    _ => drop(bytes.remove(at)),
                }
            }
            assert_agree(&bytes);
        }
    }

    #[test]
    fn agrees_with_the_scanner_on_every_byte_everywhere() {
        for seed in SEEDS {
            for at in 0..seed.len() {
                for byte in 0..=255 {
                    let mut bytes = seed.to_vec();
                    bytes[at] = byte;
                    assert_agree(&bytes);
                }
            }
        }
    }

    #[test]
    fn gives_each_line_with_its_offset() {
        let bytes = b"GET / HTTP/1.1\r\nA: b\r\nC:\r\n\r\n";
        let mut space = room();
        let (len, method, path, version, lines) = request(bytes, &mut space).unwrap();
        assert_eq!((len, method, path, version), (bytes.len(), "GET", "/", 1));
        let lines: Vec<_> = lines.iter().map(Option::unwrap).collect();
        assert_eq!(lines, [(16, "A", &b"b"[..]), (22, "C", b"")]);
    }
}
