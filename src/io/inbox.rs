//! Bytes that were received and not decoded yet, and the events that were found in them.
//!
//! Problem: a read must not wait behind a write that makes no progress, or two peers that write to each
//! other would block each other. A write that failed must not hide the bytes that the peer sent before,
//! among them its last message and its close frame. Deadlines must hold although a blocking read does
//! not return.
//!
//! Choice: one loop reads, writes for a short slice where the stream has time-outs, and looks at the
//! clock. The loop reaches the sending side through `Driver`: directly for a whole connection, and
//! through a lock for a half. It finds events by place (`FoundEvent`) and lends them after the loop,
//! because a borrow cannot leave a loop that reads more input.
//!
//! Invariants: `start <= end <= input.len()`. A deadline is applied only after a read has ended behind
//! it (`looked`), so bytes that have arrived come first. After a failed write the connection still
//! reads to the end.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;
use std::io::{self, Read};
use std::time::Instant;

use super::Keys;
use super::error::Error;
use super::head::Input;
use super::line::Pushed;
use crate::error::{CloseCode, Fault};
use crate::frame::{CloseFrame, Role};
use crate::message::{
    Event, FoundEvent, FoundMessage, FoundPiece, InboundExtension, MessageDecoder, MessageRef,
    Piece, Place,
};
use crate::session;

pub(super) type IoSender = session::Sender<Keys, session::Out>;

/// How the receiving side reaches its stream and the sending side: at once, or through a lock.
pub(super) trait Driver {
    type Stream: Read;

    /// The sending side, and the bytes that wait to be written. Nothing is read or written meanwhile.
    fn with<R>(&mut self, f: impl FnOnce(&mut IoSender, &mut Vec<u8>) -> R) -> R;
    /// Writes as much as the stream takes within a slice: as [`Line::push`](super::line::Line::push).
    fn push(&mut self) -> io::Result<Pushed>;
    /// Tells the sending side how many bytes have left; returns how many have not.
    fn unsent(&mut self) -> usize;
    /// Refuses to go on if nothing has left for too long.
    fn check_stall(&mut self) -> io::Result<()>;
    fn stream(&mut self) -> &mut Self::Stream;
    /// Whether the stream has time-outs.
    fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool>;
    /// Says that nothing more will be written; in the middle of another thread's write only if that
    /// is of no use any more.
    fn shutdown(&mut self, now: bool) -> io::Result<()>;
    /// The longest that a read may take without a look at the clock.
    fn nap(&self) -> Option<Duration> {
        None
    }
}

/// The result of a read.
pub(super) enum More {
    Bytes,
    Found(FoundEvent),
    /// Nothing more will come.
    End,
}

/// The receiving side of a connection.
///
/// Invariant: `start <= end <= input.len()`; `input[start..end]` came and is not looked at yet.
#[derive(Debug)]
pub(super) struct Inbox {
    pub(super) receiver: MessageDecoder<session::In>,
    pub(super) input: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) buffer: usize,
    pub(super) epoch: Instant,
    pub(super) deadline: Option<Instant>,
    /// When the read that is under way ends at the latest, because we want to look at the clock.
    pub(super) wake: Option<Instant>,
    /// When a read last ended, while something waits for the clock: bytes that had arrived before
    /// have been read.
    pub(super) looked: Duration,
    /// Something waits for the clock.
    pub(super) clocked: bool,
    pub(super) close_timeout: Duration,
    pub(super) server: bool,
    pub(super) ended: bool,
    /// How the connection failed.
    pub(super) fault: Option<Fault>,
    /// The peer's close frame: the sending side has it too, but is lent away along with the event.
    close: Option<(CloseCode, Box<str>)>,
}

impl Inbox {
    pub(super) fn new(
        receiver: MessageDecoder<session::In>,
        (input, Range { start, end }): Input,
        options: &super::ConnectionOptions,
    ) -> Self {
        Self {
            server: receiver.role() == Role::Server,
            receiver,
            input,
            start,
            end,
            buffer: options.buffer.max(512),
            epoch: Instant::now(),
            deadline: None,
            wake: None,
            looked: Duration::ZERO,
            clocked: false,
            close_timeout: options.session.close_timeout,
            ended: false,
            fault: None,
            close: None,
        }
    }

