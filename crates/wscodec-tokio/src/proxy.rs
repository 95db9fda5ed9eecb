//! HTTP and SOCKS proxies.

use std::env;
use std::fmt;
use std::io;
use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wscodec::MisuseError;
use wscodec::io::Url;

use crate::accept::read_more;

/// The longest head of a proxy's answer, in bytes.
const HEAD: usize = 16 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

/// A proxy that opens a TCP connection to the server: by the method CONNECT of HTTP (RFC 9110 §9.3.6),
/// or by SOCKS 5 (RFC 1928, with user names by RFC 1929). The proxy looks the server's name up.
///
/// ```
/// use wscodec_tokio::Proxy;
///
/// let proxy = Proxy::parse("http://user:secret@proxy.example:3128")?;
/// let proxy = Proxy::parse("socks5://127.0.0.1:1080")?;
/// assert!(Proxy::parse("ftp://proxy.example").is_err());
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    kind: Kind,
    host: String,
    port: u16,
    user: Option<(String, String)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the password.
        f.debug_struct("Proxy")
            .field("kind", &self.kind)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// A proxy as `http://[user:password@]host[:port]`, or with `socks5:` or `socks5h:`. Without a
    /// scheme it is HTTP. The default ports are 80 and 1080. User and password are percent-encoded.
    ///
    /// # Errors
    /// [`MisuseError::Url`].
    pub fn parse(url: &str) -> Result<Self, MisuseError> {
        Self::split(url).ok_or(MisuseError::Url)
    }

    fn split(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let kind = match &*scheme.to_ascii_lowercase() {
            "http" => Kind::Http,
            "socks5" | "socks5h" => Kind::Socks5,
            _ => return None,
        };
        let rest = rest.trim_end_matches('/');
        let (user, address) = match rest.rsplit_once('@') {
            Some((user, address)) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                (Some((decoded(user)?, decoded(password)?)), address)
            }
            None => (None, rest),
        };
        let default = if kind == Kind::Http { "80" } else { "1080" };
        let whole = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') && !host.is_empty() => {
                port.parse::<u16>().ok()?;
                address.to_owned()
            }
            _ => format!("{address}:{default}"),
        };
        // A host and a port are the same in every URL.
        let url = Url::parse(&format!("ws://{whole}")).ok()?;
        Some(Self {
            kind,
            host: url.host().to_owned(),
            port: url.port(),
            user,
        })
    }

    /// The proxy that the environment names for a URL; `None` for a direct connection.
    ///
    /// `wss:` looks at `https_proxy` and then `HTTPS_PROXY`, `ws:` at `http_proxy` and then
    /// `HTTP_PROXY`; then both at `all_proxy` and `ALL_PROXY`. `HTTP_PROXY` is ignored where
    /// `REQUEST_METHOD` is set, because a client of a CGI program can choose it. `no_proxy` or
    /// `NO_PROXY` is a list of hosts that need no proxy: names with all their subdomains, addresses,
    /// networks such as `10.0.0.0/8`, each with `:port` or without, and `*` for all.
    ///
    /// # Errors
    /// [`MisuseError::Url`] if the environment names something that is no proxy.
    pub fn from_env(url: &Url) -> Result<Option<Self>, MisuseError> {
        Self::of_environment(url, |name| env::var(name).ok().filter(|it| !it.is_empty()))
    }

    fn of_environment(
        url: &Url,
        var: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, MisuseError> {
        let exempt = var("no_proxy").or_else(|| var("NO_PROXY"));
        if exempt.is_some_and(|list| is_exempt(&list, url.host(), url.port())) {
            return Ok(None);
        }
        let own = match url.is_secure() {
            true => var("https_proxy").or_else(|| var("HTTPS_PROXY")),
            false => var("http_proxy").or_else(|| match var("REQUEST_METHOD") {
                Some(_) => None,
                None => var("HTTP_PROXY"),
            }),
        };
        let proxy = own.or_else(|| var("all_proxy").or_else(|| var("ALL_PROXY")));
        proxy.map(|proxy| Self::parse(&proxy)).transpose()
    }

    /// A TCP connection to that host and port, by the proxy.
    pub(crate) async fn dial(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect((&*self.host, self.port)).await?;
        match self.kind {
            Kind::Http => self.by_http(&mut stream, host, port).await?,
            Kind::Socks5 => self.by_socks(&mut stream, host, port).await?,
        }
        Ok(stream)
    }

    async fn by_http(&self, stream: &mut TcpStream, host: &str, port: u16) -> io::Result<()> {
        let target = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some((user, password)) = &self.user {
            let both = BASE64_STANDARD.encode(format!("{user}:{password}"));
            request += &format!("Proxy-Authorization: Basic {both}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        loop {
            // The end may lie across two reads. Bytes that were searched are not searched again.
            let searched = head.len().saturating_sub(3);
            if head.len() > HEAD || read_more(stream, &mut head).await? == 0 {
                return Err(refused("the proxy gave no answer"));
            }
            if head[searched..].windows(4).any(|end| end == b"\r\n\r\n") {
                break;
            }
        }
        let status = match head.strip_prefix(b"HTTP/1.") {
            Some([b'0' | b'1', b' ', status @ ..]) => status.get(..3).unwrap_or_default(),
            _ => return Err(refused("the proxy's answer is not HTTP")),
        };
        match status {
            // Bytes behind the head would be the server's, which speaks only when it is asked.
            [b'2', ..] if head.ends_with(b"\r\n\r\n") => Ok(()),
            status => {
                let status = String::from_utf8_lossy(status);
                Err(refused(&format!("the proxy answered with status {status}")))
            }
        }
    }

    async fn by_socks(&self, stream: &mut TcpStream, host: &str, port: u16) -> io::Result<()> {
        let methods: &[u8] = match self.user {
            Some(_) => &[5, 2, 0, 2],
            None => &[5, 1, 0],
        };
        stream.write_all(methods).await?;
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await?;
        match (chosen, &self.user) {
            ([5, 0], _) => {}
            ([5, 2], Some((user, password))) => {
                let mut request = vec![1];
                for part in [user, password] {
                    request.push(short(part)?);
                    request.extend_from_slice(part.as_bytes());
                }
                stream.write_all(&request).await?;
                let mut result = [0; 2];
                stream.read_exact(&mut result).await?;
                if result[1] != 0 {
                    return Err(refused("the proxy does not take the user's password"));
                }
            }
            _ => return Err(refused("the proxy takes no method of ours to log in")),
        }
        let mut request = vec![5, 1, 0];
        match host.parse() {
            Ok(IpAddr::V4(address)) => {
                request.push(1);
                request.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(4);
                request.extend_from_slice(&address.octets());
            }
            Err(_) => {
                request.extend_from_slice(&[3, short(host)?]);
                request.extend_from_slice(host.as_bytes());
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        stream.write_all(&request).await?;
        let mut reply = [0; 4];
        stream.read_exact(&mut reply).await?;
        if reply[..2] != [5, 0] {
            let message = format!("the proxy could not connect (SOCKS reply {})", reply[1]);
            return Err(refused(&message));
        }
        let address = match reply[3] {
            1 => 4,
            4 => 16,
            3 => usize::from(stream.read_u8().await?),
            _ => return Err(refused("the proxy's answer is not SOCKS 5")),
        };
        let mut bound = [0; 255 + 2];
        stream.read_exact(&mut bound[..address + 2]).await?;
        Ok(())
    }
}

fn refused(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, message)
}

/// The length of what SOCKS has one byte for.
fn short(part: &str) -> io::Result<u8> {
    let len = part.len().try_into();
    len.map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "too long for SOCKS"))
}

