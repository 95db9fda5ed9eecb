//! The bytes that are queued for one connection, because the kernel did not take them.
//!
//! Problem: most answers leave in one write, so a connection needs no buffer of its own; but an answer
//! that does not leave must stay in order, and partial writes must not move megabytes again and again.
//!
//! Choice: the loop has one spare buffer that all connections write into. [`Queue::buffer`] hands it
//! out, or the connection's own buffer if bytes are queued, so that what is appended is in order.
//! [`Queue::send`] writes, and gives the spare buffer back if everything left; otherwise the buffer
//! becomes the connection's. Bytes that have left stay at the front until they are half of the buffer
//! and are then removed, so each byte moves at most twice.
//!
//! Back-pressure: the queue itself has no limit. The connection compares its length with
//! `max_buffered` after each batch of messages (`Conn::settle`), and with `high_water` before it reads
//! on, if `pause_reading_when_full` says so.
//!
//! Invariant: between `buffer` and `send` the queue is empty, and the caller holds all bytes.

use std::io;
use std::vec::Vec;

use super::net::{Net, Platform};

/// Bytes in the order in which they leave. An empty queue holds no memory.
#[derive(Debug, Default)]
pub(super) struct Queue {
    bytes: Vec<u8>,
    sent: usize,
}

impl Queue {
    /// Bytes that have not left.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// Bytes at the front of the [`buffer`](Self::buffer) that have left already.
    #[inline]
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The buffer to append to: `spare` if nothing is queued. The caller must call
    /// [`send`](Self::send) next.
    #[inline]
    pub(super) fn buffer(&mut self, spare: &mut Vec<u8>) -> Vec<u8> {
        if self.bytes.is_empty() {
            spare.clear();
            core::mem::swap(&mut self.bytes, spare);
        }
        core::mem::take(&mut self.bytes)
    }

    /// The buffer in its place, to append to without sending.
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

    /// Writes as much of the buffer as the kernel takes, and keeps the rest. Returns how many bytes
    /// have left.
    #[inline(always)]
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

/// A larger buffer is not kept as the spare one.
const MOST_SPARE: usize = 1 << 20;
