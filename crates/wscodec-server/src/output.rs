//! The output of one connection, as the handler's outbox appends to it.

use std::vec::Vec;

use super::reach::Reach;
use super::table::Key;
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
    pub(super) key: Key,
    pub(super) reach: &'p mut Reach,
}

impl Output for PeerOutput<'_> {
    type Keys = Unmasked;
    type Extension = PooledOut;
    type Error = ErrorKind;

    // Otherwise the compiler makes a function of it for each command: 44 instructions more for each
    // message.
    #[inline(always)]
    fn append(
        &mut self,
        what: Appended,
        command: impl FnOnce(&mut Sender<Unmasked, PooledOut>, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), ErrorKind> {
        match command(self.sender, self.out) {
            Ok(()) => {
                match what {
                    Appended::Message(len) => self.reach.message(len),
                    part => self.reach.part(self.key, part),
                }
                Ok(())
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}

impl PeerOutput<'_> {
    #[cold]
    fn failed(&mut self, error: ErrorKind) -> ErrorKind {
        self.reach.starved |= matches!(error, ErrorKind::Limit(LimitError::OutOfMemory));
        error
    }
}
