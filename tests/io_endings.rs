//! Blocking connections whose peer does not read, does not answer, or goes: nobody waits for ever,
//! and what the peer sent before is not lost.
#![cfg(all(feature = "deflate", feature = "io", not(target_family = "wasm")))]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use wscodec::io::{Acceptor, ClientStream, Connection, Connector, Error};
use wscodec::message::Kind;
use wscodec::session::SessionState;
use wscodec::{CloseCode, MisuseError};

/// How long a test waits before it says that something waits for ever.
const LONG: Duration = Duration::from_secs(60);

/// Runs `run` in a thread of its own, which must come to its end.
fn ends<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    thread::spawn(move || done.send(run()));
    match result.recv_timeout(LONG) {
        Ok(result) => result,
        Err(error) => panic!("{what} does not end: {error}"),
    }
}

/// A server's connection by `acceptor`, and the client's socket, with its handshake done.
fn accepted(acceptor: Acceptor<'_>) -> (Connection<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    client.write_all(request).unwrap();
    let server = acceptor.accept(listener.accept().unwrap().0).unwrap();
    client.set_read_timeout(Some(LONG)).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (server, client)
}

/// As [`accepted`], where the kernel holds little between the two: bytes that it holds have left.
fn narrow(acceptor: Acceptor<'_>) -> (Connection<TcpStream>, TcpStream) {
    let (server, client) = accepted(acceptor);
    let size = 32 << 10;
    let socket = socket2::SockRef::from(server.stream());
    socket.set_send_buffer_size(size).unwrap();
    let socket = socket2::SockRef::from(&client);
    socket.set_recv_buffer_size(size).unwrap();
    (server, client)
}

/// A client's connection by `connector`, and the server's socket, with its handshake done.
fn connected(connector: Connector<'_>) -> (Connection<ClientStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let server = Acceptor::default()
            .accept(listener.accept().unwrap().0)
            .unwrap();
        server.into_parts().stream
    });
    let client = connector.connect(&url).unwrap();
    (client, server.join().unwrap())
}

fn quick() -> Acceptor<'static> {
    let mut acceptor = Acceptor::default();
    acceptor.options.session.close_timeout = Duration::from_millis(300);
    acceptor
}

#[test]
fn a_close_ends_although_the_peer_reads_nothing() {
    let (mut server, client) = accepted(impatient());
    ends("the close", move || {
        let mut outbox = server.queue();
        let mut queue = || outbox.binary(&vec![0; 32 << 20]);
        // It is more than the kernel takes, so it waits.
        assert!(queue().is_err_and(|error| error.is_timeout()));
        let error = server.close(CloseCode::NORMAL, "").unwrap_err();
        assert_eq!(error.code(), "NO_CLOSE");
        assert_eq!(server.state(), SessionState::Closed);
        assert_eq!(
            server.outcome().unwrap().fault.unwrap().error.code(),
            "NO_CLOSE"
        );
    });
    drop(client);
}

/// As above, with a write time-out that a test can wait for.
fn impatient() -> Acceptor<'static> {
    let mut acceptor = quick();
    acceptor.options.write_timeout = Some(Duration::from_millis(200));
    acceptor
}

#[test]
fn a_close_frame_is_found_although_the_peer_reads_nothing() {
    let mut connector = Connector::DEFAULT;
    connector.deflate = None;
    connector.options.session.close_timeout = Duration::from_millis(300);
    connector.options.write_timeout = Some(Duration::from_millis(200));
    let (mut client, mut server) = connected(connector);
    server.write_all(b"\x88\x06\x03\xf0full").unwrap();
    ends("the upload", move || {
        let error = client.outbox().binary(&vec![0; 64 << 20]).unwrap_err();
        assert!(error.is_timeout());
        assert!(client.read().unwrap().is_none());
        let outcome = client.outcome().unwrap();
        assert_eq!((outcome.code.value(), outcome.reason), (1008, "full"));
    });
    drop(server);
}

