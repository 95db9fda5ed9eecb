//! The memory of all connections together, and its limit.
//!
//! Problem: every limit of a single connection is generous, so that honest messages pass; a thousand
//! connections that use it fully would still fill the machine.
//!
//! Choice: each connection counts what it holds after a step in which that changed by 1 KiB or more, and
//! the difference goes into one atomic sum for the whole server. Past the limit, new connections get
//! status 503, and a connection that *grows* and holds more than 16 KiB is ended. The one that grows
//! pays, because the sum does not tell who is to blame, and small connections are left alone.
//!
//! Invariant: the sum is at most the limit, 16 KiB for each connection, and one message for each event
//! loop, because a connection is only looked at between two messages.

use core::sync::atomic::Ordering;

use super::conn::{Conn, KEPT, Next, Phase};
use super::context::Context;
use super::handler::Handler;
use super::table::Key;
use wscodec::error::LimitError;

/// Smaller changes are not counted.
const STEP: usize = 1 << 10;

impl<H: Handler> Context<'_, H> {
    /// Whether the connections hold more than they may.
    pub(super) fn is_full(&self) -> bool {
        self.handle.shared.is_full()
    }
}

impl<S> Conn<S> {
    /// Counts the connection's memory after a step that ended with `next`. Ends the connection if it has
    /// grown and the limit is passed.
    #[inline]
    pub(super) fn count<H: Handler<State = S>>(
        &mut self,
        key: Key,
        next: Next,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if cx.options.max_memory.is_none() || next == Next::Drop {
            return next;
        }
        let holds = self.holds();
        if self.counted > 0 && holds.abs_diff(self.counted) < STEP {
            return next;
        }
        self.changed(holds, key, next, cx)
    }

    /// [`count`](Self::count) of a connection that holds so much now.
    #[inline(never)]
    fn changed<H: Handler<State = S>>(
        &mut self,
        holds: usize,
        key: Key,
        next: Next,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let grew = self.set_counted(holds, cx);
        if !grew || holds <= KEPT || !cx.is_full() {
            return next;
        }
        match self.give_up(key, cx) {
            Next::Drop => Next::Drop,
            _ => {
                self.set_counted(self.holds(), cx);
                next
            }
        }
    }

    /// Bytes of the connection and of all that it holds.
    #[inline]
    fn holds(&self) -> usize {
        size_of::<Self>() + self.memory()
    }

    /// Changes the connection's share of the sum. Returns whether it has grown.
    fn set_counted<H: Handler<State = S>>(&mut self, holds: usize, cx: &Context<'_, H>) -> bool {
        let before = core::mem::replace(&mut self.counted, holds);
        let held = &cx.handle.shared.held;
        match holds < before {
            true => held.fetch_sub(before - holds, Ordering::Relaxed),
            false => held.fetch_add(holds - before, Ordering::Relaxed),
        };
        holds >= before
    }

    /// Removes an ended connection's memory from the sum.
    pub(super) fn uncount<H: Handler<State = S>>(&mut self, cx: &Context<'_, H>) {
        let counted = core::mem::take(&mut self.counted);
        let held = &cx.handle.shared.held;
        held.fetch_sub(counted, Ordering::Relaxed);
    }

    #[cold]
    fn give_up<H: Handler<State = S>>(&mut self, key: Key, cx: &mut Context<'_, H>) -> Next {
        match &self.phase {
            Phase::Head { .. } | Phase::Deciding { .. } => {
                self.reject(key, LimitError::TooManyConnections, cx)
            }
            Phase::Open { .. } | Phase::Leaving { .. } => self.out_of_memory(key, cx),
        }
    }
}
