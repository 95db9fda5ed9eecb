//! A connection while the server stops.
//!
//! Problem: a server that closes all connections at once loses messages that peers have sent before
//! they could know of the stop, and it cuts messages of which one half has arrived. A server that waits
//! until a connection is silent never ends, because a busy peer goes on sending.
//!
//! Choice: three steps. `stop` rejects requests that are not answered yet with status 503. From
//! `begin_to_close` on, a connection is closed with 1001 at the first boundary between messages at
//! which its socket is empty, or at which more was read than a socket's buffer can have held at the
//! time of the stop (`MOST_ARRIVED`). `time_is_up` closes the rest when the time for stopping is over.
//!
//! Invariants: every message that had arrived completely before the stop is answered. `is_quiet` is
//! true only between two messages, and only while the session is open, so a connection gets one close
//! frame at the most.

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::handler::Handler;
use super::table::Key;
use wscodec::error::{CloseCode, PeerError};
use wscodec::session::SessionState;

/// Bytes that are read from a connection after the server was stopped, before it is closed at the
/// next boundary between messages. No socket's buffer holds more, so what arrived before is read.
const MOST_ARRIVED: u64 = 8 << 20;

impl<S> Conn<S> {
    /// The server stops. Reads what has arrived. A request that is not answered yet gets status 503.
    pub(super) fn stop<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let next = self.catch_up(key, cx);
        match &self.phase {
            Phase::Head { .. } | Phase::Deciding { .. } if next != Next::Drop => {
                self.unavailable(key, cx)
            }
            _ => next,
        }
    }

    /// The server stops, and open connections are closed from now on: this one as soon as it
    /// [`is_quiet`](Self::is_quiet). Reads what has arrived.
    pub(super) fn begin_to_close<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if let Phase::Open { session, .. } = &self.phase {
            self.stopping = Some(session.offset() + MOST_ARRIVED);
        }
        self.catch_up(key, cx)
    }

    /// Whether the server stops and this connection can be closed: all that has arrived is read, or
    /// more than can have arrived before, and no message is half read.
    pub(super) fn is_quiet(&self, next: Next) -> bool {
        let (Some(most), Phase::Open { session, .. }) = (self.stopping, &self.phase) else {
            return false;
        };
        let read = next == Next::Keep && !self.queued && !self.is_paused();
        let between = !self.in_frame && !session.in_message() && self.held.is_empty();
        between && (read || session.offset() > most) && session.state() == SessionState::Open
    }

    /// Closes the connection because the server stops.
    pub(super) fn go_away<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        self.close_with(CloseCode::GOING_AWAY, "the server stops", key, cx)
    }

    /// The server stops, and its time for that is over.
    pub(super) fn time_is_up<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) {
        if self.catch_up(key, cx) != Next::Drop {
            self.go_away(key, cx);
            self.abandon(PeerError::NoClose.into());
        }
    }
}
