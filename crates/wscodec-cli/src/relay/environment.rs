//! The environment of a process behind a connection: the variables of CGI (RFC 3875 §4.1).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use wscodec::handshake::UpgradeRequest;
use wscodec_server::Address;

/// The variables that describe a request. `PATH_INFO` is the path as it was sent, with its escapes.
///
/// Each header becomes a variable whose name begins with `HTTP_`. Three kinds are left out: `Proxy`,
/// because programs take `HTTP_PROXY` for the address of a proxy; those with credentials, as RFC 3875
/// §4.1.18 asks for; and names with other characters than letters, digits and hyphens, because two of
/// them could become the same variable.
pub(super) fn variables(
    request: &UpgradeRequest<'_>,
    address: Address,
    secure: bool,
) -> Vec<(String, OsString)> {
    let (host, port) = split(request.host(), secure);
    let (path, query) = (request.path(), request.query().unwrap_or_default());
    let mut variables: Vec<(String, OsString)> = [
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        (
            "SERVER_SOFTWARE",
            concat!("wscodec/", env!("CARGO_PKG_VERSION")),
        ),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("SERVER_NAME", host),
        ("SERVER_PORT", &port),
        ("REQUEST_METHOD", "GET"),
        ("REQUEST_URI", request.target()),
        ("SCRIPT_NAME", ""),
        ("PATH_INFO", path),
        ("QUERY_STRING", query),
    ]
    .map(|(name, value)| (name.to_owned(), value.into()))
    .into();
    if secure {
        variables.push(("HTTPS".to_owned(), "on".into()));
    }
    if let Address::Tcp(address) = address {
        let ip = address.ip().to_string();
        variables.push(("REMOTE_ADDR".to_owned(), ip.clone().into()));
        variables.push(("REMOTE_HOST".to_owned(), ip.into()));
        variables.push(("REMOTE_PORT".to_owned(), address.port().to_string().into()));
    }
    add_headers(request, &mut variables);
    variables
}

/// The host and the port; the default port if there is none.
fn split(host: &str, secure: bool) -> (&str, String) {
    let default = if secure { "443" } else { "80" };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit());
    match host.rsplit_once(':') {
        Some((host, port)) if is_port(port) => (host, port.to_owned()),
        _ => (host, default.to_owned()),
    }
}

fn add_headers(request: &UpgradeRequest<'_>, variables: &mut Vec<(String, OsString)>) {
    let first = variables.len();
    for field in request.headers() {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let hidden = ["proxy", "authorization", "proxy-authorization"];
        if !field.name.bytes().all(is_plain)
            || hidden.iter().any(|it| field.name.eq_ignore_ascii_case(it))
        {
            continue;
        }
        let name = format!("HTTP_{}", field.name.to_ascii_uppercase().replace('-', "_"));
        let given = variables[first..].iter_mut().find(|(it, _)| *it == name);
        match given {
            // Several lines are one list (RFC 9110 §5.3, RFC 6265 §5.4 for cookies).
            Some((_, value)) => {
                value.push(if name == "HTTP_COOKIE" { "; " } else { ", " });
                value.push(OsString::from_vec(field.value.to_vec()));
            }
            None => variables.push((name, OsString::from_vec(field.value.to_vec()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wscodec::Limits;

    #[test]
    fn a_request_becomes_variables() {
        let head = b"GET /a%20b?x=1 HTTP/1.1\r\nHost: example.com:81\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\nProxy: evil:1\r\nAuthorization: secret\r\n\
            Accept_Language: de\r\nCookie: a=1\r\nCookie: b=2\r\nX-One: \xff\r\n\r\n";
        let request = UpgradeRequest::parse(head, &Limits::default());
        let request = request.unwrap().unwrap();
        let address = Address::Tcp("127.0.0.1:4711".parse().unwrap());
        let variables = variables(&request, address, true);
        let value = |name: &str| {
            let mut named = variables.iter().filter(|(it, _)| it == name);
            let value = named.next().map(|(_, value)| value.clone().into_vec());
            assert!(named.next().is_none(), "{name} is given twice");
            value
        };
        for (name, expected) in [
            ("SERVER_NAME", Some(&b"example.com"[..])),
            ("SERVER_PORT", Some(b"81")),
            ("REQUEST_URI", Some(b"/a%20b?x=1")),
            ("PATH_INFO", Some(b"/a%20b")),
            ("QUERY_STRING", Some(b"x=1")),
            ("REMOTE_ADDR", Some(b"127.0.0.1")),
            ("REMOTE_PORT", Some(b"4711")),
            ("HTTPS", Some(b"on")),
            ("HTTP_HOST", Some(b"example.com:81")),
            ("HTTP_COOKIE", Some(b"a=1; b=2")),
            ("HTTP_X_ONE", Some(b"\xff")),
            ("HTTP_PROXY", None),
            ("HTTP_AUTHORIZATION", None),
            ("HTTP_ACCEPT_LANGUAGE", None),
        ] {
            assert_eq!(value(name).as_deref(), expected, "{name}");
        }
    }
}
