//! The server's side of the opening handshake: what is accepted, what is rejected and how
//! (RFC 6455 §4.2).

mod common;

use common::heads;
use wscodec::handshake::{Rejection, UpgradeRequest, UpgradeRequestReader};
use wscodec::{ErrorKind, Fault, HandshakeError, LimitError, Limits, MisuseError};

const BASE: [&str; 6] = [
    "GET /chat HTTP/1.1",
    "Host: example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
];

const CHROME: &str = "GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\n\
    Connection: Upgrade\r\nPragma: no-cache\r\nCache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/140.0.0.0 Safari/537.36\r\nUpgrade: websocket\r\nOrigin: http://example.com:8080\r\n\
    Sec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef; theme=dark\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// The base request with lines in place of the one that begins alike, or else at the end. An empty
/// replacement leaves the line out.
fn head(changes: &[(&str, &str)]) -> String {
    heads::head(&BASE, changes)
}

/// The result of a request; the same in one piece, at every split, and byte by byte.
fn read(bytes: &[u8]) -> Result<Option<usize>, Fault> {
    let outcome = |ends: &mut dyn Iterator<Item = usize>| {
        let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
        let mut result = Ok(None);
        for end in ends {
            result = reader
                .read(&bytes[..end])
                .map(|request| Some(request?.head_len()));
            if result != Ok(None) {
                break;
            }
        }
        result
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

fn parse(head: &str) -> UpgradeRequest<'_> {
    let request = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT);
    request.expect("acceptable").expect("whole")
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), MisuseError>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_browsers_request() {
    assert_accepted(CHROME);
    let request = parse(CHROME);
    assert_eq!(request.target(), "/chat?room=1");
    assert_eq!((request.path(), request.query()), ("/chat", Some("room=1")));
    assert_eq!(request.path_and_query(), "/chat?room=1");
    assert_eq!(request.host(), "example.com:8080");
    assert_eq!(request.origin(), Some(&b"http://example.com:8080"[..]));
    assert_eq!(request.key(), b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(
        request.header("COOKIE"),
        Some(&b"session=0123456789abcdef; theme=dark"[..])
    );
    assert_eq!(request.header("x"), None);
    assert_eq!(request.headers().count(), 13);
    assert_eq!(request.protocols().count(), 0);
    let offers: Vec<_> = request.extensions().collect();
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].name(), "permessage-deflate");
    let param = offers[0].params().next().unwrap();
    assert_eq!((param.name, param.value), ("client_max_window_bits", None));
    assert_eq!(
        written(|out| request.accept().extensions("permessage-deflate").write(out)),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
            Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    );
}

// hostile 1
#[test]
fn method_and_version() {
    for line in [
        "POST / HTTP/1.1",
        "get / HTTP/1.1",
        "GETS / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
    ] {
        assert_rejected(&head(&[("GET", line)]), HandshakeError::Method);
    }
    assert_rejected(&head(&[("GET", "POST / HTTP/1.0")]), HandshakeError::Method);
    assert_rejected(
        &head(&[("GET", "GET / HTTP/1.0")]),
        HandshakeError::HttpVersion,
    );
    assert_rejected(
        &head(&[("GET", "GET / HTTP/2.0")]),
        HandshakeError::HttpVersion,
    );
    assert_rejected(&head(&[("GET", "GET /")]), HandshakeError::MalformedHead);
    let rejection = Rejection::of(HandshakeError::Method).unwrap();
    let text = written(|out| rejection.write(out));
    assert!(
        text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"),
        "{text}"
    );
    assert!(text.contains("\r\nAllow: GET\r\n"), "{text}");
}

#[test]
fn targets() {
    for (target, path) in [
        ("/", "/"),
        ("/a//b?c=://d", "/a//b?c=://d"),
        ("http://example.com/a?b", "/a?b"),
        ("HTTPS://example.com", "/"),
        ("ws://example.com?a", "/?a"),
        ("ws://example.com?a=b/c", "/?a=b/c"),
        ("ws://example.com/?a", "/?a"),
        ("/?a=ws://b/c", "/?a=ws://b/c"),
    ] {
        let line = format!("GET {target} HTTP/1.1");
        let head = head(&[("GET", &line)]);
        assert_accepted(&head);
        assert_eq!(
            (parse(&head).target(), &*parse(&head).path_and_query()),
            (target, path)
        );
    }
    for target in [
        "*",
        "chat",
        "example.com:80",
        "ftp://a/",
        "/\u{e9}",
        "ws://",
        "ws:///a",
        "ws://?a",
        "ws://user@a/",
        "ws://a:b:c/",
        "ws://[::1/",
        "ws://:80/",
        "ws://a#b",
        "ws:/a",
    ] {
        let line = format!("GET {target} HTTP/1.1");
        assert_rejected(&head(&[("GET", &line)]), HandshakeError::MalformedHead);
    }
}

