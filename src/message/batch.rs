//! Many messages that stay where they are until the next batch: what the wasm room needs, where a
//! caller reads them by address after the call that decoded them.

use core::mem;

use super::assembly::Assembly;
use super::recv::unmask;
use super::{Inbound, Receiver};
use crate::error::Fault;
use crate::frame::Simple;

/// Between batches a receiver keeps a buffer of this many bytes, or of four times what a begun
/// message has in it, so that a thousand slow connections don't hold a thousand large buffers.
/// Moving so much costs nothing that counts, however small the batches are.
const SMALL: usize = 4096;

/// The buffer in which the receivers of one arena put their messages together, in turn.
#[derive(Debug, Default)]
pub struct BatchBuffer(Assembly);

impl<E: Inbound> Receiver<E> {
    /// Gives up a large buffer in which no message is begun. What the last batch put together is
    /// gone then.
    #[inline]
    pub fn release(&mut self, shared: &mut BatchBuffer) {
        if self.open.is_none() && self.assembly.capacity() > SMALL {
            let own = mem::take(&mut self.assembly);
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

    /// Room for `len` bytes of the stream, where all of them belong to the payload that is being
    /// read: [`space`](Self::space), with what the last batch put together dropped.
    pub fn begin_fill(&mut self, len: usize) -> Option<&mut [u8]> {
        self.drop_finished();
        self.space(len).filter(|space| space.len() == len)
    }

    /// Takes the messages at the front of `input` that are one plain frame each, and shows `each`
    /// whether it is text, whether it is ASCII, and the payload: what [`receive`](Self::receive)
    /// does, without coming back for every one.
    #[inline]
    pub fn receive_simple(
        &mut self,
        input: &mut &mut [u8],
        mut each: impl FnMut(bool, bool, &[u8]),
    ) -> Result<(), Fault> {
        let shape = self.decoder.shape(self.bounds.message);
        let Some(shape) = shape.filter(|_| !self.closed) else {
            return Ok(());
        };
        while let Some(simple) = shape.take(input) {
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
