//! The scanner of heads against a second reader, which is written by the words of the grammar
//! (RFC 9112 §2 to §5): both must accept the same heads, for every byte at every place of some heads, and
//! for random mutations.

use wscodec::Limits;
use wscodec::head::HeadScanner;

#[derive(Clone, Copy)]
enum Kind {
    Request,
    Response,
}

/// The length of a whole, well-formed head, found by the words of the grammar and without regard to
/// speed.
fn by_the_book(kind: Kind, bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let lines: Vec<&[u8]> = {
        let mut lines = Vec::new();
        let mut rest = &bytes[..end + 2];
        while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
            lines.push(&rest[..at]);
            rest = &rest[at + 2..];
        }
        lines
    };
    let (start, fields) = lines.split_first()?;
    let tchar = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let vchar = |b: &u8| *b == b'\t' || (*b >= b' ' && *b != 0x7F);
    let is_token = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(tchar);
    let is_version = |bytes: &[u8]| bytes == b"HTTP/1.1" || bytes == b"HTTP/1.0";
    let words: Vec<&[u8]> = start.split(|&b| b == b' ').collect();
    let is_start = match (kind, &words[..]) {
        (Kind::Request, [method, target, version]) => {
            let graphic = target.iter().all(u8::is_ascii_graphic);
            is_token(method) && !target.is_empty() && graphic && is_version(version)
        }
        (Kind::Response, [version, status, ..]) => {
            let digits = status.len() == 3 && status.iter().all(u8::is_ascii_digit);
            is_version(version) && digits && start.iter().all(vchar)
        }
        _ => false,
    };
    let is_field = |line: &&[u8]| {
        let colon = line.iter().position(|&b| b == b':');
        colon.is_some_and(|at| is_token(&line[..at]) && line[at + 1..].iter().all(vchar))
    };
    (is_start && fields.iter().all(is_field)).then_some(end + 4)
}

const SEEDS: [&[u8]; 6] = [
    b"GET /chat?a=1 HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nX:\r\n\r\n\x81\x00",
    b"GET / HTTP/1.1\r\n\r\n\r\n\r\n",
    b"POST http://a/ HTTP/1.0\r\nLong-Name-Of-A-Header: \t value of some length, \xe9 \t\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nA: b\r\n\r\n\x81\x00",
    b"HTTP/1.0 404\r\nServer: \xff\r\n\r\n",
    b"HTTP/1.1 101 \xe9\r\nA:\r\n\r\n",
];

/// Whether both kinds of scanner find the heads that the grammar allows, and say the same of
/// one piece, of bytes one by one, and of two pieces.
fn assert_right(bytes: &[u8], split: usize) {
    for kind in [Kind::Request, Kind::Response] {
        let fresh = match kind {
            Kind::Request => HeadScanner::request(&Limits::DEFAULT),
            Kind::Response => HeadScanner::response(&Limits::DEFAULT),
        };
        let whole = fresh.clone().scan(bytes);
        let found = whole.ok().flatten();
        assert_eq!(found, by_the_book(kind, bytes), "{}", bytes.escape_ascii());
        let mut scanner = fresh.clone();
        let mut ends = 1..=bytes.len();
        let one_by_one = ends.find_map(|end| scanner.scan(&bytes[..end]).transpose());
        assert_eq!(one_by_one.transpose(), whole, "{}", bytes.escape_ascii());
        let mut scanner = fresh;
        let two = match scanner.scan(&bytes[..split]) {
            Ok(None) => scanner.scan(bytes),
            end => end,
        };
        assert_eq!(two, whole, "{} at {split}", bytes.escape_ascii());
    }
}

#[test]
fn every_byte_everywhere_is_right_or_rejected() {
    for seed in SEEDS {
        for at in 0..seed.len() {
            for byte in 0..=255 {
                let mut bytes = seed.to_vec();
                bytes[at] = byte;
                assert_right(&bytes, at);
            }
        }
    }
}

#[test]
fn mutated_heads_are_right_or_rejected() {
    // xorshift64*, so that a failure can be had again.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |n: usize| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    };
    let odd = b"\r\n\r\n \t:\0/.\x7f\x80\xffAG1";
    for _ in 0..30_000 {
        let mut bytes: Vec<u8> = SEEDS[below(SEEDS.len())].to_vec();
        for _ in 0..below(4) {
            let at = below(bytes.len());
            match below(4) {
                0 => bytes[at] = odd[below(odd.len())],
                1 => bytes.insert(at, odd[below(odd.len())]),
                2 => bytes[at] = below(256) as u8,
                _ => drop(bytes.remove(at)),
            }
        }
        let split = below(bytes.len());
        assert_right(&bytes, split);
    }
}
