//! The client's side of the opening handshake: the request, and the answers that are believed
//! (RFC 6455 §4.1).

mod common;

use common::heads;
use wscodec::handshake::{
    ClientRequest, Rejection, UpgradeRequest, UpgradeResponse, UpgradeResponseReader,
};
use wscodec::{ErrorKind, Fault, HandshakeError, LimitError, Limits, MisuseError};

const NONCE: [u8; 16] = *b"the sample nonce";

const BASE: [&str; 4] = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

fn client() -> ClientRequest<'static> {
    ClientRequest::new("example.com:8080", "/chat?a=1", NONCE)
        .protocols(&["v2", "v1"])
        .extensions("permessage-deflate; client_max_window_bits, other")
}

/// The base answer with lines in place of the one that begins alike, or else at the end. An empty
/// replacement leaves the line out.
fn head(changes: &[(&str, &str)]) -> String {
    heads::head(&BASE, changes)
}

/// The result of an answer; the same in one piece, at every split, and byte by byte.
fn read(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let client = client();
    let outcome = |ends: &mut dyn Iterator<Item = usize>| {
        let mut reader = UpgradeResponseReader::new(&Limits::DEFAULT);
        for end in ends {
            if let Some(response) = reader.read(&bytes[..end])? {
                client.check(&response)?;
                return Ok(Some(response.head_len()));
            }
        }
        Ok(None)
    };
    heads::however_cut(bytes.len(), outcome)
}

fn assert_rejected(head: &str, error: HandshakeError) {
    let result = read(head.as_bytes()).map_err(|fault| fault.error);
    assert_eq!(result, Err(error.into()), "{head}");
}

fn assert_accepted(head: &str) {
    assert_eq!(read(head.as_bytes()), Ok(Some(head.len())), "{head}");
}

fn parse(head: &str) -> UpgradeResponse<'_> {
    let response = UpgradeResponse::parse(head.as_bytes(), &Limits::DEFAULT);
    response.expect("well-formed").expect("whole")
}

#[test]
fn the_answer_to_ones_own_request() {
    let mut bytes = Vec::new();
    client().write(&mut bytes).unwrap();
    let request = UpgradeRequest::parse(&bytes, &Limits::DEFAULT)
        .unwrap()
        .unwrap();
    assert_eq!(request.target(), "/chat?a=1");
    assert_eq!(request.host(), "example.com:8080");
    assert_eq!(request.key(), client().key());
    assert_eq!(request.protocols().collect::<Vec<_>>(), ["v2", "v1"]);
    assert_eq!(request.extensions().count(), 2);

    let mut answer = Vec::new();
    let accept = request.accept().protocol("v1").extensions("other");
    accept.write(&mut answer).unwrap();
    answer.extend(b"\x81\x01a");
    assert_eq!(read(&answer), Ok(Some(answer.len() - 3)));
    let response = UpgradeResponse::parse(&answer, &Limits::DEFAULT)
        .unwrap()
        .unwrap();
    assert_eq!(response.protocol(), Some("v1"));
    assert_eq!(response.extensions().next().unwrap().name(), "other");
    assert_eq!(response.check(Some(&request)), Ok(()));
    assert_eq!(response.check(None), Ok(()));
}

#[test]
fn answers_that_differ_in_form_only() {
    assert_accepted(&head(&[]));
    assert_accepted(&head(&[("HTTP", "HTTP/1.1 101 ")]));
    assert_accepted(&head(&[("HTTP", "HTTP/1.1 101")]));
    assert_accepted(&head(&[("Upgrade", "upgrade:WebSocket")]));
    assert_accepted(&head(&[("Connection", "CONNECTION: keep-alive , upgrade")]));
    assert_accepted(&head(&[("", "Server: \u{e9}"), ("", "Date:")]));
    assert_eq!(parse(&head(&[("HTTP", "HTTP/1.1 101")])).reason(), b"");
    assert_eq!(
        parse(&head(&[("HTTP", "HTTP/1.1 101 \u{e9} !")])).reason(),
        "\u{e9} !".as_bytes()
    );
}

