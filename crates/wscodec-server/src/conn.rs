//! One connection: from its first byte to its last.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::vec::Vec;

use log::{debug, info};

use super::deadlines::Armed;
use super::event_loop::Lane;
use super::handle::Id;
use super::handler::Handler;
use super::net::{Net, Platform};
use super::queue::Queue;
use super::slots::Key;
use super::unwind;
use wscodec::error::{CloseCode, Error, LimitError, MisuseError, PeerError};
use wscodec::frame::Close;
use wscodec::handshake::RequestReader;
use wscodec::message::{Prepared, Unmasked};
use wscodec::session::{PooledIn, PooledOut, Session, State};

type Stream = <Platform as Net>::Stream;

/// Buffers for messages in parts that are larger than this are given back after the message.
pub(super) const KEPT: usize = 16 << 10;

/// Reads of a connection whose deadline is due or that is being closed, before the others have
/// their turn: what a socket's buffer holds, on most systems.
const CATCH_UP: usize = 16;

/// Bytes that are read from a connection after the server was stopped, before it is closed at the
/// next boundary between messages. No socket's buffer holds more, so what arrived before is read.
const MOST_ARRIVED: u64 = 8 << 20;

/// What is to become of a connection after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It waits to be reported.
    Keep,
    /// There may be more to read, which will not be reported.
    Again,
    /// It is over.
    Drop,
}

pub(super) struct Conn<S> {
    pub(super) stream: Stream,
    pub(super) armed: Armed,
    /// The peer has sent its last byte, which may not be read yet.
    pub(super) ended: bool,
    pub(super) phase: Phase<S>,
    pub(super) queue: Queue,
    /// Input that was read and not looked at, because too much waits to be sent or the others have
    /// their turn.
    pub(super) held: Vec<u8>,
    /// The loop comes back to it by itself.
    pub(super) queued: bool,
    /// Nothing is read until the queue is empty.
    pub(super) paused: bool,
    /// A write has failed. What still arrives is read, and nothing is sent any more.
    broken: bool,
    /// The bytes that arrived last are the beginning of a frame.
    pub(super) in_frame: bool,
    /// The server stops: the offset behind which the connection is closed although more arrives.
    stopping: Option<u64>,
    /// Whether the platform was asked to report that the stream can be written to.
    reported: bool,
    /// There was no room for it: its request will be refused.
    pub(super) surplus: bool,
    pub(super) address: SocketAddr,
    /// When the phase began.
    pub(super) since: Duration,
    /// When something of the queue went last, while there is one.
    moved: Duration,
    /// Bytes held, as they were last [counted](Self::count).
    pub(super) counted: usize,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all connections are open ones"
)]
pub(super) enum Phase<S> {
    Head {
        reader: RequestReader,
        bytes: Vec<u8>,
    },
    Open {
        session: Session<Unmasked, PooledIn, PooledOut>,
        state: S,
        received: u64,
    },
    /// All is said: what waits is sent, and the peer's end is awaited.
    Leaving { shut: bool },
}

impl<S> Conn<S> {
    pub(super) fn new(stream: Stream, address: SocketAddr, surplus: bool) -> Self {
        Self {
            stream,
            armed: Armed::default(),
            ended: false,
            phase: Phase::Leaving { shut: false },
            queue: Queue::default(),
            held: Vec::new(),
            queued: false,
            paused: false,
            broken: false,
            in_frame: false,
            stopping: None,
            reported: false,
            surplus,
            address,
            since: Duration::ZERO,
            moved: Duration::ZERO,
            counted: 0,
        }
    }

    /// Begins to wait for the request.
    pub(super) fn begin<H: Handler<State = S>>(&mut self, lane: &Lane<'_, H>) {
        self.since = lane.now;
        self.phase = Phase::Head {
            reader: RequestReader::new(&lane.options.session.limits),
            bytes: Vec::new(),
        };
    }

    /// Bytes held besides the connection itself.
    pub(super) fn memory(&self) -> usize {
        let phase = match &self.phase {
            Phase::Head { bytes, .. } => bytes.capacity(),
            Phase::Open { session, .. } => session.memory(),
            Phase::Leaving { .. } => 0,
        };
        phase + self.queue.memory() + self.held.capacity()
    }

