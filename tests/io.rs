//! Two ends over loopback TCP.
#![cfg(feature = "io")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wscodec::handshake::{Origin, Rejection};
use wscodec::io::{Acceptor, Connection, ConnectionOptions, Connector, Error, Transport};
use wscodec::message::{Kind, Prepared};
use wscodec::session::{Event, Piece, SessionState};
use wscodec::{CloseCode, HandshakeError, LimitError, MisuseError, PeerError};

type Served = Result<(), Error>;

/// Serves one client with `serve`; where to, and how it ended.
fn server(
    serve: impl FnOnce(TcpStream) -> Served + Send + 'static,
) -> (String, JoinHandle<Served>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || serve(listener.accept()?.0));
    (url, thread)
}

fn echo(mut ws: Connection<TcpStream>) -> Served {
    while let Some((message, mut outbox)) = ws.read()? {
        outbox.send(message.kind, message.payload)?;
    }
    Ok(())
}

/// A socket whose handshake is done, to write frames to by hand. Nothing behind the head is read.
fn raw(url: &str) -> TcpStream {
    let mut stream = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    let time = Some(Duration::from_secs(20));
    stream.set_read_timeout(time).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// All that comes until the peer closes; an error is a reset.
fn rest(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[test]
fn messages_of_all_kinds_and_sizes_come_back() {
    let (url, thread) = server(|stream| echo(Acceptor::default().accept(stream)?));
    let mut ws = Connector::DEFAULT.connect(&url).unwrap();
    for size in [0, 1, 125, 126, 4095, 4096, 4097, 65_535, 65_536, 1_000_000] {
        let payload: Vec<u8> = (0..size).map(|i| (i * 7 % 251) as u8).collect();
        ws.outbox().binary(&payload).unwrap();
        let (message, _) = ws.read().unwrap().unwrap();
        assert_eq!(message.kind, Kind::Binary);
        assert!(message.payload == payload, "{size}");
    }
    ws.outbox().text("Hello, 世界").unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert_eq!(message.text(), Some("Hello, 世界"));
    ws.outbox()
        .prepared(&Prepared::text("news").unwrap())
        .unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert_eq!(message.text(), Some("news"));
    let outcome = ws.close(CloseCode::NORMAL, "bye").unwrap();
    assert!(outcome.clean);
    assert_eq!((outcome.code, outcome.reason), (CloseCode::NORMAL, "bye"));
    assert!(ws.read().unwrap().is_none());
    assert_eq!(
        ws.outbox().text("late").unwrap_err().code(),
        MisuseError::Closing.code()
    );
    thread.join().unwrap().unwrap();
}

#[test]
fn control_frames_are_answered_and_seen() {
    let (url, thread) = server(|stream| {
        let mut ws = Acceptor::default().accept(stream)?;
        let mut seen = Vec::new();
        while let Some((event, _)) = ws.read_event()? {
            seen.push(match event {
                Event::Ping(payload) => format!("ping {}", String::from_utf8_lossy(payload)),
                Event::Pong(_) => "pong".to_owned(),
                Event::Message(message) => message.text().unwrap().to_owned(),
                Event::Close(close) => close.unwrap().reason.to_owned(),
            });
        }
        assert_eq!(seen, ["ping 1", "a", "ping 2", "done"]);
        Ok(())
    });
    let mut ws = Connector::DEFAULT.connect(&url).unwrap();
    let mut outbox = ws.queue();
    outbox.ping(b"1").unwrap();
    outbox.text("a").unwrap();
    outbox.ping(b"2").unwrap();
    assert!(outbox.queued() > 0);
    outbox.close(CloseCode::GOING_AWAY, "done").unwrap();
    let mut pongs = Vec::new();
    while let Some((event, _)) = ws.read_event().unwrap() {
        if let Event::Pong(payload) = event {
            pongs.extend_from_slice(payload);
        }
    }
    assert_eq!(pongs, b"12");
    assert!(ws.outcome().unwrap().clean);
    thread.join().unwrap().unwrap();
}

#[test]
fn each_fault_sends_its_close_code_and_no_reset() {
    let cases: [(&[u8], u16); 8] = [
        (b"\x81\x05Hello", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x80\x80\0\0\0\0", 1002),
        (b"\x89\xfe\x00\x7e\0\0\0\0", 1002),
        (b"\x88\x82\0\0\0\0\x03\xec", 1002),
        (b"\x81\x82\0\0\0\0\xc3\x28", 1007),
        (b"\x82\xff\0\0\0\xff\0\0\0\0\0\0\0\0", 1009),
    ];
    for (frame, code) in cases {
        let (url, thread) = server(|stream| echo(Acceptor::default().accept(stream)?));
        let mut stream = raw(&url);
        stream.write_all(frame).unwrap();
        // More than the server will ever look at: unread, it would reset the connection.
        stream.write_all(&[0x55; 50_000]).unwrap();
        let answer = rest(&mut stream).unwrap();
        assert_eq!(answer[0], 0x88, "{frame:x?}");
        assert_eq!(answer[2..4], code.to_be_bytes(), "{frame:x?}");
        drop(stream);
        let error = thread.join().unwrap().unwrap_err();
        let Error::Fault(fault) = error else {
            panic!("{error}");
        };
        assert_eq!(fault.error.close_code(), Some(CloseCode::new(code)));
    }
}

#[test]
fn an_end_without_close_is_1006() {
    let (url, thread) = server(|stream| {
        let mut ws = Acceptor::default().accept(stream)?;
        let error = ws.read().map(drop).unwrap_err();
        assert_eq!(error.code(), PeerError::UnexpectedEof.code());
        let outcome = ws.outcome().unwrap();
        assert_eq!((outcome.code, outcome.clean), (CloseCode::ABNORMAL, false));
        assert_eq!(ws.read().map(drop).unwrap_err().code(), "UNEXPECTED_EOF");
        Ok(())
    });
    drop(raw(&url));
    thread.join().unwrap().unwrap();
}

#[test]
fn a_read_that_timed_out_goes_on() {
    let (url, thread) = server(|stream| {
        let mut ws = Acceptor::default().accept(stream)?;
        for _ in 0..2 {
            ws.set_deadline(Some(Instant::now() + Duration::from_millis(20)));
            assert!(ws.read().map(drop).unwrap_err().is_timeout());
            // It stays passed until another is set.
            assert!(ws.read().map(drop).unwrap_err().is_timeout());
        }
        ws.outbox().text("begin").unwrap();
        ws.set_deadline(Some(Instant::now() + Duration::from_secs(60)));
        let (message, _) = ws.read()?.unwrap();
        assert_eq!(message.payload, b"Hello");
        ws.set_deadline(None);
        assert!(ws.read()?.is_none());
        Ok(())
    });
    let mut stream = raw(&url);
    // Half a frame, before the first time-out.
    stream.write_all(b"\x82\x85\0\0\0\0He").unwrap();
    let mut begin = [0; 7];
    stream.read_exact(&mut begin).unwrap();
    assert_eq!(&begin[2..], b"begin");
    stream.write_all(b"llo\x88\x80\0\0\0\0").unwrap();
    assert_eq!(rest(&mut stream).unwrap(), b"\x88\0");
    drop(stream);
    thread.join().unwrap().unwrap();
}

#[test]
fn the_heartbeat_pings_and_gives_up() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.session.heartbeat = Some(Duration::from_millis(20));
        acceptor.options.session.pong_timeout = Duration::from_millis(40);
        let mut ws = acceptor.accept(stream)?;
        assert_eq!(ws.read().map(drop).unwrap_err().code(), "NO_PONG");
        Ok(())
    });
    let mut stream = raw(&url);
    assert_eq!(rest(&mut stream).unwrap(), b"\x89\0");
    thread.join().unwrap().unwrap();
}

