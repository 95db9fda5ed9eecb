//! The server to connect to, out of the URL that the user wrote.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wscodec::io::Url;

/// A URL without its user information, which goes into a header.
#[derive(Debug)]
pub(crate) struct Target {
    /// The URL as the handshake takes it.
    pub(crate) url: String,
    /// The value of `Authorization` for `user:password@`, by the Basic scheme (RFC 7617).
    pub(crate) authorization: Option<String>,
}

impl Target {
    /// Whether a URL has a path other than `/`, or a query.
    #[cfg(not(target_os = "wasi"))]
    pub(crate) fn has_path(url: &str) -> bool {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find(['/', '?']).is_some_and(|at| rest[at..] != *"/")
    }

    /// Takes a `ws:` or `wss:` URL apart.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // A password is not shown.
        let shown = &without_user(text);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(no_url(shown));
        };
        match &scheme.to_ascii_lowercase()[..] {
            "ws" | "wss" => {}
            "http" => {
                return Err(format!("{shown:?} is a URL of HTTP: write ws:// instead"));
            }
            "https" => {
                return Err(format!(
                    "{shown:?} is a URL of HTTP over TLS: write wss:// instead"
                ));
            }
            _ => return Err(no_url(shown)),
        }
        if rest.contains('#') {
            return Err(format!(
                "{shown:?} has a fragment, which a WebSocket URL must not have (RFC 6455, section \
                 3): write # as %23"
            ));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (user, url) = match rest[..end].rfind('@') {
            Some(at) => (Some(&rest[..at]), format!("{scheme}://{}", &rest[at + 1..])),
            None => (None, text.to_owned()),
        };
        if Url::parse(&url).is_err() {
            return Err(no_url(shown));
        }
        let authorization = match user {
            Some(user) => Some(basic(user).map_err(|why| format!("the URL: {why}"))?),
            None => None,
        };
        Ok(Self { url, authorization })
    }
}

/// The URL with an ellipsis in the place of the user and password.
pub(crate) fn without_user(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let end = text[start..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| start + at);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}…{}", &text[..start], &text[start + at..]),
        None => text.to_owned(),
    }
}

fn no_url(text: &str) -> String {
    format!("{text:?} is not a URL such as ws://localhost:9001/path")
}

/// `Basic` and the user and password in Base64 (RFC 7617 §2).
fn basic(user: &str) -> Result<String, &'static str> {
    Credentials::read(user).map(|it| it.basic())
}

/// The user and the password of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Vec<u8>,
}

impl Credentials {
    /// Reads `user:password`, with escapes, as it stands in front of the `@`.
    pub(crate) fn read(text: &str) -> Result<Self, &'static str> {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let (user, password) = (decoded(user)?, decoded(password)?);
        if user.contains(&b':') {
            return Err("a user name must not have a colon (RFC 7617, section 2)");
        }
        if user.iter().chain(&password).any(u8::is_ascii_control) {
            let why = "a user name or password must not have control characters (RFC 7617, \
                       section 2)";
            return Err(why);
        }
        Ok(Self { user, password })
    }

    /// The value of `Authorization` or `Proxy-Authorization` by the Basic scheme (RFC 7617).
    pub(crate) fn basic(&self) -> String {
        let both = [&self.user[..], b":", &self.password].concat();
        format!("Basic {}", STANDARD.encode(both))
    }
}

/// Bytes in place of `%XX` (RFC 3986 §2.1).
fn decoded(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let value = behind
            .split_first_chunk()
            .and_then(|(&[high, low], _)| Some(digit(high)? << 4 | digit(low)?));
        match value {
            Some(value) => bytes.push(value),
            None => return Err("in the user name or password, % is not followed by two digits"),
        }
        rest = &behind[2..];
    }
    Ok(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Option<String>) {
        let Ok(Target { url, authorization }) = Target::parse(text) else {
            panic!("{text} is refused");
        };
        (url, authorization)
    }

    #[test]
    fn user_and_password_become_a_header() {
        let plain = "ws://a.example:9001/p?q=x@y";
        assert_eq!(parsed(plain), (plain.to_owned(), None));
        for (user, credentials) in [
            ("Aladdin:open%20sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("user", "dXNlcjo="),
            ("u:p:q", "dTpwOnE="),
            ("u:p@q", "dTpwQHE="),
            ("test:123%C2%A3", "dGVzdDoxMjPCow=="),
            (":", "Og=="),
        ] {
            let expected = Some(format!("Basic {credentials}"));
            let url = format!("ws://{user}@a.example/");
            assert_eq!(parsed(&url), ("ws://a.example/".to_owned(), expected));
        }
    }

    #[test]
    fn a_wrong_url_is_refused_with_the_reason() {
        for (url, why) in [
            ("a", "is not a URL"),
            ("ftp://a", "is not a URL"),
            ("ws://", "is not a URL"),
            ("ws://a b", "is not a URL"),
            ("ws://user@", "is not a URL"),
            ("ws://user:secret@a b/", "ws://…@a b/"),
            ("http://user:secret@a", "write ws://"),
            ("ws://user:secret%@a", "two digits"),
            ("http://a", "write ws://"),
            ("https://a", "write wss://"),
            ("ws://a/#b", "fragment"),
            ("ws://a%3ab:c@a", "colon"),
            ("ws://a:%0d%0a@a", "control"),
            ("ws://a:%0g@a", "two digits"),
            ("ws://a:%4@a", "two digits"),
        ] {
            match Target::parse(url) {
                Err(text) => {
                    assert!(text.contains(why), "{url}: {text}");
                    assert!(!text.contains("secret"), "{text}");
                }
                Ok(_) => panic!("{url} is taken"),
            }
        }
    }
}
