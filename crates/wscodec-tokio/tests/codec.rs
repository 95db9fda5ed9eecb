//! The codec of `tokio-util`, through its example and against a blocking client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};
use wscodec::CloseCode;
use wscodec::io::{self, Error};
use wscodec::session::{Config, Event, Session, State};
use wscodec_tokio::{Codec, Item};

#[allow(dead_code)]
#[path = "../../../examples/tokio/echo.rs"]
mod tokio_echo;

fn server() -> (String, JoinHandle<Result<(), Error>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_io().build()?;
        runtime
            .block_on(async { tokio_echo::serve(tokio::net::TcpStream::from_std(stream)?).await })
    });
    (address, thread)
}

#[test]
fn messages_pings_and_closes() {
    let (address, thread) = server();
    let mut ws = io::connect(&format!("ws://{address}/")).unwrap();
    let long = "again ".repeat(50_000);
    for text in ["Hello", "", &long] {
        ws.text(text).unwrap();
        let (message, _) = ws.read().unwrap().unwrap();
        assert_eq!(message.text(), Some(text));
    }
    ws.ping(b"?").unwrap();
    let (event, _) = ws.read_event().unwrap().unwrap();
    assert_eq!(event, Event::Pong(b"?"));
    ws.outbox().close(CloseCode::NORMAL, "bye").unwrap();
    let (event, _) = ws.read_event().unwrap().unwrap();
    assert!(matches!(event, Event::Close(Some(close)) if close.reason == "bye"));
    drop(ws);
    thread.join().unwrap().unwrap();
}

#[test]
fn a_fault_is_told() {
    let (address, thread) = server();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    // A frame that is not masked, right behind the head.
    write!(stream, "{request}\u{1}\u{1}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    assert_eq!(answer[end + 4], 0x88);
    assert_eq!(answer[end + 6..end + 8], 1002u16.to_be_bytes());
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.code(), "UNMASKED_FRAME");
}

#[test]
fn two_codecs_without_a_stream() {
    let mut server = Codec::new(Session::server(&Config::default()));
    let mut client = Codec::new(Session::client(|| [1, 2, 3, 4], &Config::default()));
    let (mut there, mut back) = (BytesMut::new(), BytesMut::new());
    let items = [
        Item::Text("text".to_owned()),
        Item::Binary(vec![1, 2].into()),
        Item::Ping(vec![3].into()),
        Item::Close(Some((CloseCode::NORMAL, "bye".to_owned()))),
    ];
    for item in items.clone() {
        client.encode(item, &mut there).unwrap();
    }
    assert_eq!(client.session().state(), State::Closing);
    for item in items {
        assert_eq!(server.decode(&mut there).unwrap(), Some(item));
    }
    assert_eq!(server.waiting(), 3 + 7);
    server.encode(Item::Answers, &mut back).unwrap();
    assert_eq!(server.waiting(), 0);
    let pong = client.decode_eof(&mut back).unwrap();
    assert_eq!(pong, Some(Item::Pong(vec![3].into())));
    assert!(matches!(
        client.decode_eof(&mut back),
        Ok(Some(Item::Close(Some(_))))
    ));
    assert_eq!(client.decode_eof(&mut back).unwrap(), None);
    // Without a close frame, the end is a fault.
    let mut server = Codec::new(Session::server(&Config::default()));
    let error = server.decode_eof(&mut BytesMut::new()).unwrap_err();
    assert_eq!(error.code(), "UNEXPECTED_EOF");
}
