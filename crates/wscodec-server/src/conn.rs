//! One connection, from its first byte to its last: its phases, its output, and its end.
//!
//! The problem: a failure (a peer that does not read, a failed write, a limit, a panic of the handler,
//! the end of the server) can happen in every phase, and the connection has to end with one outcome.
//!
//! Choice: a connection is an enum of phases. All ways out of the open phase go through `leave`, which takes
//! the session and the state away and reports the outcome, so that it is reported once. Steps return
//! [`Next`], and the event loop alone drops connections. All output goes through `settle` and `send`: they
//! write once for a batch of messages, compare the queue with its limit, and end the stream behind the last
//! byte.
//!
//! A batch is the hot path: flags that are set for few connections only are tested together, and their work is
//! in functions of their own (`emptied`, `after_step`).

use core::time::Duration;
use std::io;
use std::vec::Vec;

use log::{debug, info};

use super::address::Address;
use super::context::Context;
use super::deadlines::Armed;
use super::handler::Handler;
use super::net::{Net, Platform};
use super::queue::Queue;
use super::recipients::Id;
use super::rooms::Joined;
use super::table::Key;
use super::trace::Span;
use super::unwind;
use wscodec::error::{ErrorKind, LimitError, MisuseError};
use wscodec::handshake::UpgradeRequestReader;
use wscodec::message::Unmasked;
use wscodec::session::{PooledIn, PooledOut, Session, SessionState};

type Stream = <Platform as Net>::Stream;

/// A buffer for fragmented messages that is larger than this is freed after the message.
pub(super) const KEPT: usize = 16 << 10;

/// The next step of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The connection waits until the system reports its socket.
    Keep,
    /// There may be more to read that the system will not report.
    Again,
    /// The connection has ended.
    Drop,
}

/// Which limit of the number of connections is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surplus {
    None,
    OfServer,
    OfAddress,
}

pub(super) struct Conn<S> {
    pub(super) stream: Stream,
    pub(super) armed: Armed,
    /// The peer has ended the stream. Bytes before the end may still be unread.
    pub(super) ended: bool,
    pub(super) phase: Phase<S>,
    pub(super) queue: Queue,
    /// Input that was read and not decoded yet, because too much output is queued or it is the turn of
    /// other connections.
    pub(super) held: Vec<u8>,
    /// The connection is in the ready queue.
    pub(super) queued: bool,
    /// The loop does not read from the socket until the queue is empty.
    queue_pauses: bool,
    /// The loop does not read from the socket until the handler resumes reading.
    handler_pauses: bool,
    /// A write has failed. The loop still reads from the socket, and discards all output.
    pub(super) broken: bool,
    /// The bytes that arrived last are the beginning of a frame.
    pub(super) in_frame: bool,
    /// The server stops: the offset behind which the connection is closed although more arrives.
    pub(super) stopping: Option<u64>,
    /// The platform was asked to report when the stream can be written to.
    reported: bool,
    /// The connection is beyond a limit: its request will be rejected.
    pub(super) surplus: Surplus,
    /// Its request was not accepted.
    pub(super) opening: bool,
    pub(super) address: Address,
    pub(super) span: Span,
    /// When the phase began.
    pub(super) since: Duration,
    /// When bytes of the queue last left, while there is one.
    pub(super) moved: Duration,
    /// Bytes of messages from elsewhere that were queued since the queue was last empty.
    pub(super) others: usize,
    /// When the heartbeat sent a ping that is not answered; zero if there is none.
    pub(super) pinged: Duration,
    /// The rooms that the connection is a member of.
    pub(super) rooms: Joined,
    /// Bytes of `high_water` or more were queued since the queue was last empty.
    pub(super) full: bool,
    /// The queue has emptied after that, and the handler is to be told.
    pub(super) drained: bool,
    /// Bytes held, as they were last [counted](Self::count).
    pub(super) counted: usize,
}

