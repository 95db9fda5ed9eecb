//! One connection: from its first byte to its last.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::boxed::Box;
use std::vec::Vec;

use log::{debug, info};

use super::deadlines::Armed;
use super::event_loop::Lane;
use super::handle::Id;
use super::handler::{Grant, Handler, Peer};
use super::net::{Net, Platform};
use super::queue::Queue;
use super::slots::Key;
use crate::error::{CloseCode, Error, LimitError};
use crate::frame::Close;
use crate::handshake::{Refusal, RequestReader};
use crate::message::{Event, Prepared, Unmasked};
use crate::session::{PooledIn, PooledOut, Session, State};

type Stream = <Platform as Net>::Stream;

/// A message that has come this far is read to its place, without a copy.
const LARGE: usize = 64 << 10;
/// Buffers for messages in parts that are larger than this are given back after the message.
const KEPT: usize = 16 << 10;

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
    phase: Phase<S>,
    queue: Queue,
    /// Input that was read and not looked at, because too much waits to be sent.
    held: Vec<u8>,
    /// Nothing is read until the queue is empty.
    paused: bool,
    /// Whether the platform was asked to report that the stream can be written to.
    reported: bool,
    /// There was no room for it: its request will be refused.
    surplus: bool,
    address: SocketAddr,
    /// When the phase began.
    since: Duration,
    /// When something of the queue went last, while there is one.
    moved: Duration,
}

