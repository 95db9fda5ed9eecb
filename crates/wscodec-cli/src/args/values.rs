//! The values of options: each function reads one, or says what it is not.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use wscodec::deflate::WindowBits;
use wscodec::handshake::ClientRequest;
use wscodec::head::{is_token, is_value};

type Read<T> = Result<T, String>;

/// The error of a value, which clap shows in front of it.
fn wrong<T>(expected: &str) -> Read<T> {
    Err(format!("it is not {expected}"))
}

/// A whole number of at least 1.
pub(crate) fn count<T: FromStr + Default + PartialEq>(text: &str) -> Read<T> {
    match text.parse() {
        Ok(count) if count != T::default() => Ok(count),
        _ => wrong("a whole number of 1 or more"),
    }
}

/// A number of which there may be no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub(crate) Option<usize>);

/// A whole number of at least 1, or `none`.
pub(crate) fn limit(text: &str) -> Read<Limit> {
    match text.parse() {
        Ok(limit @ 1..) => Ok(Limit(Some(limit))),
        _ if text == "none" => Ok(Limit(None)),
        _ => wrong("a whole number of 1 or more, or none"),
    }
}

/// A window of a compressor.
pub(crate) fn window(text: &str) -> Read<WindowBits> {
    match text.parse().ok().and_then(WindowBits::new) {
        Some(window) => Ok(window),
        None => wrong("a number of bits from 8 to 15"),
    }
}

/// The name of a subprotocol (RFC 6455 §4.1).
pub(crate) fn protocol(text: &str) -> Read<String> {
    match is_token(text.as_bytes()) {
        true => Ok(text.to_owned()),
        false => wrong("the name of a subprotocol (letters, digits and !#$%&'*+-.^_`|~)"),
    }
}

/// A host as `Host` has it (RFC 9110 §7.2).
pub(crate) fn host(text: &str) -> Read<String> {
    match is_host(text) {
        true => Ok(text.to_owned()),
        false => wrong("a host such as example.com or example.com:8080"),
    }
}

/// Whether a request to this host can be written.
fn is_host(text: &str) -> bool {
    let request = ClientRequest::new(text, "/", [0; 16]);
    !text.is_empty() && request.write(&mut Vec::new()).is_ok()
}

/// An origin as browsers write it (RFC 6454 §6.1).
pub(crate) fn origin(text: &str) -> Read<String> {
    match text == "null" || is_origin(text) {
        true => Ok(text.to_owned()),
        false => wrong("an origin such as https://example.com (without a path)"),
    }
}

/// An origin, or `target` for that of a URL.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn origin_or_target(text: &str) -> Read<String> {
    match text == "target" {
        true => Ok(text.to_owned()),
        false => origin(text),
    }
}

/// An origin, or a word for a policy.
pub(crate) fn origin_or_policy(text: &str) -> Read<String> {
    match matches!(text, "any" | "same" | "null") || is_origin(text) {
        true => Ok(text.to_owned()),
        false => wrong("any, same, or an origin such as https://example.com (without a path)"),
    }
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let is_host = |b: u8| b.is_ascii_graphic() && !b"/?#@\\,".contains(&b);
    let fits = |text: &str, is: &dyn Fn(u8) -> bool| !text.is_empty() && text.bytes().all(is);
    fits(scheme, &is_scheme) && fits(host, &is_host)
}

