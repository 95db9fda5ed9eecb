//! A WebSocket over tokio: through its example and a blocking client, and its answers, timers and end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use wscodec::CloseCode;
use wscodec::frame::Role;
use wscodec::io;
use wscodec::session::Event;
use wscodec_tokio::{ConnectionOptions, Error, Message, SharedSession, WebSocket};

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
        let runtime = { runtime }.enable_all().build()?;
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
        ws.outbox().text(text).unwrap();
        let (message, _) = ws.read().unwrap().unwrap();
        assert_eq!(message.text(), Some(text));
    }
    ws.outbox().ping(b"?").unwrap();
    let (event, _) = ws.read_event().unwrap().unwrap();
    assert_eq!(event, Event::Pong(b"?"));
    ws.outbox().close(CloseCode::NORMAL, "bye").unwrap();
    let (event, _) = ws.read_event().unwrap().unwrap();
    assert!(matches!(event, Event::Close(Some(close)) if close.reason == "bye"));
    drop(ws);
    thread.join().unwrap().unwrap();
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

#[test]
fn a_fault_is_told() {
    let (address, thread) = server();
    let mut stream = TcpStream::connect(address).unwrap();
    // A frame that is not masked, right behind the head.
    write!(stream, "{REQUEST}\u{1}\u{1}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    drop(stream);
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    assert_eq!(answer[end + 4], 0x88);
    assert_eq!(answer[end + 6..end + 8], 1002u16.to_be_bytes());
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.code(), "UNMASKED_FRAME");
}

#[test]
fn a_request_that_breaks_a_rule_is_rejected() {
    let (address, thread) = server();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    drop(stream);
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert_eq!(thread.join().unwrap().unwrap_err().code(), "METHOD");
}

#[test]
fn the_transport_is_closed_after_the_close_handshake() {
    let (address, thread) = server();
    let mut stream = TcpStream::connect(address).unwrap();
    // A server that does not close would keep the client waiting.
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(REQUEST.as_bytes()).unwrap();
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.ends_with(b"\x88\x02\x03\xe8"));
    thread.join().unwrap().unwrap();
}

fn server_over(pipe: usize) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (here, there) = tokio::io::duplex(pipe);
    (WebSocket::from_stream(here, Role::Server).unwrap(), there)
}

fn with_options(
    role: Role,
    options: &ConnectionOptions,
) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (here, there) = tokio::io::duplex(64);
    let keys = match role {
        Role::Client => io::Keys::random().unwrap(),
        Role::Server => io::Keys::none(),
    };
    let session = SharedSession::new(role, keys, None, None, &options.session);
    (
        WebSocket::from_session(here, session, role, b"", options),
        there,
    )
}

#[tokio::test]
async fn a_loop_that_only_reads_answers_pings_and_closes() {
    let (mut ws, mut there) = server_over(64);
    let reading = async {
        let mut seen = 0;
        while let Some(message) = ws.next().await.transpose().unwrap() {
            seen += usize::from(message.is_ping());
        }
        seen
    };
    let talking = async {
        there.write_all(b"\x89\x81\0\0\0\0\x31").await.unwrap();
        let mut pong = [0; 3];
        there.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"\x8a\x011");
        // More answers than the pipe holds, while nobody takes them.
        let pings = b"\x89\x84\0\0\0\0ping".repeat(100);
        there.write_all(&pings).await.unwrap();
        there.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
        let mut rest = Vec::new();
        there.read_to_end(&mut rest).await.unwrap();
        assert_eq!(
            rest,
            [b"\x8a\x04ping".repeat(100), b"\x88\0".to_vec()].concat()
        );
    };
    let (seen, ()) = tokio::join!(reading, talking);
    assert_eq!(seen, 101);
    assert!(ws.outcome().unwrap().clean);
}

#[tokio::test]
async fn messages_that_arrived_before_the_stream_was_lost_are_delivered() {
    let (mut ws, mut there) = server_over(1024);
    there
        .write_all(b"\x81\x82\0\0\0\0hi\x88\x82\0\0\0\0\x03\xf0")
        .await
        .unwrap();
    drop(there);
    assert!(ws.send(vec![0; 1000]).await.is_err());
    assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("hi"));
    assert!(ws.recv().await.unwrap().unwrap().is_close());
    assert!(ws.recv().await.is_none());
    assert_eq!(ws.outcome().unwrap().code.value(), 1008);
}

