//! Proxies between `wscodec connect` and the server: HTTP's CONNECT and SOCKS5, by an option or by the
//! environment.
//!
//! The environment is read as other programs read it: `HTTPS_PROXY` for `wss`, `HTTP_PROXY` for `ws`,
//! then `ALL_PROXY`; each in lower case first. `NO_PROXY` lists the hosts that are reached directly, and
//! so is this machine itself.

mod bypass;
mod host;
mod http;
mod socks;
mod tunnel;

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use wscodec::io::Url;

use host::bare;
use tunnel::Tunnel;

use crate::target::{Credentials, without_user};

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// CONNECT (RFC 9110 §9.3.6).
    Http,
    /// SOCKS5 (RFC 1928). The flag says that the proxy looks up names.
    Socks5 { names: bool },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    scheme: Scheme,
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

/// A choice by option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// No proxy, whatever the environment says.
    Direct,
    Through(Proxy),
}

/// Reads the value of `--proxy`.
pub(crate) fn choice(text: &str) -> Result<Choice, String> {
    match text {
        "none" => Ok(Choice::Direct),
        _ => Proxy::parse(text).map(Choice::Through),
    }
}

/// The proxy for a URL; an error is what is wrong with a variable of the environment.
pub(crate) fn choose(choice: Option<&Choice>, url: &Url) -> Result<Option<Proxy>, String> {
    match choice {
        Some(Choice::Direct) => Ok(None),
        Some(Choice::Through(proxy)) => Ok(Some(proxy.clone())),
        None => from_environment(url, |name| std::env::var(name).ok()),
    }
}

fn from_environment(
    url: &Url,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    let either = |lower: &str| {
        let upper = lower.to_ascii_uppercase();
        // A CGI program finds a header of its client in HTTP_PROXY.
        let is_header = upper == "HTTP_PROXY" && variable("REQUEST_METHOD").is_some();
        let names = [lower.to_owned(), upper];
        let names = names.into_iter().take(if is_header { 1 } else { 2 });
        let given = names.filter_map(|name| variable(&name).map(|value| (name, value)));
        let mut given = given.filter(|(_, value)| !value.is_empty());
        given.next()
    };
    let first = match url.is_secure() {
        true => "https_proxy",
        false => "http_proxy",
    };
    let Some((name, value)) = either(first).or_else(|| either("all_proxy")) else {
        return Ok(None);
    };
    let list = either("no_proxy").map(|(_, list)| list).unwrap_or_default();
    if bypass::is_direct(url.host(), url.port(), &list) {
        return Ok(None);
    }
    let proxy = Proxy::parse(&value);
    proxy
        .map(Some)
        .map_err(|why| format!("the environment variable {name}: {why}"))
}

impl Proxy {
    /// Reads `http://user:password@host:port`, with `socks5` or `socks5h` as well.
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let scheme = match &scheme.to_ascii_lowercase()[..] {
            "http" => Scheme::Http,
            "socks5" => Scheme::Socks5 { names: false },
            "socks5h" => Scheme::Socks5 { names: true },
            _ => {
                return Err(format!(
                    "{:?} is not a proxy of the kinds http://, socks5:// and socks5h://",
                    without_user(text)
                ));
            }
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let default = match scheme {
            Scheme::Http => 80,
            Scheme::Socks5 { .. } => 1080,
        };
        let not_a_place = || {
            let shown = without_user(text);
            format!("{shown:?} is not the URL of a proxy, such as http://proxy.example:3128")
        };
        // A URL of WebSocket has the same hosts.
        let url = Url::parse(&format!("ws://{place}/")).map_err(|_| not_a_place())?;
        if url.path_and_query() != "/" {
            return Err(not_a_place());
        }
        let has_port = place.ends_with(&format!(":{}", url.port()));
        let credentials = user.map(Credentials::read).transpose()?;
        Ok(Self {
            scheme,
            host: url.host().to_owned(),
            port: if has_port { url.port() } else { default },
            credentials,
        })
    }

    /// A tunnel to the server through this proxy.
    pub(crate) fn dial(&self, url: &Url, timeout: Duration) -> io::Result<TcpStream> {
        let until = Instant::now().checked_add(timeout);
        let place = (bare(&self.host), self.port);
        let addresses: Vec<SocketAddr> = place.to_socket_addrs()?.collect();
        let stream = connect(&addresses, timeout)?;
        let mut tunnel = Tunnel { stream, until };
        match self.scheme {
            Scheme::Http => http::ask(&mut tunnel, url, self.credentials.as_ref())?,
            Scheme::Socks5 { names } => {
                socks::ask(&mut tunnel, url, names, self.credentials.as_ref())?;
            }
        }
        tunnel.stream.set_read_timeout(None)?;
        tunnel.stream.set_write_timeout(None)?;
        Ok(tunnel.stream)
    }

    /// Without the credentials.
    pub(crate) fn shown(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<TcpStream> {
    // A longer time is refused by some systems.
    let timeout = timeout.min(Duration::from_secs(1 << 20));
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the proxy has no address");
    for address in addresses {
        match TcpStream::connect_timeout(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_proxies() {
        let parsed = |text: &str| Proxy::parse(text).unwrap();
        let proxy = parsed("http://u%40:p@proxy.example:3128/");
        assert_eq!((proxy.scheme, proxy.port), (Scheme::Http, 3128));
        assert_eq!(proxy.shown(), "proxy.example:3128");
        assert_eq!(proxy.credentials.unwrap().user, b"u@");
        assert_eq!(parsed("a:80").port, 80);
        assert_eq!(parsed("a").port, 80);
        assert_eq!(parsed("socks5h://a").port, 1080);
        let names = Scheme::Socks5 { names: true };
        assert_eq!(parsed("SOCKS5H://[::1]:80").scheme, names);
        for wrong in [
            "",
            "https://a",
            "socks4://a",
            "http://",
            "http://a/b",
            "http://a:0x",
            "http://a:%@b",
        ] {
            assert!(Proxy::parse(wrong).is_err(), "{wrong}");
        }
        let error = Proxy::parse("ftp://user:secret@a").unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn the_environment_is_read_as_others_read_it() {
        let port = |url: &str, variables: &[(&str, &str)]| {
            let variable = |name: &str| {
                let mut named = variables.iter().filter(|(it, _)| *it == name);
                named.next().map(|(_, value)| (*value).to_owned())
            };
            let url = Url::parse(url).unwrap();
            from_environment(&url, variable).unwrap().map(|it| it.port)
        };
        let all = [
            ("HTTP_PROXY", "a:1"),
            ("HTTPS_PROXY", "a:2"),
            ("ALL_PROXY", "a:3"),
        ];
        assert_eq!(port("ws://h/", &all), Some(1));
        assert_eq!(port("wss://h/", &all), Some(2));
        assert_eq!(port("ws://h/", &all[1..]), Some(3));
        assert_eq!(port("ws://h/", &[]), None);
        assert_eq!(port("ws://h/", &[("http_proxy", "a:4"), all[0]]), Some(4));
        assert_eq!(port("ws://h/", &[("http_proxy", ""), all[0]]), Some(1));
        assert_eq!(port("ws://h/", &[all[0], ("REQUEST_METHOD", "GET")]), None);
        assert_eq!(port("ws://localhost/", &all), None);
        assert_eq!(port("ws://x.h/", &[all[0], ("no_proxy", "h")]), None);
        let wrong = from_environment(&Url::parse("ws://h/").unwrap(), |name| {
            (name == "HTTP_PROXY").then(|| "ftp://a".to_owned())
        });
        assert!(wrong.unwrap_err().contains("HTTP_PROXY"));
    }
}
