//! One connection: from its first byte to its last.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::vec::Vec;

use log::{debug, info};

use super::context::Context;
use super::deadlines::Armed;
use super::handle::Id;
use super::handler::Handler;
use super::net::{Net, Platform};
use super::queue::Queue;
use super::table::Key;
use super::unwind;
use wscodec::error::{Error, LimitError, MisuseError};
use wscodec::handshake::RequestReader;
use wscodec::message::Unmasked;
use wscodec::session::{PooledIn, PooledOut, Session, State};

type Stream = <Platform as Net>::Stream;

/// Buffers for messages in parts that are larger than this are given back after the message.
pub(super) const KEPT: usize = 16 << 10;

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
    pub(super) broken: bool,
    /// The bytes that arrived last are the beginning of a frame.
    pub(super) in_frame: bool,
    /// The server stops: the offset behind which the connection is closed although more arrives.
    pub(super) stopping: Option<u64>,
    /// Whether the platform was asked to report that the stream can be written to.
    reported: bool,
    /// There was no room for it: its request will be refused.
    pub(super) surplus: bool,
    pub(super) address: SocketAddr,
    /// When the phase began.
    pub(super) since: Duration,
    /// When bytes of the queue last left, while there is one.
    pub(super) moved: Duration,
    /// Bytes of messages from elsewhere that were queued since the queue was last empty.
    pub(super) others: usize,
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
            others: 0,
            counted: 0,
        }
    }

    /// Begins to wait for the request.
    pub(super) fn begin<H: Handler<State = S>>(&mut self, cx: &Context<'_, H>) {
        self.since = cx.now;
        self.phase = Phase::Head {
            reader: RequestReader::new(&cx.options.session.limits),
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
    pub(super) fn deadline<H: Handler<State = S>>(&self, cx: &Context<'_, H>) -> Option<Duration> {
        let phase = match &self.phase {
            Phase::Head { .. } => Some(self.since.saturating_add(cx.options.handshake_timeout)),
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
    pub(super) fn abandon(&mut self, error: Error) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            debug!("{} is dropped: {error}", self.address);
            session.fail(error, &mut Vec::new());
        }
        Next::Drop
    }

    /// There is no memory for what this connection holds or is about to hold: ends an open one.
    #[cold]
    pub(super) fn out_of_memory<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let error = Error::from(LimitError::OutOfMemory);
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
        if let Phase::Open { session, .. } = &mut self.phase {
            session.fail(MisuseError::HandlerFailed, &mut out);
        }
        self.settle(key, out, cx)
    }

    /// The connection is gone: tells the handler, if it knew of it.
    pub(super) fn end<H: Handler<State = S>>(mut self, key: Key, cx: &mut Context<'_, H>) {
        self.leave(key, cx);
        cx.net.remove(self.stream, key.index);
    }

    /// Sends what was said, and sees whether that was the last.
    pub(super) fn settle<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut out: Vec<u8>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            if core::mem::take(&mut cx.starved) {
                session.fail(LimitError::OutOfMemory, &mut out);
            }
            if session.state() == State::Closed {
                self.leave(key, cx);
            } else if session.buffered() > KEPT && !session.in_message() {
                session.shrink();
            }
        }
        let next = self.send(key, out, cx);
        let answers = self.queue.len() - self.others.min(self.queue.len());
        if next != Next::Drop && answers > cx.options.most_answers() {
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
        cx: &mut Context<'_, H>,
    ) -> Next {
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
                && session.owes_pong()
            {
                let mut out = self.queue.buffer(&mut cx.out);
                session.pay(&mut out);
                if !out.is_empty() {
                    return self.send(key, out, cx);
                }
            }
            let paused = self.paused;
            self.pause(false);
            if self.reported || paused {
                self.report(key, cx);
            }
            if let Phase::Leaving { shut: shut @ false } = &mut self.phase {
                *shut = true;
                self.since = cx.now;
                cx.net.shut_down(&mut self.stream);
            }
            // What could be read meanwhile was reported, and is not reported again.
            return match paused {
                true => Next::Again,
                false => Next::Keep,
            };
        }
        if went > 0 || !self.reported {
            self.moved = cx.now;
        }
        if cx.options.pause_reading_when_full && self.queue.len() >= cx.options.high_water {
            self.pause(true);
        }
        self.report(key, cx);
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
    fn write_failed<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) -> Next {
        if !matches!(self.phase, Phase::Open { .. }) {
            return Next::Drop;
        }
        self.broken = true;
        self.pause(false);
        self.queue.clear();
        self.report(key, cx);
        Next::Again
    }

    /// Tells the platform what is worth reporting.
    fn report<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) {
        self.reported = !self.queue.is_empty();
        cx.net
            .interest(&mut self.stream, key.index, !self.paused, self.reported);
    }

    /// The session is over: nothing more is said.
    fn leave<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) {
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
            cx.stats.failed += 1;
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
            event_loop: cx.index,
            key,
        };
        let handler = &mut cx.handler;
        if unwind::guard(|| handler.close(id, state, &outcome)).is_none() {
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
            Next::Keep if again && !self.paused => Next::Again,
            next => next,
        }
    }
}
