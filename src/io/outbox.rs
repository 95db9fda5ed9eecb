//! What is to be sent.

use alloc::vec::Vec;
use core::mem;
use std::io::Write;

use super::inbox::Outgoing;
use super::line::Line;
use super::writer::{Sink, Step};
use super::{Error, MessageWriter};
use crate::error::CloseCode;
use crate::frame::CloseFrame;
use crate::message::{Kind, MessageRef, Prepared};

/// The sending side of a [`Connection`](super::Connection), lent along with what came so that it can
/// be answered at once.
///
/// What is sent waits in a queue, and is written in one go: by [`flush`](Self::flush), before a read
/// that would wait for the peer, or when more than [`ConnectionOptions::queue`](super::ConnectionOptions::queue) waits.
#[derive(Debug)]
pub struct Outbox<'a, S> {
    pub(super) outgoing: &'a mut Outgoing,
    pub(super) line: &'a mut Line<S>,
}

impl<S: Write> Outbox<'_, S> {
    /// Queues a text message, in one frame.
    ///
    /// # Errors
    /// [`Error::Misuse`] with [`Closing`](crate::MisuseError::Closing) after a close frame was sent,
    /// and [`MessageUnfinished`](crate::MisuseError::MessageUnfinished) within a message begun in
    /// fragments: nothing is queued then. [`Error::Io`] if the queue is over its length and writing
    /// fails: what was queued stays so.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        self.outgoing.text(text, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a binary message, in one frame.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.outgoing.binary(payload, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a message of either kind, in one frame.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and [`TextNotUtf8`](crate::MisuseError::TextNotUtf8).
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        self.outgoing.send(kind, payload, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a message that was received, as it is: of a text, what was checked is not checked
    /// again.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn forward(&mut self, message: MessageRef<'_>) -> Result<(), Error> {
        self.outgoing.forward(message, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a message that was framed once for many.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn prepared(&mut self, message: &Prepared) -> Result<(), Error> {
        self.outgoing.prepared(message, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues the first fragment of a message.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn begin(&mut self, kind: Kind, part: &[u8]) -> Result<(), Error> {
        self.outgoing.begin(kind, part, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues the next fragment of a message, not its last.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn more(&mut self, part: &[u8]) -> Result<(), Error> {
        self.outgoing.more(part, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// As for [`send`](Self::send), and [`NoMessageBegun`](crate::MisuseError::NoMessageBegun).
    pub fn finish(&mut self, part: &[u8]) -> Result<(), Error> {
        self.outgoing.finish_message(part, &mut self.line.out)?;
        self.overflow()
    }

    /// A message to be written as its bytes come to be: [`Write`] for text or bytes of any length.
    pub fn writer(&mut self, kind: Kind) -> MessageWriter<'_> {
        MessageWriter::new(self, kind)
    }

    /// Queues a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and
    /// [`ControlPayloadTooLong`](crate::MisuseError::ControlPayloadTooLong).
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.outgoing.ping(payload, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a pong, of at most 125 bytes; pings are answered without it, unless
    /// [`auto_pong`](crate::session::SessionOptions::auto_pong) is off.
    ///
    /// # Errors
    /// As for [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.outgoing.pong(payload, &mut self.line.out)?;
        self.overflow()
    }

    /// Queues a close frame, the last that is sent. Go on reading: what the peer sends before its
    /// answer still comes, and then the end.
    ///
    /// # Errors
    /// [`Error::Misuse`] with [`Closing`](crate::MisuseError::Closing) if one was sent before,
    /// [`CloseCodeNotSendable`](crate::MisuseError::CloseCodeNotSendable),
    /// [`CloseReasonTooLong`](crate::MisuseError::CloseReasonTooLong).
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), Error> {
        self.close_with(Some(CloseFrame { code, reason }))
    }

    pub(super) fn close_with(&mut self, close: Option<CloseFrame<'_>>) -> Result<(), Error> {
        self.outgoing.close(close, &mut self.line.out)?;
        Ok(())
    }

    /// Bytes that wait to be written.
    pub fn queued(&self) -> usize {
        self.line.queued()
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`Error::Io`]. After a [time-out](Error::is_timeout), called again, it goes on where it was.
    pub fn flush(&mut self) -> Result<(), Error> {
        Ok(self.line.flush()?)
    }

    fn overflow(&mut self) -> Result<(), Error> {
        match self.line.queued() > self.line.queue {
            true => self.flush(),
            false => Ok(()),
        }
    }
}

impl<S: Write> Sink for Outbox<'_, S> {
    fn borrow(&mut self) -> (Vec<u8>, usize) {
        (mem::take(&mut self.line.part), self.line.fragment)
    }

    fn give_back(&mut self, part: Vec<u8>) {
        self.line.part = part;
    }

    fn frame(&mut self, step: Step, part: &[u8]) -> Result<(), Error> {
        match step {
            Step::Whole(kind) => self.send(kind, part),
            Step::First(kind) => self.begin(kind, part),
            Step::Next => self.more(part),
            Step::Last => self.finish(part),
        }
    }

    fn write_out(&mut self) -> Result<(), Error> {
        self.flush()
    }
}
