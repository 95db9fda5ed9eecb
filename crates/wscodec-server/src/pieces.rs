//! An open connection's messages in pieces ([`ServerOptions::pieces`](super::ServerOptions::pieces)).
//!
//! This is the counterpart of `frames.rs` for handlers that put no messages together. A message of any
//! length costs no memory. The rules of a batch are the same: see [`Conn::end_batch`].

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::control::Control;
use super::frames::TURN;
use super::handler::Handler;
use super::table::Key;
use super::unwind::guard;
use wscodec::session::Piece;

impl<S> Conn<S> {
    /// Calls the handler for all pieces of the input, and sends all answers at once.
    pub(super) fn feed_pieces<H: Handler<State = S>>(
        &mut self,
        key: Key,
        mut input: &mut [u8],
        cx: &mut Context<'_, H>,
    ) -> Next {
        let mut done = 0;
        loop {
            let Phase::Open {
                session,
                state,
                received,
                size,
            } = &mut self.phase
            else {
                return Next::Keep;
            };
            let mut out = self.queue.buffer(&mut cx.out);
            let (left, start) = (self.queue.sent(), out.len());
            let (address, span) = (&self.address, &self.span);
            let (in_frame, pinged) = (&mut self.in_frame, &mut self.pinged);
            let mut batch = || {
                loop {
                    let much = out.len() - start >= cx.options.high_water || done >= TURN;
                    let stops = much || cx.reach.pauses == Some(true);
                    if stops && !input.is_empty() {
                        break true;
                    }
                    let some = !input.is_empty();
                    // A fault shows in the state.
                    let Ok(Some((piece, sender))) = session.receive_piece(&mut input, &mut out)
                    else {
                        *in_frame |= some;
                        break false;
                    };
                    *in_frame = matches!(piece, Piece::Frame(_) | Piece::Data(_));
                    match &piece {
                        Piece::Data(data) => {
                            done += data.len();
                            *size += data.len();
                        }
                        Piece::End => {
                            *received += 1;
                            let len = core::mem::take(size);
                            cx.figures.message(len);
                            cx.figures.payloads(len);
                        }
                        _ => {}
                    }
                    let control = match piece {
                        Piece::Ping(payload) => Control::Ping(payload),
                        Piece::Pong(payload) => Control::Pong(payload),
                        Piece::Close(close) => Control::Close(close),
                        piece => {
                            let (handler, mut peer) =
                                cx.peer(key, address, state, sender, (&mut out, left));
                            handler.piece(&mut peer, piece);
                            continue;
                        }
                    };
                    control.count(&cx.figures, pinged, cx.now);
                    let (handler, mut peer) =
                        cx.peer(key, address, state, sender, (&mut out, left));
                    control.dispatch(handler, &mut peer);
                }
            };
            let handled = guard(|| span.scope(&mut batch));
            let Some(full) = handled else {
                cx.stats.panics += 1;
                return self.panicked(key, out, cx);
            };
            if let Some(next) = self.end_batch(key, out, input, full, done, cx) {
                return next;
            }
        }
    }
}