enum Phase<S> {
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
            phase: Phase::Leaving { shut: false },
            queue: Queue::default(),
            held: Vec::new(),
            paused: false,
            reported: false,
            surplus,
            address,
            since: Duration::ZERO,
            moved: Duration::ZERO,
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
            Phase::Head { .. } => Some(self.since + lane.options.handshake_timeout),
            Phase::Open { session, .. } => session.deadline(),
            Phase::Leaving { shut: true } => Some(self.since + lane.options.linger),
            Phase::Leaving { shut: false } => None,
        };
        let stall = (!self.queue.is_empty()).then(|| self.moved + lane.options.stall_timeout);
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
        let out = self.queue.buffer(&mut lane.out);
        if self.send(key, out, lane).is_err() {
            return Next::Drop;
        }
        if !self.paused || !self.queue.is_empty() {
            return Next::Keep;
        }
        self.paused = false;
        self.report(key, lane);
        if self.held.is_empty() {
            return Next::Again;
        }
        let mut held = core::mem::take(&mut self.held);
        match self.feed(key, &mut held, lane) {
            Next::Keep => Next::Again,
            next => next,
        }
    }

    /// The connection's deadline has come.
    pub(super) fn expire<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if !self.queue.is_empty() && lane.now >= self.moved + lane.options.stall_timeout {
            debug!("{} dropped: reads nothing", self.address);
            return Next::Drop;
        }
        match &mut self.phase {
            Phase::Head { .. } if lane.now >= self.since + lane.options.handshake_timeout => {
                self.refuse(key, LimitError::HandshakeTooSlow, lane)
            }
            Phase::Open { session, .. } => {
                let mut out = self.queue.buffer(&mut lane.out);
                // What it says shows in the state.
                let _ = session.tick(lane.now, &mut out);
                self.settle(key, out, lane)
            }
            Phase::Leaving { shut: true } if lane.now >= self.since + lane.options.linger => {
                Next::Drop
            }
            _ => Next::Keep,
        }
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
        if session.prepared(message, self.queue.waiting()).is_err() {
            return Next::Keep; // It is closing.
        }
        lane.stats.messages_out += 1;
        if self.queue.len() > lane.options.queue {
            let error = Error::from(LimitError::QueueTooLong);
            info!("{} dropped: {}", self.address, error);
            session.fail(error, &mut Vec::new());
            return Next::Drop;
        }
        Next::Keep
    }

    /// Sends what was delivered.
    pub(super) fn flush<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let out = self.queue.buffer(&mut lane.out);
        match self.send(key, out, lane) {
            Ok(()) => Next::Keep,
            Err(_) => Next::Drop,
        }
    }

    /// The server stops.
    pub(super) fn stop<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        match &mut self.phase {
            Phase::Head { .. } => Next::Drop,
            Phase::Open { session, .. } => {
                let mut out = self.queue.buffer(&mut lane.out);
                let close = Close {
                    code: CloseCode::GOING_AWAY,
                    reason: "the server stops",
                };
                // It fails if the connection is closing already.
                let _ = session.close(Some(close), &mut out);
                let _ = session.tick(lane.now, &mut out);
                self.settle(key, out, lane)
            }
            Phase::Leaving { .. } => Next::Keep,
        }
    }

    /// The connection is gone: tells the handler, if it knew of it.
    pub(super) fn end<H: Handler<State = S>>(mut self: Box<Self>, key: Key, lane: &mut Lane<'_, H>) {
        self.leave(key, lane);
        lane.net.remove(self.stream, key.index);
    }

    fn read_head<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        let n = match lane.net.read(&mut self.stream, &mut lane.buf) {
            Ok(0) => return Next::Drop,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
            Err(_) => return Next::Drop,
        };
        lane.stats.bytes_in += n as u64;
        let again = n == lane.buf.len();
        // Lent while the rest of the lane is used.
        let mut buf = core::mem::take(&mut lane.buf);
        let next = self.head(key, &mut buf[..n], lane);
        lane.buf = buf;
        match next {
            Next::Keep if again => Next::Again,
            next => next,
        }
    }

    fn head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        input: &mut [u8],
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let Phase::Head { reader, bytes } = &mut self.phase else {
            return Next::Keep;
        };
        // A head that comes in one piece, as most do, is looked at where it lies.
        let mut whole = core::mem::take(bytes);
        let in_place = whole.is_empty();
        let input = match in_place {
            true => input,
            false => {
                whole.extend_from_slice(input);
                &mut whole[..]
            }
        };
        let request = match reader.read(input) {
            Ok(Some(request)) => request,
            Ok(None) => {
                *bytes = match in_place {
                    true => input.to_vec(),
                    false => whole,
                };
                return Next::Keep;
            }
            Err(fault) => return self.refuse(key, fault.error, lane),
        };
        if self.surplus {
            return self.refuse(key, LimitError::TooManyConnections, lane);
        }
        let upgrade = match lane.options.policy.judge(&request) {
            Ok(upgrade) => upgrade,
            Err(fault) => return self.refuse(key, fault.error, lane),
        };
        let mut grant = Grant {
            upgrade,
            headers: Vec::new(),
            address: self.address,
        };
        let state = match lane.handler.accept(&request, &mut grant) {
            Ok(state) => state,
            Err(refusal) => {
                info!("{} {} {}", self.address, refusal.status(), request.path());
                return self.answer(key, refusal, lane);
            }
        };
        let Grant {
            upgrade, headers, ..
        } = grant;
        let mut out = self.queue.buffer(&mut lane.out);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        if let Err(error) = upgrade.accept().headers(&headers).write(&mut out) {
            log::error!("{} the answer to be sent: {error}", self.address);
            return self.answer(key, Refusal::new(500), lane);
        }
        info!(
            "{} open {} {} {}",
            self.address,
            request.path(),
            upgrade.protocol().unwrap_or("-"),
            match upgrade.deflate() {
                Some(_) => "permessage-deflate",
                None => "-",
            }
        );
        let mut session = upgrade.session_from(&lane.pool, &lane.options.session);
        let _ = session.tick(lane.now, &mut out);
        let len = request.head_len();
        self.since = lane.now;
        self.phase = Phase::Open {
            session,
            state,
            received: 0,
        };
        lane.stats.accepted += 1;
        self.call(key, &mut out, lane, |handler, peer| handler.open(peer));
        match self.settle(key, out, lane) {
            Next::Keep => self.feed(key, &mut input[len..], lane),
            next => next,
        }
    }

    fn read_frames<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        if session.in_message()
            && session.buffered() >= LARGE
            && let Some(space) = session.space(lane.buf.len())
        {
            let room = space.len();
            let n = match lane.net.read(&mut self.stream, space) {
                Ok(0) => return Next::Drop,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
                Err(_) => return Next::Drop,
            };
            lane.stats.bytes_in += n as u64;
            return match self.fill(key, n, lane) {
                Next::Keep if n == room => Next::Again,
                next => next,
            };
        }
        let n = match lane.net.read(&mut self.stream, &mut lane.buf) {
            Ok(0) => return Next::Drop,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
            Err(_) => return Next::Drop,
        };
        lane.stats.bytes_in += n as u64;
        let again = n == lane.buf.len();
        let mut buf = core::mem::take(&mut lane.buf);
        let next = self.feed(key, &mut buf[..n], lane);
        lane.buf = buf;
        match next {
            Next::Keep if again && !self.paused => Next::Again,
            next => next,
        }
    }

    /// Hands out all messages of the input, and sends all that is said about them at once.
    fn feed<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut input: &mut [u8],
        lane: &mut Lane<'_, H>,
    ) -> Next {
        loop {
            let Phase::Open {
                session,
                state,
                received,
            } = &mut self.phase
            else {
                return Next::Keep;
            };
            let mut out = self.queue.buffer(&mut lane.out);
            let full = loop {
                if out.len() >= lane.options.high_water && !input.is_empty() {
                    break true;
                }
                // A fault shows in the state.
                let Ok(Some((event, outgoing))) = session.receive(&mut input, &mut out) else {
                    break false;
                };
                if matches!(event, Event::Ping(_) | Event::Close(_)) {
                    continue;
                }
                let mut peer = Peer {
                    state,
                    id: Id {
                        lane: lane.index,
                        key,
                    },
                    address: self.address,
                    outgoing,
                    out: &mut out,
                    handle: &lane.handle,
                    sent: &mut lane.stats.messages_out,
                };
                match event {
                    Event::Message(message) => {
                        *received += 1;
                        lane.stats.messages_in += 1;
                        lane.handler.message(&mut peer, message);
                    }
                    Event::Pong(payload) => lane.handler.pong(&mut peer, payload),
                    Event::Ping(_) | Event::Close(_) => {}
                }
            };
            let next = self.settle(key, out, lane);
            if !full || next == Next::Drop {
                return next;
            }
            if self.queue.len() >= lane.options.high_water {
                self.held = input.to_vec();
                return next;
            }
        }
    }

    /// Takes what was read to its place in a large message.
    fn fill<H: Handler<State = S>>(
        &mut self,
        key: Key,
        len: usize,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let Phase::Open {
            session,
            state,
            received,
        } = &mut self.phase
        else {
            return Next::Keep;
        };
        let mut out = self.queue.buffer(&mut lane.out);
        if let Ok(Some((Event::Message(message), outgoing))) = session.fill(len, &mut out) {
            *received += 1;
            lane.stats.messages_in += 1;
            let mut peer = Peer {
                state,
                id: Id {
                    lane: lane.index,
                    key,
                },
                address: self.address,
                outgoing,
                out: &mut out,
                handle: &lane.handle,
                sent: &mut lane.stats.messages_out,
            };
            lane.handler.message(&mut peer, message);
        }
        self.settle(key, out, lane)
    }

    fn call<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: &mut Vec<u8>,
        lane: &mut Lane<'_, H>,
        f: impl FnOnce(&mut H, &mut Peer<'_, S>),
    ) {
        let Phase::Open { session, state, .. } = &mut self.phase else {
            return;
        };
        let mut peer = Peer {
            state,
            id: Id {
                lane: lane.index,
                key,
            },
            address: self.address,
            outgoing: session,
            out,
            handle: &lane.handle,
            sent: &mut lane.stats.messages_out,
        };
        f(&mut lane.handler, &mut peer);
    }

    /// Sends what was said, and sees whether that was the last.
    fn settle<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: Vec<u8>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if let Phase::Open { session, .. } = &mut self.phase {
            if session.state() == State::Closed {
                self.leave(key, lane);
            } else if session.buffered() > KEPT && !session.in_message() {
                session.shrink();
            }
        }
        if self.send(key, out, lane).is_err() {
            return Next::Drop;
        }
        if self.queue.len() > lane.options.queue {
            debug!("{} dropped: {}", self.address, LimitError::QueueTooLong);
            return Next::Drop;
        }
        Next::Keep
    }

    /// Writes as much as goes. Pauses the connection if too much is left, and says goodbye when
    /// nothing is and all is said.
    #[inline]
    fn send<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: Vec<u8>,
        lane: &mut Lane<'_, H>,
    ) -> io::Result<()> {
        let went = self
            .queue
            .send(out, &mut lane.out, &mut lane.net, &mut self.stream)?;
        lane.stats.bytes_out += went as u64;
        if self.queue.is_empty() {
            if self.reported {
                self.report(key, lane);
            }
            if let Phase::Leaving { shut: shut @ false } = &mut self.phase {
                *shut = true;
                self.since = lane.now;
                lane.net.shut_down(&mut self.stream);
            }
            return Ok(());
        }
        if went > 0 || !self.reported {
            self.moved = lane.now;
        }
        self.paused |= self.queue.len() >= lane.options.high_water;
        self.report(key, lane);
        Ok(())
    }

    /// Tells the platform what is worth reporting.
    fn report<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) {
        self.reported = !self.queue.is_empty();
        lane.net
            .interest(&mut self.stream, key.index, !self.paused, self.reported);
    }

    /// Answers a request that can't be accepted.
    fn refuse<H: Handler<State = S>>(
        &mut self,
        key: Key,
        error: impl Into<Error>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let error = error.into();
        info!("{} refused: {error}", self.address);
        match Refusal::of(error) {
            Some(refusal) => self.answer(key, refusal, lane),
            None => Next::Drop,
        }
    }

    fn answer<H: Handler<State = S>>(
        &mut self,
        key: Key,
        refusal: Refusal<'_>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        lane.stats.refused += 1;
        let mut out = self.queue.buffer(&mut lane.out);
        out.clear();
        if let Err(error) = refusal.write(&mut out) {
            log::error!("{} the refusal to be sent: {error}", self.address);
            return Next::Drop;
        }
        self.phase = Phase::Leaving { shut: false };
        match self.send(key, out, lane) {
            Ok(()) => Next::Keep,
            Err(_) => Next::Drop,
        }
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
        lane.handler.close(id, state, &outcome);
    }

    /// Reads and forgets, so that the peer gets what was sent last: closing with bytes unread could
    /// take it away again.
    fn drain<H: Handler<State = S>>(&mut self, lane: &mut Lane<'_, H>) -> Next {
        match lane.net.read(&mut self.stream, &mut lane.buf) {
            Ok(0) => Next::Drop,
            Ok(n) => {
                lane.stats.bytes_in += n as u64;
                match n == lane.buf.len() {
                    true => Next::Again,
                    false => Next::Keep,
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Next::Keep,
            Err(_) => Next::Drop,
        }
    }
}
