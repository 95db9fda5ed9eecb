//! Servers that are hostile to a client: hostile 16–20, and what of the other lines concerns it.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Output, Stdio};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha1::{Digest, Sha1};

use crate::bits::zeros;
use crate::served::command;
use crate::wire::LONG;

/// A server's treatment of its only connection, once the request is there: what it has to answer to
/// the key, and the stream.
type Serve<'a> = &'a (dyn Fn(&str, &mut TcpStream) + Sync);

/// Runs `wscodec connect` against such a server: what it said, and what it sent after the request.
fn against(arguments: &[&str], serve: Serve<'_>) -> (Output, Vec<u8>) {
    against_fed(arguments, "", serve)
}

/// The same with lines for its standard input, which then stays open.
fn against_fed(arguments: &[&str], lines: &str, serve: Serve<'_>) -> (Output, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::scope(|scope| {
        let serving = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(LONG)).unwrap();
            let mut head = Vec::new();
            let mut buf = [0; 4096];
            while !head.ends_with(b"\r\n\r\n") {
                let n = stream.read(&mut buf).unwrap();
                assert!(n > 0);
                head.extend_from_slice(&buf[..n]);
            }
            let head = String::from_utf8(head).unwrap();
            let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
            let key = lines.find(|it| it.0 == "Sec-WebSocket-Key").unwrap().1;
            let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
            let hash = Sha1::digest(format!("{key}{guid}"));
            serve(&BASE64_STANDARD.encode(hash), &mut stream);
            let mut sent = Vec::new();
            // An end by reset is an end too.
            let _ = stream.read_to_end(&mut sent);
            // Nobody else came: a redirect is not followed.
            listener.set_nonblocking(true).unwrap();
            assert!(listener.accept().is_err());
            sent
        });
        let mut child = command()
            .args(["connect", &url])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Open to the end, so that the client has no reason to close.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(lines.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        (output, serving.join().unwrap())
    })
}

/// A good answer with these lines added.
fn accept(value: &str, lines: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {value}\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// A frame of a server's, of less than 126 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

/// A frame that is printed if it is read.
const BAIT: &[u8] = b"\x81\x04bait";

/// The answer must fail the handshake: no frame is read or sent, and one line says why.
fn fails(arguments: &[&str], answer: &(dyn Fn(&str) -> Vec<u8> + Sync)) -> String {
    let (output, sent) = against(arguments, &|accept, stream| {
        stream.write_all(&[&answer(accept), BAIT].concat()).unwrap();
    });
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(output.stdout.is_empty());
    assert!(sent.is_empty(), "{sent:?}");
    // One line, and below it what may be the body of a rejection.
    let mut lines = errors.lines();
    assert!(lines.next().is_some());
    assert!(lines.all(|line| line.starts_with("  ")), "{errors}");
    errors
}

/// The code of the only close frame that the client sent.
fn code(sent: &[u8]) -> u16 {
    assert_eq!(sent[0], 0x88, "{sent:?}");
    assert_eq!(sent.len(), 6 + usize::from(sent[1] & 0x7f), "one frame");
    assert!(sent[1] & 0x80 != 0, "masked");
    u16::from_be_bytes([sent[6] ^ sent[2], sent[7] ^ sent[3]])
}

#[test]
fn hostile_16_and_18_answers_that_are_no_upgrade() {
    let plain = |text: &str| text.replace('\n', "\r\n").into_bytes();
    assert!(fails(&[], &|_| plain("HTTP/1.1 200 OK\nContent-Length: 4\n\n")).contains("200 OK"));
    fails(&[], &|_| plain("HTTP/1.1 100 Continue\n\n"));
    fails(&[], &|_| plain("HTTP/1.0 101 Switching Protocols\n\n"));
    let errors = fails(&[], &|_| {
        plain("HTTP/1.1 302 Found\nLocation: ws://localhost/\n\n")
    });
    assert!(
        errors.contains("302") && errors.contains("ws://localhost/"),
        "{errors}"
    );
    fails(&[], &|_| accept("", ""));
    fails(&[], &|_| accept("AAAAAAAAAAAAAAAAAAAAAAAAAAA=", ""));
    fails(&[], &|value| {
        let other = value.chars().map(|c| match c.is_ascii_lowercase() {
            true => c.to_ascii_uppercase(),
            false => c.to_ascii_lowercase(),
        });
        let other: String = other.collect();
        accept(&other, "")
    });
    fails(&[], &|value| {
        accept(value, &format!("Sec-WebSocket-Accept: {value}\r\n"))
    });
    fails(&[], &|value| {
        let text = String::from_utf8(accept(value, "")).unwrap();
        text.replace("Upgrade: websocket\r\n", "").into_bytes()
    });
    fails(&[], &|value| {
        let text = String::from_utf8(accept(value, "")).unwrap();
        text.replace("Connection: Upgrade\r\n", "").into_bytes()
    });
}

#[test]
fn hostile_17_what_was_not_asked_for() {
    let chosen = |line: &'static str| move |value: &str| accept(value, line);
    fails(&[], &chosen("Sec-WebSocket-Protocol: chat\r\n"));
    fails(
        &["--protocol", "chat"],
        &chosen("Sec-WebSocket-Protocol: Chat\r\n"),
    );
    fails(
        &["--protocol", "a"],
        &chosen("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n"),
    );
    let extension = |arguments: &[&str], value: &str| {
        let line = format!("Sec-WebSocket-Extensions: {value}\r\n");
        fails(arguments, &|accepted| accept(accepted, &line));
    };
    extension(&["--no-deflate"], "permessage-deflate");
    extension(&[], "permessage-bzip2");
    extension(&[], "permessage-deflate, permessage-deflate");
    for parameter in [
        "server_max_window_bits=0",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits",
        "server_max_window_bits=09",
        "client_max_window_bits",
        "client_max_window_bits=16",
        "unknown",
        "server_no_context_takeover; server_no_context_takeover",
    ] {
        extension(&[], &format!("permessage-deflate; {parameter}"));
    }
    // More than was asked for.
    extension(
        &["--window", "9"],
        "permessage-deflate; server_max_window_bits=10",
    );
    extension(&["--window", "9"], "permessage-deflate");
}

#[test]
fn hostile_19_answers_without_end() {
    let (output, _) = against(&[], &|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n");
        while stream
            .write_all(&b"X-Header: and so on\r\n".repeat(100))
            .is_ok()
        {}
    });
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors.contains("larger than the limit") || errors.contains("more header lines"),
        "{errors}"
    );
    // One byte now and then: it never ends, but time does.
    let (output, _) = against(&["--timeout", "0.5"], &|_, stream| {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\nX: "
            .iter()
            .chain([&b'x'; 1000])
        {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("the client waits for ever");
    });
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("in time"), "{errors}");
}

