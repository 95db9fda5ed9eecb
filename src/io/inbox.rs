//! What came and is not looked at yet, and what of it is found.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;
use std::io::{self, Read};
use std::time::Instant;

use super::Keys;
use super::error::{Error, is_timeout, timed_out};
use super::head::Input;
use super::line::{DRAIN, read};
use crate::error::{CloseCode, Fault, PeerError};
use crate::frame::{Close, Header, Role};
use crate::message::{Event, Inbound, Kind, Message, Piece, Receiver};
use crate::session::{self, State};

pub(super) type Outgoing = session::Outgoing<Keys, session::Out>;

/// The most that is read at a time to where a large message is put together.
const SPACE: usize = 64 << 10;
/// By how much a read may end before its time.
const GRAIN: Duration = Duration::from_millis(10);

/// How the receiving side reaches its stream and the sending side: at once, or through a lock.
pub(super) trait Driver {
    type Stream: Read;

    /// The sending side, and what waits to be written. Nothing is read or written meanwhile.
    fn with<R>(&mut self, f: impl FnOnce(&mut Outgoing, &mut Vec<u8>) -> R) -> R;
    fn flush(&mut self) -> io::Result<()>;
    fn stream(&mut self) -> &mut Self::Stream;
    /// Whether the stream has time-outs.
    fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool>;
    /// Lets all further writing take no longer than that; whether the stream has time-outs.
    fn limit_writing(&mut self, time: Duration) -> io::Result<bool>;
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
    Frame(Header),
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
    pub(super) receiver: Receiver<session::In>,
    input: Vec<u8>,
    start: usize,
    end: usize,
    buffer: usize,
    epoch: Instant,
    pub(super) deadline: Option<Instant>,
    /// When the read that is under way ends at the latest, because we want to look at the clock.
    wake: Option<Instant>,
    close_timeout: Duration,
    server: bool,
    ended: bool,
    /// How the connection failed.
    fault: Option<Fault>,
    /// The peer's close frame: the sending side has it too, but is lent away along with the event.
    close: Option<(CloseCode, Box<str>)>,
}

/// What reading brought.
enum More {
    Bytes,
    Found(Found),
    /// Nothing more will come.
    End,
}

