//! The two implementations in this process.

use std::io::{self, Read, Write};

use tungstenite::error::Error;
use tungstenite::protocol::Role as TheirRole;
use tungstenite::{Message, WebSocket};
use wscodec::Limits;
use wscodec::frame::Role;
use wscodec::message::{Event, Kind, MessageDecoder, NoExtension};

use crate::Seen;
use crate::cases::{Case, hex};

/// The close code that belongs to an error of wscodec; `ok` for none.
pub fn close_code(end: &str) -> String {
    match end {
        "ok" => "ok",
        "INVALID_UTF8" => "1007",
        "MESSAGE_TOO_LARGE" | "FRAME_TOO_LARGE" => "1009",
        _ => "1002",
    }
    .to_owned()
}

pub fn wscodec(case: &Case) -> Seen {
    let role = if case.server {
        Role::Server
    } else {
        Role::Client
    };
    let mut decoder = MessageDecoder::with_extension(role, &Limits::default(), NoExtension);
    let mut bytes = case.bytes.clone();
    let mut input = &mut bytes[..];
    let mut events = Vec::new();
    loop {
        let end = match decoder.receive(&mut input) {
            Ok(None) => "ok",
            Ok(Some(event)) => {
                events.push(match event {
                    Event::Message(message) if message.kind == Kind::Text => {
                        format!("text {}", hex(message.payload))
                    }
                    Event::Message(message) => format!("binary {}", hex(message.payload)),
                    Event::Ping(payload) => format!("ping {}", hex(payload)),
                    Event::Pong(payload) => format!("pong {}", hex(payload)),
                    Event::Close(None) => "close 1005 ".to_owned(),
                    Event::Close(Some(close)) => {
                        format!("close {} {}", u16::from(close.code), close.reason)
                    }
                });
                if !events
                    .last()
                    .is_some_and(|event| event.starts_with("close"))
                {
                    continue;
                }
                "ok"
            }
            Err(fault) => fault.error.code(),
        };
        let end = end.to_owned();
        return Seen { events, end };
    }
}

/// A stream with bytes to read; what is written is dropped.
struct Stream<'a>(&'a [u8]);

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            len => Ok(len),
        }
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn tungstenite(case: &Case) -> Seen {
    let role = if case.server {
        TheirRole::Server
    } else {
        TheirRole::Client
    };
    let mut socket = WebSocket::from_raw_socket(Stream(&case.bytes), role, None);
    let mut events = Vec::new();
    loop {
        let end = match socket.read() {
            Ok(message) => {
                events.push(match message {
                    Message::Text(text) => format!("text {}", hex(text.as_bytes())),
                    Message::Binary(bytes) => format!("binary {}", hex(&bytes)),
                    Message::Ping(bytes) => format!("ping {}", hex(&bytes)),
                    Message::Pong(bytes) => format!("pong {}", hex(&bytes)),
                    Message::Close(None) => "close 1005 ".to_owned(),
                    Message::Close(Some(close)) => {
                        format!("close {} {}", u16::from(close.code), close.reason)
                    }
                    Message::Frame(_) => "frame".to_owned(),
                });
                if !events
                    .last()
                    .is_some_and(|event| event.starts_with("close"))
                {
                    continue;
                }
                "ok"
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => "ok",
            Err(Error::Utf8(_)) => "1007",
            Err(Error::Capacity(_)) => "1009",
            Err(_) => "1002",
        };
        let end = end.to_owned();
        return Seen { events, end };
    }
}