#[test]
fn what_came_before_a_write_failed_is_delivered() {
    for way in ["read", "close", "reader"] {
        let (mut client, mut server) = connected(Connector::DEFAULT);
        server
            .write_all(b"\x81\x0alast words\x88\x02\x03\xf0")
            .unwrap();
        // With bytes unread, this resets the connection.
        client.outbox().binary(&[0; 1000]).unwrap();
        server.read_exact(&mut [0]).unwrap();
        drop(server);
        ends(way, move || {
            let error = loop {
                if let Err(error) = client.outbox().binary(&[0; 100_000]) {
                    break error;
                }
            };
            assert!(
                matches!(error, Error::Io(_)) && !error.is_timeout(),
                "{error}"
            );
            // And again, without piling up what can't be sent.
            for _ in 0..100 {
                assert!(client.outbox().binary(&[0; 100_000]).is_err());
            }
            assert!(client.memory() < 2 << 20);
            match way {
                "read" => {
                    let (message, _) = client.read().unwrap().unwrap();
                    assert_eq!(message.text(), Some("last words"));
                    assert!(client.read().unwrap().is_none());
                }
                "reader" => {
                    let mut all = Vec::new();
                    assert_eq!(client.read_to(&mut all).unwrap(), Some(Kind::Text));
                    assert_eq!(all, b"last words");
                    assert!(client.read_to(&mut all).unwrap().is_none());
                }
                _ => {
                    let outcome = client.close(CloseCode::NORMAL, "").unwrap();
                    assert_eq!(outcome.code.value(), 1008);
                }
            }
            assert_eq!(client.outcome().unwrap().code.value(), 1008);
        });
    }
}

#[test]
fn an_end_without_close_after_a_failed_write_has_an_outcome() {
    let (mut client, mut server) = connected(Connector::DEFAULT);
    client.outbox().binary(&[0; 1000]).unwrap();
    server.read_exact(&mut [0]).unwrap();
    drop(server);
    ends("the end", move || {
        while client.outbox().binary(&[0; 100_000]).is_ok() {}
        assert!(client.read().is_err());
        let outcome = client.outcome().unwrap();
        assert_eq!((outcome.code, outcome.clean), (CloseCode::ABNORMAL, false));
    });
}

#[test]
fn a_client_that_sends_too_much_sees_1009() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let mut acceptor = Acceptor::default();
        acceptor.options.session.limits.message = 1 << 20;
        let mut server = acceptor.accept(listener.accept().unwrap().0).unwrap();
        server.read().map(drop).unwrap_err()
    });
    ends("the upload", move || {
        let mut connector = Connector::DEFAULT;
        connector.deflate = None;
        let mut client = connector.connect(&url).unwrap();
        let _ = client.outbox().binary(&vec![7; 100 << 20]);
        let outcome = client.close(CloseCode::NORMAL, "").unwrap();
        assert_eq!(outcome.code.value(), 1009);
    });
    assert_eq!(server.join().unwrap().code(), "MESSAGE_TOO_LARGE");
}

#[test]
fn no_sender_waits_for_a_connection_that_is_gone() {
    let (server, mut client) = accepted(quick());
    let (mut reader, writer) = server.split().unwrap();
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let mut writer = writer.clone();
            thread::spawn(move || while writer.binary(&[0; 1 << 20]).is_ok() {})
        })
        .collect();
    let reading = thread::spawn(move || while let Ok(Some(_)) = reader.read() {});
    // All of them wait for a peer that reads nothing; it closes, and goes.
    thread::sleep(Duration::from_millis(100));
    client.write_all(b"\x88\x80\0\0\0\0").unwrap();
    thread::sleep(Duration::from_millis(100));
    drop(client);
    ends("a sender", move || {
        for sender in senders {
            sender.join().unwrap();
        }
        reading.join().unwrap();
    });
}

#[test]
fn senders_that_write_nothing_wake_the_others() {
    let (server, mut client) = accepted(Acceptor::default());
    let (_reader, writer) = server.split().unwrap();
    let senders: Vec<_> = (0..6)
        .map(|sender| {
            let mut writer = writer.clone();
            thread::spawn(move || {
                for round in 0..400 {
                    match (sender + round) % 3 {
                        0 => writer.binary(&[0; 20_000]).unwrap(),
                        1 => {
                            let refused = writer.send(Kind::Text, b"\xff").unwrap_err();
                            assert_eq!(refused.code(), MisuseError::TextNotUtf8.code());
                        }
                        _ => writer.flush().unwrap(),
                    }
                }
            })
        })
        .collect();
    let reading = thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while client.read(&mut buffer).is_ok_and(|n| n > 0) {}
    });
    ends("a sender", move || {
        for sender in senders {
            sender.join().unwrap();
        }
    });
    drop((writer, _reader));
    reading.join().unwrap();
}

#[test]
fn senders_give_up_where_the_peer_never_reads() {
    let (server, client) = accepted(impatient());
    let (_reader, writer) = server.split().unwrap();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let mut writer = writer.clone();
            thread::spawn(move || {
                loop {
                    if let Err(error) = writer.binary(&[0; 4 << 20]) {
                        break error.is_timeout();
                    }
                }
            })
        })
        .collect();
    ends("a sender", move || {
        for sender in senders {
            assert!(sender.join().unwrap());
        }
    });
    drop(client);
}