#[test]
fn hostile_20_frames_in_the_packet_of_the_answer() {
    let (output, sent) = against(&[], &|value, stream| {
        let frames = [
            frame(0x81, "früh".as_bytes()),
            frame(0x89, b"?"),
            frame(0x88, b"\x03\xe8"),
        ];
        let bytes = [accept(value, ""), frames.concat()].concat();
        stream.write_all(&bytes).unwrap();
    });
    assert!(output.status.success());
    assert_eq!(output.stdout, "früh\n".as_bytes());
    assert_eq!(sent[0], 0x8a);
    assert_eq!(code(&sent[7..]), 1000);
}

#[test]
fn frames_that_break_a_rule_fail_the_client_too() {
    let header_64 = |len: u64| [&b"\x82\x7f"[..], &len.to_be_bytes()].concat();
    let bomb = zeros(2 << 20);
    let bomb = [&b"\xc2\x7e"[..], &(bomb.len() as u16).to_be_bytes(), &bomb].concat();
    for (name, frames, expected) in [
        ("21 masked", b"\x81\x82\0\0\0\0hi".to_vec(), 1002),
        ("22 top bit", header_64(1 << 63), 1002),
        ("23 2^62", header_64(1 << 62), 1009),
        ("23 2^32 + 5", header_64((1 << 32) + 5), 1009),
        ("24 not minimal", b"\x82\x7e\0\x05hello".to_vec(), 1002),
        ("26 RSV1 on a ping", frame(0xc9, b""), 1002),
        ("27 opcode 3", frame(0x83, b""), 1002),
        ("34 1015", frame(0x88, b"\x03\xf7"), 1002),
        ("35 a reason", frame(0x88, b"\x03\xe8\xc3"), 1007),
        ("38 a bomb", bomb, 1009),
        ("39 damage", frame(0xc2, b"\xff\xff"), 1007),
        ("text that is not UTF-8", frame(0x81, b"\xff"), 1007),
    ] {
        let (output, sent) = against(&["--max-message", "1M"], &|value, stream| {
            let answer = accept(value, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
            stream.write_all(&[&answer[..], &frames].concat()).unwrap();
            // A client waits for the server to close first.
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {errors}");
        assert!(output.stdout.is_empty(), "{name}");
        assert_eq!(code(&sent), expected, "{name}");
        assert!(errors.contains("the connection failed"), "{name}: {errors}");
    }
}

#[test]
fn hostile_31_an_end_inside_a_message() {
    // The end comes with the bytes before it, or shortly after.
    for round in 0..10 {
        let (output, _) = against(&[], &|value, stream| {
            let bytes = [&accept(value, "")[..], b"\x81\x05hel"].concat();
            stream.write_all(&bytes).unwrap();
            thread::sleep(Duration::from_millis(round % 2));
            stream.shutdown(Shutdown::Write).unwrap();
        });
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(output.stdout.is_empty());
        assert!(errors.contains("ended too early"), "{errors}");
    }
}

#[test]
fn hostile_46_every_frame_has_a_mask_of_its_own() {
    let count = 2000;
    let (output, sent) = against_fed(
        &["--no-deflate"],
        &"same\n".repeat(count),
        &|value, stream| {
            stream.write_all(&accept(value, "")).unwrap();
            let mut frames = vec![0; count * 10];
            stream.read_exact(&mut frames).unwrap();
            let keys: HashSet<_> = frames.chunks(10).map(|it| it[2..6].to_vec()).collect();
            // That two of so many are the same by chance is one in two thousand; that four are is not.
            assert!(keys.len() > count - 3, "{}", keys.len());
            for frame in frames.chunks(10) {
                assert_eq!(frame[..2], [0x81, 0x84]);
                let plain: Vec<u8> = (6..10).map(|i| frame[i] ^ frame[i - 4]).collect();
                assert_eq!(plain, b"same");
            }
            stream.write_all(&frame(0x88, b"\x03\xe8")).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        },
    );
    assert!(output.status.success());
    assert_eq!(code(&sent), 1000);
}