#[test]
fn a_peer_that_does_not_close_is_given_up() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.session.close_timeout = Duration::from_millis(50);
        let mut ws = acceptor.accept(stream)?;
        let error = ws.close(CloseCode::GOING_AWAY, "").map(drop).unwrap_err();
        assert_eq!(error.code(), "NO_CLOSE");
        assert_eq!(ws.state(), SessionState::Closed);
        Ok(())
    });
    let mut stream = raw(&url);
    assert_eq!(rest(&mut stream).unwrap(), b"\x88\x02\x03\xe9");
    thread.join().unwrap().unwrap();
}

#[test]
fn a_handshake_has_its_time() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.handshake_timeout = Some(Duration::from_millis(30));
        acceptor.accept(stream).map(drop)
    });
    let mut stream = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let answer = rest(&mut stream).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    drop(stream);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.code(), LimitError::HandshakeTooSlow.code());
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connector = Connector::DEFAULT;
    connector.options.handshake_timeout = Some(Duration::from_millis(30));
    let url = format!("ws://{}", listener.local_addr().unwrap());
    assert!(connector.connect(&url).unwrap_err().is_timeout());
}

#[test]
fn a_secure_url_is_never_asked_for_over_a_bare_stream() {
    #[cfg(not(feature = "tls"))]
    {
        let error = wscodec::connect("wss://localhost").unwrap_err();
        assert_eq!(error.code(), "NO_TLS");
    }
    let mut sent = io::Cursor::new(Vec::new());
    let error = Connector::DEFAULT
        .connect_over(&mut sent, Transport::plain(), "wss://localhost/")
        .unwrap_err();
    assert_eq!(error.code(), "NOT_ENCRYPTED");
    assert!(sent.into_inner().is_empty(), "nothing was sent");
}