/// Percent-decoded; `None` if it can't be.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                (high << 4 | low) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Whether a host is in the list of those that need no proxy.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_end_matches('.');
    let address: Option<IpAddr> = host.parse().ok();
    list.split([',', ' '])
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            if entry == "*" {
                return true;
            }
            let (entry, only) = match entry.rsplit_once(':') {
                Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                    (name, digits.parse::<u16>().ok())
                }
                _ => (entry, None),
            };
            if only.is_some_and(|only| only != port) {
                return false;
            }
            let entry = entry.trim_start_matches('[').trim_end_matches(']');
            match address {
                Some(address) => is_within(address, entry),
                None => {
                    let name = entry.trim_start_matches("*.").trim_start_matches('.');
                    let Some(at) = host.len().checked_sub(name.len()) else {
                        return false;
                    };
                    let (front, end) = host.as_bytes().split_at(at);
                    !name.is_empty()
                        && end.eq_ignore_ascii_case(name.as_bytes())
                        && (front.is_empty() || front.ends_with(b"."))
                }
            }
        })
}

/// Whether an address is that address, or in that network.
fn is_within(address: IpAddr, network: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, "128"));
    let (Ok(base), Ok(bits)) = (base.parse(), bits.parse::<u32>()) else {
        return false;
    };
    let differ = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
        (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
        _ => return false,
    };
    differ.leading_zeros() >= bits.min(128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_parsed() {
        for (url, kind, host, port, user) in [
            ("http://a:3128", Kind::Http, "a", 3128, None),
            ("a:3128/", Kind::Http, "a", 3128, None),
            ("HTTP://a", Kind::Http, "a", 80, None),
            ("socks5://[::1]", Kind::Socks5, "::1", 1080, None),
            ("socks5h://[::1]:9", Kind::Socks5, "::1", 9, None),
            (
                "http://u%40x:p%3A@a",
                Kind::Http,
                "a",
                80,
                Some(("u@x", "p:")),
            ),
            ("http://u@a", Kind::Http, "a", 80, Some(("u", ""))),
        ] {
            let proxy = Proxy::parse(url).expect(url);
            let user = user.map(|(user, password)| (user.to_owned(), password.to_owned()));
            let expected = Proxy {
                kind,
                host: host.to_owned(),
                port,
                user,
            };
            assert!(proxy == expected, "{url}: {proxy:?}");
        }
        for url in [
            "",
            "https://a",
            "http://",
            "http://a:b",
            "http://a b",
            "http://%zz@a",
        ] {
            assert!(Proxy::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn hosts_are_exempt() {
        for (list, host, port, expected) in [
            ("*", "a", 1, true),
            ("example.com", "example.com", 1, true),
            ("example.com", "A.Example.com", 1, true),
            (".example.com", "example.com", 1, true),
            ("*.example.com", "b.example.com", 1, true),
            ("example.com", "badexample.com", 1, false),
            ("a, example.com:80", "example.com", 80, true),
            ("example.com:80", "example.com", 81, false),
            ("10.0.0.0/8", "10.1.2.3", 1, true),
            ("10.0.0.0/8", "11.1.2.3", 1, false),
            ("10.1.2.3", "10.1.2.3", 1, true),
            ("10.1.2.3", "10.1.2.4", 1, false),
            ("fe80::/10", "fe80::1", 1, true),
            ("::1", "::1", 1, true),
            ("[::1]:80", "::1", 80, true),
            ("[::1]:80", "::1", 81, false),
            ("", "a", 1, false),
            (",.,", "a", 1, false),
        ] {
            assert_eq!(
                is_exempt(list, host, port),
                expected,
                "{list} {host}:{port}"
            );
        }
    }

    #[test]
    fn the_environment_names_a_proxy() {
        let by = |url: &str, vars: &[(&str, &str)]| {
            let var = |name: &str| {
                let found = vars.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            let url = Url::parse(url).unwrap();
            let proxy = Proxy::of_environment(&url, var).unwrap();
            proxy.map(|proxy| proxy.host)
        };
        let all = [("http_proxy", "h"), ("HTTPS_PROXY", "s"), ("NO_PROXY", "c")];
        assert_eq!(by("ws://a", &all).as_deref(), Some("h"));
        assert_eq!(by("wss://a", &all).as_deref(), Some("s"));
        assert_eq!(by("wss://b.c", &all), None);
        let both = [("HTTP_PROXY", "evil"), ("REQUEST_METHOD", "GET")];
        assert_eq!(by("ws://a", &both), None);
        assert_eq!(by("ws://a", &both[..1]).as_deref(), Some("evil"));
        assert_eq!(by("wss://a", &[("ALL_PROXY", "x")]).as_deref(), Some("x"));
    }
}
