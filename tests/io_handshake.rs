//! The opening handshake of blocking connections, step by step: hooks, extensions of one's own, attempts
//! that are cancelled, memory that is used again.
#![cfg(feature = "io")]

#[path = "common/inverted.rs"]
#[allow(unreachable_pub, reason = "several tests share the file")]
mod inverted;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use inverted::Inverted;
use wscodec::handshake::{Rejection, UpgradeRequest, UpgradeResponse};
use wscodec::head::HeadLine;
use wscodec::io::{
    AcceptHooks, Acceptor, Answer, Buffers, Cancel, ConnectHooks, Connector, Error, Rejecting,
    Transport,
};
use wscodec::message::Kind;
use wscodec::session::{In, Out};
use wscodec::{CloseCode, MisuseError};

const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

/// A listener whose one client `serve` gets, and a stream to it that is not read from for ever.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (TcpStream, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || serve(listener.accept().unwrap().0));
    let stream = TcpStream::connect(address).unwrap();
    let time = Some(Duration::from_secs(20));
    stream.set_read_timeout(time).unwrap();
    (stream, thread)
}

/// Notes each step, and rejects a line that begins with this.
#[derive(Default)]
struct Notes {
    refuse: &'static str,
    lines: Vec<String>,
    decided: bool,
    response: String,
}

impl AcceptHooks for Notes {
    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Rejecting> {
        let line = match line {
            HeadLine::Request { method, target } => format!("{method} {target}"),
            HeadLine::Response { .. } => panic!("a request has no status"),
            HeadLine::Field(field) => format!("{}: {}", field.name, field.value.escape_ascii()),
        };
        let refused = !self.refuse.is_empty() && line.starts_with(self.refuse);
        self.lines.push(line);
        match refused {
            true => Err(Rejection::new(403).headers(&[("X-Want-Host", "a")]).into()),
            false => Ok(()),
        }
    }

    fn decide(
        &mut self,
        request: &UpgradeRequest<'_>,
        answer: &mut Answer<'_>,
    ) -> Result<(), Rejecting> {
        self.decided = true;
        answer
            .header("X-Path", request.path())
            .header("X-Length", request.head_len());
        Ok(())
    }

    fn response(&mut self, response: &[u8]) {
        assert_eq!(self.response, "", "there is one answer");
        self.response = String::from_utf8(response.to_vec()).unwrap();
    }
}

/// The end of an attempt to accept.
type Ended = (Notes, Result<(), Error>);

fn with_notes(mut notes: Notes) -> (TcpStream, JoinHandle<Ended>) {
    server(move |stream| {
        let mut buffers = Buffers::default();
        let acceptor = Acceptor::default();
        let ws = acceptor.accept_hooked(stream, Transport::tcp(), &mut buffers, &mut notes);
        (notes, ws.map(drop))
    })
}

