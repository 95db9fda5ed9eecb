//! What came and is not looked at yet, and what of it is found.

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
use super::rounds::More;
use crate::error::{CloseCode, Fault};
use crate::frame::{CloseFrame, FrameHeader, Role};
use crate::message::{Event, InboundExtension, Kind, MessageDecoder, MessageRef, Piece};
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

/// Where something lies that was found.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the bytes that were read.
    Input(Range<usize>),
    /// In the receiver.
    Held(Range<usize>),
}

impl Place {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Input(range) | Self::Held(range) => range.is_empty(),
        }
    }

    /// Leaves `amount` bytes at the front out.
    pub(super) fn advance(&mut self, amount: usize) {
        match self {
            Self::Input(range) | Self::Held(range) => {
                range.start = range.end.min(range.start + amount);
            }
        }
    }
}

/// What is to be known of a message besides its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    kind: Kind,
    ascii: bool,
    opaque: bool,
}

/// An event, without borrowing it yet: a loop can't lend what it may have to read past.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Message(Shape, Place),
    Ping(Place),
    Pong(Place),
    Close,
}

/// A piece, likewise.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Frame(FrameHeader),
    Data(Place),
    End,
    Ping(Place),
    Pong(Place),
    Close,
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
    pub(super) fn next<D: Driver>(&mut self, driver: &mut D) -> Result<Option<Found>, Error> {
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
    pub(super) fn next_part<D: Driver>(&mut self, driver: &mut D) -> Result<Option<Part>, Error> {
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

    /// Takes the bytes that were read and not looked at.
    pub(super) fn into_unread(mut self) -> Vec<u8> {
        self.input.truncate(self.end);
        self.input.drain(..self.start);
        self.input
    }

    /// The reason that the peer gave for closing.
    pub(super) fn reason(&self) -> &str {
        self.close().map_or("", |close| close.reason)
    }

    fn close(&self) -> Option<CloseFrame<'_>> {
        let (code, reason) = self.close.as_ref()?;
        Some(CloseFrame {
            code: *code,
            reason,
        })
    }

    /// Lends what was found.
    pub(super) fn lend(&self, found: &Found) -> Event<'_> {
        match found {
            Found::Message(shape, place) => Event::Message(self.message(*shape, place)),
            Found::Ping(place) => Event::Ping(self.control(place)),
            Found::Pong(place) => Event::Pong(self.control(place)),
            Found::Close => Event::Close(self.close()),
        }
    }

    /// Lends a message.
    pub(super) fn message(&self, shape: Shape, place: &Place) -> MessageRef<'_> {
        MessageRef {
            kind: shape.kind,
            payload: match place {
                Place::Input(range) => &self.input[range.clone()],
                Place::Held(_) => self.receiver.held(),
            },
            ascii: shape.ascii,
            opaque: shape.opaque,
        }
    }

    /// Lends a piece.
    pub(super) fn lend_part(&mut self, part: Part) -> Piece<'_> {
        match part {
            Part::Frame(header) => Piece::Frame(header),
            Part::Data(place) => Piece::Data(self.data(&place)),
            Part::End => Piece::End,
            Part::Ping(place) => Piece::Ping(self.control(&place)),
            Part::Pong(place) => Piece::Pong(self.control(&place)),
            Part::Close => Piece::Close(self.close()),
        }
    }

    /// The bytes of a piece of data.
    pub(super) fn data(&mut self, place: &Place) -> &mut [u8] {
        match place {
            Place::Input(range) => &mut self.input[range.clone()],
            Place::Held(range) => &mut self.receiver.held_piece(range.end)[range.clone()],
        }
    }

    fn control(&self, place: &Place) -> &[u8] {
        match place {
            Place::Input(range) => &self.input[range.clone()],
            Place::Held(_) => self.receiver.held_control(),
        }
    }

    fn take(&mut self, sender: &mut IoSender, out: &mut Vec<u8>) -> Result<Option<Found>, Fault> {
        let bounds = self.input.as_ptr_range();
        let mut input = &mut self.input[self.start..self.end];
        let event = sender.receive(&mut self.receiver, &mut input, out)?;
        if let Some(Event::Close(close)) = event {
            self.close = close.map(|close| (close.code, close.reason.into()));
        }
        let start = self.end - input.len();
        let found = event.map(|event| Found::of(event, |slice| place(slice, &bounds, start)));
        self.start = start;
        Ok(found)
    }

    fn take_part(
        &mut self,
        sender: &mut IoSender,
        out: &mut Vec<u8>,
    ) -> Result<Option<Part>, Fault> {
        let bounds = self.input.as_ptr_range();
        let mut input = &mut self.input[self.start..self.end];
        let piece = sender.receive_piece(&mut self.receiver, &mut input, out)?;
        if let Some(Piece::Close(close)) = piece {
            self.close = close.map(|close| (close.code, close.reason.into()));
        }
        let start = self.end - input.len();
        let place = |slice: &[u8]| place(slice, &bounds, start);
        let part = piece.map(|piece| match piece {
            Piece::Frame(header) => Part::Frame(header),
            Piece::Data(data) => Part::Data(place(data)),
            Piece::End => Part::End,
            Piece::Ping(payload) => Part::Ping(place(payload)),
            Piece::Pong(payload) => Part::Pong(place(payload)),
            Piece::Close(_) => Part::Close,
        });
        self.start = start;
        Ok(part)
    }
}

impl Found {
    pub(super) fn of(event: Event<'_>, place: impl Fn(&[u8]) -> Place) -> Self {
        match event {
            Event::Message(message) => {
                let shape = Shape {
                    kind: message.kind,
                    ascii: message.ascii,
                    opaque: message.opaque,
                };
                Self::Message(shape, place(message.payload))
            }
            Event::Ping(payload) => Self::Ping(place(payload)),
            Event::Pong(payload) => Self::Pong(place(payload)),
            Event::Close(_) => Self::Close,
        }
    }
}

/// Where `slice` lies: in the input, which is taken up to `taken`, or else in the receiver. What is
/// lent from the input ends where the input is taken to.
fn place(slice: &[u8], input: &Range<*const u8>, taken: usize) -> Place {
    match slice.is_empty() || input.contains(&slice.as_ptr()) {
        true => Place::Input(taken - slice.len()..taken),
        false => Place::Held(0..slice.len()),
    }
}
