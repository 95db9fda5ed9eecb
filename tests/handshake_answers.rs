//! The server's answers: what a caller can put into them and what not, the origin policies, and the
//! rejections that errors call for.

use wscodec::handshake::{Origin, Rejection, UpgradeRequest};
use wscodec::session::Policy;
use wscodec::{HandshakeError, LimitError, Limits, MisuseError};

/// A request with these lines added.
fn head(lines: &str) -> String {
    "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        .to_string()
        + lines
        + "\r\n\r\n"
}

fn parse(head: &str) -> UpgradeRequest<'_> {
    let request = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT);
    request.expect("acceptable").expect("whole")
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), MisuseError>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

// hostile 13
#[test]
fn nothing_is_written_of_what_could_be_injected() {
    let bytes = head("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: ext");
    let request = parse(&bytes);
    let mut out = b"before".to_vec();
    let accept = request.accept();
    for protocol in ["", "chat\r\nA: b", "superchat", "CHAT"] {
        let result = accept.protocol(protocol).write(&mut out);
        assert_eq!(result, Err(MisuseError::ProtocolNotOffered), "{protocol:?}");
    }
    for (extensions, error) in [
        ("ext\r\nA: b", MisuseError::InvalidHeader),
        ("ext; a=\"\n\"", MisuseError::InvalidHeader),
        ("ext;", MisuseError::InvalidHeader),
        (" , ", MisuseError::InvalidHeader),
        ("Ext", MisuseError::ExtensionNotOffered),
        ("ext, other", MisuseError::ExtensionNotOffered),
    ] {
        assert_eq!(
            accept.extensions(extensions).write(&mut out),
            Err(error),
            "{extensions:?}"
        );
    }
    for (name, value, error) in [
        ("A", "b\r\nC: d", MisuseError::InvalidHeader),
        ("A", "b\n", MisuseError::InvalidHeader),
        ("A", "b\0", MisuseError::InvalidHeader),
        ("A\r\nB", "c", MisuseError::InvalidHeader),
        ("A:", "b", MisuseError::InvalidHeader),
        ("", "b", MisuseError::InvalidHeader),
        ("\u{e9}", "b", MisuseError::InvalidHeader),
        ("connection", "b", MisuseError::ReservedHeader),
        ("Sec-WebSocket-Accept", "b", MisuseError::ReservedHeader),
        ("Content-Length", "5", MisuseError::ReservedHeader),
    ] {
        let headers = [("X-Good", "1"), (name, value)];
        assert_eq!(
            accept.headers(&headers).write(&mut out),
            Err(error),
            "{name:?} {value:?}"
        );
        let rejection = request.reject(400).headers(&headers);
        assert_eq!(rejection.write(&mut out), Err(error), "{name:?} {value:?}");
    }
    let rejection = request.reject(400).reason("a\r\nb");
    assert_eq!(rejection.write(&mut out), Err(MisuseError::InvalidHeader));
    for status in [0, 101, 200, 299, 600, 65535] {
        let result = Rejection::new(status).write(&mut out);
        assert_eq!(result, Err(MisuseError::RejectionStatus));
    }
    assert_eq!(out, b"before");
}

// hostile 14
#[test]
fn origins() {
    let check = |origin: &str, policy: Origin<'_>| {
        let head = head(origin);
        let error = parse(&head).check_origin(policy).map_err(|fault| {
            let line = &head[fault.offset as usize..];
            assert!(line.starts_with("Origin: "), "{line}");
            fault.error
        });
        assert!(error.is_ok() || error == Err(HandshakeError::Origin.into()));
        error.is_ok()
    };
    let list = Origin::List(&["https://example.org", "null"]);
    for (origin, same, listed) in [
        ("Origin: https://example.com", true, false),
        ("Origin: HTTP://EXAMPLE.COM:80", true, false),
        ("Origin: https://example.com:444", false, false),
        ("Origin: https://example.com.evil.example", false, false),
        ("Origin: https://example.org", false, true),
        ("Origin: https://example.org.evil.example", false, false),
        ("Origin: null", false, true),
        ("Origin: ", false, false),
        ("Origin: \u{e9}", false, false),
        (
            "Origin: https://example.com\r\nOrigin: https://example.com",
            false,
            false,
        ),
        ("Not-An-Origin: a", true, true),
    ] {
        assert!(check(origin, Origin::Any), "{origin}");
        assert_eq!(check(origin, Origin::SameHost), same, "{origin}");
        assert_eq!(check(origin, list), listed, "{origin}");
    }
    let rejection = Rejection::of(HandshakeError::Origin).unwrap();
    assert!(written(|out| rejection.write(out)).starts_with("HTTP/1.1 403 Forbidden\r\n"));
}

