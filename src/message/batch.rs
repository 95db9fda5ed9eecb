//! Many messages that stay where they are until the next batch, for faces whose caller reads messages by
//! their place after the call that decoded them (the wasm module).
//!
//! A batch decodes a whole chunk, and its messages have to stay valid together. So the decoder puts
//! them together one behind the other in one buffer, and the buffer has room for the whole chunk before
//! the first message is put into it. A buffer for each connection would cost a thousand connections a
//! thousand times the longest chunk. So the decoders of one arena take turns with one [`BatchBuffer`]:
//! [`begin_batch`](MessageDecoder::begin_batch) exchanges the buffers and copies the open message into
//! the shared one, and [`end_batch`](MessageDecoder::end_batch) exchanges them back and leaves the
//! decoder with a buffer of the size of its open message. Copying the open message for each chunk would
//! be quadratic for a long message in many chunks. So a decoder whose open message is longer than
//! [`SMALL`] keeps its buffer, and the buffer is four times as long as the message before the next copy.
//!
//! Invariant: between `begin_batch` and `end_batch`, and after it until the shared buffer is used again,
//! the bytes of every [`Place::Held`](super::Place) stay the same. Their address changes only if an
//! extension makes messages longer than the room for the chunk; the places do not change then.

use core::mem;
use core::ops::Range;

use super::assembly::Assembly;
use super::{InboundExtension, MessageDecoder};
use crate::error::Fault;

/// Between batches a decoder keeps a buffer of this many bytes, or of four times what a begun
/// message has in it, so that a thousand slow connections don't hold a thousand large buffers.
/// Moving so much costs nothing that counts, however small the batches are.
const SMALL: usize = 4096;

/// The buffer in which the decoders of one arena put their messages together, in turn. A buffer of more
/// than 1 MiB is given back after 16 batches in a row that needed no more than an eighth of it.
#[derive(Debug, Default)]
pub struct BatchBuffer(Assembly);

impl BatchBuffer {
    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.0.capacity()
    }

    /// The bytes in it, among them the messages that the last batch put together.
    pub fn held(&self) -> &[u8] {
        self.0.all()
    }

    /// Whether it is so large that it should not be kept for the next message.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.0.is_large()
    }

    /// Gives that memory back. The messages that the last batch put together are gone then.
    pub fn release(&mut self) {
        self.0 = Assembly::new();
    }
}

impl<E: InboundExtension> MessageDecoder<E> {
    /// Gives up a large buffer in which no message is begun. The messages that the last batch put
    /// together are gone then.
    #[inline]
    pub fn release(&mut self, shared: &mut BatchBuffer) {
        if shared.0.is_large() {
            shared.0.age();
        }
        if !self.in_message() && self.assembly().0.capacity() > SMALL {
            let own = mem::take(self.assembly().0);
            if own.capacity() > shared.0.capacity() {
                shared.0 = own;
            }
        }
    }

    /// Begins a batch of `len` bytes: the messages that the last one put together are dropped, and
    /// until [`end_batch`](Self::end_batch) everything stays where it is.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`](crate::LimitError::OutOfMemory), if there is no room for that many bytes.
    pub fn begin_batch(&mut self, shared: &mut BatchBuffer, len: usize) -> Result<(), Fault> {
        self.keep_messages();
        self.drop_finished();
        let (own, _) = self.assembly();
        if own.len() <= SMALL && own.capacity() < shared.0.capacity() {
            shared.0.clear();
            // It has more room than the open message needs, so that it does not have to grow.
            if shared.0.append(own.message()).is_ok() {
                mem::swap(own, &mut shared.0);
            }
        }
        match own.reserve(len) {
            Ok(()) => Ok(()),
            Err(error) => self.out_of_memory(error),
        }
    }

    /// Room for at most `len` bytes of the stream that belong to the payload that is being read:
    /// [`space`](Self::space), with the messages dropped that the last batch put together.
    pub fn begin_fill(&mut self, len: usize) -> Option<&mut [u8]> {
        self.drop_finished();
        self.space(len)
    }

    /// Takes at most `most` messages off `input`, from `at` on, that are one simple frame each, and shows
    /// `each` whether it is text, whether it is ASCII, and where in `input` its payload lies: the same as
    /// [`find`](Self::find), without a return for each message.
    ///
    /// # Errors
    /// The errors of [`find`](Self::find).
    ///
    /// # Panics
    /// As [`find`](Self::find).
    #[inline]
    pub fn find_simple(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        mut most: usize,
        mut each: impl FnMut(bool, bool, Range<usize>),
    ) -> Result<(), Fault> {
        let Some(shape) = self.shape() else {
            return Ok(());
        };
        let len = input.len();
        let mut rest = &mut input[*at..];
        while most > 0
            && let Some(mut frame) = shape.take(&mut rest)
        {
            most -= 1;
            *at = len - rest.len();
            let ascii = self.take_simple(&mut frame)?;
            each(frame.text, ascii, *at - frame.payload.len()..*at);
        }
        Ok(())
    }

    /// Ends a batch. The messages that were put together stay valid until `shared` is used again. Returns
    /// whether they are in [`shared`](BatchBuffer::held); if not, they are in the decoder's own
    /// [buffer](Self::held).
    pub fn end_batch(&mut self, shared: &mut BatchBuffer) -> bool {
        let is_open = self.in_message();
        let (own, _) = self.assembly();
        let begun = if is_open { own.message() } else { &[] };
        let enough = SMALL.max(4 * begun.len());
        if own.capacity() <= enough {
            return false;
        }
        if shared.0.capacity() <= enough {
            shared.0.clear();
            // Without memory for the copy the decoder keeps its large buffer.
            let is_copied = shared.0.append(begun).is_ok();
            if is_copied {
                mem::swap(own, &mut shared.0);
            }
            is_copied
        } else {
            let mut small = Assembly::new();
            let is_copied = small.append(begun).is_ok();
            if is_copied {
                shared.0 = mem::replace(own, small);
            }
            is_copied
        }
    }
}