#[test]
fn the_authority_of_an_absolute_target_is_the_host() {
    let absolute = |target: &str, host: &str| {
        head(&[
            ("GET", &format!("GET {target} HTTP/1.1")),
            ("Host", &format!("Host: {host}")),
        ])
    };
    for (target, host) in [
        ("ws://a.example/b", "a.example"),
        ("http://a.example:81?b", "a.example:81"),
        ("WSS://[::1]:9", "[::1]:9"),
    ] {
        let head = absolute(target, "other.example");
        assert_accepted(&head);
        assert_eq!(parse(&head).host(), host);
    }
    // Host has to be right all the same (RFC 9112 §3.2).
    for host in ["Host: a:b:c", "", "Host: a\r\nHost: a"] {
        let head = head(&[("GET", "GET ws://a/ HTTP/1.1"), ("Host", host)]);
        assert_rejected(&head, HandshakeError::Host);
    }
}

// hostile 2
#[test]
fn upgrade_and_connection_are_token_lists() {
    for (upgrade, connection) in [
        ("Upgrade: WebSocket", "connection: keep-alive, Upgrade"),
        ("UPGRADE: h2c , websocket", "Connection: upgrade,,close"),
        (
            "Upgrade: h2c\r\nUpgrade: websocket",
            "Connection: close\r\nConnection:\tUPGRADE ",
        ),
    ] {
        assert_accepted(&head(&[("Upgrade", upgrade), ("Connection", connection)]));
    }
    for upgrade in [
        "",
        "Upgrade:",
        "Upgrade: websockets",
        "Upgrade: web socket",
        "Upgrade: h2c",
    ] {
        assert_rejected(
            &head(&[("Upgrade", upgrade)]),
            HandshakeError::UpgradeHeader,
        );
    }
    for connection in [
        "",
        "Connection:",
        "Connection: keep-alive",
        "Connection: upgrade2",
    ] {
        assert_rejected(
            &head(&[("Connection", connection)]),
            HandshakeError::ConnectionHeader,
        );
    }
}

// hostile 3
#[test]
fn key() {
    let key = "Sec-WebSocket-Key";
    let huge = format!("{key}: {}", "A".repeat(2000));
    for line in [
        "",
        "Sec-WebSocket-Key:",
        "Sec-WebSocket-Key: AAAA",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQ=",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ_==",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==, a",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        &huge,
    ] {
        assert_rejected(&head(&[(key, line)]), HandshakeError::Key);
    }
    assert_accepted(&head(&[(
        key,
        "sec-websocket-key:\t dGhlIHNhbXBsZSBub25jZQ== \t",
    )]));
}

// hostile 4
#[test]
fn version_and_its_answer() {
    for line in [
        "",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Version: 013",
        "Sec-WebSocket-Version: 13, 8",
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13",
    ] {
        assert_rejected(
            &head(&[("Sec-WebSocket-Version", line)]),
            HandshakeError::Version,
        );
    }
    let rejection = Rejection::of(HandshakeError::Version).unwrap();
    assert_eq!(
        written(|out| rejection.write(out)),
        "HTTP/1.1 426 Upgrade Required\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Version: 13\r\nContent-Length: 31\r\nContent-Type: text/plain\r\n\r\n\
            Sec-WebSocket-Version is not 13"
    );
}

// hostile 5
#[test]
fn no_body() {
    for line in [
        "Content-Length: 1",
        "Content-Length: 0, 0",
        "Content-Length:",
        "Content-Length: -0",
        "Content-Length: 0\r\nContent-Length: 5",
        "Transfer-Encoding: chunked",
        "transfer-encoding: identity",
        "Transfer-Encoding:",
    ] {
        assert_rejected(&head(&[("", line)]), HandshakeError::Body);
    }
    assert_accepted(&head(&[("", "Content-Length: 0")]));
}

