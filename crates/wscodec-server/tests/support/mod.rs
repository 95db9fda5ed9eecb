//! A server in a thread, and a client that blocks.

#![allow(dead_code, reason = "each test uses a part of it")]

#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use wscodec::deflate;
use wscodec::handshake::Origin;
use wscodec::message::{Kind, Prepared};
use wscodec::session::{Connect, Event, In, Out, Session, SessionOptions};
use wscodec_server::{Echo, Handler, Recipients, Server, ServerHandle, ServerOptions, Stats};

/// Longer than anything here takes: what waits for it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// A server in a thread, stopped when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

pub(crate) fn options() -> ServerOptions<'static> {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.loops = 2;
    options.policy.origin = Origin::Any;
    options.grace = Duration::from_secs(1);
    options.linger = Duration::from_millis(300);
    options
}

pub(crate) fn run<H: Handler>(
    options: ServerOptions<'static>,
    handler: impl Fn(usize) -> H + Send + Sync + 'static,
) -> Running {
    run_over(options, |_| {}, handler)
}

/// As `run`, with a change to the server before it runs.
pub(crate) fn run_over<H: Handler>(
    options: ServerOptions<'static>,
    change: impl FnOnce(&mut Server<'static>),
    handler: impl Fn(usize) -> H + Send + Sync + 'static,
) -> Running {
    let mut server = Server::bind(options).unwrap();
    change(&mut server);
    let (address, handle) = (server.addresses()[0], server.handle());
    let thread = thread::spawn(move || server.run(handler).unwrap());
    Running {
        address,
        handle,
        thread: Some(thread),
    }
}

pub(crate) fn echo(options: ServerOptions<'static>) -> Running {
    run(options, |_| Echo)
}

impl Running {
    /// Waits for the figures to be as they should.
    pub(crate) fn stats_when(&self, good: impl Fn(&Stats) -> bool) -> Stats {
        let start = Instant::now();
        loop {
            let stats = self.handle.stats();
            if good(&stats) {
                return stats;
            }
            assert!(start.elapsed() < LONG, "{stats:?}");
            // Makes every loop take a turn.
            let nobody = Recipients::Some([].into());
            let _ = self.handle.send(nobody, &Prepared::text("").unwrap());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || thread::panicking());
        }
    }
}

/// A client that blocks.
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

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self::with(address, None)
    }

    pub(crate) fn with(address: SocketAddr, deflate: Option<deflate::DeflateOptions>) -> Self {
        let mut stream = open(address);
        let mut connect = Connect::new("localhost", "/", [7; 16]).deflate(deflate);
        let mut out = Vec::new();
        connect.write(&mut out).unwrap();
        stream.write_all(&out).unwrap();
        let mut bytes = Vec::new();
        loop {
            read_some(&mut stream, &mut bytes);
            if let Some(connected) = connect.read(&bytes).unwrap() {
                let keys: fn() -> [u8; 4] = || [9, 8, 7, 6];
                let mut config = SessionOptions::default();
                config.limits.message = 1 << 30;
                let session = connected.session(keys, &config);
                let head = connected.head_len();
                return Self {
                    stream,
                    session,
                    bytes: bytes.split_off(head),
                };
            }
        }
    }

    pub(crate) fn send(&mut self, kind: Kind, payload: &[u8]) {
        let mut out = Vec::new();
        self.session.sender().send(kind, payload, &mut out).unwrap();
        self.stream.write_all(&out).unwrap();
    }

    /// The next message, or how it was closed.
    pub(crate) fn next(&mut self) -> Result<Vec<u8>, Option<u16>> {
        let mut out = Vec::new();
        loop {
            let mut input = &mut self.bytes[..];
            let before = input.len();
            let event = self.session.receive(&mut input, &mut out).unwrap();
            let event = event.and_then(|(event, _)| match event {
                Event::Message(message) => Some(Ok(message.payload.to_vec())),
                Event::Close(close) => Some(Err(close.map(|close| close.code.value()))),
                Event::Ping(_) | Event::Pong(_) => None,
            });
            let used = before - input.len();
            self.bytes.drain(..used);
            if let Some(event) = event {
                return event;
            }
            if used == 0 && read_some(&mut self.stream, &mut self.bytes) == 0 {
                return Err(Some(1006));
            }
        }
    }
}

pub(crate) fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> usize {
    let mut buf = [0; 65536];
    let n = match stream.read(&mut buf) {
        Ok(n) => n,
        Err(e) if e.kind() == ErrorKind::ConnectionReset => 0,
        Err(e) => panic!("{e}"),
    };
    bytes.extend_from_slice(&buf[..n]);
    n
}

/// Sends bytes, and gives all that comes until the server closes.
pub(crate) fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = open(address);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    while read_some(&mut stream, &mut answer) > 0 {}
    answer
}

pub(crate) const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";
