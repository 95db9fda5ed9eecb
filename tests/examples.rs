//! The examples, run.
#![cfg(all(feature = "io", feature = "deflate", not(target_family = "wasm")))]

use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

#[cfg(feature = "tls")]
use rustls::ServerConfig;
#[cfg(feature = "tls")]
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wscodec::CloseCode;
use wscodec::io::{Connection, Connector, Error};
use wscodec::message::Kind;

/// The examples as modules; their `main` is not run.
macro_rules! examples {
    ($($name:ident, $path:literal;)*) => {
        $(#[allow(dead_code)] #[path = $path] mod $name;)*
    };
}

examples! {
    chat, "../examples/chat.rs";
    connect_proxy, "../examples/connect_proxy.rs";
    io_deflate_frames, "../examples/io_deflate_frames.rs";
    io_deflate_stream, "../examples/io_deflate_stream.rs";
    io_echo, "../examples/io_echo.rs";
    io_echo_frames, "../examples/io_echo_frames.rs";
    io_json, "../examples/io_json.rs";
    io_raw, "../examples/io_raw.rs";
    io_reject, "../examples/io_reject.rs";
    io_upgrade, "../examples/io_upgrade.rs";
    proxy, "../examples/proxy.rs";
    wss_server, "../examples/wss_server.rs";
}

#[cfg(feature = "tls")]
examples! {
    wss_client, "../examples/wss_client.rs";
}

type Served = Result<(), Error>;

/// Serves that many clients, each in its thread; where to, and how they ended.
fn server(
    clients: usize,
    serve: impl Fn(TcpStream) -> Served + Clone + Send + 'static,
) -> (String, JoinHandle<Vec<Served>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = thread::spawn(move || {
        let threads: Vec<_> = (0..clients)
            .map(|_| {
                let (stream, serve) = (listener.accept().unwrap().0, serve.clone());
                thread::spawn(move || serve(stream))
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.collect()
    });
    (address, thread)
}

fn expect<S: Read + Write>(ws: &mut Connection<S>, text: &str) {
    ws.set_deadline(Some(Instant::now() + Duration::from_secs(20)));
    let (message, _) = ws.read().unwrap().expect("a message");
    assert_eq!(message.text(), Some(text));
}

/// Has three messages echoed, and closes.
fn use_echo<S: Read + Write>(ws: &mut Connection<S>) {
    let long = "compress me ".repeat(1000);
    for text in ["Hello", "", &long] {
        ws.outbox().text(text).unwrap();
        ws.outbox().ping(b"?").unwrap();
        expect(ws, text);
    }
    assert!(ws.close(CloseCode::NORMAL, "").unwrap().clean);
}

#[test]
fn echoes() {
    type Serve = fn(TcpStream) -> Served;
    let echoes: [Serve; 4] = [
        io_echo::serve,
        io_echo_frames::serve,
        io_deflate_frames::serve,
        io_deflate_stream::serve,
    ];
    for (i, echo) in echoes.into_iter().enumerate() {
        let (address, thread) = server(1, echo);
        let mut ws = Connector::DEFAULT
            .connect(&format!("ws://{address}/"))
            .unwrap();
        assert_eq!(ws.deflate().is_some(), i != 1);
        use_echo(&mut ws);
        drop(ws);
        assert!(thread.join().unwrap().iter().all(Result::is_ok));
    }
}

#[test]
fn raw_frames() {
    let (address, thread) = server(1, io_raw::serve);
    let mut stream = TcpStream::connect(address).unwrap();
    // The first frame comes with the request.
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Version: 13\r\n\r\n\
        \x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    stream.write_all(request).unwrap();
    stream
        .write_all(b"\x82\x80\x37\xfa\x21\x3d\x88\x80\0\0\0\0")
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let (head, frames) = answer.split_at(end);
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    assert!(
        !head
            .windows(10)
            .any(|it| it.eq_ignore_ascii_case(b"Extensions"))
    );
    assert_eq!(frames, b"\x81\x05Hello\x82\x00\x88\x00");
    assert!(thread.join().unwrap().iter().all(Result::is_ok));
}

/// The raw example of gobwas/ws has 40 lines from `Accept` to the end of its loop.
#[test]
fn the_raw_server_has_at_most_thirty_lines() {
    let source = include_str!("../examples/io_raw.rs");
    let code = source.lines().map(str::trim);
    let lines = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
    assert!(lines.count() <= 30);
}

#[test]
fn json() {
    let (address, thread) = server(1, io_json::serve);
    let mut ws = Connector::DEFAULT
        .connect(&format!("ws://{address}/"))
        .unwrap();
    ws.outbox()
        .text(r#"{"id": 7, "params": ["a", {"b": null}]}"#)
        .unwrap();
    expect(&mut ws, r#"{"id":7,"result":["a",{"b":null}]}"#);
    ws.close(CloseCode::NORMAL, "").unwrap();
    drop(ws);
    assert!(thread.join().unwrap().iter().all(Result::is_ok));
}

#[test]
fn upgrade() {
    let (address, thread) = server(2, io_upgrade::serve);
    let mut connector = Connector::DEFAULT;
    connector.protocols = &["v2.chat", "v1.chat"];
    connector.headers = &[("User-Agent", "tests")];
    let mut ws = connector.connect(&format!("ws://{address}/old")).unwrap();
    assert_eq!(ws.protocol(), Some("v1.chat"));
    expect(&mut ws, r#""tests" speaks Some("v1.chat")"#);
    ws.close(CloseCode::NORMAL, "").unwrap();
    drop(ws);
    connector.protocols = &["v2.chat"];
    let error = connector
        .connect(&format!("ws://{address}/old"))
        .unwrap_err();
    let Error::Rejected(rejected) = error else {
        panic!("{error}");
    };
    assert_eq!(rejected.body(), b"v1.chat is spoken here\n");
    thread.join().unwrap();
}

#[test]
fn reject() {
    let (address, thread) = server(3, io_reject::serve);
    let url = format!("ws://{address}/");
    let mut connector = Connector::DEFAULT;
    let status = |connector: &Connector<'_>| match connector.connect(&url) {
        Err(Error::Rejected(rejected)) => rejected.status(),
        Err(error) => panic!("{error}"),
        Ok(mut ws) => {
            expect(&mut ws, "welcome");
            ws.close(CloseCode::NORMAL, "").unwrap();
            101
        }
    };
    assert_eq!(status(&connector), 421);
    connector.host = Some("chat.example.com");
    assert_eq!(status(&connector), 401);
    connector.headers = &[("Cookie", "a=b; session=1234")];
    assert_eq!(status(&connector), 101);
    let ended = thread.join().unwrap();
    assert_eq!(ended.iter().filter(|ended| ended.is_ok()).count(), 1);
}

#[test]
fn chatting() {
    let room = chat::Room::default();
    let (address, thread) = server(2, move |stream| chat::serve(stream, &room));
    let url = format!("ws://{address}/");
    let mut first = Connector::DEFAULT.connect(&url).unwrap();
    // The first one's entry is not told to itself; a ping shows that it is in.
    first.outbox().ping(b"?").unwrap();
    first.read_event().unwrap().unwrap();
    let mut second = Connector::DEFAULT.connect(&url).unwrap();
    expect(&mut first, "2 entered");
    first.outbox().text("Hello").unwrap();
    expect(&mut second, "1: Hello");
    second.outbox().text("Hi").unwrap();
    expect(&mut first, "2: Hi");
    second.close(CloseCode::NORMAL, "").unwrap();
    expect(&mut first, "2 left");
    first.close(CloseCode::NORMAL, "").unwrap();
    drop((first, second));
    assert!(thread.join().unwrap().iter().all(Result::is_ok));
}

#[test]
fn relaying() {
    let (upstream, echo) = server(1, io_echo::serve);
    let upstream = format!("ws://{upstream}");
    let (address, thread) = server(1, move |stream| proxy::serve(stream, &upstream));
    let mut ws = Connector::DEFAULT
        .connect(&format!("ws://{address}/some/path"))
        .unwrap();
    let payload: Vec<u8> = (0..500_000).map(|i| (i % 253) as u8).collect();
    ws.outbox().binary(&payload).unwrap();
    let mut back = Vec::new();
    assert_eq!(ws.read_to(&mut back).unwrap(), Some(Kind::Binary));
    assert!(back == payload);
    let outcome = ws.close(CloseCode::new(4000), "over").unwrap();
    assert_eq!((outcome.code, outcome.clean), (CloseCode::new(4000), true));
    drop(ws);
    assert!(thread.join().unwrap().iter().all(Result::is_ok));
    assert!(echo.join().unwrap().iter().all(Result::is_ok));
    // Without a server behind, clients are told.
    let (address, thread) = server(1, |stream| proxy::serve(stream, "ws://127.0.0.1:1"));
    let error = Connector::DEFAULT
        .connect(&format!("ws://{address}/"))
        .unwrap_err();
    let Error::Rejected(rejected) = error else {
        panic!("{error}");
    };
    assert_eq!(rejected.status(), 502);
    thread.join().unwrap();
}

#[test]
fn an_absolute_target_is_relayed_too() {
    let (upstream, echo) = server(1, io_upgrade::serve);
    let upstream = format!("ws://{upstream}");
    let (address, thread) = server(1, move |stream| proxy::serve(stream, &upstream));
    let mut stream = TcpStream::connect(address).unwrap();
    let request = b"GET ws://somewhere.example/new?x=1 HTTP/1.1\r\nHost: localhost\r\n\
        Upgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 101");
    drop(stream);
    thread.join().unwrap();
    echo.join().unwrap();
}

#[test]
fn a_close_code_that_must_not_be_sent_is_not_echoed() {
    type Serve = fn(TcpStream) -> Served;
    let echoes: [Serve; 2] = [io_echo_frames::serve, io_deflate_frames::serve];
    for echo in echoes {
        let (address, thread) = server(1, echo);
        let mut stream = TcpStream::connect(address).unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Version: 13\r\n\r\n\x88\x82\0\0\0\0\x13\x88";
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.ends_with(b"\r\n\r\n\x88\x02\x03\xea"), "{answer:?}");
        let ended = thread.join().unwrap();
        assert_eq!(ended[0].as_ref().unwrap_err().code(), "CLOSE_CODE");
    }
}

#[cfg(feature = "tls")]
#[test]
fn over_tls() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let authority = std::env::temp_dir().join(format!("wscodec-wss-{}.pem", std::process::id()));
    std::fs::write(&authority, made.cert.pem()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());

    let serve = move |stream| wss_server::serve(stream, Arc::clone(&config));
    let (address, thread) = server(1, serve);
    let port = address.rsplit(':').next().unwrap();
    let ws = wss_client::connect(&format!("wss://localhost:{port}/"), Some(&authority));
    std::fs::remove_file(authority).unwrap();
    let mut ws = ws.unwrap();
    use_echo(ws.connection());
    drop(ws);
    assert!(thread.join().unwrap().iter().all(Result::is_ok));
}

/// A proxy that knows CONNECT, for one client.
fn tunnel(mut client: TcpStream) -> Served {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    if target.ends_with(":1") {
        client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")?;
        return Ok(());
    }
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    let upwards = thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Write);
    upwards.join().unwrap();
    Ok(())
}

#[test]
fn behind_a_proxy() {
    let (upstream, echo) = server(1, io_echo::serve);
    let (address, thread) = server(2, tunnel);
    let mut ws = connect_proxy::connect(&address, &format!("ws://{upstream}/")).unwrap();
    use_echo(&mut ws);
    drop(ws);
    let error = connect_proxy::connect(&address, "ws://127.0.0.1:1/").unwrap_err();
    assert!(error.to_string().contains("403 Forbidden"), "{error}");
    thread.join().unwrap();
    assert!(echo.join().unwrap().iter().all(Result::is_ok));
}