#[test]
fn the_same_host_is_that_of_an_absolute_target() {
    let check = |target: &str, host: &str, origin: &str| {
        let head = head(&format!("Origin: {origin}"))
            .replace("/chat", target)
            .replace("example.com\r\nUpgrade", &format!("{host}\r\nUpgrade"));
        parse(&head).check_origin(Origin::SameHost).is_ok()
    };
    assert!(check("ws://a.example/", "b.example", "http://a.example"));
    assert!(!check("ws://a.example/", "b.example", "http://b.example"));
    assert!(check(
        "ws://a.example:81/",
        "a.example",
        "http://a.example:81"
    ));
    assert!(!check(
        "ws://a.example:81/",
        "a.example",
        "http://a.example"
    ));
}

// A page of evil.example, whose name now has this server's address: host and origin agree.
#[test]
fn allowed_hosts_defend_against_dns_rebinding() {
    let rebound = head("Origin: http://evil.example:9001")
        .replace("Host: example.com", "Host: evil.example:9001");
    let request = parse(&rebound);
    let mut policy = Policy::default();
    assert!(policy.judge(&request).is_ok(), "the same-host rule alone");
    policy.allowed_hosts = Some(&["localhost", "127.0.0.1:9001"]);
    let fault = policy.judge(&request).unwrap_err();
    assert_eq!(fault.error, HandshakeError::HostNotAllowed.into());
    assert!(rebound[fault.offset as usize..].starts_with("Host: evil"));
    let rejection = Rejection::of(fault).unwrap();
    assert!(
        written(|out| rejection.write(out)).starts_with("HTTP/1.1 421 Misdirected Request\r\n")
    );

    // The host counts that the request is for, whether or not a browser sent it.
    for (target, host, allowed) in [
        ("/", "localhost:1", true),
        ("/", "LOCALHOST", true),
        ("/", "127.0.0.1:9001", true),
        ("/", "127.0.0.1:9002", false),
        ("/", "127.0.0.1", false),
        ("/", "localhost.evil.example", false),
        ("ws://localhost/", "evil.example", true),
        ("ws://evil.example/", "localhost", false),
    ] {
        let head = head("A: b")
            .replace("/chat", target)
            .replace("Host: example.com", &format!("Host: {host}"));
        let granted = policy.judge(&parse(&head)).is_ok();
        assert_eq!(granted, allowed, "{target} {host}");
    }
    policy.allowed_hosts = Some(&[]);
    assert!(policy.judge(&request).is_err(), "no host at all");
}

#[test]
fn a_rejection_of_ones_own() {
    let bytes = head("X: y");
    let request = parse(&bytes);
    let headers = [
        ("WWW-Authenticate", "Basic"),
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
    ];
    let rejection = request
        .reject(401)
        .reason("Who, then?")
        .headers(&headers)
        .body(b"no");
    assert_eq!(
        written(|out| rejection.write(out)),
        "HTTP/1.1 401 Who, then?\r\nConnection: close\r\nContent-Length: 2\r\n\
            WWW-Authenticate: Basic\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nno"
    );
    let text = written(|out| Rejection::new(599).write(out));
    assert_eq!(
        text,
        "HTTP/1.1 599 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn a_status_has_the_reason_of_rfc_9110() {
    for start in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "408 Request Timeout",
        "421 Misdirected Request",
        "426 Upgrade Required",
        "431 Request Header Fields Too Large",
        "503 Service Unavailable",
    ] {
        let status = start[..3].parse().unwrap();
        let text = written(|out| Rejection::new(status).write(out));
        let line = format!("HTTP/1.1 {start}\r\n");
        assert!(text.starts_with(&line), "{text}");
    }
}

#[test]
fn each_error_of_a_request_has_its_rejection() {
    for error in HandshakeError::ALL {
        match error.status() {
            Some(status) => {
                let rejection = Rejection::of(*error).unwrap();
                assert_eq!(rejection.status(), status);
                let text = written(|out| rejection.write(out));
                assert!(text.contains("\r\nConnection: close"), "{text}");
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                assert!(
                    head.contains(&format!("\r\nContent-Length: {}", body.len())),
                    "{text}"
                );
                assert_eq!(body, error.message());
            }
            None => assert!(Rejection::of(*error).is_none()),
        }
    }
    assert!(Rejection::of(MisuseError::InvalidHeader).is_none());
    assert!(Rejection::of(LimitError::FrameTooLarge).is_none());
}