// hostile 16
#[test]
fn status_upgrade_connection_and_accept() {
    for line in [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 100 Continue",
        "HTTP/1.0 403 No",
        "HTTP/1.1 999 ",
    ] {
        assert_rejected(&head(&[("HTTP", line)]), HandshakeError::Status);
    }
    assert_rejected(
        &head(&[("HTTP", "HTTP/1.0 101 A")]),
        HandshakeError::HttpVersion,
    );
    assert_rejected(
        &head(&[("HTTP", "HTTP/2.0 101 A")]),
        HandshakeError::HttpVersion,
    );
    for line in [
        "",
        "Upgrade: websockets",
        "Upgrade: h2c, websocket",
        "Upgrade: websocket\r\nUpgrade: websocket",
    ] {
        assert_rejected(&head(&[("Upgrade", line)]), HandshakeError::UpgradeHeader);
    }
    for line in ["", "Connection: close", "Connection: up grade"] {
        assert_rejected(
            &head(&[("Connection", line)]),
            HandshakeError::ConnectionHeader,
        );
    }
    for line in [
        "",
        "Sec-WebSocket-Accept:",
        "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo==",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ] {
        assert_rejected(
            &head(&[("Sec-WebSocket-Accept", line)]),
            HandshakeError::Accept,
        );
    }
}

// hostile 17; the parameters are the extension's to check
#[test]
fn nothing_that_was_not_asked_for() {
    assert_accepted(&head(&[("", "Sec-WebSocket-Protocol: v1")]));
    assert_accepted(&head(&[(
        "",
        "Sec-WebSocket-Extensions: other, permessage-deflate; x=\"1\"",
    )]));
    for value in ["v3", "V1", "chat"] {
        let line = format!("Sec-WebSocket-Protocol: {value}");
        assert_rejected(&head(&[("", &line)]), HandshakeError::UnofferedProtocol);
    }
    for value in [
        "",
        "v1, v2",
        "v1,",
        "\u{e9}",
        "v1\r\nSec-WebSocket-Protocol: v1",
    ] {
        let line = format!("Sec-WebSocket-Protocol: {value}");
        assert_rejected(&head(&[("", &line)]), HandshakeError::ProtocolHeader);
    }
    for value in [
        "x-webkit-deflate",
        "other, x",
        "other\r\nSec-WebSocket-Extensions: y",
        "Other",
    ] {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        assert_rejected(&head(&[("", &line)]), HandshakeError::UnofferedExtension);
    }
    let many = "other,".repeat(33);
    for value in ["", "other;", "a b", &many] {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        assert_rejected(&head(&[("", &line)]), HandshakeError::ExtensionsHeader);
    }
    let bare = ClientRequest::new("a", "/", NONCE);
    for (line, error) in [
        (
            "Sec-WebSocket-Protocol: v1",
            HandshakeError::UnofferedProtocol,
        ),
        (
            "Sec-WebSocket-Extensions: other",
            HandshakeError::UnofferedExtension,
        ),
    ] {
        let head = head(&[("", line)]);
        let fault = bare.check(&parse(&head)).unwrap_err();
        assert_eq!(fault.error, error.into());
        assert_eq!(fault.offset as usize, head.find(line).unwrap());
    }
}

// hostile 18
#[test]
fn rejections_and_redirects_are_reported() {
    let bytes =
        "HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\nContent-Length: 2\r\n\r\nno";
    assert_rejected(bytes, HandshakeError::Status);
    let response = parse(bytes);
    assert_eq!(response.status(), 302);
    assert_eq!(response.reason(), b"Found");
    assert_eq!(
        response.header("location"),
        Some(&b"https://example.org/"[..])
    );
    assert_eq!(&bytes[response.head_len()..], "no");

    let mut out = Vec::new();
    Rejection::of(HandshakeError::Version)
        .unwrap()
        .write(&mut out)
        .unwrap();
    let response = UpgradeResponse::parse(&out, &Limits::DEFAULT)
        .unwrap()
        .unwrap();
    assert_eq!(response.status(), 426);
    assert_eq!(response.header("sec-websocket-version"), Some(&b"13"[..]));
}