#[test]
fn a_request_is_looked_at_and_answered() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.policy.protocols = &["v1", "v2"];
        let ws = acceptor.accept_with(stream, |request, answer| {
            assert_eq!(request.target(), "/room?x=1");
            assert_eq!(request.header("authorization"), Some(&b"Bearer 1"[..]));
            assert_eq!(answer.protocol(), Some("v2"));
            answer.choose_protocol(Some("v1")).unwrap();
            assert!(answer.choose_protocol(Some("v9")).is_err());
            answer.header("X-Seen", "yes");
            Ok(())
        })?;
        assert_eq!(ws.protocol(), Some("v1"));
        Ok(())
    });
    let mut connector = Connector::DEFAULT;
    connector.protocols = &["v2", "v1"];
    connector.headers = &[("Authorization", "Bearer 1")];
    let ws = connector.connect(&format!("{url}/room?x=1")).unwrap();
    assert_eq!(ws.protocol(), Some("v1"));
    #[cfg(feature = "deflate")]
    assert!(ws.deflate().is_some());
    drop(ws);
    thread.join().unwrap().unwrap();
}

#[test]
fn a_rejection_tells_the_client_why() {
    let (url, thread) = server(|stream| {
        let accepted = Acceptor::default().accept_with(stream, |request, answer| {
            let body = format!("not {}", request.host());
            let rejection = Rejection::new(401).headers(&[("WWW-Authenticate", "Basic")]);
            answer.reject(rejection.body(body.as_bytes()))
        });
        accepted.map(drop)
    });
    let mut connector = Connector::DEFAULT;
    connector.host = Some("example.com");
    let Err(Error::Rejected(rejected)) = connector.connect(&url) else {
        panic!("not rejected");
    };
    assert_eq!(
        (rejected.status(), rejected.body()),
        (401, &b"not example.com"[..])
    );
    let response = rejected.response().unwrap();
    assert_eq!(response.header("www-authenticate"), Some(&b"Basic"[..]));
    let Err(Error::Rejected(rejected)) = thread.join().unwrap() else {
        panic!("not rejected");
    };
    assert_eq!(rejected.status(), 401);
}

#[test]
fn the_body_of_a_rejection_ends_where_its_framing_says() {
    for (answer, body) in [
        ("204 No Content\r\n", ""),
        ("304 Not Modified\r\nContent-Length: 9\r\n", ""),
        ("404 Not Found\r\nContent-Length: 4\r\n", "here"),
        (
            "404 Not Found\r\nTransfer-Encoding: chunked\r\n",
            "3\r\nnot\r\n5;x\r\n here\r\n0\r\n\r\n",
        ),
        ("302 Found\r\nLocation: /\r\n", "there"),
    ] {
        let (url, thread) = server(move |mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(20)))?;
            let _ = stream.read(&mut [0; 4096])?;
            write!(stream, "HTTP/1.1 {answer}\r\n{body}")?;
            // The client has enough while the connection is still open.
            assert_eq!(stream.read(&mut [0; 1])?, 0);
            Ok(())
        });
        let mut connector = Connector::default();
        connector.options.handshake_timeout = None;
        let Err(Error::Rejected(rejected)) = connector.connect(&url) else {
            panic!("not rejected");
        };
        let expected = if body.contains('\r') {
            "not here"
        } else {
            body
        };
        assert_eq!(rejected.body(), expected.as_bytes(), "{answer}");
        drop(rejected);
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn an_origin_is_refused_with_403() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.policy.origin = Origin::List(&["https://example.com"]);
        acceptor.accept(stream).map(drop)
    });
    let mut connector = Connector::DEFAULT;
    connector.headers = &[("Origin", "https://evil.example")];
    let error = connector.connect(&url).unwrap_err();
    assert_eq!(error.code(), "STATUS");
    let Error::Rejected(rejected) = error else {
        panic!()
    };
    assert_eq!(rejected.status(), 403);
    let error = thread.join().unwrap().unwrap_err();
    assert_eq!(error.code(), HandshakeError::Origin.code());
    let io = io::Error::from(error);
    assert_eq!(io.kind(), io::ErrorKind::InvalidData);
    assert_eq!(Error::from(io).code(), "ORIGIN");
}

