//! The rules for requests in the types of the `http` crate are those for bytes.
#![cfg(feature = "http")]

use http::{HeaderName, HeaderValue};
use wscodec::handshake::{HttpUpgrade, Origin, Rejection, UpgradeRequest};
use wscodec::{ErrorKind, HandshakeError, LimitError, Limits, MisuseError};

const GOOD: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: h2c, WebSocket\r\n\
    Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v2, v1\r\nSec-WebSocket-Protocol: v0\r\n\
    Sec-WebSocket-Extensions: d; a=\"1\\0\", e\r\nOrigin: https://example.com\r\n\r\n";

/// A well-formed head as an HTTP server would hand it over.
fn typed(head: &str) -> http::Request<()> {
    let mut lines = head.trim_end().split("\r\n");
    let mut start = lines.next().unwrap().split(' ');
    let mut request = http::Request::new(());
    *request.method_mut() = start.next().unwrap().parse().unwrap();
    *request.uri_mut() = start.next().unwrap().parse().unwrap();
    if start.next() == Some("HTTP/1.0") {
        *request.version_mut() = http::Version::HTTP_10;
    }
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        request.headers_mut().append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value.trim()).unwrap(),
        );
    }
    request
}

#[test]
fn the_authority_of_an_absolute_target_is_the_host() {
    for (target, host) in [
        ("/chat", "example.com"),
        ("ws://a.example:81/chat", "a.example:81"),
        ("http://[::1]?a", "[::1]"),
    ] {
        let head = GOOD.replace("/chat", target);
        let bytes = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT)
            .unwrap()
            .unwrap();
        let typed = typed(&head);
        let upgrade = HttpUpgrade::check(&typed).unwrap();
        assert_eq!((bytes.host(), upgrade.host()), (host, host));
        let allowed = host == "example.com";
        assert_eq!(upgrade.check_origin(Origin::SameHost).is_ok(), allowed);
        let checked = upgrade.check_host(&["example.com"]);
        assert_eq!(checked.is_ok(), allowed);
        assert_eq!(
            checked.map_err(ErrorKind::from),
            bytes
                .check_host(&["example.com"])
                .map_err(|fault| fault.error)
        );
    }
}

#[test]
fn the_same_verdict_as_on_bytes() {
    let mut errors = Vec::new();
    for (from, to) in [
        ("", ""),
        ("GET", "POST"),
        ("HTTP/1.1", "HTTP/1.0"),
        ("Host: example.com\r\n", ""),
        ("Host:", "Host: other\r\nHost:"),
        ("Host: example.com", "Host: [::1"),
        ("Host: example.com", "Host: a:b:c"),
        ("GET /chat", "GET ws://user@example.com/chat"),
        ("WebSocket", "websockets"),
        ("keep-alive, Upgrade", "keep-alive"),
        ("Version: 13", "Version: 8"),
        ("Sec-WebSocket-Version: 13\r\n", ""),
        ("Q==", "Q="),
        ("Sec-WebSocket-Key:", "X-Key:"),
        ("Origin:", "Content-Length: 7\r\nOrigin:"),
        ("Origin:", "Transfer-Encoding: chunked\r\nOrigin:"),
        ("v0", "v1"),
        ("v2, v1", "v2 v1"),
        ("\\0\"", "\\0"),
    ] {
        let head = GOOD.replacen(from, to, 1);
        let bytes = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT);
        let bytes = bytes
            .map(|request| assert!(request.is_some()))
            .map_err(|fault| fault.error);
        let request = typed(&head);
        let types = HttpUpgrade::check(&request)
            .map(|_| ())
            .map_err(ErrorKind::from);
        assert_eq!(types, bytes, "{to:?} for {from:?}");
        let (parts, ()) = request.into_parts();
        let parts = HttpUpgrade::check_parts(&parts)
            .map(|_| ())
            .map_err(ErrorKind::from);
        assert_eq!(parts, bytes, "{to:?} for {from:?}");
        errors.extend(bytes.err().filter(|error| !errors.contains(error)));
    }
    assert_eq!(errors.len(), 11, "{errors:?}");
}

#[test]
fn accepting() {
    let request = typed(GOOD);
    let upgrade = HttpUpgrade::check(&request).unwrap();
    assert_eq!(upgrade.protocols().collect::<Vec<_>>(), ["v2", "v1", "v0"]);
    assert_eq!(upgrade.select_protocol(&["v0"]), Some("v0"));
    assert_eq!(
        upgrade.extensions().map(|e| e.name()).collect::<Vec<_>>(),
        ["d", "e"]
    );
    assert_eq!(upgrade.check_origin(Origin::SameHost), Ok(()));
    let other = upgrade.check_origin(Origin::List(&["https://example.org"]));
    assert_eq!(other, Err(HandshakeError::Origin));

    let headers = [("set-cookie", "a"), ("set-cookie", "\u{e9}")];
    let accept = upgrade
        .accept()
        .protocol("v0")
        .extensions("d; a=10")
        .headers(&headers);
    let response = accept.response().unwrap();
    assert_eq!(response.status(), 101);
    let map = response.headers();
    assert_eq!(map["upgrade"], "websocket");
    assert_eq!(map["connection"], "Upgrade");
    assert_eq!(map["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(map["sec-websocket-protocol"], "v0");
    assert_eq!(map["sec-websocket-extensions"], "d; a=10");
    assert_eq!(map.get_all("set-cookie").iter().count(), 2);
    assert_eq!(map.len(), 7);

    let mut bytes = Vec::new();
    accept.write(&mut bytes).unwrap();
    assert!(
        bytes.starts_with(b"HTTP/1.1 101 "),
        "the same answer as bytes"
    );

    let error = |accept: wscodec::handshake::Accept<'_>| accept.response().unwrap_err();
    assert_eq!(
        error(upgrade.accept().protocol("v9")),
        MisuseError::ProtocolNotOffered
    );
    assert_eq!(
        error(upgrade.accept().extensions("f")),
        MisuseError::ExtensionNotOffered
    );
    let injected = [("a", "b\r\nc: d")];
    assert_eq!(
        error(upgrade.accept().headers(&injected)),
        MisuseError::InvalidHeader
    );
}

#[test]
fn refusing() {
    let response = Rejection::of(HandshakeError::Version)
        .unwrap()
        .response()
        .unwrap();
    assert_eq!(response.status(), 426);
    assert_eq!(response.headers()["sec-websocket-version"], "13");
    assert_eq!(response.headers()["upgrade"], "websocket");
    assert_eq!(response.headers()["connection"], "close, upgrade");
    let response = Rejection::of(HandshakeError::Method)
        .unwrap()
        .response()
        .unwrap();
    assert_eq!(response.headers()["allow"], "GET");
    let response = Rejection::of(LimitError::HeadTooLarge)
        .unwrap()
        .response()
        .unwrap();
    assert_eq!(response.status(), 431);
    let headers = [("Retry-After", "5")];
    let response = Rejection::new(503).headers(&headers).response().unwrap();
    assert_eq!(response.headers()["retry-after"], "5");
    assert_eq!(
        Rejection::new(200).response().unwrap_err(),
        MisuseError::RejectionStatus
    );
}

#[test]
fn http_2_has_no_upgrade() {
    let mut request = typed(GOOD);
    *request.version_mut() = http::Version::HTTP_2;
    assert_eq!(
        HttpUpgrade::check(&request).unwrap_err(),
        HandshakeError::HttpVersion
    );
}