impl Inbox {
    pub(super) fn new(
        receiver: Receiver<session::In>,
        (input, Range { start, end }): Input,
        options: &super::Options,
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
            let found = driver.with(|outgoing, out| self.take(outgoing, out));
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
            let part = driver.with(|outgoing, out| self.take_part(outgoing, out));
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

    /// The reason that the peer gave for closing.
    pub(super) fn reason(&self) -> &str {
        self.close().map_or("", |close| close.reason)
    }

    fn close(&self) -> Option<Close<'_>> {
        let (code, reason) = self.close.as_ref()?;
        Some(Close {
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
    pub(super) fn message(&self, shape: Shape, place: &Place) -> Message<'_> {
        Message {
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

    fn take(&mut self, outgoing: &mut Outgoing, out: &mut Vec<u8>) -> Result<Option<Found>, Fault> {
        let bounds = self.input.as_ptr_range();
        let mut input = &mut self.input[self.start..self.end];
        let event = outgoing.receive(&mut self.receiver, &mut input, out)?;
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
        outgoing: &mut Outgoing,
        out: &mut Vec<u8>,
    ) -> Result<Option<Part>, Fault> {
        let bounds = self.input.as_ptr_range();
        let mut input = &mut self.input[self.start..self.end];
        let piece = outgoing.receive_piece(&mut self.receiver, &mut input, out)?;
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

    /// Writes what waits, and reads more. All that was read before has been looked at.
    fn more<D: Driver>(&mut self, driver: &mut D) -> Result<More, Error> {
        let state = driver.with(|outgoing, _| outgoing.state());
        match state {
            State::Open | State::Closing => {
                driver.flush()?;
                if driver.with(|outgoing, _| outgoing.owes_pong()) {
                    driver.with(|outgoing, out| outgoing.pay(out));
                    driver.flush()?;
                }
            }
            State::PeerClosed => {
                driver.flush()?;
                return Ok(More::End);
            }
            State::Closed => {
                self.end(driver)?;
                return Ok(More::End);
            }
        }
        loop {
            self.wait(driver)?;
            match self.read(driver) {
                Ok(More::End) => {
                    let receiver = &mut self.receiver;
                    let finished = driver.with(|outgoing, _| outgoing.finish(receiver));
                    self.ended = true;
                    return match finished {
                        Ok(()) => Ok(More::End),
                        Err(fault) => {
                            self.fault = Some(fault);
                            Err(fault.into())
                        }
                    };
                }
                Ok(more) => return Ok(more),
                Err(Error::Io(error)) if is_timeout(&error) => self.late(error, driver)?,
                Err(Error::Io(error)) => {
                    // The transport is lost.
                    let receiver = &mut self.receiver;
                    let _ = driver.with(|outgoing, _| outgoing.finish(receiver));
                    self.ended = true;
                    return Err(error.into());
                }
                Err(error) => return Err(error),
            }
            let closed = driver.with(|outgoing, _| outgoing.state() == State::Closed);
            if closed {
                self.end(driver)?;
                return Ok(More::End);
            }
        }
    }

    fn read<D: Driver>(&mut self, driver: &mut D) -> Result<More, Error> {
        // Where the rest of a frame is at least as long as what is read at a time, it is read to
        // where it is to be, and nothing behind it.
        if let Some(space) = self.receiver.space(SPACE.max(self.buffer))
            && space.len() >= self.buffer
        {
            let n = read(driver.stream(), space)?;
            if n == 0 {
                return Ok(More::End);
            }
            let receiver = &mut self.receiver;
            let filled = driver.with(|outgoing, out| {
                let event = outgoing.fill(receiver, n, out)?;
                Ok(event.map(|event| Found::of(event, |slice| Place::Held(0..slice.len()))))
            });
            return match filled {
                Ok(Some(found)) => Ok(More::Found(found)),
                Ok(None) => Ok(More::Bytes),
                Err(fault) => Err(self.fail(fault, driver)),
            };
        }
        if self.input.len() < self.buffer {
            self.input = vec![0; self.buffer];
        }
        (self.start, self.end) = (0, 0);
        let n = read(driver.stream(), &mut self.input)?;
        self.end = n;
        Ok(if n == 0 { More::End } else { More::Bytes })
    }

    /// Looks at the clock, if something waits for it, and lets the next read take no longer.
    fn wait<D: Driver>(&mut self, driver: &mut D) -> Result<(), Error> {
        let due = self.tick(driver)?;
        let mut time = match due {
            Some(due) => Some(due.saturating_sub(self.epoch.elapsed())),
            None => driver.nap(),
        };
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(timed_out());
            }
            time = Some(time.map_or(left, |time| time.min(left)));
        }
        let timed = driver.set_read_timeout(time)?;
        self.wake = time
            .filter(|_| timed)
            .and_then(|time| Instant::now().checked_add(time));
        Ok(())
    }

    /// When the session has something to do next; what is due now is done.
    fn tick<D: Driver>(&mut self, driver: &mut D) -> Result<Option<Duration>, Error> {
        let Some(due) = driver.with(|outgoing, _| outgoing.deadline()) else {
            return Ok(None);
        };
        let now = self.epoch.elapsed();
        if now < due {
            return Ok(Some(due));
        }
        let offset = self.receiver.offset();
        let ticked = driver.with(|outgoing, out| outgoing.tick(offset, now, 0, out));
        match ticked {
            Ok(()) => {
                driver.flush()?;
                Ok(driver.with(|outgoing, _| outgoing.deadline()))
            }
            Err(fault) => Err(self.fail(fault, driver)),
        }
    }

    /// Nothing came for a while: whose time was it?
    fn late<D: Driver>(&mut self, error: io::Error, driver: &mut D) -> Result<(), Error> {
        self.tick(driver)?;
        let now = Instant::now();
        let passed = self.deadline.is_some_and(|deadline| now >= deadline);
        // Clocks have grains.
        let ours = self.wake.is_some_and(|wake| now + GRAIN >= wake);
        match ours && !passed {
            true => Ok(()),
            false => Err(Error::Io(error)),
        }
    }

    /// The session has failed: the peer is told, as far as it listens.
    fn fail<D: Driver>(&mut self, fault: Fault, driver: &mut D) -> Error {
        if !matches!(fault.error, crate::Error::Misuse(_)) {
            self.fault = Some(fault);
            // What could not be written yet can be, by a flush.
            let _ = self.end(driver);
        }
        fault.into()
    }

    /// Brings the transport to its end (RFC 6455 §7.1.1): writes what waits, says that no more will
    /// come, and reads until the peer says so too. A socket closed with bytes unread would be reset,
    /// and our close frame lost.
    ///
    /// What goes wrong here no longer matters: both sides have said what they had to.
    ///
    /// An error is that of a stream whose time-outs are its owner's: to be called again.
    fn end<D: Driver>(&mut self, driver: &mut D) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        // A peer that does not answer is gone, and nobody waits for it.
        let gone = |fault: Fault| {
            let gone = [PeerError::NoPong, PeerError::NoClose];
            gone.iter().any(|&error| fault.error == error.into())
        };
        let until = Instant::now() + self.close_timeout;
        let timed = driver.limit_writing(self.close_timeout).unwrap_or(true);
        match driver.flush() {
            Err(error) if !timed && is_timeout(&error) => return Err(error),
            Err(_) => {
                self.ended = true;
                return Ok(());
            }
            Ok(()) => self.ended = true,
        }
        // The server closes first, so that the client does not have to remember the connection.
        let first = self.server || self.fault.is_some();
        if first {
            let _ = driver.shutdown(false);
        }
        if !self.fault.is_some_and(gone) {
            self.drain(until, driver);
        }
        let _ = driver.shutdown(true);
        Ok(())
    }

    fn drain<D: Driver>(&mut self, until: Instant, driver: &mut D) {
        let mut drained = 0;
        if self.input.is_empty() {
            self.input = vec![0; self.buffer];
        }
        (self.start, self.end) = (0, 0);
        while drained < DRAIN {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !matches!(driver.set_read_timeout(Some(left)), Ok(true)) {
                return;
            }
            match read(driver.stream(), &mut self.input) {
                Ok(0) | Err(_) => return,
                Ok(n) => drained += n as u64,
            }
        }
    }
}

impl Found {
    fn of(event: Event<'_>, place: impl Fn(&[u8]) -> Place) -> Self {
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
