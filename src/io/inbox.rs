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
use super::line::{DRAIN, GRAIN, Pushed, read};
use crate::error::{CloseCode, Fault, PeerError};
use crate::frame::{Close, Header, Role};
use crate::message::{Event, Inbound, Kind, Message, Piece, Receiver};
use crate::session::{self, State};

pub(super) type Outgoing = session::Outgoing<Keys, session::Out>;

/// The most that is read at a time to where a large message is put together.
const SPACE: usize = 64 << 10;
/// A read waits so long where something else is to be done soon.
const BRIEFLY: Duration = Duration::from_millis(1);
/// What was read so long ago may not be all that has arrived.
const FRESH: Duration = Duration::from_millis(50);
/// A connection that is over waits at most this many times the close time-out, however slowly the
/// peer reads what waits for it.
const END_BOUND: u32 = 10;

/// How the receiving side reaches its stream and the sending side: at once, or through a lock.
pub(super) trait Driver {
    type Stream: Read;

    /// The sending side, and the bytes that wait to be written. Nothing is read or written meanwhile.
    fn with<R>(&mut self, f: impl FnOnce(&mut Outgoing, &mut Vec<u8>) -> R) -> R;
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
    /// When a read last ended, while something waits for the clock: bytes that had arrived before
    /// have been read.
    looked: Duration,
    /// Something waits for the clock.
    clocked: bool,
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
    ///
    /// The bytes that have arrived are read before a deadline is applied
    /// ([rule of the timers](crate::session#timers)), and whatever happens to writing: a peer that
    /// does not read, or a failed write, must not hide what the peer has sent. So each round tries to
    /// write for a slice, and then to read; the clock is looked at when a read has just ended.
    fn more<D: Driver>(&mut self, driver: &mut D) -> Result<More, Error> {
        loop {
            match driver.with(|outgoing, _| outgoing.state()) {
                State::Open | State::Closing => {}
                State::PeerClosed => {
                    self.write_out(driver)?;
                    return Ok(More::End);
                }
                State::Closed => {
                    self.end(driver)?;
                    return Ok(More::End);
                }
            }
            let mut pushed = driver.push();
            if matches!(pushed, Ok(Pushed::All)) && driver.with(|outgoing, _| outgoing.owes_pong())
            {
                driver.with(|outgoing, out| outgoing.pay(out));
                pushed = driver.push();
            }
            let (stuck, mut refused) = match pushed {
                Ok(Pushed::All | Pushed::Busy) => (false, None),
                Ok(Pushed::Stuck) => (true, None),
                Err(error) if is_timeout(&error) => (true, Some(error)),
                // Nothing can be written any more, but something may have been received.
                Err(_) => (false, None),
            };
            if !self.wait(driver, stuck)? {
                continue;
            }
            if self.wake.is_none()
                && let Some(error) = refused.take()
            {
                // A read might block for as long as the peer waits for what is not written.
                return Err(error.into());
            }
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
                Ok(more) => {
                    if self.clocked {
                        self.looked = self.epoch.elapsed();
                    }
                    return Ok(more);
                }
                Err(Error::Io(error)) if is_timeout(&error) => {
                    self.late(error, driver)?;
                    if let Some(error) = refused {
                        return Err(error.into());
                    }
                    if stuck && driver.with(|outgoing, _| outgoing.state()) == State::Open {
                        driver.check_stall()?;
                    }
                }
                Err(Error::Io(error)) => {
                    // The transport is lost.
                    let receiver = &mut self.receiver;
                    let _ = driver.with(|outgoing, _| outgoing.finish(receiver));
                    self.ended = true;
                    return Err(error.into());
                }
                Err(error) => return Err(error),
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

    /// Looks at the clock, if something waits for it, and lets the next read take no longer. Whether
    /// to read now: not if the clock has given something to write.
    fn wait<D: Driver>(&mut self, driver: &mut D, stuck: bool) -> Result<bool, Error> {
        let unsent = driver.unsent();
        let due = driver.with(|outgoing, _| outgoing.deadline());
        let mut time = driver.nap();
        self.clocked = due.is_some() || self.deadline.is_some();
        if self.clocked {
            let now = self.epoch.elapsed();
            let fresh = now.saturating_sub(self.looked) <= FRESH;
            if let Some(due) = due {
                if fresh && due <= self.looked {
                    self.tick(now, unsent, driver)?;
                    return Ok(false);
                }
                let left = due.saturating_sub(now);
                time = Some(time.map_or(left, |time| time.min(left)));
            }
            if let Some(deadline) = self.deadline {
                let deadline = deadline.saturating_duration_since(self.epoch);
                if deadline <= self.looked {
                    return Err(timed_out());
                }
                let left = deadline.saturating_sub(now);
                time = Some(time.map_or(left, |time| time.min(left)));
            }
        }
        if stuck {
            time = Some(BRIEFLY);
        }
        let timed = driver.set_read_timeout(time)?;
        self.wake = time
            .filter(|_| timed)
            .and_then(|time| Instant::now().checked_add(time));
        Ok(true)
    }

    fn tick<D: Driver>(
        &mut self,
        now: Duration,
        unsent: usize,
        driver: &mut D,
    ) -> Result<(), Error> {
        let offset = self.receiver.offset();
        match driver.with(|outgoing, out| outgoing.tick(offset, now, unsent, out)) {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.fail(fault, driver)),
        }
    }

    /// Nothing came for a while: an error if it was the caller's time, or the stream's own.
    fn late<D: Driver>(&mut self, error: io::Error, driver: &mut D) -> Result<(), Error> {
        self.looked = self.epoch.elapsed();
        let now = Instant::now();
        let passed = self.deadline.is_some_and(|deadline| now >= deadline);
        // Clocks have grains.
        let ours = self.wake.is_some_and(|wake| now + GRAIN >= wake);
        if ours && !passed {
            return Ok(());
        }
        let unsent = driver.unsent();
        let due = driver.with(|outgoing, _| outgoing.deadline());
        if due.is_some_and(|due| due <= self.looked) {
            self.tick(self.looked, unsent, driver)?;
            let _ = driver.push();
        }
        Err(Error::Io(error))
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
        let gone = self.fault.is_some_and(|fault| {
            let gone = [PeerError::NoPong, PeerError::NoClose];
            gone.iter().any(|&error| fault.error == error.into())
        });
        let all = match gone {
            true => matches!(driver.push(), Ok(Pushed::All)),
            false => self.write_out(driver)?,
        };
        self.ended = true;
        if all {
            // The server closes first, so that the client does not have to remember the connection.
            if self.server || self.fault.is_some() {
                let _ = driver.shutdown(false);
            }
            if !gone {
                self.drain(self.close_timeout, driver);
            }
        }
        let _ = driver.shutdown(true);
        Ok(())
    }

    /// Writes what waits, as long as the peer takes some of it: it has the close time-out for each
    /// step, and ten times that for all. What it sends meanwhile is dropped. Whether all has left.
    ///
    /// An error is that of a stream whose time-outs are its owner's.
    fn write_out<D: Driver>(&mut self, driver: &mut D) -> io::Result<bool> {
        let begun = Instant::now();
        let bound = self.close_timeout.saturating_mul(END_BOUND);
        let (mut moved, mut least) = (begun, usize::MAX);
        loop {
            match driver.push() {
                Ok(Pushed::All) => return Ok(true),
                Ok(Pushed::Busy | Pushed::Stuck) => {}
                Err(error) if is_timeout(&error) => return Err(error),
                Err(_) => return Ok(false),
            }
            let now = Instant::now();
            let unsent = driver.unsent();
            if unsent < least {
                (moved, least) = (now, unsent);
            }
            if now - moved >= self.close_timeout || now - begun >= bound {
                return Ok(false);
            }
            if !self.drain(BRIEFLY, driver) {
                // No bytes come any more. The peer may read all the same.
                std::thread::sleep(BRIEFLY);
            }
        }
    }

    /// Reads and drops for that long; whether the stream can still be read from.
    fn drain<D: Driver>(&mut self, time: Duration, driver: &mut D) -> bool {
        let begun = Instant::now();
        let mut drained = 0;
        if self.input.is_empty() {
            self.input = vec![0; self.buffer];
        }
        (self.start, self.end) = (0, 0);
        while drained < DRAIN {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return true;
            }
            if !matches!(driver.set_read_timeout(Some(left)), Ok(true)) {
                return false;
            }
            match read(driver.stream(), &mut self.input) {
                Ok(0) => return false,
                Ok(n) => drained += n as u64,
                Err(error) if is_timeout(&error) => return true,
                Err(_) => return false,
            }
        }
        false
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
