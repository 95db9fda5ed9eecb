//! The header that a proxy puts in front of a connection, to say on whose behalf it speaks: the PROXY
//! protocol, versions 1 and 2 (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The first bytes of version 2.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The longest header: version 2 with a length of 16 bits.
pub(super) const MAX_LEN: usize = 16 + 0xffff;

/// The longest line of version 1.
const MAX_LINE: usize = 107;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// The header goes on.
    More,
    /// The header, with the client's address and the one that it connected to.
    Whole {
        len: usize,
        addresses: Option<[SocketAddr; 2]>,
    },
    /// This is none.
    Malformed,
}

/// Reads a header at the front of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Read {
    match bytes.starts_with(b"PROXY ") {
        true => line(bytes),
        false => binary(bytes),
    }
}

fn line(bytes: &[u8]) -> Read {
    let front = &bytes[..bytes.len().min(MAX_LINE)];
    let Some(end) = front.windows(2).position(|pair| pair == b"\r\n") else {
        return if bytes.len() < MAX_LINE {
            Read::More
        } else {
            Read::Malformed
        };
    };
    let Ok(text) = core::str::from_utf8(&bytes[..end]) else {
        return Read::Malformed;
    };
    let mut words = text.split(' ').skip(1);
    let mut next = || words.next().unwrap_or_default();
    let addresses = match next() {
        "TCP4" | "TCP6" => {
            let (source, destination) = (next().parse::<IpAddr>(), next().parse::<IpAddr>());
            let (from, to) = (next().parse(), next().parse());
            match (source, destination, from, to) {
                (Ok(source), Ok(destination), Ok(from), Ok(to)) => Some([
                    SocketAddr::new(source, from),
                    SocketAddr::new(destination, to),
                ]),
                _ => return Read::Malformed,
            }
        }
        "UNKNOWN" => None,
        _ => return Read::Malformed,
    };
    Read::Whole {
        len: end + 2,
        addresses,
    }
}

fn binary(bytes: &[u8]) -> Read {
    let Some(head) = bytes.first_chunk::<16>() else {
        return Read::More;
    };
    let len = usize::from(u16::from_be_bytes([head[14], head[15]]));
    if !head.starts_with(&SIGNATURE) || head[12] >> 4 != 2 {
        return Read::Malformed;
    }
    let Some(body) = bytes.get(16..16 + len) else {
        return Read::More;
    };
    let port = |at: usize| u16::from_be_bytes([body[at], body[at + 1]]);
    let v4 = |at: usize| -> Option<IpAddr> {
        Some(Ipv4Addr::from(*body.get(at..)?.first_chunk::<4>()?).into())
    };
    let v6 = |at: usize| -> Option<IpAddr> {
        Some(Ipv6Addr::from(*body.get(at..)?.first_chunk::<16>()?).into())
    };
    // The command PROXY, with TCP over IPv4 or IPv6; a LOCAL connection has no addresses.
    let addresses = match (head[12] & 15, head[13]) {
        (1, 0x11) if len >= 12 => v4(0).zip(v4(4)).map(|both| (both, 8)),
        (1, 0x21) if len >= 36 => v6(0).zip(v6(16)).map(|both| (both, 32)),
        _ => None,
    };
    let addresses = addresses.map(|((source, destination), ports)| {
        [
            SocketAddr::new(source, port(ports)),
            SocketAddr::new(destination, port(ports + 2)),
        ]
    });
    Read::Whole {
        len: 16 + len,
        addresses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> (usize, Option<[SocketAddr; 2]>) {
        for len in 1..bytes.len() {
            match read(&bytes[..len]) {
                Read::More => {}
                Read::Whole { len: it, addresses } => return (it, addresses),
                Read::Malformed => panic!("malformed after {len} bytes"),
            }
        }
        panic!("it has no end");
    }

    #[test]
    fn both_versions_say_who_is_behind_them() {
        let both: [SocketAddr; 2] = ["10.1.2.3:5000", "10.0.0.1:80"].map(|it| it.parse().unwrap());
        let one = b"PROXY TCP4 10.1.2.3 10.0.0.1 5000 80\r\nGET /";
        assert_eq!(whole(one), (38, Some(both)));
        let mut two = SIGNATURE.to_vec();
        two.extend([
            0x21, 0x11, 0, 15, 10, 1, 2, 3, 10, 0, 0, 1, 0x13, 0x88, 0, 80,
        ]);
        two.extend(b"tlvGET /");
        assert_eq!(whole(&two), (31, Some(both)));
        assert_eq!(whole(b"PROXY UNKNOWN\r\nG"), (15, None));
    }

    #[test]
    fn other_bytes_are_none() {
        assert_eq!(read(b"PROXY TCP4 1 2 3 4\r\n"), Read::Malformed);
        assert_eq!(read(b"PROXY DANCE\r\n"), Read::Malformed);
        assert_eq!(read(&[b'x'; 200]), Read::Malformed);
    }
}
