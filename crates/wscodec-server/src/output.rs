//! The output of one connection, as the handler's outbox appends to it.

use std::vec::Vec;

use wscodec::error::{ErrorKind, LimitError};
use wscodec::message::Unmasked;
use wscodec::session::{Appended, Output, PooledOut, Sender};

/// The output of a connection of the server: see [`Peer::outbox`](super::Peer::outbox).
///
/// It counts the messages that are sent. It also remembers that there was no memory for one: the peer
/// would miss that message, so the event loop fails the connection even if the handler ignores the
/// error.
#[derive(Debug)]
pub struct PeerOutput<'p> {
    pub(super) sender: &'p mut Sender<Unmasked, PooledOut>,
    pub(super) out: &'p mut Vec<u8>,
    pub(super) messages: &'p mut u64,
    pub(super) starved: &'p mut bool,
}

impl Output for PeerOutput<'_> {
    type Keys = Unmasked;
    type Extension = PooledOut;
    type Error = ErrorKind;

    #[inline]
    fn append(
        &mut self,
        what: Appended,
        command: impl FnOnce(&mut Sender<Unmasked, PooledOut>, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), ErrorKind> {
        match command(self.sender, self.out) {
            Ok(()) => {
                *self.messages += u64::from(what == Appended::Message);
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}

impl PeerOutput<'_> {
    #[cold]
    fn failed(&mut self, error: ErrorKind) -> ErrorKind {
        *self.starved |= matches!(error, ErrorKind::Limit(LimitError::OutOfMemory));
        error
    }
}
