//! The last bytes that came out, as an inflater remembers them.
//!
//! The ring has exactly the length of the agreed window, so that miniz_oxide itself refuses a distance
//! beyond it: a larger buffer would accept such a distance and copy bytes that the peer must not refer to.
//! Until the ring is full for the first time after a reset, it is handed over as a plain buffer, in which
//! distances before its first byte are refused.

use alloc::boxed::Box;

use super::WindowBits;
use crate::error::LimitError;
use crate::reserve::zeros;

/// A window's bytes, in memory of exactly that size.
///
/// Invariant: `at <= bytes.len()`, which is the window's or 0; if not `full`, what is before `at` is
/// all that was written since the window was empty.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) window: WindowBits,
    pub(super) bytes: Box<[u8]>,
    pub(super) at: usize,
    pub(super) full: bool,
}

impl Ring {
    pub(super) fn new(window: WindowBits) -> Self {
        Self {
            window,
            bytes: Box::default(),
            at: 0,
            full: false,
        }
    }

    /// Takes the memory, if that isn't done.
    #[inline]
    pub(super) fn make(&mut self) -> Result<(), LimitError> {
        if self.bytes.is_empty() {
            self.bytes = zeros(self.window.len())?;
        }
        Ok(())
    }

    pub(super) fn forget(&mut self) {
        (self.at, self.full) = (0, false);
    }

    /// Gives the memory back if nothing is in it.
    pub(super) fn release(&mut self) {
        if self.at == 0 && !self.full {
            self.bytes = Box::default();
        }
    }

    /// Takes out the memory, if nothing is in it.
    pub(super) fn take(&mut self) -> Box<[u8]> {
        match self.at == 0 && !self.full {
            true => core::mem::take(&mut self.bytes),
            false => Box::default(),
        }
    }

    /// Takes this memory, if it is of use.
    pub(super) fn put(&mut self, bytes: Box<[u8]>) {
        if self.bytes.is_empty() && bytes.len() == self.window.len() {
            self.bytes = bytes;
        }
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.len()
    }
}

impl Ring {
    /// How far back one may refer.
    pub(super) fn reach(&self) -> usize {
        match self.full {
            true => self.bytes.len(),
            false => self.at,
        }
    }

    /// Makes `at` an index.
    #[inline]
    pub(super) fn wrap(&mut self) {
        if self.at == self.bytes.len() {
            (self.at, self.full) = (0, true);
        }
    }

    /// Writes what lies `dist` bytes back, and on from there, over what is being written if that is
    /// longer: here and to `output`.
    pub(super) fn repeat(&mut self, dist: usize, output: &mut [u8]) {
        debug_assert!(0 < dist && dist <= self.reach());
        let size = self.bytes.len();
        let mut done = 0;
        while done < output.len() {
            self.wrap();
            // The output repeats itself, so the bytes lie a multiple of the distance back as well.
            let back = match dist * (1 + done / dist) {
                back if back <= size => back,
                _ => dist,
            };
            let from = match back <= self.at {
                true => self.at - back,
                false => self.at + size - back,
            };
            let room = (size - self.at).min(size - from);
            let len = (output.len() - done).min(room).min(back);
            self.bytes.copy_within(from..from + len, self.at);
            let piece = &self.bytes[self.at..self.at + len];
            output[done..done + len].copy_from_slice(piece);
            self.at += len;
            done += len;
        }
    }

    /// Remembers what was written.
    pub(super) fn push(&mut self, written: &[u8]) {
        let len = self.bytes.len();
        let last = &written[written.len().saturating_sub(len)..];
        self.wrap();
        let (front, back) = last.split_at(last.len().min(len - self.at));
        self.bytes[self.at..self.at + front.len()].copy_from_slice(front);
        self.bytes[..back.len()].copy_from_slice(back);
        self.full |= self.at + last.len() >= len;
        self.at = (self.at + last.len()) % len;
    }

    /// All that is remembered, oldest first.
    #[cfg(feature = "zlib-rs")]
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (before, after) = self.bytes.split_at(self.at);
        match self.full {
            true => [after, before],
            false => [before, &[]],
        }
    }
}
