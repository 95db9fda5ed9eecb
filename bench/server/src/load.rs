//! The load: connections that each keep so many messages on the way.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

/// The load on a server.
#[derive(Clone, Copy)]
pub struct Case {
    pub connections: usize,
    /// Messages on the way, for each connection.
    pub flight: usize,
    /// Bytes of payload.
    pub size: usize,
    /// Connections beside them that say nothing.
    pub idle: usize,
}

impl Case {
    /// Reads `10x1x64`, or with 5000 idle ones beside them `10x1x64+5000`.
    pub fn read(text: &str) -> Option<Self> {
        let (busy, idle) = text.split_once('+').unwrap_or((text, "0"));
        let mut numbers = busy.split('x').map(|number| number.parse().ok());
        let case = Self {
            connections: numbers.next()??,
            flight: numbers.next()??,
            size: numbers.next()??,
            idle: idle.parse().ok()?,
        };
        (numbers.next().is_none() && case.connections > 0 && case.flight > 0).then_some(case)
    }

    pub fn name(&self) -> String {
        let Self {
            connections,
            flight,
            size,
            idle,
        } = self;
        let size = match size {
            1024.. => format!("{} KiB", size >> 10),
            _ => format!("{size} B"),
        };
        let idle = match idle {
            0 => String::new(),
            idle => format!(", {idle} idle"),
        };
        format!("{connections}×{flight}×{size}{idle}")
    }
}

/// The result of a load.
pub struct Measured {
    pub messages: u64,
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

/// An upgraded connection.
pub fn open(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(REQUEST)?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(stream),
        false => Err(io::Error::other("the server did not switch protocols")),
    }
}

struct Conn {
    stream: TcpStream,
    /// Bytes of the answer that is coming.
    got: usize,
    /// Bytes of requests that did not go at once.
    due: usize,
    sent: VecDeque<Instant>,
}

pub struct Load {
    poll: Poll,
    conns: Vec<Conn>,
    frames: Vec<u8>,
    frame: usize,
    answer: usize,
    flight: usize,
    _idle: Vec<std::net::TcpStream>,
}

/// A masked binary frame; all payloads are the same.
fn frame(size: usize) -> Vec<u8> {
    let mut frame = vec![0x82];
    match size {
        0..126 => frame.push(0x80 | size as u8),
        126..65536 => {
            frame.push(0xfe);
            frame.extend((size as u16).to_be_bytes());
        }
        _ => {
            frame.push(0xff);
            frame.extend((size as u64).to_be_bytes());
        }
    }
    let key = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend(key);
    frame.extend((0..size).map(|i| (i % 251) as u8 ^ key[i % 4]));
    frame
}

impl Load {
    /// Opens all connections. `raw` says that a server returns the very bytes.
    pub fn new(address: SocketAddr, case: Case, raw: bool) -> io::Result<Self> {
        let idle = (0..case.idle).map(|_| open(address));
        let idle = idle.collect::<io::Result<_>>()?;
        let poll = Poll::new()?;
        let mut conns = Vec::new();
        for i in 0..case.connections {
            let stream = open(address)?;
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(i), interest)?;
            conns.push(Conn {
                stream,
                got: 0,
                due: 0,
                sent: VecDeque::new(),
            });
        }
        let one = frame(case.size);
        Ok(Self {
            poll,
            conns,
            frame: one.len(),
            answer: if raw { one.len() } else { one.len() - 4 },
            frames: one.repeat(case.flight),
            flight: case.flight,
            _idle: idle,
        })
    }

    /// Keeps the server busy for that long, then waits for what is on the way.
    pub fn run(&mut self, time: Duration) -> io::Result<Measured> {
        let start = Instant::now();
        let mut measured = Measured {
            messages: 0,
            elapsed: Duration::ZERO,
            times: Vec::new(),
        };
        for conn in &mut self.conns {
            conn.due = self.frame * self.flight;
            conn.sent.extend((0..self.flight).map(|_| start));
            conn.write(&self.frames, self.frame)?;
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
                let back = conn.read(&mut bytes, self.answer)?;
                measured.messages += back as u64;
                for sent in conn.sent.drain(..back) {
                    measured.times.push(now - sent);
                }
                if going {
                    conn.sent.extend((0..back).map(|_| now));
                    conn.due += back * self.frame;
                } else {
                    on_the_way -= back;
                }
                conn.write(&self.frames, self.frame)?;
            }
        }
        measured.elapsed = start.elapsed();
        measured.times.sort_unstable();
        Ok(measured)
    }
}

impl Conn {
    /// Reads all there is; how many answers are now whole.
    fn read(&mut self, bytes: &mut [u8], answer: usize) -> io::Result<usize> {
        let mut back = 0;
        loop {
            match self.stream.read(bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    // The first byte of the first answer at least: it is what was asked for.
                    if self.got == 0 && bytes[0] != 0x82 {
                        return Err(io::Error::other("this is no binary message"));
                    }
                    self.got += n;
                    back += self.got / answer;
                    self.got %= answer;
                    if n < bytes.len() {
                        return Ok(back);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(back),
                Err(e) => return Err(e),
            }
        }
    }

    /// Writes what is due: whole frames, from where the last one was cut.
    fn write(&mut self, frames: &[u8], frame: usize) -> io::Result<()> {
        while self.due > 0 {
            let cut = (frame - self.due % frame) % frame;
            let end = (cut + self.due).min(frames.len());
            match self.stream.write(&frames[cut..end]) {
                Ok(n) => self.due -= n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
