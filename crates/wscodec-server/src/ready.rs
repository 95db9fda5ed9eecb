//! A connection whose socket is ready, whose deadline has come, or for which others sent a message.
//!
//! Problem: the event loop may run late. The process was suspended, a handler took long, or the system
//! reported sockets in another order than that in which bytes arrived. A deadline that is applied
//! without a look at the socket would then end connections whose pong or request has arrived in time.
//!
//! Choice: before a deadline is applied, and before a connection is closed by the server, `catch_up`
//! writes the queue and reads what the socket holds, at most `CATCH_UP` times. The limit keeps a fast
//! peer from holding up all others.
//!
//! Invariants: one report leads to one read of at most the loop's buffer; if more input may be there,
//! the result is `Next::Again`, and all other ready connections come first. The queue that others
//! filled is counted apart from the connection's own answers (`others`), because an answer of any size
//! that its peer reads is no backlog. A socket is closed only after its input was read to the end or
//! the linger time is over.

use std::io;

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::handler::Handler;
use super::net::Net;
use super::table::Key;
use wscodec::error::{ErrorKind, LimitError};
use wscodec::message::Prepared;

/// Reads of a connection whose deadline is due or that is being closed, before the others have
/// their turn: what a socket's buffer holds, on most systems.
const CATCH_UP: usize = 16;

impl<S> Conn<S> {
    /// Reads, if there is something to read.
    #[inline]
    pub(super) fn readable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if self.is_paused() {
            return Next::Keep;
        }
        if !self.held.is_empty() {
            return self.resume(key, cx);
        }
        match &mut self.phase {
            Phase::Open { .. } => self.read_frames(key, cx),
            Phase::Head { .. } => self.read_head(key, cx),
            // The end of the stream says that the client has given up.
            Phase::Deciding { .. } if self.ended => Next::Drop,
            Phase::Deciding { .. } => Next::Keep,
            Phase::Leaving { .. } => self.drain(cx),
        }
    }

    /// Writes, if something is queued.
    pub(super) fn writable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if self.queue.is_empty() {
            return Next::Keep;
        }
        self.flush(key, cx)
    }

    /// Decodes input that was held back.
    fn resume<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) -> Next {
        let mut held = core::mem::take(&mut self.held);
        match self.feed(key, &mut held, cx) {
            Next::Keep => Next::Again,
            next => next,
        }
    }

    /// Whether the connection's deadline has come.
    fn is_due<H: Handler<State = S>>(&self, cx: &Context<'_, H>) -> bool {
        self.deadline(cx).is_some_and(|at| at <= cx.now)
    }

    /// Reads and writes what is possible, without waiting to be reported.
    pub(super) fn catch_up<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let mut next = self.writable(key, cx);
        for _ in 0..CATCH_UP {
            if next == Next::Drop {
                return next;
            }
            next = self.readable(key, cx);
            if next != Next::Again {
                break;
            }
        }
        next
    }

    /// The connection's entry in the deadline heap has expired.
    ///
    /// The process may not have run for a while (SIGSTOP, a suspended machine, a handler that
    /// takes long), and the system does not report sockets in the order in which bytes arrived. So
    /// the socket is read and written before a deadline is applied: a request, a pong or a close
    /// frame that has arrived counts, however late the event loop comes to read it.
    pub(super) fn expire<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if !self.is_due(cx) {
            return Next::Keep;
        }
        let next = self.catch_up(key, cx);
        if next == Next::Drop || !self.is_due(cx) {
            return next;
        }
        if !self.queue.is_empty() && cx.now >= self.moved.saturating_add(cx.options.stall_timeout) {
            return self.abandon(LimitError::Stalled.into());
        }
        let applied = match &mut self.phase {
            Phase::Head { .. } => self.reject(key, LimitError::HandshakeTooSlow, cx),
            Phase::Deciding { .. } => self.undecided(key, cx),
            Phase::Open { session, .. } => {
                let unsent = self.queue.len();
                let mut out = self.queue.buffer(&mut cx.out);
                let waited = session.awaits_pong();
                // A failure shows in the state.
                let _ = session.tick(cx.now, unsent, &mut out);
                if !waited && session.awaits_pong() {
                    self.pinged = cx.now;
                }
                self.settle(key, out, cx)
            }
            Phase::Leaving { .. } => Next::Drop,
        };
        match applied {
            Next::Keep => next,
            other => other,
        }
    }

    /// Puts a message for this connection into its queue; [`flush`](Self::flush) sends it.
    pub(super) fn deliver<H: Handler<State = S>>(
        &mut self,
        message: &Prepared,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        let before = self.queue.len();
        match session.sender().prepared(message, self.queue.waiting()) {
            Ok(()) => {}
            Err(ErrorKind::Limit(LimitError::OutOfMemory)) => {
                return self.abandon(LimitError::OutOfMemory.into());
            }
            Err(_) => return Next::Keep, // It is closing.
        }
        cx.reach.message(message.payload().len());
        // An answer of any size that the peer reads now is no backlog.
        self.others += self.queue.len() - before;
        if self.others.min(self.queue.len()) > cx.options.max_buffered {
            return self.abandon(LimitError::BufferFull.into());
        }
        Next::Keep
    }

    /// Sends the queue.
    pub(super) fn flush<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let out = self.queue.buffer(&mut cx.out);
        self.send(key, out, cx)
    }

    /// Reads and discards. If a socket is closed while it holds unread bytes, the kernel resets the
    /// connection, and the peer may lose the bytes that were sent last.
    fn drain<H: Handler<State = S>>(&mut self, cx: &mut Context<'_, H>) -> Next {
        match cx.net.read(&mut self.stream, &mut cx.buf) {
            // The peer may still read.
            Ok(0) if !self.queue.is_empty() => Next::Keep,
            Ok(0) => Next::Drop,
            Ok(n) => {
                cx.stats.bytes_in += n as u64;
                match n == cx.buf.len() || self.ended {
                    true => Next::Again,
                    false => Next::Keep,
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Next::Keep,
            Err(_) => Next::Drop,
        }
    }
}
