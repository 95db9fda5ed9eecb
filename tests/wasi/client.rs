//! A client that blocks.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};
use wscodec::deflate;
use wscodec::message::Kind;
use wscodec::session::{Connect, Event, In, Out, Session, SessionOptions};

use crate::component::{LONG, read_all};

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    pub(crate) session: Session<fn() -> [u8; 4], In, Out>,
    bytes: Vec<u8>,
}

pub(crate) fn open(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// The same with the smallest buffers that the system gives, so that they are soon full.
pub(crate) fn open_narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.set_send_buffer_size(1).unwrap();
    socket.connect(&address.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends bytes, and gives all that comes until the server closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = open(address);
    stream.write_all(bytes).unwrap();
    read_all(stream)
}

/// The answer to a request, to the end of its head at least.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|it| it == b"\r\n\r\n") {
        assert!(read_some(stream, &mut bytes) > 0, "no whole answer");
    }
    String::from_utf8(bytes).unwrap()
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::over(open(address), None)
    }

    pub(crate) fn with(address: SocketAddr, deflate: Option<deflate::DeflateOptions>) -> Self {
        Self::over(open(address), deflate)
    }

    /// With a path, and perhaps header fields.
    pub(crate) fn at(address: SocketAddr, path: &str, headers: Option<&[(&str, &str)]>) -> Self {
        let connect = Connect::new("localhost", path, [7; 16]).headers(headers.unwrap_or_default());
        Self::connected(open(address), connect)
    }

    pub(crate) fn over(stream: TcpStream, deflate: Option<deflate::DeflateOptions>) -> Self {
        Self::connected(
            stream,
            Connect::new("localhost", "/", [7; 16]).deflate(deflate),
        )
    }

    fn connected(mut stream: TcpStream, mut connect: Connect<'_>) -> Self {
        let mut out = Vec::new();
        connect.write(&mut out).unwrap();
        stream.write_all(&out).unwrap();
        let mut bytes = Vec::new();
        loop {
            assert!(read_some(&mut stream, &mut bytes) > 0, "no whole answer");
            if let Some(connected) = connect.read(&bytes).unwrap() {
                let keys: fn() -> [u8; 4] = || [9, 8, 7, 6];
                let session = connected.session(keys, &SessionOptions::default());
                let head = connected.head_len();
                return Self {
                    stream,
                    session,
                    bytes: bytes.split_off(head),
                };
            }
        }
    }

    pub(crate) fn send(&mut self, payload: &[u8]) {
        let mut out = Vec::new();
        self.session
            .sender()
            .send(Kind::Text, payload, &mut out)
            .unwrap();
        self.stream.write_all(&out).unwrap();
    }

    /// Sends a message, and holds what comes back to it.
    pub(crate) fn echo(&mut self, payload: &[u8]) {
        self.send(payload);
        assert!(self.next().unwrap() == payload, "{} bytes", payload.len());
    }

    /// The next message, or the code of the close frame; 1006 if the stream just ends.
    pub(crate) fn next(&mut self) -> Result<Vec<u8>, u16> {
        let mut out = Vec::new();
        loop {
            let mut input = &mut self.bytes[..];
            let before = input.len();
            let event = self.session.receive(&mut input, &mut out).unwrap();
            let event = event.and_then(|(event, _)| match event {
                Event::Message(message) => Some(Ok(message.payload.to_vec())),
                Event::Close(close) => Some(Err(close.map_or(1005, |it| it.code.value()))),
                Event::Ping(_) | Event::Pong(_) => None,
            });
            let used = before - input.len();
            self.bytes.drain(..used);
            if let Some(event) = event {
                // The answer to a ping or a close frame; the peer may be gone.
                let _ = self.stream.write_all(&out);
                return event;
            }
            if used == 0 && read_some(&mut self.stream, &mut self.bytes) == 0 {
                return Err(1006);
            }
        }
    }
}

fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> usize {
    let mut buf = [0; 65536];
    let n = match stream.read(&mut buf) {
        Ok(n) => n,
        Err(e) if e.kind() == ErrorKind::ConnectionReset => 0,
        Err(e) => panic!("{e}"),
    };
    bytes.extend_from_slice(&buf[..n]);
    n
}
