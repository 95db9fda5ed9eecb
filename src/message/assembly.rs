//! The buffer in which fragmented messages are collected.
//!
//! A header claims up to 2^63 bytes, and a peer that sends the header alone must not make us take
//! memory for them. So the buffer grows with the bytes that came: by doubling, which keeps the copying
//! linear, and no further than the message limit. Growing by what is missing up to the limit at once was
//! not an option, because a thousand connections that have each sent one byte would hold a thousand
//! times the limit.
//!
//! Room is handed out as zeros, since safe Rust has no other way to let an extension or a socket write
//! into it. To clear the same room for each small piece would be quadratic. So room behind the message
//! that was cleared once is kept, with whatever is in it.
//!
//! All growth can fail. A failure leaves the message as it was.
//!
//! One large message must not hold its memory for ever, and a connection that receives one large message
//! after the other must not give it back each time. So a buffer that is larger than [`LARGE`] counts how
//! often in a row it was [looked at](Assembly::age) without being of use, and is given back then. The
//! receive path looks at it where an input ends between two messages, at the price of one comparison.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::LimitError;
use crate::reserve::reserve_exact;

/// A buffer above this size is given back at the [`UNUSED`]th look in a row at which no message had needed
/// more than a part of it, one in [`PART`].
const LARGE: usize = 1 << 20;
const UNUSED: u8 = 16;
const PART: usize = 8;

/// A buffer that is cleared without being given back, and that can be read into.
///
/// Invariant: `start <= end <= bytes.len()`; the open message is `bytes[start..end]`, and what lies
/// behind `end` is of no meaning.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    /// How many looks in a row have found that a large buffer was not needed.
    unused: u8,
}

impl Assembly {
    pub(super) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            end: 0,
            unused: 0,
        }
    }

    /// With memory from elsewhere, whose bytes have no meaning.
    pub(super) fn with_memory(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            ..Self::new()
        }
    }

    /// Forgets the collected messages.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Begins a message after the existing ones.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.start = self.end;
    }

    /// The position of the open message, or of the last one.
    #[inline]
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The open message, or the last one.
    #[inline]
    pub(super) fn message(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Returns room for `len` bytes after the open message. The caller writes them and then calls
    /// [`advance`](Self::advance). The open message has at most `most` bytes, and the buffer does not
    /// grow beyond that for it.
    #[inline]
    pub(super) fn space(&mut self, len: usize, most: u64) -> Result<&mut [u8], LimitError> {
        let end = self.end + len;
        if self.bytes.len() < end {
            self.grow(end, most)?;
        }
        Ok(&mut self.bytes[self.end..end])
    }

    fn grow(&mut self, end: usize, most: u64) -> Result<(), LimitError> {
        let capacity = self.bytes.capacity();
        if capacity < end {
            // The bytes behind the message have no meaning and need not be moved. Where nothing
            // moves they stay, so that the same room is not cleared again for each byte that comes.
            self.bytes.truncate(self.end);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let most = self.start.saturating_add(most);
            let enough = (2 * capacity).min(most).max(end);
            reserve_exact(&mut self.bytes, enough - self.end)?;
        }
        self.bytes.resize(end, 0);
        Ok(())
    }

    /// Returns two areas at the front, for bytes that are decoded in pieces. No message is collected
    /// meanwhile.
    pub(super) fn halves(
        &mut self,
        first: usize,
        second: usize,
    ) -> Result<(&mut [u8], &mut [u8]), LimitError> {
        let both = first + second;
        if self.bytes.len() < both {
            if self.bytes.capacity() < both {
                self.bytes.clear();
                self.clear();
                reserve_exact(&mut self.bytes, both)?;
            }
            self.bytes.resize(both, 0);
        }
        let (front, rest) = self.bytes.split_at_mut(first);
        Ok((front, &mut rest[..second]))
    }

    /// Makes a part of the second of the [`halves`](Self::halves) the current message.
    pub(super) fn lend(&mut self, range: Range<usize>) {
        (self.start, self.end) = (range.start, range.end);
    }

    /// The free room without growth.
    pub(super) fn spare(&self) -> usize {
        self.bytes.len() - self.end
    }

    /// The bytes that [`advance`](Self::advance) is about to count in.
    pub(super) fn written(&mut self, len: usize) -> &mut [u8] {
        &mut self.bytes[self.end..self.end + len]
    }

    pub(super) fn advance(&mut self, len: usize) {
        self.end += len;
        debug_assert!(self.end <= self.bytes.len());
    }

    /// Takes the last message with its memory. The buffer is empty afterwards.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let mut bytes = core::mem::take(&mut self.bytes);
        bytes.truncate(self.end);
        bytes.drain(..self.start);
        self.clear();
        bytes
    }

    /// Drops all but the open message, and moves it to the front.
    pub(super) fn keep_open(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    /// Bytes of memory held.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether the buffer is so large that it is worth a look.
    #[inline]
    pub(super) fn is_large(&self) -> bool {
        self.bytes.capacity() > LARGE
    }

    /// Looks at a large buffer in which no message is open: forgets the messages in it, and gives it back
    /// if it was not needed for some time.
    #[cold]
    pub(super) fn age(&mut self) {
        if self.end > self.bytes.capacity() / PART {
            self.unused = 0;
        } else {
            self.unused += 1;
        }
        self.clear();
        if self.unused == UNUSED {
            *self = Self::new();
        }
    }

    /// Frees the memory that the open message does not use.
    pub(super) fn shrink(&mut self) {
        self.bytes.truncate(self.end);
        self.bytes.shrink_to_fit();
    }
}

/// The methods for batches.
impl Assembly {
    #[inline]
    pub(super) fn append(&mut self, piece: &[u8]) -> Result<(), LimitError> {
        let end = self.end + piece.len();
        match self.bytes.get_mut(self.end..end) {
            Some(target) => target.copy_from_slice(piece),
            None => {
                self.bytes.truncate(self.end);
                reserve_exact(&mut self.bytes, piece.len())?;
                self.bytes.extend_from_slice(piece);
            }
        }
        self.end = end;
        Ok(())
    }

    /// The open message and those before it.
    #[inline]
    pub(super) fn all(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// The same, mutably.
    pub(super) fn all_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.end]
    }

    /// Makes room so that `len` more bytes do not move the existing bytes.
    pub(super) fn reserve(&mut self, len: usize) -> Result<(), LimitError> {
        let missing = (self.end + len).saturating_sub(self.bytes.len());
        reserve_exact(&mut self.bytes, missing)
    }
}
