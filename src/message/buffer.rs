//! The buffers that a sender writes to.

use alloc::vec::Vec;

use bytes::{BufMut, BytesMut};

use crate::error::{ErrorKind, LimitError, MisuseError};

/// A buffer to which a sender appends, and which can report that it has no room. A sender makes room
/// for a whole frame before it writes the frame's first byte, so a frame is appended whole or not at
/// all.
pub trait Buffer: BufMut {
    /// Makes room for at least `additional` more bytes.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`] if the allocator has no memory left.
    /// [`MisuseError::BufferTooSmall`] if the buffer cannot grow.
    fn make_room(&mut self, additional: usize) -> Result<(), ErrorKind>;

    /// Whether there is room for `additional` more bytes now. A sender asks this first, because the
    /// answer needs no more than a comparison. If it is false, a sender calls
    /// [`make_room`](Self::make_room). It may be false although there is room.
    #[inline]
    fn has_room(&self, additional: usize) -> bool {
        let _ = additional;
        false
    }
}

impl Buffer for Vec<u8> {
    #[inline]
    fn make_room(&mut self, additional: usize) -> Result<(), ErrorKind> {
        Ok(crate::reserve::reserve(self, additional)?)
    }

    #[inline(always)]
    fn has_room(&self, additional: usize) -> bool {
        additional <= self.capacity() - self.len()
    }
}

/// `BytesMut` has no growth that can fail. It asks the allocator for at most twice its capacity, so
/// a block of that size is asked for and given back first.
impl Buffer for BytesMut {
    fn make_room(&mut self, additional: usize) -> Result<(), ErrorKind> {
        if additional > self.capacity() - self.len() {
            let needed = self.len().checked_add(additional);
            let needed = needed.ok_or(LimitError::OutOfMemory)?;
            crate::reserve::probe(needed.max(self.capacity().saturating_mul(2)))?;
            self.reserve(additional);
        }
        Ok(())
    }

    #[inline]
    fn has_room(&self, additional: usize) -> bool {
        additional <= self.capacity() - self.len()
    }
}

/// A slice of a fixed length. The sender writes to its front and removes the written part.
impl Buffer for &mut [u8] {
    fn make_room(&mut self, additional: usize) -> Result<(), ErrorKind> {
        match additional > self.len() {
            true => Err(MisuseError::BufferTooSmall.into()),
            false => Ok(()),
        }
    }

    #[inline]
    fn has_room(&self, additional: usize) -> bool {
        additional <= self.len()
    }
}

impl<B: Buffer + ?Sized> Buffer for &mut B {
    fn make_room(&mut self, additional: usize) -> Result<(), ErrorKind> {
        (**self).make_room(additional)
    }

    #[inline]
    fn has_room(&self, additional: usize) -> bool {
        (**self).has_room(additional)
    }
}
