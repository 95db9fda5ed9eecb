//! Requests: hostile 1–9 and 13–15.

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::good::Good;
use crate::served::{Served, command};
use crate::wire::{End, close, connect, converse, read_to_end, request, text};

/// The good request with one of its parts replaced.
fn with(old: &str, new: &str) -> Vec<u8> {
    let good = String::from_utf8(request("")).unwrap();
    assert!(good.contains(old));
    good.replacen(old, new, 1).into_bytes()
}

/// Sends each, and expects the status, a clean end, and nothing that could be frames.
fn refused(served: &Served, cases: &[(Vec<u8>, u16)]) {
    for (bytes, status) in cases {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
        // The bytes behind it are not looked at.
        let answer = converse(served.address, &[&bytes[..], &text("smuggled")].concat());
        assert_eq!(answer.status(), Some(*status), "{shown}");
        assert_eq!(answer.end, End::Eof, "{shown}");
        let connection = answer.header("Connection").unwrap();
        assert!(connection.starts_with("close"), "{shown}");
    }
}

/// Sends each with a close frame behind it, and expects that it is taken for one.
fn accepted(served: &Served, cases: &[Vec<u8>]) {
    for bytes in cases {
        let answer = converse(served.address, &[&bytes[..], &close(1000, b"")].concat());
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
        assert_eq!(answer.status(), Some(101), "{shown}");
        assert_eq!(answer.code(), 1000, "{shown}");
    }
}

const UPGRADE: &str = "Upgrade: websocket\r\n";
const CONNECTION: &str = "Connection: Upgrade\r\n";
const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";

#[test]
fn hostile_1_to_6_requests_that_are_no_upgrade() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let key = |value: &str| with(KEY, &format!("Sec-WebSocket-Key: {value}\r\n"));
    let version = |value: &str| with(VERSION, &format!("Sec-WebSocket-Version: {value}\r\n"));
    let cases = [
        // 1
        (with("GET", "POST"), 405),
        (with("GET", "HEAD"), 405),
        (with("HTTP/1.1", "HTTP/1.0"), 400),
        // 2
        (with(UPGRADE, ""), 400),
        (with(CONNECTION, ""), 400),
        (with(UPGRADE, "Upgrade: websockets\r\n"), 400),
        (with(CONNECTION, "Connection: keep-alive\r\n"), 400),
        // 3
        (with(KEY, ""), 400),
        (with(KEY, &KEY.repeat(2)), 400),
        (key("dGhlIHNhbXBsZSBub25jZQ="), 400),
        (key("dGhlIHNhbXBsZSBub25jZQ!="), 400),
        (key("dGhlIHNhbXBsZSBub25jZSE="), 400),
        (key(&"A".repeat(10_000)), 400),
        // 4
        (with(VERSION, ""), 426),
        (version("8"), 426),
        (version("14"), 426),
        // 5
        (request("Content-Length: 5\r\n"), 400),
        (request("Transfer-Encoding: chunked\r\n"), 400),
        // 6
        (with("Host: localhost\r\n", "Host: localhost\n"), 400),
        (request("X-A: b\r\n c\r\n"), 400),
        (request("X-A : b\r\n"), 400),
        (request("X-A: b\0c\r\n"), 400),
        (request("X-A: b\x01c\r\n"), 400),
        (request("Host: other\r\n"), 400),
        (with("Host: localhost\r\n", ""), 400),
        (
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n".to_vec(),
            400,
        ),
    ];
    refused(&served, &cases);
    let answer = converse(served.address, &version("12"));
    assert_eq!(answer.header("Sec-WebSocket-Version"), Some("13"));
    accepted(
        &served,
        &[
            with(UPGRADE, "uPGRADE: h2c, WebSocket\r\n"),
            with(CONNECTION, "connection: keep-alive, UPGRADE\r\n"),
            with(CONNECTION, "Connection: a\r\nConnection: b , upgrade,\r\n"),
        ],
    );
    good.finish();
}

#[test]
fn hostile_7_heads_without_end() {
    let served = Served::new(&["--handshake-timeout", "2"]);
    let good = Good::start(served.address);
    let endless = |line: &str| request(&line.repeat(1_000_000 / line.len()));
    refused(
        &served,
        &[
            (
                endless("X-Header: of no use whatsoever, but there it is\r\n"),
                431,
            ),
            (endless("A:\r\n"), 431),
            (
                with("GET /", &format!("GET /{}", "a".repeat(1_000_000))),
                431,
            ),
            (
                request(&format!("Cookie: {}\r\n", "a".repeat(1_000_000))),
                431,
            ),
        ],
    );
    // One byte at a time: as far as the limit, and never ending.
    let mut stream = connect(served.address);
    let bytes = endless("X: y\r\n");
    for byte in &bytes[..20_000] {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
    }
    assert_eq!(read_to_end(&mut stream).status(), Some(431));
    let mut slow: Vec<_> = (0..20).map(|_| connect(served.address)).collect();
    for (i, stream) in slow.iter_mut().enumerate() {
        stream.write_all(&request("")[..i * 7]).unwrap();
    }
    for stream in &mut slow {
        let answer = read_to_end(stream);
        assert_eq!((answer.status(), answer.end), (Some(408), End::Eof));
    }
    good.finish();
    served.assert_peak_below(8 << 20);
}

