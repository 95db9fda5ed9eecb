//! What waits to be sent.

use std::io;
use std::vec::Vec;

use super::net::{Net, Platform};

/// Bytes in the order in which they go. Empty, it holds no memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    sent: usize,
}

impl Queue {
    /// Bytes that wait.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The buffer to append to, `spare` if nothing waits; follow with [`send`](Self::send).
    #[inline]
    pub(super) fn buffer(&mut self, spare: &mut Vec<u8>) -> Vec<u8> {
        if self.bytes.is_empty() {
            spare.clear();
            core::mem::swap(&mut self.bytes, spare);
        }
        core::mem::take(&mut self.bytes)
    }

    /// The buffer where it lies, to append to when nothing is to be sent yet.
    pub(super) fn waiting(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Drops what is queued, and its memory.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many bytes of the buffer that [`buffer`](Self::buffer) gave have not left.
    pub(super) fn left(&self, buffer: &[u8]) -> usize {
        buffer.len() - self.sent
    }

    /// Writes as much of the buffer as goes, and keeps the rest. Returns how much went.
    #[inline]
    pub(super) fn send(
        &mut self,
        mut buffer: Vec<u8>,
        spare: &mut Vec<u8>,
        net: &mut Platform,
        stream: &mut <Platform as Net>::Stream,
    ) -> io::Result<usize> {
        let mut went = 0;
        while self.sent + went < buffer.len() {
            match net.write(stream, &buffer[self.sent + went..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => went += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.sent += went;
                    if self.sent > buffer.len() / 2 {
                        buffer.drain(..self.sent);
                        self.sent = 0;
                    }
                    self.bytes = buffer;
                    return Ok(went);
                }
                Err(e) => return Err(e),
            }
        }
        self.sent = 0;
        if spare.capacity() < buffer.capacity() && buffer.capacity() <= MOST_SPARE {
            buffer.clear();
            *spare = buffer;
        }
        Ok(went)
    }
}

/// A larger buffer is not kept when all of it went.
const MOST_SPARE: usize = 1 << 20;
