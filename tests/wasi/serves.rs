//! The component behaves as the native server does.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use wscodec::deflate;

use crate::client::{Client, REQUEST, head, open, raw};
use crate::common::rng::Rng;
use crate::component::{self, serve};

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn messages_of_every_size_come_back() {
    let mut rng = Rng(1);
    let server = serve(&[]);
    for deflate in [None, Some(deflate::DeflateOptions::default())] {
        let mut client = Client::with(server.address, deflate);
        for len in [0, 1, 125, 126, 65535, 65536, 100_000, 5 << 20] {
            let payload: Vec<u8> = (0..len).map(|_| rng.byte() & 0x3f).collect();
            let mut out = Vec::new();
            client.session.sender().binary(&payload, &mut out).unwrap();
            let mut writer = client.stream.try_clone().unwrap();
            let writing = thread::spawn(move || writer.write_all(&out).unwrap());
            assert!(client.next().unwrap() == payload, "{len}");
            writing.join().unwrap();
        }
    }
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn messages_are_compressed_with_what_came_before() {
    let server = serve(&[]);
    let mut client = Client::with(server.address, Some(deflate::DeflateOptions::default()));
    let text = "what was said before is not said again, ".repeat(10);
    for _ in 0..20 {
        client.echo(text.as_bytes());
    }
    let out = server.stats_when("bytes_out", |it| it("messages_out") == 20);
    assert!(out < 20 * text.len() as u64 / 4, "{out} bytes");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn thousands_of_messages_in_one_write_come_back_in_order() {
    let server = serve(&[]);
    let mut client = Client::new(server.address);
    let mut out = Vec::new();
    for i in 0..5000 {
        let text = format!("message {i}");
        client.session.sender().text(&text, &mut out).unwrap();
    }
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&out).unwrap());
    for i in 0..5000 {
        assert_eq!(client.next().unwrap(), format!("message {i}").as_bytes());
    }
    writing.join().unwrap();
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn requests_that_are_wrong_get_their_status() {
    let server = serve(&["--max-head", "1000", "--origin", "same"]);
    let long = [REQUEST.strip_suffix(b"\r\n").unwrap(), &[b'x'; 1000]].concat();
    let rest = &REQUEST[..REQUEST.len() - 2];
    let foreign = [rest, b"Origin: https://evil.example\r\n\r\n"].concat();
    for (bytes, status) in [
        (&b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "405"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (&long, "431"),
        (&foreign, "403"),
    ] {
        let answer = raw(server.address, bytes);
        let line = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert_eq!(line, format!("HTTP/1.1 {status}"));
    }
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn slow_requests_are_refused_and_full_servers_say_so() {
    let server = serve(&["--handshake-timeout", "0.3"]);
    let answer = raw(server.address, b"GET / HTTP/1.1\r\nHost:");
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    server.stats_when("open", |it| it("rejected") == 1 && it("open") == 0);
    // Another one, because a good request must not take that long.
    let server = serve(&["--max-connections", "2"]);
    let mut first = Client::new(server.address);
    let second = Client::new(server.address);
    let answer = raw(server.address, REQUEST);
    assert!(answer.starts_with(b"HTTP/1.1 503 "));
    first.echo(b"unharmed");
    drop(second);
    server.stats_when("open", |it| it("accepted") == 2 && it("open") == 1);
    Client::new(server.address).echo(b"there is room again");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn memory_is_limited() {
    let server = serve(&["--max-memory", "100K"]);
    let mut small = Client::new(server.address);
    let mut large = Client::new(server.address);
    let mut out = Vec::new();
    large
        .session
        .sender()
        .binary(&[7; 200_000], &mut out)
        .unwrap();
    // All but the last byte, so that it waits for that.
    large.stream.write_all(&out[..out.len() - 1]).unwrap();
    assert_eq!(large.next(), Err(1013));
    small.echo(b"unharmed");
    drop(large);
    server.stats_when("open", |it| it("open") == 1);
    let mut others = Vec::new();
    loop {
        let mut stream = open(server.address);
        stream.write_all(REQUEST).unwrap();
        let answer = head(&mut stream);
        others.push(stream);
        if answer.starts_with("HTTP/1.1 503 ") {
            break;
        }
        assert!(others.len() < 1000, "it is never full");
    }
    small.echo(b"still");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn connections_end_with_their_code() {
    let server = serve(&["--max-message", "1000", "--max-inflation", "10"]);
    for (frame, code) in [
        (&b"\x81\x00"[..], 1002_u16),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\xfe\x03\xe9\0\0\0\0", 1009),
        (b"\x88\x82\0\0\0\0\x03\xe8", 1000),
    ] {
        let answer = raw(server.address, &[REQUEST, frame].concat());
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answer[end], 0x88);
        assert_eq!(answer[end + 2..end + 4], code.to_be_bytes());
        let len = usize::from(answer[end + 1]);
        assert_eq!(answer.len(), end + 2 + len, "one close frame and no more");
    }
    let mut client = Client::with(server.address, Some(deflate::DeflateOptions::default()));
    client.send(&[b'0'; 100_000]);
    assert_eq!(client.next(), Err(1009), "it is short, and inflates");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn idle_connections_are_closed_and_dead_ones_given_up() {
    let server = serve(&["--idle-timeout", "0.2"]);
    let mut client = Client::new(server.address);
    assert_eq!(client.next(), Err(1001));
    drop(server);
    let server = serve(&["--heartbeat", "0.1", "--pong-timeout", "0.1"]);
    let _dead = Client::new(server.address);
    server.stats_when("open", |it| it("failed") == 1 && it("open") == 0);
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn the_end_of_standard_input_stops_it() {
    let mut server = serve(&["--grace", "1"]);
    let mut good = Client::new(server.address);
    let _silent = Client::new(server.address);
    let _half = open(server.address);
    good.echo(b"open");
    server.end_input();
    assert_eq!(good.next(), Err(1001));
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn it_says_why_it_cannot_listen() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let command = component::command(&["serve", "--listen", &address]);
    let (status, _, errors) = component::run(command, "");
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains(" is in use: "), "{errors}");
    assert_eq!(errors.lines().count(), 1, "{errors}");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn its_client_talks_to_its_server() {
    let server = serve(&[]);
    let url = format!("ws://{}/", server.address);
    let command = component::command(&["connect", &url]);
    let (status, output, errors) = component::run(command, "one\ntwo\n");
    assert_eq!(output, "one\ntwo\n", "{errors}");
    assert!(status.success());
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn its_client_sends_a_whole_input_and_stays_on_request() {
    let server = serve(&[]);
    let url = format!("ws://{}/", server.address);
    let client = |options: &[&str], input: &str| {
        let words = [&["connect", &url[..]], options].concat();
        component::run(component::command(&words), input)
    };
    let (status, output, errors) = client(&["--binary"], "one\ntwo");
    assert_eq!(
        (status.code(), &output[..]),
        (Some(0), "one\ntwo"),
        "{errors}"
    );
    let (status, output, errors) = client(&["--wait", "0.2"], "one\n");
    assert_eq!((status.code(), &output[..]), (Some(0), "one\n"), "{errors}");
    let (status, output, errors) = client(&["--escape", "always"], "\u{202e}\n");
    assert_eq!(
        (status.code(), &output[..]),
        (Some(0), "\\u202e\n"),
        "{errors}"
    );
    let (status, output, errors) = client(&["--json-lines"], "{\"type\":\"dance\"}\n");
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("line 1 of standard input"), "{errors}");
    assert!(output.contains("\"type\":\"close\""), "{output}");
}
