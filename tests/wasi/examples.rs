//! The servers and clients of `examples/wasi`, each as a component of its own.

use std::io::Write;

use wscodec::message::Kind;

use crate::client::{Client, REQUEST, head, open, raw};
use crate::component::{self, Component, start};

/// The request with another path, and with more header fields.
fn request(path: &str, more: &str) -> Vec<u8> {
    let text = String::from_utf8(REQUEST.to_vec()).unwrap();
    let text = text.replacen("GET / ", &format!("GET {path} "), 1);
    text.replacen("\r\n\r\n", &format!("\r\n{more}\r\n"), 1)
        .into()
}

/// The head of the answer to a request.
fn answer(server: &Component, request: &[u8]) -> String {
    let mut stream = open(server.address);
    stream.write_all(request).unwrap();
    head(&mut stream)
}

fn text(client: &mut Client) -> String {
    String::from_utf8(client.next().unwrap()).unwrap()
}

fn finish(mut server: Component) {
    server.end_input();
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn guests_of_a_room_hear_each_other() {
    let server = start(component::example("wasi-chat", &["127.0.0.1:0"]), true);
    let mut ada = Client::at(server.address, "/tea?Ada", None);
    assert_eq!(text(&mut ada), "Ada is here");
    ada.send(b"hello?");
    assert_eq!(text(&mut ada), "Ada: hello?");
    let mut grace = Client::at(server.address, "/tea?Grace", None);
    for line in ["Ada is here", "Ada: hello?", "Grace is here"] {
        assert_eq!(text(&mut grace), line);
    }
    assert_eq!(text(&mut ada), "Grace is here");
    let mut eve = Client::at(server.address, "/coffee?Eve", None);
    assert_eq!(text(&mut eve), "Eve is here", "another room");
    grace.send("Grüße".as_bytes());
    for client in [&mut ada, &mut grace] {
        assert_eq!(text(client), "Grace: Grüße");
    }
    let mut out = Vec::new();
    let sent = ada.session.sender().send(Kind::Binary, b"\0", &mut out);
    sent.unwrap();
    ada.stream.write_all(&out).unwrap();
    assert_eq!(text(&mut ada), "This chat is for text.");

    let taken = raw(server.address, &request("/tea?Ada", ""));
    assert!(taken.starts_with(b"HTTP/1.1 409 "));
    for path in ["/", "/tea", "/tea?", "/tea?a%20b", "/?Ada"] {
        let refused = raw(server.address, &request(path, ""));
        assert!(refused.starts_with(b"HTTP/1.1 400 "), "{path}");
    }
    let health = raw(server.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(health.starts_with(b"HTTP/1.1 200 "));

    drop(grace);
    assert_eq!(text(&mut ada), "Grace has left");
    let mut again = Client::at(server.address, "/tea?Grace", None);
    assert_eq!(
        text(&mut again),
        "Ada is here",
        "the name is free, and history is kept"
    );
    ada.send(&[b'x'; 5000]);
    let end = loop {
        match ada.next() {
            Ok(line) => assert_eq!(line, b"Grace is here"),
            Err(code) => break code,
        }
    };
    assert_eq!(end, 1009);
    finish(server);
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn the_authenticated_echo_knows_its_clients() {
    let (ada, grace) = ("0123456789abcdef", "fedcba9876543210");
    let mut command = component::example("wasi-authenticated-echo", &["127.0.0.1:0"]);
    command.env("TOKENS", format!("ada={ada},grace={grace}"));
    let server = start(command, true);
    for wrong in [
        String::new(),
        "Authorization: Bearer\r\n".to_owned(),
        format!("Authorization: Basic {ada}\r\n"),
        format!("Authorization: Bearer {}\r\n", &ada[1..]),
        format!("Authorization: Bearer {ada}0\r\n"),
        "Sec-WebSocket-Protocol: echo, bearer.0123456789abcdee\r\n".to_owned(),
    ] {
        let refused = raw(server.address, &request("/", &wrong));
        let refused = String::from_utf8(refused).unwrap();
        assert!(refused.starts_with("HTTP/1.1 401 "), "{wrong}: {refused}");
        assert!(
            refused.contains("\r\nWWW-Authenticate: Bearer\r\n"),
            "{refused}"
        );
    }
    let header = format!("Bearer {ada}");
    let headers = [("Authorization", &*header)];
    let mut client = Client::at(server.address, "/", Some(&headers));
    client.echo(b"as Ada");
    let browser = format!("Sec-WebSocket-Protocol: echo, bearer.{grace}\r\n");
    let accepted = answer(&server, &request("/", &browser));
    assert!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    assert!(
        accepted.contains("\r\nSec-WebSocket-Protocol: echo\r\n"),
        "{accepted}"
    );
    assert!(!accepted.contains(grace), "{accepted}");
    finish(server);
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn the_authenticated_echo_needs_tokens() {
    for tokens in [
        None,
        Some(""),
        Some("ada"),
        Some("ada=short"),
        Some("=0123456789abcdef"),
    ] {
        let mut command = component::example("wasi-authenticated-echo", &["127.0.0.1:0"]);
        command.env_remove("TOKENS");
        if let Some(tokens) = tokens {
            command.env("TOKENS", tokens);
        }
        let (status, _, errors) = component::run(command, "");
        assert!(!status.success(), "{tokens:?}");
        assert!(errors.contains("TOKENS"), "{tokens:?}: {errors}");
        assert!(
            !errors.contains("short\"") && !errors.contains("=short"),
            "{errors}"
        );
    }
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_blocking_server_serves_one_after_another() {
    let server = start(component::example("wasi-accept", &["127.0.0.1:0"]), true);
    for round in 0..3 {
        let mut client = Client::new(server.address);
        for len in [0, 100, 70_000] {
            client.echo(&vec![b'a' + round; len]);
        }
        let mut out = Vec::new();
        client.session.sender().close(None, "", &mut out).unwrap();
        client.stream.write_all(&out).unwrap();
        assert_eq!(client.next(), Err(1005));
    }
    // A client that breaks a rule does not end it.
    let answer = raw(server.address, &[REQUEST, b"\x81\x00"].concat());
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(answer[end], 0x88);
    assert_eq!(answer[end + 2..end + 4], 1002_u16.to_be_bytes());
    Client::new(server.address).echo(b"still there");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_blocking_client_talks_to_the_server() {
    let server = component::serve(&[]);
    let url = format!("ws://{}/", server.address);
    let client =
        |url: &str, input: &str| component::run(component::example("wasi-connect", &[url]), input);
    let (status, output, errors) = client(&url, "one\nGrüße\n");
    assert_eq!(
        (status.success(), &*output),
        (true, "one\nGrüße\n"),
        "{errors}"
    );
    let by_name = url.replace("127.0.0.1", "localhost");
    let (status, output, errors) = client(&by_name, "by name\n");
    assert_eq!(
        (status.success(), &*output),
        (true, "by name\n"),
        "{errors}"
    );
    server.stats_when("open", |it| it("open") == 0 && it("failed") == 0);
    let address = server.address;
    drop(server);
    let (status, _, errors) = client(&format!("ws://{address}/"), "nobody\n");
    assert!(!status.success() && !errors.is_empty());
    let (status, _, errors) = client(&url.replace("ws:", "wss:"), "");
    assert!(!status.success() && errors.contains("NoTls"), "{errors}");
}
