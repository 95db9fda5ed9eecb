//! A session whose events are found first and acted on later, for faces that decode a whole chunk
//! at once and hand out its events one by one.
//!
//! The face runs the [receiver](Session::receiver) itself and must not let it answer: a client's
//! message and its close frame often lie in one chunk, and a session that answered the close frame
//! while decoding would be closed before its handler has answered the message. So the face calls
//! [`begin_batch`](Session::begin_batch) before it decodes, and then, in the order of the events,
//! [`answer_ping`](Session::answer_ping), [`answer_close`](Session::answer_close) and
//! [`fail_batch`](Session::fail_batch). The result is the same as that of
//! [`receive`](Session::receive); the vectors in `tests/vectors/session.json` hold both to it.

use alloc::vec::Vec;
use core::mem;

use super::timers::Timers;
use super::{Outgoing, Session, SessionOptions, SessionState};
use crate::error::Fault;
use crate::frame::CloseFrame;
use crate::message::{Buffer, InboundExtension, MaskSource, MessageDecoder, OutboundExtension};

/// The deadlines of a session that rests, without the session: for faces whose idle connections
/// share sessions.
#[derive(Clone, Debug)]
pub struct RestingTimers(Timers);

impl RestingTimers {
    /// The timers of a session that begins.
    pub fn new(config: &SessionOptions) -> Self {
        Self(Timers::new(config))
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// The side that receives, and the side that sends.
    pub fn parts_mut(&mut self) -> (&mut MessageDecoder<I>, &mut Outgoing<M, O>) {
        (&mut self.receiver, &mut self.outgoing)
    }

    /// The side that receives.
    pub fn receiver(&self) -> &MessageDecoder<I> {
        &self.receiver
    }

    /// Whether the session knows nothing that a new one does not know, but for its offset, its timers
    /// and its extensions: it is open, all that came and all that was sent is whole, and no pong is
    /// due.
    pub fn is_at_rest(&self) -> bool {
        self.outgoing.at_ease()
            && self.receiver.is_settled()
            && !self.receiver.in_message()
            && !self.outgoing.sender.in_message()
    }

    /// Exchanges the timers for those of another connection; both sessions are
    /// [at rest](Self::is_at_rest).
    pub fn exchange_timers(&mut self, timers: &mut RestingTimers) {
        mem::swap(&mut self.outgoing.timers, &mut timers.0);
    }
}

impl<M: MaskSource, O: OutboundExtension> Outgoing<M, O> {
    /// `len` bytes are about to be decoded; of a message that was begun before, or not. Sends a pong
    /// that waited for room.
    pub fn begin_batch(&mut self, len: usize, in_message: bool, out: &mut Vec<u8>) {
        self.pay(out);
        self.heard(len > 0, in_message);
    }

    /// Messages, or parts of them, were decoded.
    pub fn found_messages(&mut self) {
        self.timers.busy = true;
    }

    /// The events have come to a ping.
    pub fn answer_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if !self.is_deaf() {
            self.pinged(payload, out);
        }
    }

    /// The events have come to the peer's close frame.
    pub fn answer_close(&mut self, close: Option<CloseFrame<'_>>, out: &mut Vec<u8>) {
        if !self.is_deaf() {
            self.peer_closes(close, out);
        }
    }

    /// The events have come to the fault behind them.
    pub fn fail_batch(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        self.fail(fault, out)
    }

    /// Sends a pong that waits for room, even where there is none.
    pub fn answer_now(&mut self, out: &mut Vec<u8>) {
        if self.pong_due && self.state == SessionState::Open {
            let mut pong = Vec::new();
            self.pay(&mut pong);
            self.pong_due = out.make_room(pong.len()).is_err();
            if !self.pong_due {
                out.extend_from_slice(&pong);
            }
        }
    }

    /// The fault that the session has failed with, where [`Outcome::fault`](super::Outcome::fault) may
    /// also be the reason of a close that ended clean.
    pub fn failure(&self) -> Option<Fault> {
        self.fault()
    }

    /// Whether a ping or close frame that a deadline is about waits in the output, as far as the
    /// session was told: when it has left, [`tick`](Session::tick) has something to do.
    pub fn is_frame_queued(&self) -> bool {
        self.timers.is_queued()
    }

    /// Where mask keys come from.
    pub fn keys_mut(&mut self) -> &mut M {
        self.sender.keys_mut()
    }

    /// The extension that encodes messages.
    pub fn extension_mut(&mut self) -> &mut O {
        self.sender.extension_mut()
    }

    /// The extension that encodes messages.
    pub fn extension(&self) -> &O {
        self.sender.extension()
    }
}