#[test]
fn an_answer_that_breaks_a_rule_is_refused() {
    let (url, thread) = server(|mut stream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer)?;
        stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        )?;
        Ok(())
    });
    assert_eq!(
        Connector::DEFAULT.connect(&url).unwrap_err().code(),
        "ACCEPT"
    );
    thread.join().unwrap().unwrap();
}

#[test]
fn messages_are_read_and_written_as_streams() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.fragment = 100;
        let mut ws = acceptor.accept(stream)?;
        let reader = ws.reader()?.unwrap();
        assert_eq!(reader.kind(), Kind::Text);
        let value: serde_json::Value = serde_json::from_reader(reader).unwrap();
        assert_eq!(value["list"].as_array().unwrap().len(), 1000);
        // The next one is dropped half way.
        let mut byte = [0];
        let mut reader = ws.reader()?.unwrap();
        assert_eq!(reader.read(&mut byte)?, 1);
        let mut buffer = [0; 10];
        assert_eq!(ws.read_into(&mut buffer)?, Some((Kind::Binary, 10)));
        assert_eq!(&buffer, b"0123456789");
        let error = ws.read_into(&mut buffer).unwrap_err();
        assert_eq!(error.code(), "BUFFER_TOO_SMALL");
        let mut all = b"+".to_vec();
        assert_eq!(ws.read_to(&mut all)?, Some(Kind::Text));
        assert_eq!(all, b"+last");
        let mut writer = ws.writer(Kind::Text);
        serde_json::to_writer(&mut writer, &value).unwrap();
        writer.finish()?;
        assert!(ws.read_to(&mut all)?.is_none());
        Ok(())
    });
    let mut ws = Connector::DEFAULT.connect(&url).unwrap();
    let list: Vec<_> = (0..1000).collect();
    let value = serde_json::json!({ "list": list });
    let mut writer = ws.writer(Kind::Text);
    serde_json::to_writer(&mut writer, &value).unwrap();
    writer.finish().unwrap();
    ws.outbox().binary(&[7; 100_000]).unwrap();
    ws.outbox().binary(b"0123456789").unwrap();
    ws.outbox().binary(b"0123456789!").unwrap();
    ws.outbox().text("last").unwrap();
    let (mut frames, mut bytes) = (0, Vec::new());
    loop {
        match ws.read_piece().unwrap().unwrap().0 {
            Piece::Frame(_) => frames += 1,
            Piece::Data(data) => bytes.extend_from_slice(data),
            Piece::End => break,
            _ => {}
        }
    }
    assert!(frames > 10);
    let back: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(back, value);
    ws.close(CloseCode::NORMAL, "").unwrap();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_message_that_is_not_finished_is_not_sent() {
    let (url, thread) = server(|stream| echo(Acceptor::default().accept(stream)?));
    let mut ws = Connector::DEFAULT.connect(&url).unwrap();
    let mut writer = ws.writer(Kind::Text);
    writer.write_all(b"short").unwrap();
    drop(writer);
    ws.outbox().text("other").unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert_eq!(message.text(), Some("other"));
    let mut writer = ws.writer(Kind::Text);
    writer.write_all(b"begun").unwrap();
    writer.flush().unwrap();
    drop(writer);
    assert_eq!(
        ws.outbox().text("x").unwrap_err().code(),
        "MESSAGE_UNFINISHED"
    );
    ws.close(CloseCode::NORMAL, "").unwrap();
    thread.join().unwrap().unwrap();
}

