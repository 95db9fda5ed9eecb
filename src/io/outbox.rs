//! The output of a [`Connection`](super::Connection), as an outbox.

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
/// An outbox that comes with a received message, and one from
/// [`Connection::queue`](super::Connection::queue), puts messages into the queue. The queue is written
/// in one go: by [`flush`](session::Outbox::flush), before a read that would wait for the peer, or when
/// it is longer than [`ConnectionOptions::queue`](super::ConnectionOptions::queue). An outbox from
/// [`Connection::outbox`](super::Connection::outbox) writes the queue after each message.
///
/// Each method fails with [`Error::Misuse`] or [`Error::Fault`] if the message can't be sent: nothing
/// is queued then. If writing fails, it fails with [`Error::Io`], and the message stays queued.
pub type Outbox<'a, S> = session::Outbox<QueueOutput<'a, S>>;

/// The output of a connection: its queue and its stream. See [`Outbox`].
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
    /// A message to be written as its bytes come to be: [`Write`] for text or bytes of any length.
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(&mut self.0, kind)
    }

    /// Bytes that wait to be written.
    pub fn queued(&self) -> usize {
        self.0.line.queued()
    }

    /// Writes the queue.
    ///
    /// # Errors
    /// [`Error::Io`]. After a [time-out](Error::is_timeout), called again, it goes on where it was.
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
