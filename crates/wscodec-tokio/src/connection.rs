//! The connection behind all faces of this crate: a stream, a session, and what waits between them.
//!
//! Everything that changes state happens within a poll, and nothing is kept in a future. A message is
//! queued in the same poll that finds room for it, and bytes are decoded in the same poll that hands
//! the event out. So a future that is dropped between two polls has either done its work or none.
//!
//! Order of work of a reader: decode what was read; read; only when nothing can be read, look at the
//! timers and write what is queued. Messages that arrive together are therefore answered in one
//! write, and bytes that have arrived are decoded before a deadline is applied, as the rule of the
//! timers in `wscodec::session` demands.
//!
//! Nothing that is queued is stranded: answers to control frames and messages that were sent are
//! written at once, unless undecoded input is held. Then the queue is left to the next poll that
//! finds nothing to read, and a task is spawned that writes it if no such poll comes (see
//! [`Shared::flush_soon`]). Only `feed` leaves messages in the queue on purpose.
//!
//! The end: when the session is closed or has failed, the connection writes what is queued and shuts
//! the stream down. A server does so at once; a client first waits for the server (RFC 6455 §7.1.1).
//! After a failure the rest of the peer's bytes is read and dropped, as unread bytes would make the
//! system reset the connection, and the peer would not see the close frame. Each step is bounded by
//! the close timeout. Then the reader is told the error, once.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};
use wscodec::deflate::{Compressor, Decompressor};
use wscodec::frame::Role;
use wscodec::{CloseCode, ErrorKind, Fault, LimitError, PeerError};

use crate::buffers;
use crate::engines::{SharedDeflate, SharedInflate};
use crate::input::Input;
use crate::message::Message;
use crate::names::{Error, Keys, Sender, Session, SessionState};
use crate::options::ConnectionOptions;
use crate::queue::Queue;
use crate::wakers::{Wakers, poll_shared};

/// The extension that decodes: permessage-deflate with [shared](crate::SharedInflate) tables, or none.
pub type Inbound = Option<Box<Decompressor<SharedInflate>>>;
/// The extension that encodes: permessage-deflate with [shared](crate::SharedDeflate) engines, or none.
pub type Outbound = Option<Box<Compressor<SharedDeflate>>>;
/// The session of a connection of this crate.
pub type SharedSession = Session<Keys, Inbound, Outbound>;
pub(crate) type Sending = Sender<Keys, Outbound>;

/// After this many reads without an event a reader lets other tasks run.
const READS: u8 = 32;
/// From this many bytes of a begun message on, its payload is read to where it is put together.
const DIRECT: usize = 16 << 10;
/// The most bytes that are read there at a time.
const DIRECT_MOST: usize = 256 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The queue is written.
    Flush,
    /// A client waits for the server to close.
    Await,
    Shutdown,
    /// Bytes of the peer are read and dropped.
    Drain,
    Done,
}

/// Bytes for the session: handed over, or written to its space.
pub(crate) enum Fed<'f, 'i> {
    Bytes(&'f mut &'i mut [u8]),
    Filled(usize),
}

/// The result of a step of decoding.
pub(crate) enum Step<R> {
    /// All bytes are used up.
    Nothing,
    /// An event that is not the caller's.
    Other,
    /// A result for the caller. With `true`, what is queued is to be written soon.
    Found(R, bool),
}

pub(crate) struct Connection<S> {
    pub(crate) stream: S,
    pub(crate) session: SharedSession,
    pub(crate) input: Input,
    out: Queue,
    /// The stream has bytes that it was not asked to flush.
    unflushed: bool,
    phase: Phase,
    /// The error that ended the connection, until the reader is told.
    error: Option<Error>,
    /// Writing has failed for good.
    lost: Option<io::ErrorKind>,
    role: Role,
    close_timeout: Duration,
    write_timeout: Option<Duration>,
    queue: usize,
    /// The zero of the session's clock.
    epoch: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
    /// When the transport counts as stalled, or the phase of the end is over.
    until: Option<Instant>,
    /// If several tasks wait for the stream.
    wakers: Option<Arc<Wakers>>,
}

impl<S> Connection<S> {
    pub(crate) fn new(
        stream: S,
        session: SharedSession,
        role: Role,
        rest: &[u8],
        options: &ConnectionOptions,
    ) -> Self {
        Self {
            stream,
            session,
            input: Input::new(rest),
            out: Queue::default(),
            unflushed: false,
            phase: Phase::Open,
            error: None,
            lost: None,
            role,
            close_timeout: options.session.close_timeout,
            write_timeout: options.write_timeout,
            queue: options.queue.max(1),
            epoch: Instant::now(),
            sleep: None,
            until: None,
            wakers: None,
        }
    }