#[test]
fn each_line_is_shown_once_however_the_head_is_cut() {
    for step in [1, 7, 1000] {
        let (mut stream, thread) = with_notes(Notes::default());
        stream.set_nodelay(true).unwrap();
        for part in format!("{REQUEST}Cookie: a=1\r\n\r\n")
            .as_bytes()
            .chunks(step)
        {
            stream.write_all(part).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (notes, result) = thread.join().unwrap();
        assert!(result.is_ok() && notes.decided);
        assert_eq!(notes.lines.len(), 7);
        assert_eq!(notes.lines[0], "GET /chat");
        assert_eq!(notes.lines[1], "Host: example.com");
        assert_eq!(notes.lines[6], "Cookie: a=1");
        assert_eq!(notes.response, answer);
        assert!(
            answer.ends_with("\r\nX-Path: /chat\r\nX-Length: 167\r\n\r\n"),
            "{answer}"
        );
    }
}

#[test]
fn a_line_can_be_rejected_while_the_head_still_arrives() {
    for (refuse, seen) in [("GET", 1), ("Host", 2)] {
        let (mut stream, thread) = with_notes(Notes {
            refuse,
            ..Notes::default()
        });
        // The head never ends.
        stream.write_all(REQUEST.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
        assert!(answer.contains("\r\nX-Want-Host: a\r\n"));
        drop(stream);
        let (notes, result) = thread.join().unwrap();
        assert_eq!((notes.lines.len(), notes.decided), (seen, false));
        assert_eq!(notes.response, answer);
        let Err(Error::Rejected(rejected)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(rejected.status(), 403);
    }
}

#[test]
fn the_answer_to_a_fault_is_shown_too() {
    let (mut stream, thread) = with_notes(Notes::default());
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    drop(stream);
    let (notes, result) = thread.join().unwrap();
    assert_eq!(result.unwrap_err().code(), "METHOD");
    assert!(answer.starts_with("HTTP/1.1 405 "));
    assert_eq!(notes.response, answer);
}

/// Codes binary messages.
const FLIP: Inverted = Inverted { text: false };

/// The client's side of the agreement.
#[derive(Default)]
struct Chosen {
    request: String,
    lines: usize,
    extension: String,
}

impl ConnectHooks for Chosen {
    fn request(&mut self, request: &[u8]) {
        self.request = String::from_utf8(request.to_vec()).unwrap();
    }

    fn line(&mut self, line: HeadLine<'_>) -> Result<(), Error> {
        match line {
            HeadLine::Response { status: 404, .. } => Err(io::Error::other("not there").into()),
            _ => {
                self.lines += 1;
                Ok(())
            }
        }
    }

    fn response(&mut self, response: &UpgradeResponse<'_>) -> Result<Option<(In, Out)>, Error> {
        let mut chosen = response.extensions();
        let Some(extension) = chosen.find(|it| it.name() == "x-flip") else {
            return Ok(None);
        };
        self.extension = extension.name().into();
        Ok(Some((In::custom(FLIP), Out::custom(FLIP))))
    }
}

#[test]
fn an_extension_of_ones_own_goes_through_acceptor_and_connector() {
    let (stream, thread) = server(|stream| {
        let mut ws = Acceptor::default().accept_with(stream, |request, answer| {
            if request.extensions().any(|it| it.name() == "x-flip") {
                answer.extension("x-flip", In::custom(FLIP), Out::custom(FLIP));
            }
            Ok(())
        })?;
        while let Some((message, mut outbox)) = ws.read()? {
            outbox.send(message.kind, message.payload)?;
        }
        Ok::<_, Error>(())
    });
    let connector = Connector {
        extensions: "x-flip; strict",
        ..Connector::DEFAULT
    };
    let (mut hooks, mut buffers) = (Chosen::default(), Buffers::default());
    let transport = Transport::tcp();
    let mut ws = connector
        .connect_hooked(
            stream,
            transport,
            "ws://localhost/",
            &mut buffers,
            &mut hooks,
        )
        .unwrap();
    assert!(
        hooks
            .request
            .contains("\r\nSec-WebSocket-Extensions: x-flip; strict\r\n")
    );
    assert_eq!((hooks.extension.as_str(), hooks.lines), ("x-flip", 5));

    let large: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
    for payload in [&b"abc"[..], b"", &large] {
        ws.outbox().binary(payload).unwrap();
        let (message, _) = ws.read().unwrap().unwrap();
        assert_eq!((message.kind, message.payload), (Kind::Binary, payload));
    }
    ws.outbox().text("as it is").unwrap();
    assert_eq!(ws.read().unwrap().unwrap().0.text(), Some("as it is"));
    assert!(ws.close(CloseCode::NORMAL, "").unwrap().clean);
    drop(ws);
    thread.join().unwrap().unwrap();
}

#[test]
fn an_extension_that_was_not_offered_is_misuse() {
    let (mut stream, thread) = server(|stream| {
        let acceptor = Acceptor::default();
        let ws = acceptor.accept_with(stream, |_, answer| {
            answer.extension("x-flip", In::custom(FLIP), Out::custom(FLIP));
            Ok(())
        });
        ws.map(drop).unwrap_err()
    });
    stream
        .write_all(format!("{REQUEST}\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{answer}"
    );
    drop(stream);
    let error = thread.join().unwrap();
    assert!(
        matches!(error, Error::Misuse(MisuseError::ExtensionNotOffered)),
        "{error}"
    );
}

#[test]
fn a_client_can_give_up_at_a_line_of_the_answer() {
    let (stream, thread) = server(|mut stream| {
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nServer")
            .unwrap();
        let mut request = Vec::new();
        let _ = stream.read_to_end(&mut request);
    });
    let error = Connector::DEFAULT
        .connect_hooked(
            stream,
            Transport::tcp(),
            "ws://localhost/",
            &mut Buffers::default(),
            &mut Chosen::default(),
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "not there");
    thread.join().unwrap();
}

#[test]
fn an_attempt_is_cancelled_while_it_waits_for_the_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let cancel = Cancel::new();
    let other = cancel.clone();
    let server = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut request = [0; 16];
        stream.read_exact(&mut request).unwrap();
        // The request has come, so the client waits for the answer now.
        other.cancel();
        let _ = stream.read_to_end(&mut Vec::new());
        let _ = stream.shutdown(Shutdown::Both);
    });
    let mut connector = Connector {
        cancel: Some(&cancel),
        ..Connector::DEFAULT
    };
    connector.options.handshake_timeout = None;
    let error = connector.connect(&url).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert_eq!(error.code(), "CANCELLED");
    // Later attempts are not begun.
    assert!(matches!(connector.connect(&url), Err(Error::Cancelled)));
    server.join().unwrap();
}

#[test]
fn an_attempt_that_is_not_cancelled_connects() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || wscodec::accept(listener.accept().unwrap().0).map(drop));
    let cancel = Cancel::new();
    let connector = Connector {
        cancel: Some(&cancel),
        ..Connector::DEFAULT
    };
    assert!(connector.connect(&url).is_ok());
    server.join().unwrap().unwrap();
    let refused = connector.connect("ws://127.0.0.1:1/").unwrap_err();
    assert!(matches!(refused, Error::Io(_)), "{refused}");
}