#[test]
fn messages_behind_the_handshake_are_not_lost() {
    let (url, thread) = server(|mut stream| {
        let mut buffer = [0; 4096];
        let n = stream.read(&mut buffer)?;
        let request = wscodec::handshake::UpgradeRequest::parse(&buffer[..n], &Default::default());
        let mut out = Vec::new();
        let request = request?.expect("a whole head");
        request.accept().write(&mut out)?;
        out.extend_from_slice(b"\x81\x02hi\x88\0");
        stream.write_all(&out)?;
        rest(&mut stream)?;
        Ok(())
    });
    let mut connector = Connector::DEFAULT;
    connector.options.session.close_timeout = Duration::from_millis(50);
    let mut ws = connector.connect(&url).unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert_eq!(message.text(), Some("hi"));
    assert!(ws.read().unwrap().is_none());
    assert_eq!(ws.outcome().unwrap().code, CloseCode::NO_STATUS);
    thread.join().unwrap().unwrap();
}

#[test]
fn a_close_may_be_answered_by_the_caller() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.session.auto_close = false;
        let mut ws = acceptor.accept(stream)?;
        assert!(ws.read()?.is_none());
        assert_eq!(ws.state(), SessionState::PeerClosed);
        ws.outbox().text("one more")?;
        ws.close(CloseCode::new(3000), "now")?;
        Ok(())
    });
    let mut ws = Connector::DEFAULT.connect(&url).unwrap();
    ws.queue().close(CloseCode::NORMAL, "").unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert_eq!(message.text(), Some("one more"));
    let outcome = ws.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(
        (outcome.code, outcome.reason),
        (CloseCode::new(3000), "now")
    );
    thread.join().unwrap().unwrap();
}

#[test]
fn idle_connections_hold_little() {
    let (url, thread) = server(|stream| echo(Acceptor::default().accept(stream)?));
    #[allow(unused_mut, reason = "only compression is changed")]
    let mut connector = Connector::DEFAULT;
    #[cfg(feature = "deflate")]
    {
        connector.deflate = None;
    }
    let mut ws = connector.connect(&url).unwrap();
    assert!(size_of::<Connection<TcpStream>>() <= 2048);
    let options = ConnectionOptions::default();
    assert!(ws.memory() <= options.buffer + 1024, "{}", ws.memory());
    ws.outbox().binary(&[0; 1_000_000]).unwrap();
    ws.read().unwrap().unwrap();
    assert!(ws.memory() > 1_000_000);
    ws.release();
    assert!(ws.memory() <= 1024, "{}", ws.memory());
    ws.outbox().text("again").unwrap();
    assert!(ws.read().unwrap().is_some());
    ws.close(CloseCode::NORMAL, "").unwrap();
    thread.join().unwrap().unwrap();
}

#[test]
fn a_client_that_shuts_down_after_its_close_gets_the_answer() {
    let (url, thread) = server(|stream| echo(Acceptor::default().accept(stream)?));
    let mut stream = raw(&url);
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream).unwrap(), b"\x88\x02\x03\xe8");
    thread.join().unwrap().unwrap();
}

/// With a long answer waiting, the pong to a ping behind it leaves as soon as there is room, though
/// nothing else comes.
#[test]
fn a_ping_behind_a_long_message_is_answered() {
    let (url, thread) = server(|stream| {
        let mut acceptor = Acceptor::default();
        acceptor.options.queue = 1 << 20;
        acceptor.options.buffer = 1 << 16;
        echo(acceptor.accept(stream)?)
    });
    let mut stream = raw(&url);
    let len = 30_000_u16;
    let mut bytes = [&[0x82, 0xfe][..], &len.to_be_bytes(), &[0; 4]].concat();
    bytes.resize(bytes.len() + usize::from(len), 0);
    bytes.extend_from_slice(b"\x89\x82\0\0\0\0hi");
    stream.write_all(&bytes).unwrap();
    let mut answer = vec![0; 4 + usize::from(len) + 4];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer.ends_with(b"\x8a\x02hi"));
    stream.write_all(b"\x88\x80\0\0\0\0").unwrap();
    assert_eq!(rest(&mut stream).unwrap(), b"\x88\x00");
    drop(stream);
    thread.join().unwrap().unwrap();
}
