//! The first messages of a TLS connection (RFC 8446 §4.1.2, §4.1.3), as far as an onlooker needs them.

/// A longer ClientHello is not read.
#[cfg(not(feature = "tls"))]
pub(crate) const MAX_LEN: usize = 64 << 10;

const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

#[cfg(feature = "tls")]
const SUPPORTED_VERSIONS: u16 = 43;
const EARLY_DATA: u16 = 42;

/// The fields of a ClientHello that are in the clear.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The client's random number.
    pub(crate) random: [u8; 32],
    /// Whether data follows before the server answers (RFC 8446 §4.2.10).
    pub(crate) early: bool,
    /// The server's name (RFC 6066 §3).
    pub(crate) server_name: Option<String>,
    /// The protocols offered (RFC 7301), joined by commas.
    pub(crate) alpn: Option<String>,
}

#[cfg(any(test, not(feature = "tls")))]
/// Reads a ClientHello in the records at the front of `bytes`. `None` if it is not whole, or none.
pub(crate) fn read(bytes: &[u8]) -> Option<Hello> {
    let mut message = Vec::new();
    let mut rest = bytes;
    loop {
        let (head, after) = rest.split_first_chunk::<5>()?;
        let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
        if head[0] != 0x16 {
            return None;
        }
        message.extend_from_slice(after.get(..len)?);
        rest = &after[len..];
        if let [1, a, b, c, body @ ..] = &message[..] {
            let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            if let Some(body) = body.get(..len) {
                return hello(body);
            }
        } else if message.len() >= 4 {
            return None;
        }
    }
}

/// Takes a field with a length of `N` bytes off the front.
fn field<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = bytes.split_first_chunk::<N>()?;
    let len = len
        .iter()
        .fold(0, |len, &byte| len << 8 | usize::from(byte));
    let (field, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some(field)
}

/// The body of a ClientHello.
pub(crate) fn hello(body: &[u8]) -> Option<Hello> {
    let random = *body.get(2..)?.first_chunk()?;
    let mut rest = body.get(34..)?;
    field::<1>(&mut rest)?;
    field::<2>(&mut rest)?;
    field::<1>(&mut rest)?;
    let mut hello = Hello {
        random,
        ..Hello::default()
    };
    let Some(mut extensions) = field::<2>(&mut rest) else {
        return Some(hello);
    };
    while let Some((kind, mut after)) = extensions.split_first_chunk::<2>() {
        let mut data = field::<2>(&mut after)?;
        extensions = after;
        match u16::from_be_bytes(*kind) {
            SERVER_NAME => {
                let mut names = field::<2>(&mut data)?;
                let (0, mut name) = names.split_first().map(|(kind, rest)| (*kind, rest))? else {
                    continue;
                };
                names = field::<2>(&mut name)?;
                hello.server_name = Some(String::from_utf8_lossy(names).into_owned());
            }
            ALPN => {
                let mut list = field::<2>(&mut data)?;
                let mut names = Vec::new();
                while let Some(name) = field::<1>(&mut list) {
                    names.push(String::from_utf8_lossy(name).into_owned());
                }
                hello.alpn = Some(names.join(","));
            }
            EARLY_DATA => hello.early = true,
            _ => {}
        }
    }
    Some(hello)
}

/// The fields of a ServerHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg(feature = "tls")]
pub(super) struct ServerHello {
    pub(super) random: [u8; 32],
    /// The number of the cipher suite.
    pub(super) suite: u16,
    /// Whether this is TLS 1.3.
    pub(super) tls13: bool,
}

/// The random number of a ServerHello that asks for another ClientHello (RFC 8446 §4.1.3).
#[cfg(feature = "tls")]
pub(super) const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// The body of a ServerHello.
#[cfg(feature = "tls")]
pub(super) fn server_hello(body: &[u8]) -> Option<ServerHello> {
    let random = *body.get(2..)?.first_chunk()?;
    let mut rest = body.get(34..)?;
    field::<1>(&mut rest)?;
    let (suite, mut rest) = rest.split_first_chunk::<2>()?;
    rest = rest.get(1..)?;
    let mut hello = ServerHello {
        random,
        suite: u16::from_be_bytes(*suite),
        tls13: false,
    };
    let mut extensions = field::<2>(&mut rest).unwrap_or_default();
    while let Some((kind, mut after)) = extensions.split_first_chunk::<2>() {
        let data = field::<2>(&mut after)?;
        extensions = after;
        if u16::from_be_bytes(*kind) == SUPPORTED_VERSIONS {
            hello.tls13 = data == [3, 4];
        }
    }
    Some(hello)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_the_protocols_are_read_in_one_record_or_several() {
        let mut body = vec![3, 3];
        body.extend([0; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        let name = b"example.com";
        let mut extensions = vec![0, 0, 0, 16, 0, 14, 0, 0, 11];
        extensions.extend(name);
        extensions.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0, 0, body.len() as u8];
        message.extend(body);
        let expected = Some(Hello {
            server_name: Some("example.com".into()),
            alpn: Some("h2".into()),
            ..Hello::default()
        });
        for cut in 1..message.len() {
            let mut records = Vec::new();
            for part in [&message[..cut], &message[cut..]] {
                records.extend([0x16, 3, 1, 0, part.len() as u8]);
                records.extend(part);
            }
            assert_eq!(read(&records), expected);
            for len in 0..records.len() {
                assert_eq!(read(&records[..len]), None);
            }
        }
    }
}