/// Reads slowly, but steadily, until `end` bytes came.
fn read_slowly(stream: &mut TcpStream, end: usize) {
    let mut buffer = vec![0; 64 << 10];
    let mut count = 0;
    while count < end {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{count} of {end} bytes");
        count += n;
        thread::sleep(Duration::from_millis(20));
    }
}

const LARGE: usize = 8 << 20;

/// With times that are shorter than [`read_slowly`] takes for all, and much longer than it takes for
/// a step.
fn patient() -> Acceptor<'static> {
    let mut acceptor = Acceptor::default();
    acceptor.options.session.close_timeout = Duration::from_secs(2);
    acceptor
}

#[test]
fn the_close_timer_starts_when_the_close_frame_has_left() {
    let (mut server, mut client) = narrow(patient());
    let server = thread::spawn(move || {
        server.queue().binary(&[0; LARGE])?;
        let outcome = server.close(CloseCode::NORMAL, "")?;
        assert!(outcome.clean);
        Ok::<_, Error>(())
    });
    read_slowly(&mut client, 10 + LARGE + 4);
    client.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn a_close_from_the_peer_lets_all_leave_that_waits() {
    let mut acceptor = patient();
    acceptor.options.queue = LARGE + 100;
    let (mut server, mut client) = narrow(acceptor);
    let server = thread::spawn(move || {
        server.queue().binary(&[0; LARGE])?;
        assert!(server.read()?.is_none());
        assert!(server.outcome().unwrap().clean);
        Ok::<_, Error>(())
    });
    client.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    read_slowly(&mut client, 10 + LARGE + 4);
    drop(client);
    server.join().unwrap().unwrap();
}

#[test]
fn the_heartbeat_does_not_fail_a_slow_reader() {
    let mut acceptor = Acceptor::default();
    acceptor.options.session.heartbeat = Some(Duration::from_millis(100));
    acceptor.options.session.pong_timeout = Duration::from_secs(2);
    acceptor.options.queue = LARGE + 100;
    let (mut server, mut client) = narrow(acceptor);
    let server = thread::spawn(move || {
        server.queue().binary(&[0; LARGE])?;
        let (message, _) = server.read()?.unwrap();
        assert_eq!(message.payload, b"done");
        Ok::<_, Error>(())
    });
    read_slowly(&mut client, 10 + LARGE);
    client.write_all(b"\x82\x84\0\0\0\0done").unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn what_has_arrived_is_read_before_a_deadline_is_applied() {
    let mut acceptor = Acceptor::default();
    acceptor.options.session.heartbeat = Some(Duration::from_millis(20));
    acceptor.options.session.pong_timeout = Duration::from_millis(600);
    let (mut server, mut client) = accepted(acceptor);
    let server = thread::spawn(move || {
        server.set_deadline(Some(Instant::now() + Duration::from_millis(100)));
        assert!(server.read().map(drop).unwrap_err().is_timeout());
        // The caller is busy, while the answer to the ping arrives.
        thread::sleep(Duration::from_millis(1000));
        server.set_deadline(None);
        let (message, _) = server.read()?.unwrap();
        assert_eq!(message.payload, b"here");
        Ok::<_, Error>(())
    });
    let mut ping = [0; 2];
    client.read_exact(&mut ping).unwrap();
    assert_eq!(&ping, b"\x89\0");
    thread::sleep(Duration::from_millis(300));
    client
        .write_all(b"\x8a\x80\0\0\0\0\x82\x84\0\0\0\0here")
        .unwrap();
    server.join().unwrap().unwrap();
}

#[test]
fn a_message_cut_by_a_time_out_goes_on() {
    let (mut server, mut client) = accepted(Acceptor::default());
    let soon = || Some(Instant::now() + Duration::from_millis(30));
    for way in ["to", "into"] {
        client
            .write_all(b"\x01\x83\0\0\0\0one\x80\x88\0\0\0\0, t")
            .unwrap();
        server.set_deadline(soon());
        let (mut all, mut buffer) = (Vec::new(), [0; 20]);
        let mut read = |server: &mut Connection<TcpStream>| match way {
            "to" => server.read_to(&mut all).map(|kind| (kind, all.clone())),
            _ => server.read_into(&mut buffer).map(|read| match read {
                Some((kind, len)) => (Some(kind), buffer[..len].to_vec()),
                None => (None, Vec::new()),
            }),
        };
        assert!(read(&mut server).unwrap_err().is_timeout());
        client.write_all(b"w").unwrap();
        server.set_deadline(soon());
        assert!(read(&mut server).unwrap_err().is_timeout());
        client.write_all(b"o, t\x82\x81\0\0\0\0!").unwrap();
        server.set_deadline(None);
        let whole = (Some(Kind::Text), b"one, two, t".to_vec());
        assert_eq!(read(&mut server).unwrap(), whole);
        let (message, _) = server.read().unwrap().unwrap();
        assert_eq!(message.payload, b"!");
    }
    // Another read drops the rest of a message that was cut.
    client.write_all(b"\x02\x83\0\0\0\0one").unwrap();
    server.set_deadline(soon());
    assert!(server.read_to(&mut Vec::new()).unwrap_err().is_timeout());
    client
        .write_all(b"\x80\x83\0\0\0\0two\x82\x83\0\0\0\0new")
        .unwrap();
    server.set_deadline(None);
    let (message, _) = server.read().unwrap().unwrap();
    assert_eq!(message.payload, b"new");
}

#[test]
fn times_without_end_are_no_overflow() {
    let mut acceptor = Acceptor::default();
    let options = &mut acceptor.options;
    options.session.close_timeout = Duration::MAX;
    options.session.pong_timeout = Duration::MAX;
    options.session.heartbeat = Some(Duration::MAX);
    options.session.idle = Some(Duration::MAX);
    options.write_timeout = Some(Duration::MAX);
    options.handshake_timeout = Some(Duration::MAX);
    // The peer closes; we close; the peer breaks a rule; its request is refused.
    let (mut server, mut client) = accepted(acceptor);
    client.write_all(b"\x88\x80\0\0\0\0").unwrap();
    drop(client);
    assert!(server.read().unwrap().is_none());

    let (mut server, mut client) = accepted(acceptor);
    client.write_all(b"\x88\x80\0\0\0\0").unwrap();
    drop(client);
    assert!(server.close(CloseCode::NORMAL, "").unwrap().clean);

    let (mut server, mut client) = accepted(acceptor);
    client.write_all(b"\x81\0").unwrap();
    drop(client);
    assert_eq!(
        server.read().map(drop).unwrap_err().code(),
        "UNMASKED_FRAME"
    );

    let (server, mut client) = accepted(acceptor);
    let (mut reader, _writer) = server.split().unwrap();
    client.write_all(b"\x88\x80\0\0\0\0").unwrap();
    drop(client);
    assert!(reader.read().unwrap().is_none());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let error = acceptor.accept(listener.accept().unwrap().0).unwrap_err();
    assert_eq!(error.code(), "METHOD");
}

#[test]
fn a_connection_taken_apart_keeps_the_bytes_behind_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n\x81\x82\0\0\0\0hi";
    client.write_all(request).unwrap();
    let mut server = Acceptor::default()
        .accept(listener.accept().unwrap().0)
        .unwrap();
    server.queue().text("waits").unwrap();
    let parts = server.into_parts();
    assert_eq!(parts.read, b"\x81\x82\0\0\0\0hi");
    assert_eq!(parts.unsent, b"\x81\x05waits");
    assert_eq!(parts.stream.read_timeout().unwrap(), None);
    assert_eq!(parts.stream.write_timeout().unwrap(), None);
}

#[test]
fn a_rejection_is_shown_although_the_server_keeps_the_connection() {
    let cases: [(&str, u16, &str); 8] = [
        ("204 No Content\r\n\r\n", 204, ""),
        ("304 Not Modified\r\nContent-Length: 100\r\n\r\n", 304, ""),
        ("302 Found\r\nLocation: /there\r\n\r\n", 302, ""),
        (
            "404 Not Found\r\nContent-Length: 4\r\n\r\nnone and more",
            404,
            "none",
        ),
        (
            "404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnot \r\n4\r\nhere\r\n0\r\n\r\n",
            404,
            "not here",
        ),
        (
            "401 Unauthorized\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            401,
            "x",
        ),
        (
            "500 Oops\r\nContent-Length: much\r\n\r\nbroken",
            500,
            "broken",
        ),
        ("503 Later\r\nContent-Length: 10\r\n\r\nhalf", 503, "half"),
    ];
    for (answer, status, body) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            let answer = format!("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 {answer}");
            stream.write_all(answer.as_bytes()).unwrap();
            // Until the client has gone.
            let _ = stream.read(&mut [0]);
        });
        let error = ends(answer, move || {
            let mut connector = Connector::DEFAULT;
            connector.options.handshake_timeout = None;
            connector.connect(&url).unwrap_err()
        });
        let Error::Rejected(refused) = error else {
            panic!("{answer}: {error}");
        };
        assert_eq!(refused.status(), status);
        assert_eq!(
            std::str::from_utf8(refused.body()).unwrap(),
            body,
            "{answer}"
        );
        server.join().unwrap();
    }
}
