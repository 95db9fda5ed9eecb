//! Events of an open connection besides its own input: events of the program, an empty queue, a close
//! that somebody else asks for.

use core::any::Any;
use std::vec::Vec;

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::handler::{Handler, Peer};
use super::table::Key;
use super::unwind::guard;
use wscodec::error::CloseCode;

impl<S> Conn<S> {
    /// Calls the handler outside of the connection's own input, and sends what it says.
    fn call<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
        method: impl FnOnce(&mut H, &mut Peer<'_, S>),
    ) -> Next {
        let Phase::Open { session, state, .. } = &mut self.phase else {
            return Next::Keep;
        };
        let mut out = self.queue.buffer(&mut cx.out);
        let left = self.queue.sent();
        let (handler, mut peer) = cx.peer(
            key,
            &self.address,
            state,
            session.sender(),
            (&mut out, left),
        );
        let span = &self.span;
        if guard(|| span.scope(|| method(handler, &mut peer))).is_none() {
            cx.stats.panics += 1;
            return self.panicked(key, out, cx);
        }
        self.settle(key, out, cx)
    }

    /// Hands an event of the program to the handler.
    pub(super) fn user_event<H: Handler<State = S>>(
        &mut self,
        event: &(dyn Any + Send + Sync),
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        self.call(key, cx, |handler, peer| handler.user_event(peer, event))
    }

    /// Ends a step of a connection whose queue has drained, which is reported, or whose server stops:
    /// then it is closed as soon as it is quiet. Most steps need neither.
    #[cold]
    pub(super) fn after_step<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut next: Next,
        cx: &mut Context<'_, H>,
    ) -> Next {
        if next != Next::Drop && self.drained {
            next = self.drained(key, next, cx);
        }
        if next != Next::Drop && self.is_quiet(next) {
            next = self.go_away(key, cx);
        }
        next
    }

    /// The queue was long, and is empty now: the handler may go on. A handler whose bytes leave at
    /// once is called again in the connection's next turn, so that others have theirs.
    fn drained<H: Handler<State = S>>(
        &mut self,
        key: Key,
        next: Next,
        cx: &mut Context<'_, H>,
    ) -> Next {
        self.drained = false;
        match self.call(key, cx, |handler, peer| handler.drain(peer)) {
            Next::Keep if self.drained => Next::Again,
            Next::Keep => next,
            other => other,
        }
    }

    /// Sends a close frame, if none was sent, and starts its timer.
    pub(super) fn close_with<H: Handler<State = S>>(
        &mut self,
        code: CloseCode,
        reason: &str,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        let before = self.queue.len();
        let mut out: Vec<u8> = self.queue.buffer(&mut cx.out);
        let start = out.len();
        // It fails if the connection is closing already.
        let _ = session.sender().close(code, reason, &mut out);
        let unsent = before + (out.len() - start);
        let _ = session.tick(cx.now, unsent, &mut out);
        self.settle(key, out, cx)
    }
}