// hostile 19
#[test]
fn an_answer_without_end_is_refused_at_the_limit() {
    let bytes = "HTTP/1.1 101 A\r\nA: ".to_string() + &"b".repeat(100_000);
    let mut reader = UpgradeResponseReader::new(&Limits::DEFAULT);
    let fault = (0..bytes.len()).find_map(|end| reader.read(&bytes.as_bytes()[..end]).err());
    assert_eq!(
        fault,
        Some(ErrorKind::from(LimitError::HeadTooLarge).at(16 << 10))
    );

    let bytes = "HTTP/1.1 101 A\r\n".to_string() + &"A:\r\n".repeat(101);
    let fault = UpgradeResponse::parse(bytes.as_bytes(), &Limits::DEFAULT).unwrap_err();
    assert_eq!(fault, ErrorKind::from(LimitError::TooManyHeaders).at(416));
}

// hostile 20
#[test]
fn frames_behind_the_answer_are_left() {
    let mut bytes = head(&[]).into_bytes();
    let len = bytes.len();
    bytes.extend(b"\x81\x04\r\n\r\n\x88\x00");
    assert_eq!(read(&bytes), Ok(Some(len)));
}

#[test]
fn malformed_answers() {
    for line in [
        "A: b\nC: d",
        "A: b\r\n c",
        "A : b",
        "A: \0",
        "A: b\rc",
        "\u{e9}: b",
    ] {
        assert_rejected(&head(&[("", line)]), HandshakeError::MalformedHead);
    }
    assert_rejected(
        &head(&[]).replace("\r\n", "\n"),
        HandshakeError::MalformedHead,
    );
    assert_rejected("SSH-2.0-OpenSSH_9.6\r\n\r\n", HandshakeError::MalformedHead);
}

// hostile 13
#[test]
fn nothing_is_written_of_what_could_be_injected() {
    let mut out = b"before".to_vec();
    let mut rejected = |request: ClientRequest<'_>, error| {
        assert_eq!(request.write(&mut out), Err(error), "{request:?}");
        assert_eq!(out, b"before");
    };
    for host in [
        "",
        "a\r\nB: c",
        "a b",
        "a/b",
        "a@b",
        "\u{e9}",
        "a\0",
        ":80",
        "a:b",
        "a:1:2",
        "[::1",
        "::1",
    ] {
        rejected(
            ClientRequest::new(host, "/", NONCE),
            MisuseError::InvalidHeader,
        );
    }
    for path in [
        "",
        "a",
        "/ HTTP/1.1\r\nA: b",
        "/a b",
        "/\n",
        "/#a",
        "/\u{e9}",
        "http://a/",
    ] {
        rejected(
            ClientRequest::new("a", path, NONCE),
            MisuseError::InvalidHeader,
        );
    }
    let request = ClientRequest::new("a", "/", NONCE);
    for protocols in [&[""][..], &["a b"], &["a\r\n"], &["a", "b", "a"], &["a,b"]] {
        rejected(request.protocols(protocols), MisuseError::InvalidHeader);
    }
    for extensions in ["a\r\nB: c", "a;", "a b", "a; b=\"\r\n\""] {
        rejected(request.extensions(extensions), MisuseError::InvalidHeader);
    }
    for (name, value, error) in [
        ("A", "b\r\nC: d", MisuseError::InvalidHeader),
        ("A b", "c", MisuseError::InvalidHeader),
        ("HOST", "b", MisuseError::ReservedHeader),
        ("sec-websocket-key", "b", MisuseError::ReservedHeader),
        ("Transfer-Encoding", "chunked", MisuseError::ReservedHeader),
    ] {
        rejected(request.headers(&[(name, value)]), error);
    }
}

#[test]
fn an_onlooker_who_saw_only_the_answer() {
    let other = "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let bytes = head(&[
        ("Sec-WebSocket-Accept", other),
        ("", "Sec-WebSocket-Protocol: any"),
    ]);
    assert_eq!(parse(&bytes).check(None), Ok(()));
    let bytes = head(&[("Sec-WebSocket-Accept", "Sec-WebSocket-Accept: no")]);
    let error = parse(&bytes).check(None).unwrap_err().error;
    assert_eq!(error, HandshakeError::Accept.into());
}