#[expect(
    clippy::large_enum_variant,
    reason = "nearly all connections are open ones"
)]
pub(super) enum Phase<S> {
    Head {
        reader: UpgradeRequestReader,
        bytes: Vec<u8>,
    },
    /// The handler has deferred its decision on the request, whose bytes these are, with those that
    /// came behind it. Nothing is read meanwhile.
    Deciding { bytes: Vec<u8> },
    Open {
        session: Session<Unmasked, PooledIn, PooledOut>,
        state: S,
        received: u64,
        /// Bytes of the message that arrives, if it is handed on in pieces.
        size: usize,
    },
    /// The session has ended, or the request was rejected: the queue is sent, and the loop waits for the
    /// peer to end the stream.
    Leaving { shut: bool },
}

impl<S> Conn<S> {
    pub(super) fn new(stream: Stream, address: Address, surplus: Surplus) -> Self {
        Self {
            stream,
            armed: Armed::default(),
            ended: false,
            phase: Phase::Leaving { shut: false },
            queue: Queue::default(),
            held: Vec::new(),
            queued: false,
            queue_pauses: false,
            handler_pauses: false,
            broken: false,
            in_frame: false,
            stopping: None,
            reported: false,
            surplus,
            opening: true,
            address,
            span: Span::new(address),
            since: Duration::ZERO,
            moved: Duration::ZERO,
            others: 0,
            pinged: Duration::ZERO,
            rooms: None,
            full: false,
            drained: false,
            counted: 0,
        }
    }

