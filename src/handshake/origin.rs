//! Which pages a browser may connect from (RFC 6455 §10.2).

use super::fields::Fields;
use crate::error::{Fault, HandshakeError};
use crate::head::split_host_bytes;

/// Which origins may connect.
///
/// Browsers let any page open a WebSocket to any host, with the user's cookies, and say in
/// `Origin` which page it was. A server that trusts cookies must look at it. Programs that are not
/// browsers need not send `Origin`, so a request without one passes every policy.
///
/// ```
/// use wscodec::{HandshakeError, Limits, handshake::{Origin, Rejection, UpgradeRequest}};
///
/// # let bytes = b"GET / HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
/// #     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
/// #     Sec-WebSocket-Version: 13\r\nOrigin: https://evil.example\r\n\r\n";
/// # let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
/// let fault = request.check_origin(Origin::SameHost).unwrap_err();
/// assert_eq!(fault.error, HandshakeError::Origin.into());
/// assert_eq!(Rejection::of(fault).unwrap().status(), 403);
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin<'a> {
    /// Any origin.
    Any,
    /// Pages from the host and port that the [request is for](super::UpgradeRequest::host), over http or
    /// https. A port that is not named is the one of the origin's scheme.
    ///
    /// A server that is not reached by TLS needs a list of its hosts as well, against DNS
    /// rebinding: see [`Policy::allowed_hosts`](crate::session::Policy::allowed_hosts).
    SameHost,
    /// These origins, each as browsers write it: `https://example.com`, `http://localhost:8080`,
    /// `null`. Compared in any case, and with nothing left out or added.
    List(&'a [&'a str]),
}

pub(super) fn check(fields: &Fields<'_>, policy: Origin<'_>) -> Result<(), Fault> {
    let allowed = match (policy, fields.origin.lines) {
        (Origin::Any, _) | (_, 0) => true,
        (Origin::SameHost, 1) => same_host(fields.origin.value, fields.host.value),
        (Origin::List(list), 1) => list
            .iter()
            .any(|origin| origin.as_bytes().eq_ignore_ascii_case(fields.origin.value)),
        // Two origins: whoever made this request can't be a browser, nor told.
        _ => false,
    };
    match allowed {
        true => Ok(()),
        false => Err(fields.origin.fault(HandshakeError::Origin)),
    }
}

fn same_host(origin: &[u8], host: &[u8]) -> bool {
    let Some(colon) = origin.iter().position(|&b| b == b':') else {
        return false;
    };
    let (scheme, rest) = origin.split_at(colon);
    let port = match () {
        () if scheme.eq_ignore_ascii_case(b"https") => 443,
        () if scheme.eq_ignore_ascii_case(b"http") => 80,
        () => return false,
    };
    let Some(authority) = rest.strip_prefix(b"://") else {
        return false;
    };
    let (Some(origin), Some(host)) = (split_host_bytes(authority), split_host_bytes(host)) else {
        return false;
    };
    origin.0.eq_ignore_ascii_case(host.0) && origin.1.unwrap_or(port) == host.1.unwrap_or(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_host_compares_host_and_port() {
        for (origin, host) in [
            ("https://example.com", "example.com"),
            ("HTTPS://Example.com", "exAmple.com:443"),
            ("http://example.com:80", "example.com"),
            ("http://example.com", "example.com:"),
            ("http://localhost:8080", "localhost:8080"),
            ("http://[::1]", "[::1]"),
            ("http://[::1]:9", "[::1]:9"),
        ] {
            assert!(
                same_host(origin.as_bytes(), host.as_bytes()),
                "{origin} {host}"
            );
        }
        for (origin, host) in [
            ("https://example.com", "example.org"),
            ("https://example.com", "example.com:80"),
            ("https://example.com.evil", "example.com"),
            ("https://evil/example.com", "example.com"),
            ("https://user@example.com", "example.com"),
            ("http://[::1]:9", "[::1]"),
            ("http://[::1", "[::1"),
            ("http://a:b:c", "a:b:c"),
            ("http://:80", ":80"),
            ("https:example.com", "example.com"),
            ("ftp://example.com", "example.com"),
            ("example.com", "example.com"),
            ("null", "null"),
            ("", ""),
        ] {
            assert!(
                !same_host(origin.as_bytes(), host.as_bytes()),
                "{origin} {host}"
            );
        }
    }
}
