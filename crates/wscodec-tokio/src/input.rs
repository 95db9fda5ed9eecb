//! Bytes that were read and not decoded yet.

use bytes::Bytes;

use crate::buffers::{self, READ};

/// Up to this length, undecoded bytes are moved to memory of their own length while the caller
/// handles a message, so that a handler that takes long does not hold a whole buffer.
const MOVED: usize = 16 << 10;
/// From this length on, a payload keeps the buffer that it was read into. It must be such a large
/// part of the buffer that holding the whole for it is no waste.
const CUT: usize = READ / 4;

/// Invariant: `start <= end <= bytes.len()`, and `bytes` is empty if `start == end`.
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            start: 0,
            end: bytes.len(),
        }
    }

    /// The first `len` bytes of this buffer were read.
    pub(crate) fn filled(bytes: Vec<u8>, len: usize) -> Self {
        Self {
            bytes,
            start: 0,
            end: len,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn rest(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// All but the last `left` bytes were decoded.
    pub(crate) fn keep(&mut self, left: usize) {
        self.start = self.end - left;
    }

    /// Gives the buffer back if nothing is left in it.
    pub(crate) fn tidy(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    /// The caller is about to handle a message: holds no more memory than it must.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.bytes.len() == READ {
            self.move_rest();
        }
    }

    fn move_rest(&mut self) {
        if self.end - self.start <= MOVED {
            let rest = Self::new(&self.bytes[self.start..self.end]);
            self.clear();
            *self = rest;
        }
    }

    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
        buffers::give_read(std::mem::take(&mut self.bytes));
    }

    /// The `len` bytes that were decoded last: a copy of few, and many with the buffer that they lie in.
    /// Then the rest of the buffer is copied, so it must be the shorter part.
    pub(crate) fn take(&mut self, len: usize) -> Bytes {
        if len < CUT || len < self.end - self.start {
            return copied(&self.bytes[self.start - len..self.start]);
        }
        let rest = Self::new(&self.bytes[self.start..self.end]);
        let at = self.start;
        let bytes = std::mem::replace(self, rest).bytes;
        Bytes::from_owner(Kept(bytes)).slice(at - len..at)
    }
}

/// A copy of a payload, in blocks if it is long: the core's `frame/plain.rs` has the reason.
pub(crate) fn copied(payload: &[u8]) -> Bytes {
    const BLOCK: usize = 1 << 10;
    if payload.len() < 2 * BLOCK {
        return Bytes::copy_from_slice(payload);
    }
    let mut bytes = Vec::with_capacity(payload.len());
    for block in payload.chunks(BLOCK) {
        bytes.extend_from_slice(block);
    }
    bytes.into()
}

/// A buffer that a payload lies in. The thread that drops the payload can use it again.
struct Kept(Vec<u8>);

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        buffers::give_read(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_payload_keeps_the_buffer_and_the_rest_moves() {
        let mut bytes = vec![0; READ];
        bytes[..6].copy_from_slice(b"abcdef");
        let mut input = Input::filled(bytes, 6);
        input.keep(2);
        assert_eq!(input.take(3), "bcd");
        assert_eq!(input.bytes.len(), READ, "it was copied");
        let mut input = Input::filled(vec![7; READ], CUT + 9);
        let at = input.bytes.as_ptr();
        input.keep(2);
        let payload = input.take(CUT);
        assert_eq!((payload.as_ptr(), payload.len()), (at.wrapping_add(7), CUT));
        assert_eq!(*input.rest(), [7; 2]);
    }

    #[test]
    fn the_buffer_of_a_payload_is_used_again_when_the_payload_is_dropped() {
        let mut input = Input::filled(vec![7; READ], CUT);
        input.keep(0);
        let at = input.bytes.as_ptr();
        let payload = input.take(CUT);
        let taken: Vec<_> = (0..8).map(|_| buffers::take_read()).collect();
        assert!(taken.iter().all(|buffer| buffer.as_ptr() != at));
        drop(payload);
        let again = buffers::take_read();
        assert_eq!(again.as_ptr(), at);
    }

    #[test]
    fn a_payload_that_is_shorter_than_the_rest_is_copied() {
        let mut input = Input::filled(vec![7; READ], READ);
        input.keep(CUT + 1);
        assert_eq!(input.take(CUT).len(), CUT);
        assert_eq!((input.bytes.len(), input.rest().len()), (READ, CUT + 1));
    }

    #[test]
    fn few_bytes_that_are_left_move() {
        let mut input = Input::filled(vec![7; READ], READ);
        input.keep(MOVED + 1);
        input.settle();
        assert_eq!(input.bytes.len(), READ);
        input.keep(MOVED);
        input.settle();
        assert_eq!((input.bytes.len(), input.rest().len()), (MOVED, MOVED));
        input.keep(0);
        input.tidy();
        assert_eq!(input.bytes.capacity(), 0);
    }
}
