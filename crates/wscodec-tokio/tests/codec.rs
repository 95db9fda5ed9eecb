//! The codec of `tokio-util`, through its example and against a blocking client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::codec::{Decoder, Encoder};
use wscodec::CloseCode;
use wscodec::io::{self, Error};
use wscodec::session::{Event, Session, SessionOptions, SessionState};
use wscodec_tokio::{Codec, Item, Socket};

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
    let mut ws = io::Connector::DEFAULT
        .connect(&format!("ws://{address}/"))
        .unwrap();
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
fn the_transport_is_closed_after_the_close_handshake() {
    let (address, thread) = server();
    let mut stream = TcpStream::connect(address).unwrap();
    // A server that does not close would keep the client waiting.
    let patience = std::time::Duration::from_secs(60);
    stream.set_read_timeout(Some(patience)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"\x88\x02\x03\xe8"));
    thread.join().unwrap().unwrap();
}

/// Runs an asynchronous test.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(test)
}

#[test]
fn a_loop_that_only_reads_answers_pings_and_closes() {
    run(async {
        let (here, mut there) = tokio::io::duplex(64);
        let session = Session::server(&SessionOptions::default());
        let mut socket = Socket::new(here, session, b"\x89\x81\0\0\0\0");
        let reading = async { while socket.next().await.transpose().unwrap().is_some() {} };
        let talking = async {
            there.write_all(b"1").await.unwrap();
            let mut pong = [0; 3];
            there.read_exact(&mut pong).await.unwrap();
            assert_eq!(&pong, b"\x8a\x011");
            // More answers than the pipe holds, while nobody takes them.
            let pings = b"\x89\x84\0\0\0\0ping".repeat(100);
            there.write_all(&pings).await.unwrap();
            there.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
            let mut rest = Vec::new();
            there.read_to_end(&mut rest).await.unwrap();
            assert!(rest.ends_with(b"\x8a\x04ping\x88\0"));
        };
        futures_util::future::join(reading, talking).await;
        assert!(socket.session().outcome().unwrap().clean);
    });
}

#[test]
fn what_came_before_the_stream_was_lost_is_delivered() {
    run(async {
        let (here, mut there) = tokio::io::duplex(1024);
        let session = Session::server(&SessionOptions::default());
        let mut socket = Socket::new(here, session, b"");
        there
            .write_all(b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xf0")
            .await
            .unwrap();
        drop(there);
        assert!(
            socket
                .send(Item::Binary(vec![0; 1000].into()))
                .await
                .is_err()
        );
        let text = socket.next().await.unwrap().unwrap();
        assert_eq!(text, Item::Text("hi".to_owned()));
        assert!(matches!(
            socket.next().await,
            Some(Ok(Item::Close(Some(_))))
        ));
        assert!(socket.next().await.is_none());
        assert_eq!(socket.session().outcome().unwrap().code.value(), 1008);
    });
}

#[test]
fn two_codecs_without_a_stream() {
    let mut server = Codec::new(Session::server(&SessionOptions::default()));
    let mut client = Codec::new(Session::client(|| [1, 2, 3, 4], &SessionOptions::default()));
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
    assert_eq!(client.session().state(), SessionState::Closing);
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
    let mut server = Codec::new(Session::server(&SessionOptions::default()));
    let error = server.decode_eof(&mut BytesMut::new()).unwrap_err();
    assert_eq!(error.code(), "UNEXPECTED_EOF");
}