    /// Bytes that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.out.len()
    }

    /// The reader was told the end.
    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done && self.error.is_none()
    }

    /// From here on, several tasks may wait for the stream.
    pub(crate) fn share(&mut self) {
        self.wakers.get_or_insert_default();
    }

    /// Lets `f` append to the queue, if the connection can send.
    pub(crate) fn queue<R>(
        &mut self,
        f: impl FnOnce(&mut Sending, &mut Vec<u8>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        if let Some(kind) = self.lost {
            return Err(self.lost_error(kind));
        }
        let result = f(self.session.sender(), self.out.buffer_with_memory());
        self.out.tidy();
        result
    }

    /// Queues a message. Its payload is kept instead of copied if it is large, the stream can write
    /// from several places at once, and the frame carries it as it is.
    pub(crate) fn queue_message(&mut self, message: Message) -> Result<(), Error>
    where
        S: AsyncWrite,
    {
        match message.as_large() {
            Some(lent) if self.stream.is_write_vectored() && self.out.make_place() => {
                if self.queue(|sending, out| Ok(sending.forward_vectored(lent, out)?))? {
                    self.out.push(message.into_data());
                }
                Ok(())
            }
            _ => self.queue(|sending, out| message.send(sending, out)),
        }
    }

    fn lost_error(&self, kind: io::ErrorKind) -> Error {
        match self.session.outcome().and_then(|outcome| outcome.fault) {
            Some(fault) => fault.into(),
            None => io::Error::from(kind).into(),
        }
    }

    fn begin_end(&mut self, error: Option<Error>) {
        if self.phase == Phase::Open {
            self.error = error;
            self.input.clear();
            self.session.release();
            self.enter(Phase::Flush);
        }
    }

    /// The session may have ended without a step of decoding, by a close frame of ours.
    pub(crate) fn begin_end_if_closed(&mut self) {
        if self.session.state() == SessionState::Closed {
            self.begin_end(None);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.until = match phase {
            Phase::Open | Phase::Done => None,
            _ => Instant::now().checked_add(self.close_timeout),
        };
    }

    /// Nothing is written any more.
    fn lose(&mut self, kind: io::ErrorKind) {
        self.lost = Some(kind);
        self.unflushed = false;
        self.out.clear();
        if self.phase == Phase::Open {
            self.until = None;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Writes the queue, and flushes the stream.
    pub(crate) fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if let Some(kind) = self.lost {
            return Poll::Ready(Err(self.lost_error(kind)));
        }
        while !self.out.is_empty() || self.unflushed {
            let (stream, out) = (&mut self.stream, &self.out);
            let result = poll_shared(self.wakers.as_ref(), cx, |cx| match out.is_empty() {
                false => out.poll_write(stream, cx),
                true => Pin::new(&mut *stream).poll_flush(cx).map_ok(|()| 0),
            });
            match result {
                Poll::Ready(Ok(0)) if !out.is_empty() => self.lose(io::ErrorKind::WriteZero),
                Poll::Ready(Ok(n)) => {
                    self.unflushed = n > 0;
                    self.session.sent(n);
                    self.out.advance(n);
                    if self.session.has_pending_pong() && self.out.is_empty() {
                        self.session.send_pending_pong(self.out.buffer());
                    }
                    if self.phase == Phase::Open {
                        self.until = None;
                    } else if n > 0 && self.phase == Phase::Flush {
                        self.enter(Phase::Flush);
                    }
                    continue;
                }
                Poll::Ready(Err(error)) => self.lose(error.kind()),
                Poll::Pending => {
                    if self.until.is_none()
                        && let Some(time) = self.write_timeout
                    {
                        self.until = Instant::now().checked_add(time);
                    }
                    return Poll::Pending;
                }
            }
            if let Some(kind) = self.lost {
                return Poll::Ready(Err(self.lost_error(kind)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// As [`poll_push`](Self::poll_push), and fails if the transport has accepted nothing for too
    /// long.
    pub(crate) fn poll_push_or_stall(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Poll::Ready(result) = self.poll_push(cx) {
                return Poll::Ready(result);
            }
            ready!(self.poll_sleep(cx, false));
            self.check_stall();
        }
    }

    /// Waits until a message can be queued.
    #[inline]
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.lost.is_none() && self.queued() < self.queue {
            true => Poll::Ready(Ok(())),
            false => self.poll_until_room(cx),
        }
    }

    fn poll_until_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        loop {
            if let Some(kind) = self.lost {
                return Poll::Ready(Err(self.lost_error(kind)));
            }
            if self.queued() < self.queue {
                return Poll::Ready(Ok(()));
            }
            match self.poll_push(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending if self.queued() < self.queue => {}
                Poll::Pending => {
                    ready!(self.poll_sleep(cx, false));
                    self.check_stall();
                }
            }
        }
    }

    /// Ends a wait for a transport that accepts nothing. In the end of a connection too, or those who
    /// wait for the queue would wait for ever.
    fn check_stall(&mut self) {
        if self.until.is_none_or(|until| until > Instant::now()) {
            return;
        }
        match self.phase {
            Phase::Open => {
                self.session.fail(LimitError::Stalled, self.out.buffer());
                self.lose(io::ErrorKind::TimedOut);
                let fault = self.session.outcome().and_then(|outcome| outcome.fault);
                self.begin_end(fault.map(Error::from));
            }
            Phase::Flush => self.lose(io::ErrorKind::TimedOut),
            _ => {}
        }
    }

    /// When the next of the deadlines is; those of the session are the reader's.
    fn deadline(&self, session: bool) -> Option<Instant> {
        let session = match session && self.phase == Phase::Open {
            true => self.session.deadline(),
            false => None,
        };
        let session = session.and_then(|at| self.epoch.checked_add(at));
        session.into_iter().chain(self.until).min()
    }

    /// Ready when a deadline has passed. Without a runtime of tokio there is nobody to wake the task
    /// then, so deadlines are only looked at when something else does.
    fn poll_sleep(&mut self, cx: &mut Context<'_>, session: bool) -> Poll<()> {
        let Some(at) = self.deadline(session) else {
            return Poll::Pending;
        };
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        let sleep = match &mut self.sleep {
            Some(sleep) => sleep,
            None if Handle::try_current().is_err() => return Poll::Pending,
            None => self.sleep.insert(Box::pin(sleep_until(at))),
        };
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        poll_shared(self.wakers.as_ref(), cx, |cx| sleep.as_mut().poll(cx))
    }

    /// Reads the stream and decodes by `step`, until that finds something for the caller: a result,
    /// and whether what is queued is to be written soon. `None` is the end.
    /// With `direct`, the payload of a large message may be read to where it is put together.
    pub(crate) fn poll_read<R>(
        &mut self,
        cx: &mut Context<'_>,
        direct: bool,
        mut step: impl FnMut(&mut SharedSession, Fed<'_, '_>, &mut Vec<u8>) -> Result<Step<R>, Fault>,
    ) -> Poll<Option<Result<(R, bool), Error>>> {
        let mut reads = 0;
        // Bytes that were decoded may hold more than one piece: the end of a message behind its last
        // bytes, or the rest of what they inflate to. So pieces are asked for without bytes first.
        let mut more = !direct;
        while self.phase == Phase::Open {
            if !self.input.is_empty() || more {
                let mut rest = self.input.rest();
                let result = step(&mut self.session, Fed::Bytes(&mut rest), self.out.buffer());
                more = !direct && !matches!(result, Ok(Step::Nothing));
                let left = rest.len();
                self.input.keep(left);
                if let Some(found) = self.found(result) {
                    return Poll::Ready(Some(found));
                }
                continue;
            }
            self.input.tidy();
            if reads < READS {
                reads += 1;
                match self.poll_fill(cx, direct) {
                    Poll::Ready(0) => continue,
                    Poll::Ready(len) => {
                        let fed = Fed::Filled(len);
                        let result = step(&mut self.session, fed, self.out.buffer());
                        if let Some(found) = self.found(result) {
                            return Poll::Ready(Some(found));
                        }
                        continue;
                    }
                    Poll::Pending => {}
                }
            } else {
                cx.waker().wake_by_ref();
            }
            // Nothing can be read now, or it is other tasks' turn.
            if self.poll_idle(cx).is_pending() {
                return Poll::Pending;
            }
        }
        ready!(self.poll_end(cx));
        Poll::Ready(self.error.take().map(Err))
    }

    /// Reads once: into the input, or `len` bytes into the session's space.
    fn poll_fill(&mut self, cx: &mut Context<'_>, direct: bool) -> Poll<usize> {
        let begun = self.session.buffered();
        if direct
            && begun >= DIRECT
            && self.session.in_message()
            && let Some(space) = self.session.space(begun.min(DIRECT_MOST))
        {
            let mut buf = ReadBuf::new(space);
            let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            let len = buf.filled().len();
            if result.is_err() || len == 0 {
                self.read_ended(result.err());
            }
            return Poll::Ready(len);
        }
        let mut buffer = buffers::take_read();
        let mut buf = ReadBuf::new(&mut buffer);
        let result = Pin::new(&mut self.stream).poll_read(cx, &mut buf);
        let len = buf.filled().len();
        match result {
            Poll::Ready(Ok(())) if len > 0 => {
                self.input = Input::filled(buffer, len);
                return Poll::Ready(0);
            }
            _ => buffers::give_read(buffer),
        }
        self.read_ended(ready!(result).err());
        Poll::Ready(0)
    }

    /// The peer sends nothing more.
    fn read_ended(&mut self, error: Option<io::Error>) {
        let ours = self.session.outcome().is_some();
        let end = self.session.end();
        let cause = match end {
            Ok(()) => None,
            // The session was ending for a reason of its own, which stays.
            Err(fault) if ours || fault.error != PeerError::UnexpectedEof.into() => {
                Some(Error::from(fault))
            }
            Err(fault) => Some(match (error, self.lost) {
                (Some(error), _) => error.into(),
                (None, Some(kind)) => io::Error::from(kind).into(),
                (None, None) => fault.into(),
            }),
        };
        self.begin_end(cause);
    }

    /// The result of a step for the caller; ends the connection if the session has ended.
    fn found<R>(&mut self, result: Result<Step<R>, Fault>) -> Option<Result<(R, bool), Error>> {
        let (found, error) = match result {
            Ok(Step::Nothing | Step::Other) => (None, None),
            Ok(Step::Found(result, soon)) => (Some(Ok((result, soon))), None),
            // The caller's mistake leaves the session as it was.
            Err(fault) if matches!(fault.error, ErrorKind::Misuse(_)) => {
                return Some(Err(fault.into()));
            }
            Err(fault) => (None, Some(fault)),
        };
        if self.session.state() == SessionState::Closed {
            self.begin_end(error.map(Error::from));
        }
        found
    }

    /// Nothing can be read: gives memory back, looks at the timers and writes the queue. Ready if the
    /// connection has ended.
    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.session.buffered() > 0 && !self.session.in_message() {
            self.session.shrink();
        }
        loop {
            // The error of a write is kept until nothing more can be read, because the peer's last
            // messages and its close frame may have arrived.
            let _ = self.poll_push(cx);
            ready!(self.poll_sleep(cx, true));
            self.check_stall();
            if self.phase == Phase::Open {
                self.tick();
            }
            if self.phase != Phase::Open {
                return Poll::Ready(());
            }
        }
    }

    fn tick(&mut self) {
        let (now, unsent) = (self.epoch.elapsed(), self.queued());
        if let Err(fault) = self.session.tick(now, unsent, self.out.buffer()) {
            self.begin_end(Some(fault.into()));
            if fault.error.close_code() == Some(CloseCode::ABNORMAL) {
                // The peer is gone, or does not close: there is nobody to tell.
                self.lose(io::ErrorKind::TimedOut);
                self.enter(Phase::Done);
            }
        }
    }

    /// Brings the connection to its end; see the module's documentation.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.phase != Phase::Done {
            self.check_stall();
            let over = self.until.is_some_and(|until| until <= Instant::now());
            let polled = match self.phase {
                _ if over => Poll::Ready(()),
                Phase::Open | Phase::Done => return Poll::Ready(()),
                Phase::Flush => self.poll_push(cx).map(drop),
                Phase::Await | Phase::Drain => self.poll_discard(cx),
                Phase::Shutdown if self.lost.is_some() => Poll::Ready(()),
                Phase::Shutdown => poll_shared(self.wakers.as_ref(), cx, |cx| {
                    Pin::new(&mut self.stream).poll_shutdown(cx).map(drop)
                }),
            };
            if polled.is_pending() {
                ready!(self.poll_sleep(cx, false));
            }
            let clean = self.session.outcome().is_some_and(|outcome| outcome.clean);
            self.enter(match self.phase {
                Phase::Flush if clean && self.role == Role::Client => Phase::Await,
                Phase::Flush | Phase::Await => Phase::Shutdown,
                Phase::Shutdown if !clean => Phase::Drain,
                _ => Phase::Done,
            });
        }
        self.out.clear();
        Poll::Ready(())
    }

    /// Reads and drops bytes to the end of the stream.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; 4096];
        for _ in 0..READS {
            let mut buf = ReadBuf::new(&mut buffer);
            let result = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            if result.is_err() || buf.filled().is_empty() {
                return Poll::Ready(());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
