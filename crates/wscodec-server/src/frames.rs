//! An open connection's messages.
//!
//! The problem: one read may hold thousands of messages, and one of them may inflate to megabytes. Answers
//! should leave in one write, but the output must not grow without limit, and other connections must have
//! their turn.
//!
//! Choice: all messages of a read are handled in one batch, inside one guard against panics and one tracing
//! span, because both cost more than a small message. A batch ends early if there is much output, if many
//! bytes were decoded, or if the handler pauses reading; the rest of the input is then decoded after the
//! write, or held for the connection's next turn. Counters are added up once for a batch.
//!
//! Invariant: bytes that were read are decoded or held in order; none is read again and none is lost.

use std::io;
use std::vec::Vec;

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::control::Control;
use super::handler::Handler;
use super::net::Net;
use super::table::Key;
use super::unwind::guard;
use wscodec::message::Event;

/// If so many bytes of a message have arrived, the loop reads the rest directly into the message's
/// buffer, without a copy.
const LARGE: usize = 64 << 10;

/// Payload bytes after which it is the turn of other connections. One read of compressed messages
/// may inflate to a thousand times its size.
pub(super) const TURN: usize = 256 << 10;

impl<S> Conn<S> {
    pub(super) fn read_frames<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Open { session, .. } = &mut self.phase else {
            return Next::Keep;
        };
        if session.in_message()
            && session.buffered() >= LARGE
            && let Some(space) = session.space(cx.buf.len())
        {
            let room = space.len();
            let n = match cx.net.read(&mut self.stream, space) {
                Ok(0) => return Next::Drop,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Keep,
                Err(_) => return Next::Drop,
            };
            cx.stats.bytes_in += n as u64;
            return match self.fill(key, n, cx) {
                Next::Keep if n == room || self.ended => Next::Again,
                next => next,
            };
        }
        self.read(cx, |this, input, cx| this.feed(key, input, cx))
    }

    /// Calls the handler for all messages of the input, and sends all answers at once.
    pub(super) fn feed<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut input: &mut [u8],
        cx: &mut Context<'_, H>,
    ) -> Next {
        if cx.options.pieces {
            return self.feed_pieces(key, input, cx);
        }
        let mut done = 0;
        loop {
            let Phase::Open {
                session,
                state,
                received,
                ..
            } = &mut self.phase
            else {
                return Next::Keep;
            };
            let mut out = self.queue.buffer(&mut cx.out);
            let left = self.queue.sent();
            let start = out.len();
            let (address, in_frame) = (&self.address, &mut self.in_frame);
            let (pinged, span) = (&mut self.pinged, &self.span);
            let done_before = done;
            let mut batch = || {
                loop {
                    let much = out.len() - start >= cx.options.high_water || done >= TURN;
                    let stops = much || cx.reach.pauses == Some(true);
                    if stops && !input.is_empty() {
                        break true;
                    }
                    let some = !input.is_empty();
                    // A fault shows in the state.
                    let Ok(Some((event, sender))) = session.receive(&mut input, &mut out) else {
                        *in_frame |= some;
                        break false;
                    };
                    *in_frame = false;
                    let control = match event {
                        Event::Message(message) => {
                            *received += 1;
                            cx.figures.message(message.payload.len());
                            done += message.payload.len();
                            let (handler, mut peer) =
                                cx.peer(key, address, state, sender, (&mut out, left));
                            handler.message(&mut peer, message);
                            continue;
                        }
                        Event::Ping(payload) => Control::Ping(payload),
                        Event::Pong(payload) => Control::Pong(payload),
                        Event::Close(close) => Control::Close(close),
                    };
                    control.count(&cx.figures, pinged, cx.now);
                    let (handler, mut peer) =
                        cx.peer(key, address, state, sender, (&mut out, left));
                    control.dispatch(handler, &mut peer);
                }
            };
            let handled = guard(|| span.scope(&mut batch));
            cx.figures.payloads(done - done_before);
            let Some(full) = handled else {
                cx.stats.panics += 1;
                return self.panicked(key, out, cx);
            };
            if let Some(next) = self.end_batch(key, out, input, full, done, cx) {
                return next;
            }
        }
    }

    /// Sends the output of a batch. If the batch ended because there is much output or the handler
    /// has paused reading (`full`), the rest
    /// of the input is decoded next, and the result is `None`; or it is held back for the
    /// connection's next turn.
    #[inline(always)]
    pub(super) fn end_batch<H: Handler<State = S>>(
        &mut self,
        key: Key,
        out: Vec<u8>,
        rest: &[u8],
        full: bool,
        done: usize,
        cx: &mut Context<'_, H>,
    ) -> Option<Next> {
        let next = self.settle(key, out, cx);
        if !full || next == Next::Drop {
            return Some(next);
        }
        if !self.is_paused() && done < TURN {
            return None;
        }
        if self.held.try_reserve_exact(rest.len()).is_err() {
            return Some(self.out_of_memory(key, cx));
        }
        self.held.extend_from_slice(rest);
        Some(match self.is_paused() {
            true => Next::Keep,
            false => Next::Again,
        })
    }

    /// Completes a read into the buffer of a large message.
    fn fill<H: Handler<State = S>>(
        &mut self,
        key: Key,
        len: usize,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Open {
            session,
            state,
            received,
            ..
        } = &mut self.phase
        else {
            return Next::Keep;
        };
        let mut out = self.queue.buffer(&mut cx.out);
        let left = self.queue.sent();
        let (address, span, in_frame) = (&self.address, &self.span, &mut self.in_frame);
        let batch = || {
            if let Ok(Some((Event::Message(message), sender))) = session.fill(len, &mut out) {
                *in_frame = false;
                *received += 1;
                cx.figures.message(message.payload.len());
                cx.figures.payloads(message.payload.len());
                let (handler, mut peer) = cx.peer(key, address, state, sender, (&mut out, left));
                handler.message(&mut peer, message);
            }
        };
        match guard(|| span.scope(batch)) {
            Some(()) => self.settle(key, out, cx),
            None => {
                cx.stats.panics += 1;
                self.panicked(key, out, cx)
            }
        }
    }
}
