//! The paved path at the root: what a program writes that only wants to talk.
#![cfg(feature = "io")]

use std::io::Cursor;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use wscodec::frame::{OpCode, Role};
use wscodec::io::{Connector, Url};
use wscodec::{CloseCode, Error, Message, PeerError, WebSocket, accept, connect};

#[test]
fn a_server_and_a_client() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || -> Result<(), Error> {
        let mut ws = accept(listener.accept()?.0)?;
        while let Some(message) = ws.read()? {
            ws.send(message)?;
        }
        Ok(())
    });
    let mut ws = connect(&url).unwrap();
    let messages: [Message; 5] = [
        "text".into(),
        String::from("owned").into(),
        vec![1, 2].into(),
        b"three".into(),
        Message::Binary(Vec::new()),
    ];
    for message in messages {
        ws.send(message.clone()).unwrap();
        assert_eq!(ws.read().unwrap(), Some(message));
    }
    ws.send("borrowed").unwrap();
    ws.ping(b"?").unwrap();
    let message = ws.read().unwrap().unwrap();
    assert!(message.is_text() && !message.is_binary() && !message.is_empty());
    assert_eq!((message.as_text(), message.len()), (Some("borrowed"), 8));
    let outcome = ws.close(CloseCode::NORMAL, "bye").unwrap();
    assert!(outcome.clean);
    assert!(ws.read().unwrap().is_none());
    assert!(ws.send("late").is_err());
    server.join().unwrap().unwrap();
}

#[test]
fn text_and_bytes() {
    let bytes = Message::from(vec![0xff]);
    assert_eq!(bytes.as_text(), None);
    assert_eq!(bytes.clone().into_text().unwrap_err().into_bytes(), [0xff]);
    assert_eq!(bytes.into_bytes(), [0xff]);
    assert_eq!(Message::from("ä").into_bytes(), "ä".as_bytes());
    assert_eq!(Message::from("ä".as_bytes()).into_text().unwrap(), "ä");
}

/// A program's error is one type, whatever went wrong.
fn one_error(stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let _: Url = "ws://localhost/".parse()?;
    OpCode::try_from(1)?;
    Err(PeerError::UnexpectedEof.into())
}

#[test]
fn a_stream_whose_handshake_is_done() {
    // Over TCP there are time-outs.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!(
        one_error(server.try_clone().unwrap()).unwrap_err().code(),
        "UNEXPECTED_EOF"
    );
    let mut server = WebSocket::from_stream(server, Role::Server).unwrap();
    let mut client = WebSocket::from_stream(client, Role::Client).unwrap();
    client.send("Hello").unwrap();
    assert_eq!(server.read().unwrap(), Some("Hello".into()));
    let soon = std::time::Instant::now() + Duration::from_millis(20);
    server.connection().set_deadline(Some(soon));
    assert!(server.read().unwrap_err().is_timeout());

    // Any other stream will do.
    let stream = Cursor::new(b"\x81\x82\0\0\0\0Hi\x88\x80\0\0\0\0".to_vec());
    let mut ws = WebSocket::from_stream(stream, Role::Server).unwrap();
    assert_eq!(ws.read().unwrap(), Some("Hi".into()));
}

#[test]
fn numbers_and_texts_become_types() {
    assert_eq!(OpCode::try_from(9), Ok(OpCode::Ping));
    assert_eq!(OpCode::try_from(3), Err(PeerError::ReservedOpcode));
    let url: Url = "wss://example.com/chat".parse().unwrap();
    assert!(url.is_secure());
    assert_eq!((url.host(), url.path()), ("example.com", "/chat"));
    assert!("http://example.com".parse::<Url>().is_err());
    assert_eq!(
        Connector::DEFAULT.connect("nonsense").unwrap_err().code(),
        "URL"
    );
    #[cfg(feature = "deflate")]
    {
        use wscodec::deflate::WindowBits;
        assert_eq!(WindowBits::try_from(10).map(WindowBits::bits), Ok(10));
        assert!(WindowBits::try_from(16).is_err());
    }
}