#[test]
fn hostile_8_subprotocols() {
    let served = Served::new(&["--protocol", "chat.v2", "--protocol", "chat"]);
    let good = Good::start(served.address);
    let offer = |value: &str| request(&format!("Sec-WebSocket-Protocol: {value}\r\n"));
    let spaces = " ".repeat(15_000);
    refused(
        &served,
        &[
            (offer("chat, chat"), 400),
            (offer("a b"), 400),
            (offer(&format!("a{spaces}b")), 400),
            (offer("größe"), 400),
            (offer("\"chat\""), 400),
            (offer("a\u{7f}"), 400),
        ],
    );
    for (value, chosen) in [
        ("chat", Some("chat")),
        ("other, chat", Some("chat")),
        ("other\r\nSec-WebSocket-Protocol: chat", Some("chat")),
        ("Chat", None),
        (&format!("other{spaces},{spaces}chat")[..], None),
    ] {
        let answer = converse(served.address, &[offer(value), close(1000, b"")].concat());
        if value.len() > 16_000 {
            assert_eq!(answer.status(), Some(431));
            continue;
        }
        assert_eq!(answer.status(), Some(101));
        assert_eq!(answer.header("Sec-WebSocket-Protocol"), chosen, "{value}");
    }
    let value = format!("other{},chat", &spaces[..14_000]);
    let answer = converse(served.address, &[offer(&value), close(1000, b"")].concat());
    assert_eq!(answer.header("Sec-WebSocket-Protocol"), Some("chat"));
    good.finish();
}

#[test]
fn hostile_9_extensions() {
    let served = Served::new(&[]);
    let good = Good::start(served.address);
    let offer = |value: &str| request(&format!("Sec-WebSocket-Extensions: {value}\r\n"));
    refused(
        &served,
        &[
            (offer(&format!("a; b=\"{}", "\\c".repeat(7000))), 400),
            (offer("a; b=\"c"), 400),
            (offer("a; =c"), 400),
            (offer("a b"), 400),
            (offer("permessage-deflate;"), 400),
        ],
    );
    let offers = |count: usize| vec!["permessage-deflate; client_max_window_bits=99"; count];
    for (value, agreed) in [
        ("constructor, __proto__; toString", None),
        (
            &format!("{}, permessage-deflate", offers(300).join(", "))[..],
            Some("permessage-deflate"),
        ),
        (&"x, ".repeat(4000)[..], None),
        (
            "x; y=1\r\nSec-WebSocket-Extensions: permessage-deflate",
            Some("permessage-deflate"),
        ),
    ] {
        let value = value.trim_end_matches(", ");
        let answer = converse(served.address, &[offer(value), close(1000, b"")].concat());
        assert_eq!(answer.status(), Some(101), "{value}");
        assert_eq!(answer.header("Sec-WebSocket-Extensions"), agreed, "{value}");
    }
    good.finish();
}

/// A header that a person gives to the client must not be able to write lines of its own.
#[test]
fn hostile_13_line_ends_in_what_the_application_supplies() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("ws://{address}/");
    let attacked = format!("ws://{address}/x HTTP/1.1\r\nX: y\r\n\r\n");
    for arguments in [
        &["--header", "X: a\r\nY: b", &url][..],
        &["--header", "X\r\nY: b", &url],
        &["--protocol", "a\r\nX: b", &url],
        &[&attacked],
    ] {
        let status = command()
            .arg("connect")
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success(), "{arguments:?}");
        listener.set_nonblocking(true).unwrap();
        match listener.accept() {
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
            Ok((mut stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                let mut sent = Vec::new();
                // A reset is no byte either.
                let _ = std::io::Read::read_to_end(&mut stream, &mut sent);
                assert!(sent.is_empty(), "{arguments:?} {sent:?}");
            }
        }
    }
}

#[test]
fn hostile_14_foreign_origins() {
    let served = Served::new(&["--origin", "same"]);
    refused(
        &served,
        &[
            (request("Origin: https://evil.example\r\n"), 403),
            (request("Origin: http://localhost.evil.example\r\n"), 403),
            (request("Origin: null\r\n"), 403),
        ],
    );
    accepted(
        &served,
        &[request("Origin: http://localhost\r\n"), request("")],
    );
}

#[test]
fn hostile_15_frames_in_the_packet_of_the_request() {
    let served = Served::new(&[]);
    let bytes = [request(""), text("early"), text("bird"), close(1000, b"")].concat();
    let answer = converse(served.address, &bytes);
    assert_eq!(answer.messages(), [&b"early"[..], b"bird"]);
    assert_eq!(answer.code(), 1000);
    // And with the cut anywhere.
    for at in [
        1,
        request("").len() - 1,
        request("").len(),
        request("").len() + 3,
    ] {
        let mut stream = connect(served.address);
        stream.write_all(&bytes[..at]).unwrap();
        thread::sleep(Duration::from_millis(5));
        stream.write_all(&bytes[at..]).unwrap();
        assert_eq!(read_to_end(&mut stream), answer, "{at}");
    }
}