#[tokio::test]
async fn an_error_is_told_once() {
    let (mut ws, mut there) = server_over(1024);
    there.write_all(b"\x83\x80\0\0\0\0").await.unwrap();
    there.shutdown().await.unwrap();
    assert_eq!(
        ws.recv().await.unwrap().unwrap_err().code(),
        "RESERVED_OPCODE"
    );
    assert!(ws.recv().await.is_none());
    assert!(ws.recv().await.is_none());
    assert_eq!(ws.send("late").await.unwrap_err().code(), "CLOSING");
    let mut sent = Vec::new();
    drop(ws);
    there.read_to_end(&mut sent).await.unwrap();
    assert_eq!(sent[..4], [0x88, sent[1], 3, 0xea]);
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_an_error() {
    let (mut ws, there) = server_over(1024);
    drop(there);
    assert_eq!(
        ws.recv().await.unwrap().unwrap_err().code(),
        "UNEXPECTED_EOF"
    );
    assert!(ws.recv().await.is_none());
}

/// An answer that is sent while more input is held leaves without another call.
#[tokio::test]
async fn an_answer_in_a_batch_is_not_stranded() {
    let (mut ws, mut there) = server_over(1024);
    there
        .write_all(&b"\x81\x81\0\0\0\0a".repeat(2))
        .await
        .unwrap();
    ws.recv().await.unwrap().unwrap();
    ws.send("answer").await.unwrap();
    let mut answer = [0; 8];
    there.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x81\x06answer");
    // A pong too, while the handler does something else.
    there
        .write_all(b"\x89\x80\0\0\0\0\x81\x81\0\0\0\0b")
        .await
        .unwrap();
    ws.recv().await.unwrap().unwrap();
    assert!(ws.recv().await.unwrap().unwrap().is_ping());
    let mut pong = [0; 2];
    there.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8a\0");
}

#[tokio::test]
async fn a_batch_is_answered_in_one_write() {
    let (mut ws, mut there) = server_over(1 << 16);
    there
        .write_all(&b"\x81\x81\0\0\0\0a".repeat(100))
        .await
        .unwrap();
    for _ in 0..100 {
        let message = ws.recv().await.unwrap().unwrap();
        ws.send(message).await.unwrap();
    }
    let mut all = vec![0; 1000];
    let len = there.read(&mut all).await.unwrap();
    assert_eq!(all[..len], b"\x81\x01a".repeat(100));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_answer_pings_is_dropped() {
    let mut options = ConnectionOptions::default();
    options.session.heartbeat = Some(Duration::from_secs(30));
    let (mut ws, mut there) = with_options(Role::Server, &options);
    let error = ws.recv().await.unwrap().unwrap_err();
    assert_eq!(error.code(), "NO_PONG");
    assert!(ws.recv().await.is_none());
    let mut ping = [0; 2];
    there.read_exact(&mut ping).await.unwrap();
    assert_eq!(&ping, b"\x89\0");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_close_is_dropped() {
    let (mut ws, _there) = with_options(Role::Client, &ConnectionOptions::default());
    assert_eq!(
        ws.close(CloseCode::NORMAL, "").await.unwrap_err().code(),
        "NO_CLOSE"
    );
    assert_eq!(
        ws.outcome().unwrap().fault.unwrap().error.code(),
        "NO_CLOSE"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed() {
    let mut options = ConnectionOptions::default();
    options.session.idle = Some(Duration::from_secs(60));
    let (mut ws, mut there) = with_options(Role::Server, &options);
    let peer = tokio::spawn(async move {
        let mut close = [0; 4];
        there.read_exact(&mut close).await.unwrap();
        there.write_all(b"\x88\x82\0\0\0\0\x03\xe9").await.unwrap();
        close
    });
    while let Some(message) = ws.recv().await {
        assert!(message.unwrap().is_close());
    }
    assert_eq!(peer.await.unwrap()[2..], 1001u16.to_be_bytes());
    let outcome = ws.outcome().unwrap();
    assert!(outcome.clean);
    assert_eq!(outcome.fault.unwrap().error.code(), "IDLE");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_stalls_a_writer() {
    let (mut ws, _there) = with_options(Role::Server, &ConnectionOptions::default());
    let error = ws.send(vec![0; 1000]).await.unwrap_err();
    assert_eq!(error.code(), "STALLED");
    assert_eq!(ws.recv().await.unwrap().unwrap_err().code(), "STALLED");
    assert!(ws.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_and_reads_nothing_does_not_hold_a_flush() {
    let (mut ws, mut there) = with_options(Role::Server, &ConnectionOptions::default());
    ws.feed(vec![0; 1000]).await.unwrap();
    there.write_all(b"\x88\x80\0\0\0\0").await.unwrap();
    assert!(ws.recv().await.unwrap().unwrap().is_close());
    assert!(ws.flush().await.is_err());
    assert!(ws.recv().await.is_none());
}

#[tokio::test]
async fn feeding_waits_for_room() {
    let mut options = ConnectionOptions::default();
    options.queue = 100;
    let (mut ws, mut there) = with_options(Role::Server, &options);
    let feeding = async {
        for i in 0..100 {
            ws.feed(vec![i; 50]).await.unwrap();
            assert!(ws.queued() <= 100 + 52);
        }
        ws.flush().await.unwrap();
    };
    let reading = async {
        let mut all = vec![0; 5200];
        there.read_exact(&mut all).await.unwrap();
        assert_eq!(all[5198..], [99, 99]);
    };
    tokio::join!(feeding, reading);
}

#[tokio::test]
async fn a_large_message_comes_whole() {
    let (here, there) = tokio::io::duplex(1 << 20);
    let mut server = WebSocket::from_stream(here, Role::Server).unwrap();
    let mut client = WebSocket::from_stream(there, Role::Client).unwrap();
    for len in [40_000, 65_000, 70_000, 3_000_000] {
        let payload: Vec<u8> = (0..len).map(|i: u32| (i * 7 + i / 256) as u8).collect();
        let sending = client.send(payload.clone());
        let receiving = server.recv();
        let (sent, received) = tokio::join!(sending, receiving);
        sent.unwrap();
        assert!(received.unwrap().unwrap().into_data() == payload, "{len}");
    }
}
