//! What all connections hold together, and its limit.

use core::sync::atomic::Ordering;
use std::vec::Vec;

use super::conn::{Conn, KEPT, Next, Phase};
use super::event_loop::Lane;
use super::handler::Handler;
use super::slots::Key;
use wscodec::error::{Error, LimitError};

/// A change is counted when it comes to this: most messages change nothing.
const STEP: usize = 1 << 10;

impl<H: Handler> Lane<'_, H> {
    /// Whether the connections hold more than they may.
    pub(super) fn is_full(&self) -> bool {
        let held = self.handle.shared.held.load(Ordering::Relaxed);
        self.options.max_memory.is_some_and(|limit| held > limit)
    }
}

impl<S> Conn<S> {
    /// Counts what it holds after a step that ended with `next`, and gives it up if it came to hold
    /// more than there is.
    #[inline]
    pub(super) fn count<H: Handler<State = S>>(
        &mut self,
        key: Key,
        next: Next,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        if lane.options.max_memory.is_none() || next == Next::Drop || !self.grew(lane) {
            return next;
        }
        match self.give_up(key, lane) {
            Next::Drop => Next::Drop,
            _ => {
                self.grew(lane);
                next
            }
        }
    }

    /// It is gone: what it held is not held any more.
    pub(super) fn uncount<H: Handler<State = S>>(&mut self, lane: &Lane<'_, H>) {
        let counted = core::mem::take(&mut self.counted);
        let held = &lane.handle.shared.held;
        held.fetch_sub(counted, Ordering::Relaxed);
    }

    /// Counts. Whether it holds much, has come to hold more, and all hold more than they may.
    #[inline]
    fn grew<H: Handler<State = S>>(&mut self, lane: &Lane<'_, H>) -> bool {
        let holds = size_of::<Self>() + self.memory();
        let before = self.counted;
        if before > 0 && holds.abs_diff(before) < STEP {
            return false;
        }
        self.counted = holds;
        let held = &lane.handle.shared.held;
        if holds < before {
            held.fetch_sub(before - holds, Ordering::Relaxed);
            return false;
        }
        held.fetch_add(holds - before, Ordering::Relaxed);
        holds > KEPT && lane.is_full()
    }

    /// The system has no memory for what has arrived.
    #[cold]
    pub(super) fn out_of_memory<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        self.give_up(key, lane)
    }

    #[cold]
    fn give_up<H: Handler<State = S>>(&mut self, key: Key, lane: &mut Lane<'_, H>) -> Next {
        match &mut self.phase {
            Phase::Head { .. } => self.refuse(key, LimitError::TooManyConnections, lane),
            Phase::Open { session, .. } => {
                let error = Error::from(LimitError::OutOfMemory);
                if !self.queue.is_empty() {
                    return self.abandon(error);
                }
                let mut out = self.queue.buffer(&mut lane.out);
                session.fail(error, &mut out);
                self.held = Vec::new();
                self.settle(key, out, lane)
            }
            Phase::Leaving { .. } => Next::Drop,
        }
    }
}
