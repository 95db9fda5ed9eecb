//! Where frames wait to be taken by JavaScript, and where it lays payloads.
//!
//! The problem: a payload that JavaScript hands over would be copied twice, to a place of its own and
//! from there behind its header, and each question about the output would be a call. So JavaScript
//! reads three words, writes a payload to where it goes, and one call then makes a frame of it
//! ([`InPlace`]). It takes the frames by copying them and writing 0 over [`Words::waiting`].
//!
//! Safe Rust can't hand out memory that was never written, so `bytes` is longer than the frames in it:
//! the rest are zeros or remnants, and JavaScript may write there. What the core appends by itself
//! (pongs, close frames, compressed messages) goes by [`append`](FrameBuffer::append), which cuts that
//! rest off; the next payload of JavaScript asks for room again. Tried before: a fixed stage for
//! payloads, from which the core copied; an echo of small messages took 15 to 30 % longer.
//!
//! Invariant: `waiting <= bytes.len()`, and `room == bytes.len()` when a call of the module returns.

use alloc::vec::Vec;

use super::grow;
use super::numbers::address;
use wscodec::frame::{FrameHeader, encode_in_place};
use wscodec::message::InPlace;
use wscodec::{ErrorKind, LimitError};

/// The first room.
const FIRST: usize = 256;

/// What JavaScript reads without a call.
#[repr(C)]
#[derive(Default)]
pub(super) struct Words {
    /// Bytes of whole frames that wait to be taken.
    waiting: u32,
    /// Where they are.
    address: u32,
    /// How many bytes there are from the address on, those that wait among them.
    room: u32,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct FrameBuffer {
    words: Words,
    bytes: Vec<u8>,
}

impl FrameBuffer {
    /// The address of the words.
    pub(super) fn address(&self) -> u32 {
        core::ptr::from_ref(&self.words).addr() as u32
    }

    /// Makes room for `len` bytes behind those that wait, and returns the address of the first byte
    /// that waits; 0 if there is no memory.
    pub(super) fn reserve(&mut self, len: usize) -> u32 {
        let end = self.end();
        let Some(needed) = end.checked_add(len) else {
            return 0;
        };
        if needed > self.bytes.len() {
            // The bytes behind the end need not be copied. No more is cleared than half of what there
            // is then: a large buffer may be nearly empty, and the next payload small.
            self.bytes.truncate(end);
            let most = needed.max(FIRST).max(end.saturating_mul(2));
            let grown = grow::exact(&mut self.bytes, most - end);
            if grown.is_err() && grow::exact(&mut self.bytes, len).is_err() {
                self.show();
                return 0;
            }
            let room = needed.max(self.bytes.capacity().min(needed + end + FIRST));
            self.bytes.resize(room, 0);
            self.show();
        }
        self.words.address
    }

    /// Lets the core append to the frames.
    pub(super) fn append<T>(&mut self, to: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let end = self.end();
        self.bytes.truncate(end);
        let result = to(&mut self.bytes);
        self.words.waiting = self.bytes.len() as u32;
        self.show();
        result
    }

    /// Lets the core make a frame of a payload of `len` bytes that JavaScript has written to its place.
    #[inline]
    pub(super) fn in_place<T>(&mut self, len: usize, to: impl FnOnce(InPlace<'_>) -> T) -> T {
        let mut end = self.end();
        let result = to(InPlace {
            out: &mut self.bytes,
            end: &mut end,
            len,
        });
        self.words.waiting = end as u32;
        self.show();
        result
    }

    /// Makes a frame of any kind of a payload that JavaScript has written to its place.
    pub(super) fn frame(&mut self, header: FrameHeader) -> Result<(), ErrorKind> {
        let end = self.end();
        let out = self.bytes.get_mut(end..).unwrap_or_default();
        self.words.waiting = (end + encode_in_place(header, out)?) as u32;
        Ok(())
    }

    /// Gives memory back above so many bytes, and above those that wait.
    pub(super) fn shrink(&mut self, to: usize) {
        self.bytes.truncate(self.end());
        self.bytes.shrink_to(to);
        self.show();
    }

    /// How many bytes wait.
    pub(super) fn end(&self) -> usize {
        (self.words.waiting as usize).min(self.bytes.len())
    }

    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    #[inline]
    fn show(&mut self) {
        self.words.address = address(&self.bytes);
        self.words.room = self.bytes.len() as u32;
    }
}

/// Whether there is no memory for what is to be sent.
pub(super) fn is_out_of_memory(error: ErrorKind) -> bool {
    matches!(error, ErrorKind::Limit(LimitError::OutOfMemory))
}