    pub(super) fn memory(&self) -> usize {
        let extension = self.receiver.extension().memory();
        self.input.capacity() + self.receiver.buffered() + extension
    }

    pub(super) fn release(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.input = Vec::new();
        }
        self.receiver.shrink();
        self.receiver.extension_mut().release();
    }

    /// The next event.
    pub(super) fn next<D: Driver>(&mut self, driver: &mut D) -> Result<Option<FoundEvent>, Error> {
        self.skip(driver)?;
        loop {
            let found = driver.with(|sender, out| self.take(sender, out));
            match found {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => match self.more(driver)? {
                    More::Bytes => {}
                    More::Found(found) => return Ok(Some(found)),
                    More::End => return Ok(None),
                },
                Err(fault) => return Err(self.fail(fault, driver)),
            }
        }
    }

    /// The next piece.
    pub(super) fn next_part<D: Driver>(
        &mut self,
        driver: &mut D,
    ) -> Result<Option<FoundPiece>, Error> {
        loop {
            let part = driver.with(|sender, out| self.take_part(sender, out));
            match part {
                Ok(Some(part)) => return Ok(Some(part)),
                Ok(None) => match self.more(driver)? {
                    More::Bytes => {}
                    // Only messages that are put together are filled.
                    More::Found(_) | More::End => return Ok(None),
                },
                Err(fault) => return Err(self.fail(fault, driver)),
            }
        }
    }

    /// Passes over the rest of a message that was begun in pieces.
    pub(super) fn skip<D: Driver>(&mut self, driver: &mut D) -> Result<(), Error> {
        while self.receiver.in_pieces() && self.next_part(driver)?.is_some() {}
        Ok(())
    }

    pub(super) fn close_timeout(&self) -> Duration {
        self.close_timeout
    }

    /// The bytes that were read and not looked at, and the memory for messages in parts.
    pub(super) fn into_parts(mut self) -> (Vec<u8>, Vec<u8>) {
        self.input.truncate(self.end);
        self.input.drain(..self.start);
        (self.input, self.receiver.take_message().unwrap_or_default())
    }

    /// The reason that the peer gave for closing.
    pub(super) fn reason(&self) -> &str {
        self.close.as_ref().map_or("", |(_, reason)| reason)
    }

    /// Lends an event that was found.
    pub(super) fn lend(&self, found: &FoundEvent) -> Event<'_> {
        self.receiver.lend(&self.input, found)
    }

    /// Lends a message that was found.
    pub(super) fn message(&self, found: &FoundMessage) -> MessageRef<'_> {
        self.receiver.lend_message(&self.input, found)
    }

    /// Lends a piece that was found.
    pub(super) fn lend_part(&mut self, found: &FoundPiece) -> Piece<'_> {
        self.receiver.lend_piece(&mut self.input, found)
    }

    /// The bytes of a piece of data.
    pub(super) fn data(&mut self, place: &Place) -> &[u8] {
        self.receiver.bytes(&self.input, place)
    }

    fn take(
        &mut self,
        sender: &mut IoSender,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundEvent>, Fault> {
        let input = &mut self.input[..self.end];
        let found = sender.find(&mut self.receiver, input, &mut self.start, out)?;
        if let Some(FoundEvent::Close(place)) = &found {
            self.close = kept(self.receiver.bytes(input, place));
        }
        Ok(found)
    }

    fn take_part(
        &mut self,
        sender: &mut IoSender,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundPiece>, Fault> {
        let input = &mut self.input[..self.end];
        let found = sender.find_piece(&mut self.receiver, input, &mut self.start, out)?;
        if let Some(FoundPiece::Close(place)) = &found {
            self.close = kept(self.receiver.bytes(input, place));
        }
        Ok(found)
    }
}

/// A close frame in memory of its own.
fn kept(payload: &[u8]) -> Option<(CloseCode, Box<str>)> {
    let close = CloseFrame::parse(payload).ok().flatten()?;
    Some((close.code, close.reason.into()))
}
