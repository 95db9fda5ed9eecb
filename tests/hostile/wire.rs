//! Bytes on the wire, by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

/// Longer than anything here takes: what waits for it has failed.
pub(crate) const LONG: Duration = Duration::from_secs(30);

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A good request with these lines added, each with its end.
pub(crate) fn request(lines: &str) -> Vec<u8> {
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    )
    .into_bytes()
}

/// A good request that offers compression, and nothing else.
pub(crate) fn deflating() -> Vec<u8> {
    request("Sec-WebSocket-Extensions: permessage-deflate\r\n")
}

/// A masked frame with its length in the shortest form.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = match payload.len() {
        len @ ..126 => vec![first, 0x80 | len as u8],
        len @ ..65536 => [&[first, 0xfe][..], &(len as u16).to_be_bytes()].concat(),
        len => [&[first, 0xff][..], &(len as u64).to_be_bytes()].concat(),
    };
    bytes.extend_from_slice(&KEY);
    bytes.extend(payload.iter().zip(KEY.iter().cycle()).map(|(a, b)| a ^ b));
    bytes
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    frame(0x81, text.as_bytes())
}

pub(crate) fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    frame(0x88, &[&code.to_be_bytes()[..], reason].concat())
}

/// A masked frame's header with a length of 64 bits, and nothing behind it.
pub(crate) fn header_64(first: u8, len: u64) -> Vec<u8> {
    [&[first, 0xff][..], &len.to_be_bytes(), &KEY].concat()
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Eof,
    Reset,
}

/// All that came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) frames: Vec<(u8, Vec<u8>)>,
    pub(crate) end: End,
}

impl Answer {
    /// `None` if the head says nothing that HTTP would.
    pub(crate) fn status(&self) -> Option<u16> {
        let rest = self.head.strip_prefix("HTTP/1.1 ")?;
        rest.get(..3)?.parse().ok()
    }

    /// The value of a header, whose name must be written as the server writes it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.split("\r\n").filter_map(|it| it.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|it| it.1)
    }

    /// The code of the only close frame, which is the last of all and followed by a clean end; 1005
    /// if it has none.
    pub(crate) fn code(&self) -> u16 {
        assert_eq!(self.end, End::Eof, "{self:?}");
        let closes = self.frames.iter().filter(|it| it.0 == 0x88).count();
        assert_eq!(closes, 1, "{self:?}");
        let (first, payload) = self.frames.last().unwrap();
        assert_eq!(*first, 0x88, "{self:?}");
        match payload[..] {
            [] => 1005,
            [a, b, ..] => u16::from_be_bytes([a, b]),
            [_] => panic!("half a code"),
        }
    }

    /// The payloads of what came besides the close frame.
    pub(crate) fn messages(&self) -> Vec<&[u8]> {
        let frames = self.frames.iter().filter(|it| it.0 != 0x88);
        frames.map(|it| &it.1[..]).collect()
    }
}

/// Sends bytes, and reads until the server closes.
pub(crate) fn converse(address: SocketAddr, bytes: &[u8]) -> Answer {
    talk(address, bytes, false)
}

/// The same with an end behind the bytes: half the connection is closed.
pub(crate) fn converse_and_end(address: SocketAddr, bytes: &[u8]) -> Answer {
    talk(address, bytes, true)
}

fn talk(address: SocketAddr, bytes: &[u8], end: bool) -> Answer {
    let mut stream = connect(address);
    let mut writer = stream.try_clone().unwrap();
    let bytes = bytes.to_vec();
    let writing = thread::spawn(move || {
        // The server may be gone, which shows in what it answered.
        let _ = writer.write_all(&bytes);
        if end {
            let _ = writer.shutdown(Shutdown::Write);
        }
    });
    let answer = read_to_end(&mut stream);
    // Where the server does not read, this ends the writing.
    let _ = stream.shutdown(Shutdown::Both);
    writing.join().unwrap();
    answer
}

pub(crate) fn read_to_end(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let mut buf = vec![0; 1 << 16];
    let end = loop {
        match stream.read(&mut buf) {
            Ok(0) => break End::Eof,
            Ok(n) => bytes.extend_from_slice(&buf[..n]),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => break End::Reset,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => panic!("{e} after {} bytes", bytes.len()),
        }
    };
    take_apart(&bytes, end)
}

/// Reads head and frames; panics at what no server may send.
fn take_apart(bytes: &[u8], end: End) -> Answer {
    let blank = bytes.windows(4).position(|it| it == b"\r\n\r\n");
    let head_len = blank.map_or(bytes.len(), |at| at + 4);
    let (head, mut rest) = bytes.split_at(head_len);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let mut frames = Vec::new();
    if head.starts_with("HTTP/1.1 101 ") {
        while !rest.is_empty() {
            let (first, payload, len) = first_frame(rest).expect("whole frames");
            frames.push((first, payload.to_vec()));
            rest = &rest[len..];
        }
    }
    Answer { head, frames, end }
}

/// The first byte and payload of the unmasked frame in front, and how long it is in all.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (header, len) = match *bytes.get(1)? {
        126 => (
            4,
            u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        ),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        len => {
            assert!(len < 126, "a server's frame is masked");
            (2, u64::from(len))
        }
    };
    let end = header + usize::try_from(len).unwrap();
    Some((bytes[0], bytes.get(header..end)?, end))
}

/// An open connection that was spoken to by hand.
pub(crate) struct Open {
    pub(crate) stream: TcpStream,
    bytes: Vec<u8>,
}

impl Open {
    pub(crate) fn new(address: SocketAddr, request: &[u8]) -> Self {
        let mut this = Self {
            stream: connect(address),
            bytes: Vec::new(),
        };
        this.send(request);
        loop {
            if let Some(at) = this.bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                assert!(this.bytes.starts_with(b"HTTP/1.1 101 "));
                this.bytes.drain(..at + 4);
                return this;
            }
            assert!(this.read(), "an answer");
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next frame; `None` at a clean end.
    pub(crate) fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((first, payload, len)) = first_frame(&self.bytes) {
                let frame = (first, payload.to_vec());
                self.bytes.drain(..len);
                return Some(frame);
            }
            if !self.read() {
                assert!(self.bytes.is_empty(), "the end within a frame");
                return None;
            }
        }
    }

    fn read(&mut self) -> bool {
        let mut buf = [0; 1 << 16];
        let n = self.stream.read(&mut buf).unwrap();
        self.bytes.extend_from_slice(&buf[..n]);
        n > 0
    }
}