#[test]
fn nothing_of_what_came_behind_the_request_is_lost() {
    let (mut stream, thread) = server(|stream| {
        let parts = wscodec::accept(stream).unwrap().into_parts();
        let (mut rest, mut byte) = (parts.read, [0]);
        while rest.len() < 9 && { &parts.stream }.read(&mut byte).unwrap() == 1 {
            rest.push(byte[0]);
        }
        (rest, parts.unsent)
    });
    let request = format!("{REQUEST}\r\nbehind ");
    stream.write_all(request.as_bytes()).unwrap();
    stream.write_all(b"it").unwrap();
    assert_eq!(thread.join().unwrap(), (b"behind it".to_vec(), Vec::new()));
}

#[test]
fn compression_is_left_out_in_one_word() {
    for offers in [false, true] {
        let (stream, thread) = server(move |stream| {
            let acceptor = match offers {
                true => Acceptor::default().without_compression(),
                false => Acceptor::default(),
            };
            acceptor.accept(stream).map(drop)
        });
        let connector = match offers {
            true => Connector::DEFAULT,
            false => Connector::DEFAULT.without_compression(),
        };
        let mut headers = Vec::new();
        let look = |response: &UpgradeResponse<'_>| {
            headers.extend(response.headers().map(|field| field.name.to_owned()));
            Ok(())
        };
        connector
            .connect_with(stream, Transport::tcp(), "ws://localhost/", look)
            .unwrap();
        assert!(
            !headers
                .iter()
                .any(|name| name == "Sec-WebSocket-Extensions")
        );
        thread.join().unwrap().unwrap();
    }
}

#[test]
fn a_header_that_is_not_allowed_fails_the_handshake() {
    let (mut stream, thread) = server(|stream| {
        let ws = Acceptor::default().accept_with(stream, |_, answer| {
            answer.header("X-Good", 1).header("X-Bad", "a\r\nb");
            Ok(())
        });
        ws.map(drop).unwrap_err()
    });
    stream
        .write_all(format!("{REQUEST}\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 500 ") && !answer.contains("X-Good"));
    drop(stream);
    let error = thread.join().unwrap();
    assert!(
        matches!(error, Error::Misuse(MisuseError::InvalidHeader)),
        "{error}"
    );
}
