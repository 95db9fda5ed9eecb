//! The memory in which a decoder puts messages together: taken, given, and given back.

use alloc::vec::Vec;

use super::MessageDecoder;
use super::assembly::Assembly;

impl<E> MessageDecoder<E> {
    /// The message that was lent last, with the memory that it was put together in, for those who want
    /// to keep it without a copy: right after its event. A message that was lent from the input is not
    /// here. `None` inside a message, and in a [batch](Self::begin_batch).
    pub fn take_message(&mut self) -> Option<Vec<u8>> {
        let whole = !self.in_message() && !self.in_batch();
        whole.then(|| self.assembly().0.take())
    }

    /// Uses this memory for messages in parts, such as that of another decoder's
    /// [`take_message`](Self::take_message), in place of the memory held. Does nothing while a message
    /// or a [batch](Self::begin_batch) is open.
    pub fn use_memory(&mut self, memory: Vec<u8>) {
        if !self.in_message() && !self.in_batch() {
            *self.assembly().0 = Assembly::with_memory(memory);
        }
    }

    /// Gives the memory for messages in parts back, as far as no begun message needs it.
    pub fn shrink(&mut self) {
        if !self.in_pieces() {
            self.drop_finished();
            self.assembly().0.shrink();
        }
    }
}