    /// Begins to wait for the request.
    pub(super) fn begin<H: Handler<State = S>>(&mut self, cx: &Context<'_, H>) {
        self.since = cx.now;
        self.phase = Phase::Head {
            reader: UpgradeRequestReader::new(&cx.options.session.limits),
            bytes: Vec::new(),
        };
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Bytes held besides the connection itself.
    pub(super) fn memory(&self) -> usize {
        let phase = match &self.phase {
            Phase::Head { bytes, .. } | Phase::Deciding { bytes } => bytes.capacity(),
            Phase::Open { session, .. } => session.memory(),
            Phase::Leaving { .. } => 0,
        };
        let stream = Platform::memory(&self.stream);
        phase + stream + self.queue.memory() + self.held.capacity()
    }

    /// When the connection has something to do although nothing arrives.
    #[inline(always)]
    pub(super) fn deadline<H: Handler<State = S>>(&self, cx: &Context<'_, H>) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Head { .. } | Phase::Deciding { .. } => {
                Some(self.since.saturating_add(cx.options.handshake_timeout))
            }
            Phase::Open { session, .. } => session.deadline(),
            Phase::Leaving { shut: true } => Some(self.since.saturating_add(cx.options.linger)),
            Phase::Leaving { shut: false } => None,
        };
        let stall =
            (!self.queue.is_empty()).then(|| self.moved.saturating_add(cx.options.stall_timeout));
        match (phase, stall) {
            (Some(phase), Some(stall)) => Some(phase.min(stall)),
            (phase, stall) => phase.or(stall),
        }
    }

    /// Gives the connection up without a close frame, which would wait behind the queue. The
    /// handler gets the reason.
    pub(super) fn abandon(&mut self, error: ErrorKind) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            debug!("{} is dropped: {error}", self.address);
            session.fail(error, &mut Vec::new());
        }
        Next::Drop
    }

    /// There is no memory for the connection's buffers: ends it if it is open.
    #[cold]
    pub(super) fn out_of_memory<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let error = ErrorKind::from(LimitError::OutOfMemory);
        if !self.queue.is_empty() {
            return self.abandon(error);
        }
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Drop;
        };
        let mut out = self.queue.buffer(&mut cx.out);
        session.fail(error, &mut out);
        self.held = Vec::new();
        self.settle(key, out, cx)
    }

    /// The handler panicked: ends this connection, and tells the peer.
    #[cold]
    pub(super) fn panicked<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut out: Vec<u8>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        log::error!("{} {}", self.address, MisuseError::HandlerFailed);
        self.span.panicked();
        if let Phase::Open { session, .. } = &mut self.phase {
            session.fail(MisuseError::HandlerFailed, &mut out);
        }
        self.settle(key, out, cx)
    }

    /// The connection has ended: reports that to the handler, if the connection was open, and closes
    /// the socket.
    pub(super) fn end<H: Handler<State = S>>(mut self, key: Key, cx: &mut Context<'_, H>) {
        self.leave(key, cx);
        cx.net.remove(self.stream, key.index);
    }

    /// Sends the output of a batch of messages, and leaves the open phase if the session has ended.
    pub(super) fn settle<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut out: Vec<u8>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let paused = self.handler_pauses;
        if let Phase::Open { session, .. } = &mut self.phase {
            if core::mem::take(&mut cx.reach.starved) {
                session.fail(LimitError::OutOfMemory, &mut out);
            }
            if session.state() == SessionState::Closed {
                self.leave(key, cx);
            } else if session.buffered() > KEPT && !session.in_message() {
                session.shrink();
            }
        }
        if let Some(pauses) = cx.reach.pauses.take() {
            // A connection that has ended, or whose output is broken, is read to its end.
            self.pause(self.queue_pauses, pauses && self.is_open() && !self.broken);
        }
        let mut next = self.send(key, out, cx);
        if paused != self.handler_pauses {
            next = self.reading_changed(key, next, cx);
        }
        let queued = self.queue.len();
        if queued > 0
            && next != Next::Drop
            && queued - self.others.min(queued) > cx.options.most_answers()
        {
            return self.abandon(LimitError::BufferFull.into());
        }
        next
    }

    /// Writes as much as the kernel takes. Pauses reading if too much is left and the options say so,
    /// resumes reading when nothing is left, and ends the stream after the last byte of a connection that
    /// has ended.
    #[inline]
    pub(super) fn send<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: Vec<u8>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        self.full |= out.len() >= cx.options.high_water;
        let sent = match self.broken {
            true => Ok(0),
            false => self
                .queue
                .send(out, &mut cx.out, &mut cx.net, &mut self.stream),
        };
        let Ok(went) = sent else {
            return self.write_failed(key, cx);
        };
        cx.stats.bytes_out += went as u64;
        if let Phase::Open { session, .. } = &mut self.phase {
            session.sent(went);
        }
        if self.queue.is_empty() {
            self.others = 0;
            if let Phase::Open { session, .. } = &mut self.phase
                && session.has_pending_pong()
            {
                let mut out = self.queue.buffer(&mut cx.out);
                session.send_pending_pong(&mut out);
                if !out.is_empty() {
                    return self.send(key, out, cx);
                }
            }
            return match self.full | self.queue_pauses | self.reported | !self.is_open() {
                true => self.emptied(key, cx),
                false => Next::Keep,
            };
        }
        if went > 0 || !self.reported {
            self.moved = cx.now;
        }
        if cx.options.pause_reading_when_full && self.queue.len() >= cx.options.high_water {
            self.pause(true, self.handler_pauses);
        }
        self.report(key, cx);
        Next::Keep
    }

    /// The handler has paused or resumed reading.
    #[cold]
    fn reading_changed<H: Handler<State = S>>(
        &mut self,
        key: Key,
        next: Next,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if next == Next::Drop {
            return next;
        }
        self.report(key, cx);
        // The system has reported the bytes that arrived during a pause, and won't do so again.
        match next {
            Next::Keep if !self.is_paused() => Next::Again,
            next => next,
        }
    }

    /// Whether the loop does not read from the socket.
    pub(super) fn is_paused(&self) -> bool {
        self.queue_pauses || self.handler_pauses
    }

    /// The queue is empty after it was not, or it was the last of a connection that has ended.
    fn emptied<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) -> Next {
        self.drained |= core::mem::take(&mut self.full);
        let paused = self.queue_pauses;
        self.pause(false, self.handler_pauses);
        if self.reported || paused {
            self.report(key, cx);
        }
        if let Phase::Leaving { shut: shut @ false } = &mut self.phase {
            *shut = true;
            self.since = cx.now;
            cx.net.shut_down(&mut self.stream);
        }
        // The system has reported the bytes that arrived during the pause, and won't do so again.
        match paused && !self.handler_pauses {
            true => Next::Again,
            false => Next::Keep,
        }
    }

    /// Pauses or resumes reading. The session's timers need to know that, because a peer whose pong we
    /// do not read is not dead.
    fn pause(&mut self, queue: bool, handler: bool) {
        let before = self.is_paused();
        (self.queue_pauses, self.handler_pauses) = (queue, handler);
        let paused = self.is_paused();
        if let Phase::Open { session, .. } = &mut self.phase
            && before != paused
        {
            session.set_reading(!paused);
        }
    }

    /// A write failed. Bytes that the peer sent before may still be in the socket, a close frame among
    /// them, and its code is the connection's close code (RFC 6455 §7.1.5). So the loop reads on until
    /// the stream ends.
    #[cold]
    fn write_failed<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) -> Next {
        if !matches!(self.phase, Phase::Open { .. }) {
            return Next::Drop;
        }
        self.broken = true;
        self.pause(false, false);
        self.queue.clear();
        self.report(key, cx);
        Next::Again
    }

    /// Registers for the readiness that the connection waits for.
    fn report<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) {
        self.reported = !self.queue.is_empty();
        let (reads, writes) = (!self.is_paused(), self.reported);
        cx.net.interest(&mut self.stream, key.index, reads, writes);
    }

    /// Leaves the open phase, and reports the outcome to the handler.
    fn leave<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) {
        let phase = core::mem::replace(&mut self.phase, Phase::Leaving { shut: false });
        let Phase::Open {
            mut session,
            state,
            received,
            ..
        } = phase
        else {
            self.phase = phase;
            return;
        };
        self.handler_pauses = false;
        if session.state() != SessionState::Closed {
            // Its transport was lost, or is taken from it.
            let _ = session.end();
        }
        let Some(outcome) = session.outcome() else {
            return;
        };
        if !outcome.clean {
            cx.stats.failed += 1;
        }
        let fault = outcome.fault.map(|fault| fault.error.code());
        cx.figures.closed(outcome.code, fault);
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
            "{} {} bytes, {received} messages received",
            self.address,
            session.offset()
        );
        let id = Id {
            event_loop: cx.index,
            key,
        };
        self.span.closed(&outcome, received, session.offset());
        let (handler, span) = (&mut cx.handler, &self.span);
        let close = || span.scope(|| handler.close(id, state, &outcome));
        if unwind::guard(close).is_none() {
            self.span.panicked();
            cx.stats.panics += 1;
            log::error!("{} {}", self.address, MisuseError::HandlerFailed);
        }
    }

    /// Reads once into the shared buffer, and hands on the bytes that arrived.
    pub(super) fn read<H: Handler<State = S>>(
        &mut self,
        cx: &mut Context<'_, H>,
        look: impl FnOnce(&mut Self, &mut [u8], &mut Context<'_, H>) -> Next,
    ) -> Next {
        let n = match cx.net.read(&mut self.stream, &mut cx.buf) {
            Ok(0) => return Next::Drop,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
            Err(_) => return Next::Drop,
        };
        cx.stats.bytes_in += n as u64;
        let again = n == cx.buf.len() || self.ended;
        // Taken out while the rest of the context is used.
        let mut buf = core::mem::take(&mut cx.buf);
        let next = look(self, &mut buf[..n], cx);
        cx.buf = buf;
        match next {
            Next::Keep if again && !self.is_paused() => Next::Again,
            next => next,
        }
    }
}