// hostile 6; where the fault lies is tested with the scanner
#[test]
fn malformed_heads_and_hosts() {
    for line in [
        "A: b\nC: d",
        "A: b\r\n c",
        "A : b",
        "A: \0",
        "A: \x01",
        "A: b\rc",
        "A\u{e9}: b",
        ": a",
        "A",
    ] {
        assert_rejected(&head(&[("", line)]), HandshakeError::MalformedHead);
    }
    assert_rejected(
        &head(&[]).replace("\r\n", "\n"),
        HandshakeError::MalformedHead,
    );
    for line in [
        "",
        "Host:",
        "Host: a b",
        "Host: a/b",
        "Host: user@a",
        "Host: \u{e9}",
        "Host: a\r\nHost: a",
        "Host: a\r\nhost: b",
        "Host: [::1",
        "Host: ::1",
        "Host: [::1]a",
        "Host: a:b:c",
        "Host: a:1:2",
        "Host: a:65536",
        "Host: :80",
        "Host: :",
        "Host: a%2",
    ] {
        assert_rejected(&head(&[("Host", line)]), HandshakeError::Host);
    }
    for host in [
        "[::1]:80",
        "localhost",
        "localhost:",
        "192.0.2.1:8080",
        "a_b.example",
    ] {
        assert_accepted(&head(&[("Host", &format!("Host: {host}"))]));
    }
}

// hostile 7
#[test]
fn huge_heads_are_refused_at_the_limit() {
    let endless = head(&[]).trim_end().to_string() + "\r\nA: " + &"b".repeat(100_000);
    let result = feed_byte_by_byte(endless.as_bytes(), &Limits::DEFAULT);
    assert_eq!(
        result,
        Err(ErrorKind::from(LimitError::HeadTooLarge).at(16 << 10))
    );
    let whole = UpgradeRequest::parse(endless.as_bytes(), &Limits::DEFAULT).map(|_| ());
    assert_eq!(
        whole,
        Err(ErrorKind::from(LimitError::HeadTooLarge).at(16 << 10))
    );

    let lines = head(&[]).trim_end().to_string() + &"\r\nA: b".repeat(1000);
    let at = lines.match_indices("\r\n").nth(100).unwrap().0 as u64 + 2;
    let result = feed_byte_by_byte(lines.as_bytes(), &Limits::DEFAULT);
    assert_eq!(
        result,
        Err(ErrorKind::from(LimitError::TooManyHeaders).at(at))
    );
    let whole = UpgradeRequest::parse(lines.as_bytes(), &Limits::DEFAULT).map(|_| ());
    assert_eq!(
        whole,
        Err(ErrorKind::from(LimitError::TooManyHeaders).at(at))
    );

    let rejection = Rejection::of(LimitError::HeadTooLarge).unwrap();
    assert!(written(|out| rejection.write(out)).starts_with("HTTP/1.1 431 "));
}

// hostile 7: quadratic work would be 50 billion steps here
#[test]
fn a_huge_head_byte_by_byte_is_quick() {
    let mut limits = Limits::default();
    limits.head = 1 << 20;
    let start = head(&[]);
    let line = "Cookie: ".to_string() + &"b".repeat(990) + "\r\n";
    let bytes =
        start.trim_end().to_string() + "\r\n" + &line.repeat(90) + "A: " + &"c".repeat(220_000);
    assert_eq!(feed_byte_by_byte(bytes.as_bytes(), &limits), Ok(None));
    let bytes = bytes + "\r\n\r\n";
    assert_eq!(
        feed_byte_by_byte(bytes.as_bytes(), &limits),
        Ok(Some(bytes.len()))
    );
}