/// A place to listen.
#[derive(Clone, Debug)]
pub(crate) enum Listen {
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// An address of TCP, or `unix:` and a path.
pub(crate) fn listen(text: &str) -> Read<Listen> {
    match text.strip_prefix("unix:") {
        Some("") => wrong("unix: and a path"),
        Some(path) => Ok(Listen::Unix(path.into())),
        None => match text.parse() {
            Ok(address) => Ok(Listen::Tcp(address)),
            Err(_) => wrong("an address such as 127.0.0.1:9001, or unix:PATH"),
        },
    }
}

/// The backend of a connection.
#[derive(Clone, Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "there is no relay"))]
pub(crate) enum Target {
    /// A command for the shell. Its input and output are lines, or bytes.
    Command { command: String, lines: bool },
    /// A host and a port.
    Tcp(String, u16),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// `tcp:`, a host and a port; or `unix:` and a path.
pub(crate) fn target(text: &str) -> Read<Target> {
    let expected = "tcp:HOST:PORT or unix:PATH";
    let parts = text.split_once(':');
    match parts {
        Some(("unix", path)) if !path.is_empty() => Ok(Target::Unix(path.into())),
        Some(("tcp", place)) => {
            let Some((host, port)) = place.rsplit_once(':') else {
                return wrong(expected);
            };
            let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
            match port.parse() {
                Ok(port @ 1..) if !host.is_empty() => {
                    Ok(Target::Tcp(bare.unwrap_or(host).to_owned(), port))
                }
                _ => wrong(expected),
            }
        }
        _ => wrong(expected),
    }
}

/// A header of a request.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A name and a value, with a colon between them.
pub(crate) fn header(text: &str) -> Read<Header> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(format!("{text:?} has no colon"));
    };
    let (name, value) = (name.trim(), value.trim());
    if !is_token(name.as_bytes()) {
        return Err(format!("{name:?} is not the name of a header"));
    }
    if !is_value(value.as_bytes()) {
        return Err(format!("{value:?} is not the value of a header"));
    }
    if name.eq_ignore_ascii_case("Host") {
        host(value)?;
    }
    let (name, value) = (name.to_owned(), value.to_owned());
    Ok(Header { name, value })
}

/// The level of a log.
pub(crate) fn log_level(text: &str) -> Read<log::LevelFilter> {
    let expected = "off, error, warn, info, debug or trace";
    text.parse().map_or_else(|_| wrong(expected), Ok)
}

/// A number of bytes, with `K`, `M` or `G` for binary multiples.
pub(crate) fn bytes(text: &str) -> Read<u64> {
    match number_of_bytes(text) {
        Some(bytes) => Ok(bytes),
        None => wrong("a number of bytes, such as 64K"),
    }
}

/// A number of bytes that can be held in memory.
pub(crate) fn memory(text: &str) -> Read<usize> {
    let bytes = number_of_bytes(text).and_then(|bytes| usize::try_from(bytes).ok());
    let expected = format!("a number of bytes, such as 64K, up to {}", usize::MAX);
    bytes.map_or_else(|| wrong(&expected), Ok)
}

fn number_of_bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 10),
        (at, 'm' | 'M') => (&text[..at], 20),
        (at, 'g' | 'G') => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = match digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse().ok()?,
        false => return None,
    };
    number.checked_mul(1 << shift)
}

/// A time in seconds, with a fraction if need be. 0 is refused, because it could stand for no
/// time at all as well as for never.
pub(crate) fn seconds(text: &str) -> Read<Duration> {
    match number_of_seconds(text) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => wrong("a number of seconds above 0"),
    }
}

/// A time in seconds that may be 0.
pub(crate) fn seconds_or_none(text: &str) -> Read<Duration> {
    number_of_seconds(text).map_or_else(|| wrong("a number of seconds"), Ok)
}

fn number_of_seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) => Some(time),
        // More than a `Duration` holds is as good as the most that it holds.
        Err(_) if seconds > 0.0 => Some(Duration::MAX),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_bytes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("64K", Some(64 << 10)),
            ("100m", Some(100 << 20)),
            ("17179869183G", Some(17_179_869_183 << 30)),
            ("17179869184G", None),
            ("", None),
            ("K", None),
            ("+1", None),
            ("-1", None),
            ("1.5M", None),
            ("1MB", None),
            ("1ß", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_of_seconds() {
        for (text, expected) in [
            ("0.25", Some(Duration::from_millis(250))),
            (
                "1e19",
                Some(Duration::from_secs(10_000_000_000_000_000_000)),
            ),
            ("1e20", Some(Duration::MAX)),
            ("inf", Some(Duration::MAX)),
            ("-1", None),
            ("-inf", None),
            ("nan", None),
            ("1s", None),
            ("", None),
        ] {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
    }
}
