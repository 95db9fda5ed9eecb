//! The sending side of a [`Connection`](super::Connection).

use alloc::vec::Vec;
use core::mem;
use std::io::Write;

use super::inbox::IoSender;
use super::line::Line;
use super::writer::{Sink, Step};
use super::{Error, Keys, MessageWriter};
use crate::error::ErrorKind;
use crate::message::Kind;
use crate::session::{self, Appended, Output, SessionState};

/// The sending side of a [`Connection`](super::Connection).
///
/// The outbox of a received message, and the outbox of
/// [`Connection::queue`](super::Connection::queue), put messages into the queue. The connection
/// writes the whole queue at once: on [`flush`](session::Outbox::flush), before a read that would
/// wait for the peer, or when the queue is longer than
/// [`ConnectionOptions::queue`](super::ConnectionOptions::queue). The outbox of
/// [`Connection::outbox`](super::Connection::outbox) writes the queue after each message.
///
/// A method fails with [`Error::Misuse`] or [`Error::Fault`] if the message cannot be sent; it has
/// queued nothing then. If writing fails, it fails with [`Error::Io`], and the message stays in the
/// queue.
pub type Outbox<'a, S> = session::Outbox<QueueOutput<'a, S>>;

/// The queue and the stream of a connection; see [`Outbox`].
#[derive(Debug)]
pub struct QueueOutput<'a, S> {
    sender: &'a mut IoSender,
    line: &'a mut Line<S>,
    /// Whether the queue is written after each command.
    at_once: bool,
}

/// An outbox that queues.
pub(super) fn queue<'a, S>(sender: &'a mut IoSender, line: &'a mut Line<S>) -> Outbox<'a, S> {
    Outbox::new(QueueOutput {
        sender,
        line,
        at_once: false,
    })
}

/// An outbox that writes after each command.
pub(super) fn at_once<'a, S>(sender: &'a mut IoSender, line: &'a mut Line<S>) -> Outbox<'a, S> {
    Outbox::new(QueueOutput {
        sender,
        line,
        at_once: true,
    })
}

impl<S: Write> Output for QueueOutput<'_, S> {
    type Keys = Keys;
    type Extension = session::Out;
    type Error = Error;

    #[inline]
    fn append(
        &mut self,
        _: Appended,
        command: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        command(self.sender, &mut self.line.out)?;
        // Nothing comes after a close frame, so the queue can't grow any more.
        let is_full = self.line.queued() > self.line.queue
            && matches!(
                self.sender.state(),
                SessionState::Open | SessionState::PeerClosed
            );
        if self.at_once || is_full {
            self.line.flush()?;
        }
        Ok(())
    }
}

impl<S: Write> session::Outbox<QueueOutput<'_, S>> {
    /// Begins a message of unknown length. The result implements [`Write`] for text or bytes of any
    /// length.
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(&mut self.0, kind)
    }

    /// The number of bytes in the queue.
    pub fn queued(&self) -> usize {
        self.0.line.queued()
    }

    /// Writes the whole queue.
    ///
    /// # Errors
    /// [`Error::Io`] if the stream failed. After a [time-out](Error::is_timeout), the next call
    /// continues.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.0.line.flush()?)
    }
}

impl<S: Write> Sink for QueueOutput<'_, S> {
    fn borrow(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.line.part), self.line.fragment)
    }

    fn give_back(&mut self, part: Vec<u8>) {
        self.line.part = part;
    }

    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error> {
        step.send(part, self)
    }

    fn write_out(&mut self) -> Result<(), Error> {
        Ok(self.line.flush()?)
    }
}
