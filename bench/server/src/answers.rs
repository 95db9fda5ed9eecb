//! The frames that come back: counted, and the first of them compared.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use crate::frames::Frames;

/// Counts the answers on one connection.
pub struct Answers {
    /// The server returns the very bytes, which are as many for each message.
    raw: Option<usize>,
    /// The first answer, until it is whole.
    first: Option<Vec<u8>>,
    expected: Vec<u8>,
    compressed: bool,
    head: [u8; 10],
    /// Bytes of the head that came, and bytes of the payload that are still to come.
    got: usize,
    left: usize,
}

impl Answers {
    pub fn new(frames: &Frames, raw: bool) -> Self {
        Self {
            raw: raw.then(|| frames.len(0)),
            first: Some(Vec::new()),
            expected: frames.first().to_vec(),
            compressed: frames.is_compressed(),
            head: [0; 10],
            got: 0,
            left: 0,
        }
    }

    /// How many answers are whole with these bytes.
    pub fn count(&mut self, mut bytes: &[u8]) -> io::Result<usize> {
        if let Some(len) = self.raw {
            self.got += bytes.len();
            let whole = self.got / len;
            self.got %= len;
            return Ok(whole);
        }
        let mut whole = 0;
        loop {
            if self.left == 0 && !self.read_head(&mut bytes)? {
                return Ok(whole);
            }
            let n = self.left.min(bytes.len());
            if let Some(first) = &mut self.first {
                first.extend_from_slice(&bytes[..n]);
            }
            bytes = &bytes[n..];
            self.left -= n;
            if self.left > 0 {
                return Ok(whole);
            }
            self.got = 0;
            whole += 1;
            if let Some(first) = self.first.take() {
                self.compare(first)?;
            }
        }
    }

    /// Whether the head is whole. No answer here is empty.
    fn read_head(&mut self, bytes: &mut &[u8]) -> io::Result<bool> {
        while let Some((byte, rest)) = bytes.split_first() {
            self.head[self.got] = *byte;
            self.got += 1;
            *bytes = rest;
            let head = &self.head;
            let len = match (self.got, head[1]) {
                (2, 0..126) => usize::from(head[1]),
                (4, 126) => usize::from(u16::from_be_bytes([head[2], head[3]])),
                (10, 127) => u64::from_be_bytes(head[2..].try_into().unwrap_or_default()) as usize,
                (2.., 128..) => return Err(io::Error::other("an answer is masked")),
                _ => continue,
            };
            if !matches!(head[0], 0x81 | 0x82 | 0xc1) || len == 0 {
                return Err(io::Error::other("this is no answer in one frame"));
            }
            self.left = len;
            return Ok(true);
        }
        Ok(false)
    }

    fn compare(&self, first: Vec<u8>) -> io::Result<()> {
        let payload = match self.compressed && self.head[0] & 0x40 != 0 {
            false => first,
            true => {
                let mut payload = vec![0; self.expected.len() + 1];
                let ended = [&first[..], &[0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff]].concat();
                let mut decoder = DeflateDecoder::new(&ended[..]);
                let mut len = 0;
                while let n @ 1.. = decoder.read(&mut payload[len..])? {
                    len += n;
                }
                payload.truncate(len);
                payload
            }
        };
        match payload == self.expected {
            true => Ok(()),
            false => Err(io::Error::other("the answer is another message")),
        }
    }
}
