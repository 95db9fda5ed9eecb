//! The last bytes that came out, as an inflater remembers them.

use alloc::boxed::Box;
use alloc::vec;

use super::Window;

/// A window's bytes, in memory of exactly that size.
///
/// Invariant: `at <= bytes.len()`, which is the window's or 0; if not `full`, what is before `at` is
/// all that was written since the window was empty.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) window: Window,
    pub(super) bytes: Box<[u8]>,
    pub(super) at: usize,
    pub(super) full: bool,
}

impl Ring {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            bytes: Box::default(),
            at: 0,
            full: false,
        }
    }

    /// Takes the memory, if that isn't done.
    pub(super) fn make(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = vec![0; self.window.len()].into_boxed_slice();
        }
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

/// For engines that have windows of their own.
#[cfg(feature = "zlib-rs")]
impl Ring {
    /// Remembers what was written.
    pub(super) fn push(&mut self, written: &[u8]) {
        let len = self.bytes.len();
        let last = &written[written.len().saturating_sub(len)..];
        let (front, back) = last.split_at(last.len().min(len - self.at));
        self.bytes[self.at..self.at + front.len()].copy_from_slice(front);
        self.bytes[..back.len()].copy_from_slice(back);
        self.full |= self.at + last.len() >= len;
        self.at = (self.at + last.len()) % len;
    }

    /// All that is remembered, oldest first.
    pub(super) fn parts(&self) -> [&[u8]; 2] {
        let (before, after) = self.bytes.split_at(self.at);
        match self.full {
            true => [after, before],
            false => [before, &[]],
        }
    }
}
