//! `ws:` and `wss:` URLs (RFC 6455 §3).

use alloc::string::String;
use core::net::{IpAddr, Ipv6Addr};
use core::str::FromStr;

use crate::error::MisuseError;
use crate::head::split_target;

/// A parsed WebSocket URL: `ws://host[:port][/path][?query]`, or the same with `wss:`. The parser is
/// strict. It rejects fragments (RFC 6455 §3), and user names, because they are never sent: use an
/// `Authorization` header. The caller percent-encodes characters that URLs do not have, such as
/// spaces and letters beyond ASCII (in a host: punycode).
///
/// ```
/// use wscodec::io::Url;
///
/// let url = Url::parse("wss://example.com/chat?room=1")?;
/// assert!(url.is_secure());
/// assert_eq!((url.host(), url.port()), ("example.com", 443));
/// assert_eq!((url.authority(), url.path_and_query()), ("example.com", "/chat?room=1"));
/// assert_eq!((url.path(), url.query()), ("/chat", Some("room=1")));
///
/// let url = Url::parse("ws://[::1]:9001")?;
/// assert_eq!((url.host(), url.port()), ("::1", 9001));
/// assert_eq!((url.authority(), url.path()), ("[::1]:9001", "/"));
/// assert!(Url::parse("http://example.com").is_err());
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    /// Host and port as they are sent in `Host`.
    authority: String,
    host: String,
    port: u16,
    /// The path and the query; at least `/`.
    path: String,
}

impl Url {
    /// Parses a URL.
    ///
    /// # Errors
    /// [`MisuseError::Url`] if the text is not a WebSocket URL.
    pub fn parse(url: &str) -> Result<Self, MisuseError> {
        Self::split(url).ok_or(MisuseError::Url)
    }

    fn split(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let secure = match () {
            () if scheme.eq_ignore_ascii_case("ws") => false,
            () if scheme.eq_ignore_ascii_case("wss") => true,
            () => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']')?;
                host.parse::<Ipv6Addr>().ok()?;
                (host, port)
            }
            None => {
                let at = authority.find(':').unwrap_or(authority.len());
                let (host, port) = authority.split_at(at);
                if host.is_empty() || !host.bytes().all(is_host) {
                    return None;
                }
                (host, port)
            }
        };
        let default = if secure { 443 } else { 80 };
        let (authority, port) = match port {
            "" => (authority, default),
            // The default port of the scheme is not sent, as in browsers.
            port => match parse_port(port.strip_prefix(':')?)? {
                number if number == default => {
                    (&authority[..authority.len() - port.len()], default)
                }
                number => (authority, number),
            },
        };
        Some(Self {
            secure,
            authority: authority.into(),
            host: host.into(),
            port,
            path: match path {
                "" => "/".into(),
                query if query.starts_with('?') => ["/", query].concat(),
                path => path.into(),
            },
        })
    }

    /// Whether the scheme is `wss:`, which means TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host: a name or an address. An IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host as an address, if it is an address.
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The port. The default is 80 for `ws:` and 443 for `wss:`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header: the host, and the port unless it is the default of the scheme.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path as it is sent, without the query; at least `/`.
    pub fn path(&self) -> &str {
        split_target(&self.path).0
    }

    /// The query as it is sent: the bytes behind the first `?`. `None` if there is no `?`.
    pub fn query(&self) -> Option<&str> {
        split_target(&self.path).1
    }

    /// The path and the query as they are sent, such as `/chat?room=1`; at least `/`.
    pub fn path_and_query(&self) -> &str {
        &self.path
    }
}

impl FromStr for Url {
    type Err = MisuseError;

    /// The error of [`Url::parse`].
    fn from_str(url: &str) -> Result<Self, MisuseError> {
        Self::parse(url)
    }
}

/// The bytes of a name or an IPv4 address (RFC 3986 §3.2.2), without percent-encoded bytes.
fn is_host(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

fn parse_port(digits: &str) -> Option<u16> {
    match digits.bytes().all(|b| b.is_ascii_digit()) {
        true => digits.parse().ok().filter(|&port| port != 0),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        for (url, authority, host, port, path) in [
            ("ws://a", "a", "a", 80, "/"),
            ("WS://A:80/", "A", "A", 80, "/"),
            ("wss://a:443?q", "a", "a", 443, "/?q"),
            (
                "wss://a:80/x/../y?z=:/@?",
                "a:80",
                "a",
                80,
                "/x/../y?z=:/@?",
            ),
            (
                "ws://127.0.0.1:9001/a",
                "127.0.0.1:9001",
                "127.0.0.1",
                9001,
                "/a",
            ),
            ("ws://[fe80::1]/", "[fe80::1]", "fe80::1", 80, "/"),
            ("ws://[::1]:80", "[::1]", "::1", 80, "/"),
        ] {
            let found = Url::parse(url).unwrap();
            assert_eq!(found.authority(), authority, "{url}");
            assert_eq!((found.host(), found.port()), (host, port), "{url}");
            assert_eq!(found.path_and_query(), path, "{url}");
        }
    }

    #[test]
    fn what_is_refused() {
        for url in [
            "",
            "a",
            "ws:a",
            "ws:/a",
            "ws://",
            "ws:///a",
            "http://a",
            "ws://a#",
            "ws://a/#b",
            "ws://user@a",
            "ws://user:word@a/",
            "ws://a:",
            "ws://a:0",
            "ws://a:65536",
            "ws://a:+1",
            "ws://a:b",
            "ws://a b",
            "ws://a/ b",
            "ws://a/\r\n",
            "ws://ä",
            "ws://a/ä",
            "ws://[::1",
            "ws://::1",
            "ws://[a]",
            "ws://[::1]x",
            "ws://[::1%25eth0]",
            "ws://a\\b",
            " ws://a",
        ] {
            assert_eq!(Url::parse(url), Err(MisuseError::Url), "{url}");
        }
    }
}
