//! Many messages that stay where they are until the next batch: what the wasm room needs, where a
//! caller reads them by address after the call that decoded them.

use core::mem;

use super::assembly::Assembly;
use super::recv::unmask;
use super::{InboundExtension, MessageDecoder};
use crate::error::Fault;
use crate::frame::Simple;

/// Between batches a receiver keeps a buffer of this many bytes, or of four times what a begun
/// message has in it, so that a thousand slow connections don't hold a thousand large buffers.
/// Moving so much costs nothing that counts, however small the batches are.
const SMALL: usize = 4096;

/// A shared buffer above this size is given back when [`UNUSED`] batches had no use for it.
const LARGE: usize = 1 << 20;

/// See [`LARGE`]. Large messages often come one after the other, and each new buffer has to be cleared
/// and to grow again; but a single message must not hold tens of megabytes for ever.
const UNUSED: u8 = 16;

/// The buffer in which the receivers of one arena put their messages together, in turn.
#[derive(Debug, Default)]
pub struct BatchBuffer(Assembly, u8);

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
        self.0.capacity() > LARGE
    }

    /// Gives that memory back. The messages that the last batch put together are gone then.
    pub fn release(&mut self) {
        self.0 = Assembly::new();
    }

    /// Counts a batch, which may turn out to need the buffer.
    #[inline]
    fn age(&mut self) {
        if self.is_large() {
            self.1 += 1;
            if self.1 > UNUSED {
                self.release();
            }
        }
    }
}

impl<E: InboundExtension> MessageDecoder<E> {
    /// Gives up a large buffer in which no message is begun. What the last batch put together is
    /// gone then.
    #[inline]
    pub fn release(&mut self, shared: &mut BatchBuffer) {
        shared.age();
        if self.open.is_none() && self.assembly.capacity() > SMALL {
            let own = mem::take(&mut self.assembly);
            if own.capacity() > shared.0.capacity() {
                *shared = BatchBuffer(own, 0);
            }
        }
    }

    /// Begins a batch of `len` bytes: the messages that the last one put together are dropped, and
    /// until [`end_batch`](Self::end_batch) everything stays where it is.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`](crate::LimitError::OutOfMemory), if there is no room for that many bytes.
    pub fn begin_batch(&mut self, shared: &mut BatchBuffer, len: usize) -> Result<(), Fault> {
        self.batch = true;
        self.drop_finished();
        let open = self.assembly.len();
        if open <= SMALL && self.assembly.capacity() < shared.0.capacity() {
            shared.0.clear();
            // It has more room than the open message needs, so that it does not have to grow.
            if shared.0.append(self.assembly.message()).is_ok() {
                mem::swap(&mut self.assembly, &mut shared.0);
            }
        }
        match self.assembly.reserve(len) {
            Ok(()) => Ok(()),
            Err(error) => self.decoder.fail(error.into(), self.decoder.offset()),
        }
    }

    /// Whether all that came was whole, and more may come: nothing is known then that a new receiver
    /// does not know, but for the extension.
    pub fn is_settled(&self) -> bool {
        !self.closed && self.decoder.is_settled()
    }

    /// Room for at most `len` bytes of the stream that belong to the payload that is being read:
    /// [`space`](Self::space), with the messages dropped that the last batch put together.
    pub fn begin_fill(&mut self, len: usize) -> Option<&mut [u8]> {
        self.drop_finished();
        self.space(len)
    }

    /// Takes at most `most` messages at the front of `input` that are one plain frame each, and shows
    /// `each` whether it is text, whether it is ASCII, and the payload: the same as
    /// [`receive`](Self::receive), without a return for each message.
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    #[inline]
    pub fn receive_simple(
        &mut self,
        input: &mut &mut [u8],
        mut most: usize,
        mut each: impl FnMut(bool, bool, &[u8]),
    ) -> Result<(), Fault> {
        let shape = self.decoder.shape(self.bounds.message);
        let Some(shape) = shape.filter(|_| !self.closed) else {
            return Ok(());
        };
        while most > 0
            && let Some(simple) = shape.take(input)
        {
            most -= 1;
            self.decoder.count(&simple);
            let Simple { text, key, payload } = simple;
            match unmask(text, key, payload) {
                Some(ascii) => each(text, ascii, payload),
                None => return self.bad_text(payload),
            }
        }
        Ok(())
    }

    /// What the batch has put together. It moves only if an extension makes it larger than what
    /// came.
    #[inline]
    pub fn assembled(&self) -> &[u8] {
        self.assembly.all()
    }

    /// Ends a batch. The messages that were put together stay valid until `shared` is used again.
    pub fn end_batch(&mut self, shared: &mut BatchBuffer) {
        if self.assembly.capacity() > LARGE {
            shared.1 = 0;
        }
        let begun = match self.open {
            Some(_) => self.assembly.message(),
            None => &[],
        };
        let enough = SMALL.max(4 * begun.len());
        if self.assembly.capacity() <= enough {
            return;
        }
        if shared.0.capacity() <= enough {
            shared.0.clear();
            // Without memory for the copy the receiver keeps its large buffer.
            if shared.0.append(begun).is_ok() {
                mem::swap(&mut self.assembly, &mut shared.0);
            }
        } else {
            let mut own = Assembly::new();
            if own.append(begun).is_ok() {
                shared.0 = mem::replace(&mut self.assembly, own);
            }
        }
    }
}
