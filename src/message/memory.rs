//! The memory in which a decoder collects messages: how it is taken, given and freed.

use alloc::vec::Vec;

use super::MessageDecoder;
use super::assembly::Assembly;

impl<E> MessageDecoder<E> {
    /// Takes the message that was lent last, with the buffer that it was collected in, for callers
    /// that keep it without a copy. Call it directly after the event. A message that was lent from
    /// the input is not in this buffer. Returns `None` inside a message, and in a
    /// [batch](Self::begin_batch).
    pub fn take_message(&mut self) -> Option<Vec<u8>> {
        let whole = !self.in_message() && !self.in_batch();
        whole.then(|| self.assembly().0.take())
    }

    /// Uses this memory for fragmented messages in place of the current buffer, for example the
    /// memory of another decoder's [`take_message`](Self::take_message). Does nothing while a message
    /// or a [batch](Self::begin_batch) is open.
    pub fn use_memory(&mut self, memory: Vec<u8>) {
        if !self.in_message() && !self.in_batch() {
            *self.assembly().0 = Assembly::with_memory(memory);
        }
    }

    /// Frees the memory for fragmented messages that the current message does not use.
    pub fn shrink(&mut self) {
        if !self.in_pieces() {
            self.drop_finished();
            self.assembly().0.shrink();
        }
    }
}
