//! Heads changed at random (from fixed seeds): nothing panics, and however the bytes are cut, the
//! outcome is the same. What is accepted keeps the rules as a plain second look sees them.

use wscodec::handshake::{ClientRequest, Rejection, UpgradeRequestReader, UpgradeResponseReader};
use wscodec::{Fault, Limits};

const REQUEST: &[u8] = b"GET /chat?a=1 HTTP/1.1\r\nHost: example.com:80\r\nUpgrade: websocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nOrigin: http://example.com\r\nContent-Length: 0\r\n\
    Sec-WebSocket-Protocol: v2, v1\r\nSec-WebSocket-Protocol: v0\r\n\
    Sec-WebSocket-Extensions: d; a=\"1\\0\"; b, e\r\n\r\n\x81\x80abcd";

const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: d; a=\"1\\0\"; b\r\n\r\n\x81\x00";

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

fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const ODD: &[u8] = b"\r\n\r\n \t:;,=\"\\\0\x7f\x80\xffAa019/";
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(6) {
            0 | 1 => bytes[at] = ODD[random.below(ODD.len())],
            2 => bytes.insert(at, ODD[random.below(ODD.len())]),
            3 => bytes[at] = random.below(256) as u8,
            4 => drop(bytes.remove(at)),
            _ => {
                // A stretch from elsewhere, so that lines and parts of lists come doubled.
                let len = random.below(bytes.len() - at).min(80);
                let part = bytes[at..at + len].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
}

fn read_request(
    bytes: &[u8],
    ends: &mut dyn Iterator<Item = usize>,
) -> Result<Option<usize>, Fault> {
    let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
    for end in ends {
        let Some(request) = reader.read(&bytes[..end])? else {
            continue;
        };
        let head = request.head();
        assert_eq!(head, &bytes[..request.head_len()]);
        assert!(head.ends_with(b"\r\n\r\n") && head.starts_with(b"GET "));
        let once = |name| request.headers().filter(|header| header.is(name)).count() == 1;
        assert!(once("host") && once("sec-websocket-key") && once("sec-websocket-version"));
        assert!(request.headers().count() <= Limits::DEFAULT.headers);
        assert!(request.target().is_ascii() && !request.host().is_empty());
        for extension in request.extensions() {
            for param in extension.params() {
                assert!(
                    param
                        .value
                        .is_none_or(|value| value.bytes().next().is_some())
                );
            }
        }
        let mut protocols: Vec<_> = request.protocols().collect();
        let count = protocols.len();
        protocols.sort_unstable();
        protocols.dedup();
        assert_eq!(protocols.len(), count, "distinct");
        let mut out = Vec::new();
        request.accept().write(&mut out).unwrap();
        return Ok(Some(request.head_len()));
    }
    Ok(None)
}

fn read_response(
    bytes: &[u8],
    ends: &mut dyn Iterator<Item = usize>,
) -> Result<Option<usize>, Fault> {
    let client = ClientRequest::new("a", "/", *b"the sample nonce")
        .protocols(&["v1", "v2"])
        .extensions("d, e");
    let mut reader = UpgradeResponseReader::new(&Limits::DEFAULT);
    for end in ends {
        let Some(response) = reader.read(&bytes[..end])? else {
            continue;
        };
        client.check(&response)?;
        assert_eq!(response.status(), 101);
        assert!(
            response
                .protocol()
                .is_none_or(|name| name == "v1" || name == "v2")
        );
        assert!(
            response
                .extensions()
                .all(|e| e.name() == "d" || e.name() == "e")
        );
        return Ok(Some(response.head_len()));
    }
    Ok(None)
}

#[test]
fn requests() {
    let mut random = Random(1);
    let mut accepted = 0;
    for _ in 0..8_000 {
        let bytes = mutate(REQUEST, &mut random);
        let whole = read_request(&bytes, &mut [bytes.len()].into_iter());
        let split = [random.below(bytes.len()), bytes.len()];
        assert_eq!(read_request(&bytes, &mut split.into_iter()), whole);
        assert_eq!(read_request(&bytes, &mut (0..=bytes.len())), whole);
        match whole {
            Ok(read) => accepted += usize::from(read.is_some()),
            Err(fault) => {
                assert!(fault.offset <= bytes.len() as u64);
                Rejection::of(fault)
                    .unwrap()
                    .write(&mut Vec::new())
                    .unwrap();
            }
        }
    }
    assert!(
        (500..7_500).contains(&accepted),
        "{accepted} accepted: the changes say little"
    );
}

#[test]
fn responses() {
    let mut random = Random(2);
    let mut accepted = 0;
    for _ in 0..8_000 {
        let bytes = mutate(RESPONSE, &mut random);
        let whole = read_response(&bytes, &mut [bytes.len()].into_iter());
        let split = [random.below(bytes.len()), bytes.len()];
        assert_eq!(read_response(&bytes, &mut split.into_iter()), whole);
        assert_eq!(read_response(&bytes, &mut (0..=bytes.len())), whole);
        accepted += usize::from(matches!(whole, Ok(Some(_))));
    }
    assert!(
        (500..7_500).contains(&accepted),
        "{accepted} accepted: the changes say little"
    );
}

#[test]
fn bytes_of_no_sense_at_all() {
    let mut random = Random(3);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.below(200))
            .map(|_| random.below(256) as u8)
            .collect();
        let ends = [bytes.len()];
        assert!(matches!(
            read_request(&bytes, &mut ends.into_iter()),
            Ok(None) | Err(_)
        ));
        assert!(matches!(
            read_response(&bytes, &mut ends.into_iter()),
            Ok(None) | Err(_)
        ));
    }
}