    /// When something is to be done although nothing comes.
    pub(super) fn deadline<H: Handler<State = S>>(&self, lane: &Lane<'_, H>) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Head { .. } => Some(self.since.saturating_add(lane.options.handshake_timeout)),
            Phase::Open { session, .. } => session.deadline(),
            Phase::Leaving { shut: true } => Some(self.since.saturating_add(lane.options.linger)),
            Phase::Leaving { shut: false } => None,
        };
        let stall =
            (!self.queue.is_empty()).then(|| self.moved.saturating_add(lane.options.stall_timeout));
        match (phase, stall) {
            (Some(phase), Some(stall)) => Some(phase.min(stall)),
            (phase, stall) => phase.or(stall),
        }
    }

    /// There may be something to read.
    #[inline]
    pub(super) fn readable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if self.paused {
            return Next::Keep;
        }
        if !self.held.is_empty() {
            return self.resume(key, lane);
        }
        match &mut self.phase {
            Phase::Open { .. } => self.read_frames(key, lane),
            Phase::Head { .. } => self.read_head(key, lane),
            Phase::Leaving { .. } => self.drain(lane),
        }
    }

    /// There may be room to write.
    pub(super) fn writable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if self.queue.is_empty() {
            return Next::Keep;
        }
        self.flush(key, lane)
    }

    /// Looks at what is held.
    fn resume<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        let mut held = core::mem::take(&mut self.held);
        match self.feed(key, &mut held, lane) {
            Next::Keep => Next::Again,
            next => next,
        }
    }

    /// Whether the connection's deadline has come.
    fn is_due<H: Handler<State = S>>(&self, lane: &Lane<'_, H>) -> bool {
        self.deadline(lane).is_some_and(|at| at <= lane.now)
    }

    /// Reads and writes what is possible, without waiting to be reported.
    fn catch_up<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        let mut next = self.writable(key, lane);
        for _ in 0..CATCH_UP {
            if next == Next::Drop {
                return next;
            }
            next = self.readable(key, lane);
            if next != Next::Again {
                break;
            }
        }
        next
    }

    /// The connection's entry among the deadlines has come up.
    ///
    /// The process may not have run for a while (SIGSTOP, a suspended machine, a handler that
    /// takes long), and the system does not report sockets in the order in which bytes arrived. So
    /// the socket is read and written before a deadline is applied: a request, a pong or a close
    /// frame that has arrived counts, however late the event loop comes to read it.
    pub(super) fn expire<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if !self.is_due(lane) {
            return Next::Keep;
        }
        let next = self.catch_up(key, lane);
        if next == Next::Drop || !self.is_due(lane) {
            return next;
        }
        if !self.queue.is_empty()
            && lane.now >= self.moved.saturating_add(lane.options.stall_timeout)
        {
            return self.abandon(LimitError::Stalled.into());
        }
        let applied = match &mut self.phase {
            Phase::Head { .. } => self.refuse(key, LimitError::HandshakeTooSlow, lane),
            Phase::Open { session, .. } => {
                let unsent = self.queue.len();
                let mut out = self.queue.buffer(&mut lane.out);
                // A failure shows in the state.
                let _ = session.tick(lane.now, unsent, &mut out);
                self.settle(key, out, lane)
            }
            Phase::Leaving { .. } => Next::Drop,
        };
        match applied {
            Next::Keep => next,
            other => other,
        }
    }

    /// Gives the connection up without a close frame, which would wait behind the queue. The
    /// handler gets the reason.
    pub(super) fn abandon(&mut self, error: Error) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            debug!("{} is dropped: {error}", self.address);
            session.fail(error, &mut Vec::new());
        }
        Next::Drop
    }

    /// Puts a message for this connection into its queue; [`flush`](Self::flush) sends it.
    pub(super) fn deliver<H: Handler<State = S>>(
        &mut self,
        message: &Prepared,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        match session.prepared(message, self.queue.waiting()) {
            Ok(()) => {}
            Err(Error::Limit(LimitError::OutOfMemory)) => {
                return self.abandon(LimitError::OutOfMemory.into());
            }
            Err(_) => return Next::Keep, // It is closing.
        }
        lane.stats.messages_out += 1;
        if self.queue.len() > lane.options.max_buffered {
            return self.abandon(LimitError::BufferFull.into());
        }
        Next::Keep
    }

    /// Sends what waits.
    pub(super) fn flush<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let out = self.queue.buffer(&mut lane.out);
        self.send(key, out, lane)
    }

    /// The server stops. Reads what has arrived. A request that is not answered yet gets status 503.
    pub(super) fn stop<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        let next = self.catch_up(key, lane);
        match &self.phase {
            Phase::Head { .. } if next != Next::Drop => self.unavailable(key, lane),
            _ => next,
        }
    }

    /// The server stops, and open connections are closed from now on: this one as soon as it
    /// [`is_quiet`](Self::is_quiet). Reads what has arrived.
    pub(super) fn begin_to_close<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if let Phase::Open { session, .. } = &self.phase {
            self.stopping = Some(session.offset() + MOST_ARRIVED);
        }
        self.catch_up(key, lane)
    }

    /// Whether the server stops and this connection can be closed: all that has arrived is read, or
    /// more than can have arrived before, and no message is half read.
    pub(super) fn is_quiet(&self, next: Next) -> bool {
        let (Some(most), Phase::Open { session, .. }) = (self.stopping, &self.phase) else {
            return false;
        };
        let read = next == Next::Keep && !self.queued && !self.paused;
        let between = !self.in_frame && !session.in_message() && self.held.is_empty();
        between && (read || session.offset() > most) && session.state() == State::Open
    }

    /// Closes the connection because the server stops.
    pub(super) fn go_away<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        let before = self.queue.len();
        let mut out = self.queue.buffer(&mut lane.out);
        let start = out.len();
        let close = Close {
            code: CloseCode::GOING_AWAY,
            reason: "the server stops",
        };
        // It fails if the connection is closing already.
        let _ = session.close(Some(close), &mut out);
        let unsent = before + (out.len() - start);
        let _ = session.tick(lane.now, unsent, &mut out);
        self.settle(key, out, lane)
    }

    /// The server stops, and its time for that is over.
    pub(super) fn time_is_up<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) {
        if self.catch_up(key, lane) != Next::Drop {
            self.go_away(key, lane);
            self.abandon(PeerError::NoClose.into());
        }
    }

    /// The handler panicked: ends this connection, and tells the peer.
    #[cold]
    pub(super) fn panicked<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut out: Vec<u8>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        log::error!("{} {}", self.address, MisuseError::HandlerFailed);
        if let Phase::Open { session, .. } = &mut self.phase {
            session.fail(MisuseError::HandlerFailed, &mut out);
        }
        self.settle(key, out, lane)
    }

    /// The connection is gone: tells the handler, if it knew of it.
    pub(super) fn end<H: Handler<State = S>>(mut self, key: Key, lane: &mut Lane<'_, H>) {
        self.leave(key, lane);
        lane.net.remove(self.stream, key.index);
    }

    /// Sends what was said, and sees whether that was the last.
    pub(super) fn settle<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut out: Vec<u8>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            if core::mem::take(&mut lane.starved) {
                session.fail(LimitError::OutOfMemory, &mut out);
            }
            if session.state() == State::Closed {
                self.leave(key, lane);
            } else if session.buffered() > KEPT && !session.in_message() {
                session.shrink();
            }
        }
        let next = self.send(key, out, lane);
        if next != Next::Drop && self.queue.len() > lane.options.most_answers() {
            return self.abandon(LimitError::BufferFull.into());
        }
        next
    }

    /// Writes as much as goes. Pauses the connection if too much is left, has it come again when
    /// nothing is, and ends the stream when the last byte is sent.
    #[inline]
    pub(super) fn send<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: Vec<u8>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let sent = match self.broken {
            true => Ok(0),
            false => self
                .queue
                .send(out, &mut lane.out, &mut lane.net, &mut self.stream),
        };
        let Ok(went) = sent else {
            return self.write_failed(key, lane);
        };
        lane.stats.bytes_out += went as u64;
        if let Phase::Open { session, .. } = &mut self.phase {
            session.sent(went);
        }
        if self.queue.is_empty() {
            if let Phase::Open { session, .. } = &mut self.phase
                && session.owes_pong()
            {
                let mut out = self.queue.buffer(&mut lane.out);
                session.pay(&mut out);
                if !out.is_empty() {
                    return self.send(key, out, lane);
                }
            }
            let paused = self.paused;
            self.pause(false);
            if self.reported || paused {
                self.report(key, lane);
            }
            if let Phase::Leaving { shut: shut @ false } = &mut self.phase {
                *shut = true;
                self.since = lane.now;
                lane.net.shut_down(&mut self.stream);
            }
            // What could be read meanwhile was reported, and is not reported again.
            return match paused {
                true => Next::Again,
                false => Next::Keep,
            };
        }
        if went > 0 || !self.reported {
            self.moved = lane.now;
        }
        if lane.options.pause_reading_when_full && self.queue.len() >= lane.options.high_water {
            self.pause(true);
        }
        self.report(key, lane);
        Next::Keep
    }

    /// Stops reading, or begins again. The session's timers need to know: a peer whose pong we do
    /// not read is not dead.
    fn pause(&mut self, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            if let Phase::Open { session, .. } = &mut self.phase {
                session.set_reading(!paused);
            }
        }
    }

    /// The peer takes nothing any more. What it sent before may still lie in the socket, a close
    /// frame among it, and its code is the connection's (RFC 6455 §7.1.5): so the connection goes
    /// on reading until the stream ends.
    #[cold]
    fn write_failed<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        if !matches!(self.phase, Phase::Open { .. }) {
            return Next::Drop;
        }
        self.broken = true;
        self.pause(false);
        self.queue.clear();
        self.report(key, lane);
        Next::Again
    }

    /// Tells the platform what is worth reporting.
    fn report<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) {
        self.reported = !self.queue.is_empty();
        lane.net
            .interest(&mut self.stream, key.index, !self.paused, self.reported);
    }

    /// The session is over: nothing more is said.
    fn leave<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) {
        let phase = core::mem::replace(&mut self.phase, Phase::Leaving { shut: false });
        let Phase::Open {
            mut session,
            state,
            received,
        } = phase
        else {
            self.phase = phase;
            return;
        };
        if session.state() != State::Closed {
            // Its transport was lost, or is taken from it.
            let _ = session.finish();
        }
        let Some(outcome) = session.outcome() else {
            return;
        };
        if !outcome.clean {
            lane.stats.failed += 1;
        }
        match outcome.fault {
            Some(fault) => info!("{} failed: {fault}", self.address),
            None => info!(
                "{} closed {} {:?}",
                self.address,
                outcome.code.value(),
                outcome.reason
            ),
        }
        debug!(
            "{} {} bytes, {received} messages came",
            self.address,
            session.offset()
        );
        let id = Id {
            lane: lane.index,
            key,
        };
        let handler = &mut lane.handler;
        if unwind::guard(|| handler.close(id, state, &outcome)).is_none() {
            lane.stats.panics += 1;
            log::error!("{} {}", self.address, MisuseError::HandlerFailed);
        }
    }

    /// Reads and forgets, so that the peer gets what was sent last: closing with bytes unread could
    /// take it away again.
    fn drain<H: Handler<State = S>>(&mut self, lane: &mut Lane<'_, H>) -> Next {
        match lane.net.read(&mut self.stream, &mut lane.buf) {
            // The peer may still read.
            Ok(0) if !self.queue.is_empty() => Next::Keep,
            Ok(0) => Next::Drop,
            Ok(n) => {
                lane.stats.bytes_in += n as u64;
                match n == lane.buf.len() || self.ended {
                    true => Next::Again,
                    false => Next::Keep,
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Next::Keep,
            Err(_) => Next::Drop,
        }
    }
}