fn feed_byte_by_byte(bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Fault> {
    let mut reader = UpgradeRequestReader::new(limits);
    for end in 0..bytes.len() {
        if let Some(request) = reader.read(&bytes[..end])? {
            return Ok(Some(request.head_len()));
        }
    }
    Ok(reader.read(bytes)?.map(|request| request.head_len()))
}

// hostile 8
#[test]
fn subprotocols() {
    let accepted = head(&[
        ("", "Sec-WebSocket-Protocol: v2, , chat"),
        ("", "sec-websocket-protocol: v1"),
    ]);
    assert_accepted(&accepted);
    let request = parse(&accepted);
    assert_eq!(
        request.protocols().collect::<Vec<_>>(),
        ["v2", "chat", "v1"]
    );
    assert_eq!(request.select_protocol(&["v1", "chat"]), Some("chat"));
    assert_eq!(request.select_protocol(&["v3", "Chat"]), None);
    for protocol in ["v1", "v2", "chat"] {
        let text = written(|out| request.accept().protocol(protocol).write(out));
        assert!(text.contains(&format!("\r\nSec-WebSocket-Protocol: {protocol}\r\n")));
    }
    assert!(!written(|out| request.accept().write(out)).contains("Protocol:"));

    let many = "abcdefghijklmnopqrstuvwxyz0123456789"
        .chars()
        .map(String::from);
    let many: Vec<String> = many.chain((0..28).map(|n| format!("p{n}"))).collect();
    assert_accepted(&head(&[(
        "",
        &format!("Sec-WebSocket-Protocol: {}", many.join(",")),
    )]));
    for value in [
        "".to_string(),
        ",".to_string(),
        "a b".to_string(),
        "a,b,a".to_string(),
        "a\r\nSec-WebSocket-Protocol: a".to_string(),
        "a;b".to_string(),
        "\"a\"".to_string(),
        "\u{e9}".to_string(),
        "a/b".to_string(),
        format!("a{}b", " ".repeat(8000)),
        many.join(",") + ",one-more",
    ] {
        let line = format!("Sec-WebSocket-Protocol: {value}");
        let head = head(&[("", &line)]);
        let result = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT);
        let error = result.map(|_| ()).unwrap_err().error;
        assert_eq!(error, HandshakeError::ProtocolHeader.into(), "{value}");
    }
}

// hostile 9; the grammar is tested with the list
#[test]
fn extensions() {
    let accepted = head(&[
        (
            "",
            "Sec-WebSocket-Extensions: constructor; __proto__=\"1\\0\", b",
        ),
        ("", "Sec-WebSocket-Extensions: c; d"),
    ]);
    assert_accepted(&accepted);
    let names: Vec<_> = parse(&accepted).extensions().map(|e| e.name()).collect();
    assert_eq!(names, ["constructor", "b", "c"]);

    let offers = "x-long-enough; y=1,".repeat(800);
    let line = format!("Sec-WebSocket-Extensions: {offers}");
    assert_eq!(parse(&head(&[("", &line)])).extensions().count(), 800);

    let unclosed = format!("a; b=\"{}", "\\c".repeat(7000));
    for value in [
        "",
        ",",
        "a;",
        "a b",
        "a; b=",
        "a; b=\"\"",
        "a; b=\"1 2\"",
        "\u{e9}",
        &unclosed,
    ] {
        let line = format!("Sec-WebSocket-Extensions: {value}");
        let head = head(&[("", &line)]);
        let error = UpgradeRequest::parse(head.as_bytes(), &Limits::DEFAULT)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            error.error,
            HandshakeError::ExtensionsHeader.into(),
            "{value}"
        );
    }
}

// hostile 12
#[test]
fn a_quoted_parameter_is_the_same() {
    for value in ["10", "\"10\"", "\"1\\0\""] {
        let line = format!("Sec-WebSocket-Extensions: d; server_max_window_bits={value}");
        let head = head(&[("", &line)]);
        let param = parse(&head)
            .extensions()
            .next()
            .unwrap()
            .params()
            .next()
            .unwrap();
        assert_eq!(param.value.unwrap(), "10");
    }
}

// hostile 15
#[test]
fn frames_behind_the_head_are_left() {
    let mut bytes = CHROME.as_bytes().to_vec();
    bytes.extend(b"\x81\x80\r\n\r\n\0\n");
    assert_eq!(read(&bytes), Ok(Some(CHROME.len())));
}

#[test]
fn faults_say_where() {
    let offset = |head: &str| read(head.as_bytes()).unwrap_err().offset as usize;
    let bytes = head(&[("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8")]);
    assert_eq!(offset(&bytes), bytes.find("Sec-WebSocket-Version").unwrap());
    let bytes = head(&[("", "X: y"), ("", "host: second"), ("", "Z: z")]);
    assert_eq!(offset(&bytes), bytes.find("host: second").unwrap());
    let bytes = head(&[("Sec-WebSocket-Key", "")]);
    assert_eq!(offset(&bytes), 0);
    let bytes = head(&[("", "Transfer-Encoding: chunked")]);
    assert_eq!(offset(&bytes), bytes.find("Transfer").unwrap());
}
