//! The load: connections that each keep so many messages on the way.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::answers::Answers;
use crate::frames::Frames;

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

/// The client keeps no context, so that it can send the same frames again and again.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n";

/// The load on a server.
#[derive(Clone, Copy)]
pub struct Case {
    pub connections: usize,
    /// Messages on the way, for each connection.
    pub flight: usize,
    /// Bytes of payload, of compressed messages about so many.
    pub size: usize,
    /// JSON, compressed in both directions, in place of the same bytes again and again.
    pub json: bool,
    /// Connections beside them that say nothing.
    pub idle: usize,
}

impl Case {
    /// Reads `10x1x64`; with 5000 idle ones beside them `10x1x64+5000`; with compressed JSON
    /// `10x1x100z`.
    pub fn read(text: &str) -> Option<Self> {
        let (busy, idle) = text.split_once('+').unwrap_or((text, "0"));
        let plain = busy.strip_suffix('z');
        let mut numbers = plain
            .unwrap_or(busy)
            .split('x')
            .map(|number| number.parse().ok());
        let case = Self {
            connections: numbers.next()??,
            flight: numbers.next()??,
            size: numbers.next()??,
            json: plain.is_some(),
            idle: idle.parse().ok()?,
        };
        (numbers.next().is_none() && case.connections > 0 && case.flight > 0).then_some(case)
    }

    pub fn name(&self) -> String {
        let Self {
            connections,
            flight,
            size,
            json,
            idle,
        } = self;
        let size = match size {
            1024.. => format!("{} KiB", size >> 10),
            _ => format!("{size} B"),
        };
        let json = if *json { " JSON, compressed" } else { "" };
        let idle = match idle {
            0 => String::new(),
            idle => format!(", {idle} idle"),
        };
        format!("{connections}×{flight}×{size}{json}{idle}")
    }
}

/// The result of a load.
pub struct Measured {
    pub messages: u64,
    /// Bytes of the answers on the wire.
    pub bytes: u64,
    pub elapsed: Duration,
    /// How long messages were on the way, in order.
    pub times: Vec<Duration>,
}

impl Measured {
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = self.times.len() * percent / 100;
        self.times.get(at).copied().unwrap_or_default()
    }
}

/// An upgraded connection, without extensions.
pub fn open(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    upgraded(address, "").map(|(stream, _)| stream)
}

/// An upgraded connection, and the head of the answer.
fn upgraded(address: SocketAddr, offer: &str) -> io::Result<(std::net::TcpStream, Vec<u8>)> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(format!("{REQUEST}{offer}\r\n").as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 101 ") {
        true => Ok((stream, head)),
        false => Err(io::Error::other("the server did not switch protocols")),
    }
}

/// A connection for a case: with compression if that needs it.
fn open_for(address: SocketAddr, case: Case) -> io::Result<std::net::TcpStream> {
    if !case.json {
        return open(address);
    }
    let (stream, head) = upgraded(address, OFFER)?;
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    match head.contains("\nsec-websocket-extensions: permessage-deflate") {
        true => Ok(stream),
        false => Err(io::Error::other("the server does not compress")),
    }
}

struct Conn {
    stream: TcpStream,
    answers: Answers,
    /// The next message that is due, and bytes of messages that did not leave at once.
    next: usize,
    due: usize,
    /// Where the next byte lies among those of all frames.
    at: usize,
    sent: VecDeque<Instant>,
}

pub struct Load {
    poll: Poll,
    conns: Vec<Conn>,
    frames: Frames,
    flight: usize,
    _idle: Vec<std::net::TcpStream>,
}

impl Load {
    /// Opens all connections. `raw` says that a server returns the very bytes.
    pub fn new(address: SocketAddr, case: Case, raw: bool) -> io::Result<Self> {
        let idle = (0..case.idle).map(|_| open(address));
        let idle = idle.collect::<io::Result<_>>()?;
        let frames = match case.json {
            true => Frames::json(case.size),
            false => Frames::binary(case.size, case.flight),
        };
        let poll = Poll::new()?;
        let mut conns = Vec::new();
        for i in 0..case.connections {
            let stream = open_for(address, case)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(i), interest)?;
            conns.push(Conn {
                stream,
                answers: Answers::new(&frames, raw),
                next: 0,
                due: 0,
                at: 0,
                sent: VecDeque::new(),
            });
        }
        Ok(Self {
            poll,
            conns,
            frames,
            flight: case.flight,
            _idle: idle,
        })
    }

    /// Keeps the server busy for that long, then waits for what is on the way.
    pub fn run(&mut self, time: Duration) -> io::Result<Measured> {
        let start = Instant::now();
        let mut measured = Measured {
            messages: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
            times: Vec::new(),
        };
        for conn in &mut self.conns {
            conn.sent.extend((0..self.flight).map(|_| start));
            conn.ask(&self.frames, self.flight);
            conn.write(&self.frames)?;
        }
        let mut events = Events::with_capacity(1024);
        let mut bytes = vec![0; 256 << 10];
        let mut on_the_way = self.conns.len() * self.flight;
        while on_the_way > 0 {
            self.poll.poll(&mut events, Some(Duration::from_secs(10)))?;
            if events.is_empty() {
                return Err(io::Error::other("answers do not come"));
            }
            let now = Instant::now();
            let going = now - start < time;
            for event in &events {
                let conn = &mut self.conns[event.token().0];
                let (back, len) = conn.read(&mut bytes)?;
                measured.messages += back as u64;
                measured.bytes += len as u64;
                for sent in conn.sent.drain(..back) {
                    measured.times.push(now - sent);
                }
                if going {
                    conn.sent.extend((0..back).map(|_| now));
                    conn.ask(&self.frames, back);
                } else {
                    on_the_way -= back;
                }
                conn.write(&self.frames)?;
            }
        }
        measured.elapsed = start.elapsed();
        measured.times.sort_unstable();
        Ok(measured)
    }
}

impl Conn {
    /// Reads all there is: how many answers are now whole, and how many bytes came.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<(usize, usize)> {
        let (mut back, mut len) = (0, 0);
        loop {
            match self.stream.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    back += self.answers.count(&bytes[..n])?;
                    len += n;
                    if n < bytes.len() {
                        return Ok((back, len));
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok((back, len)),
                Err(e) => return Err(e),
            }
        }
    }

    /// So many more messages are due.
    fn ask(&mut self, frames: &Frames, count: usize) {
        for _ in 0..count {
            self.due += frames.len(self.next);
            self.next = (self.next + 1) % frames.count();
        }
    }

    /// Writes what is due, from where the last write ended.
    fn write(&mut self, frames: &Frames) -> io::Result<()> {
        while self.due > 0 {
            let bytes = &frames.bytes()[self.at..];
            match self.stream.write(&bytes[..bytes.len().min(self.due)]) {
                Ok(n) => {
                    self.due -= n;
                    self.at = (self.at + n) % frames.bytes().len();
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
