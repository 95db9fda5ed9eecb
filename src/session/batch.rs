//! A session whose events are decoded first and acted on later, for bindings that decode a whole
//! chunk at once and hand out its events one by one.
//!
//! The binding runs the [decoder](Session::parts_mut) itself and must not let it answer: a client's
//! message and its close frame often lie in one chunk, and a session that answered the close frame
//! while decoding would be closed before its handler has answered the message. So the binding calls
//! [`begin_batch`](Sender::begin_batch) before it decodes, and then, in the order of the events,
//! [`answer_ping`](Sender::answer_ping), [`answer_close`](Sender::answer_close) and
//! [`fail_batch`](Sender::fail_batch). The result is the same as that of
//! [`receive`](Session::receive); the vectors in `tests/vectors/session.json` hold both to it.

use alloc::vec::Vec;

use super::{IdleTimers, Sender, Session};
use crate::error::Fault;
use crate::frame::CloseFrame;
use crate::message::{InboundExtension, MaskSource, MessageDecoder, OutboundExtension};

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// The decoder and the sender.
    pub fn parts_mut(&mut self) -> (&mut MessageDecoder<I>, &mut Sender<M, O>) {
        (&mut self.decoder, &mut self.sender)
    }

    /// The decoder.
    pub fn decoder(&self) -> &MessageDecoder<I> {
        &self.decoder
    }

    /// Whether the session is idle: it is open, no message is begun on either side, all received
    /// frames are complete, and no pong is pending. It then differs from a new session only by its
    /// offset, its timers and its extensions.
    pub fn is_idle(&self) -> bool {
        self.sender.is_ready()
            && self.decoder.is_settled()
            && !self.decoder.in_message()
            && !self.sender.encoder.in_message()
    }

    /// The fault that the session has failed with. In contrast, [`Outcome::fault`](super::Outcome::fault)
    /// may also be the reason of a close that ended clean.
    pub fn failure(&self) -> Option<Fault> {
        self.sender.fault()
    }

    /// Whether the output has a ping or close frame whose answer has a deadline, as far as the
    /// session knows. After that frame has been written, [`tick`](Self::tick) has work to do.
    pub fn is_frame_queued(&self) -> bool {
        self.sender.timers.is_queued()
    }

    /// The timers of this session as numbers. The session must be [idle](Self::is_idle), and a
    /// [`tick`](Self::tick) must have followed every progress that was reported by
    /// [`sent`](Self::sent).
    pub fn idle_timers(&self) -> IdleTimers {
        self.sender.timers.idle()
    }

    /// Replaces the timers by those of another connection. This session must be
    /// [idle](Self::is_idle), too.
    pub fn set_idle_timers(&mut self, timers: &IdleTimers) {
        self.sender.timers.set_idle(timers);
    }
}

impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    /// Reports that `len` bytes will be decoded, and whether they belong to a message that was begun
    /// before. Sends a pending pong if there is room.
    pub fn begin_batch(&mut self, len: usize, in_message: bool, out: &mut Vec<u8>) {
        self.send_pending_pong(out);
        self.received_bytes(len > 0, in_message);
    }

    /// Reports that messages or parts of messages were decoded.
    pub fn received_message(&mut self) {
        self.timers.received_message = true;
    }

    /// Acts on a ping.
    pub fn answer_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if !self.discards_input() {
            self.received_ping(payload, out);
        }
    }

    /// Acts on the peer's close frame.
    pub fn answer_close(&mut self, close: Option<CloseFrame<'_>>, out: &mut Vec<u8>) {
        if !self.discards_input() {
            self.received_close(close, out);
        }
    }

    /// Acts on the fault after the events.
    pub fn fail_batch(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        self.fail(fault, out)
    }

    /// Sends a pending pong even if the backlog is full.
    pub fn answer_now(&mut self, out: &mut Vec<u8>) {
        if self.has_pending_pong() {
            self.pong_pending = self.encoder.pong(self.control.payload(), out).is_err();
        }
    }

    /// The source of mask keys.
    pub fn keys_mut(&mut self) -> &mut M {
        self.encoder.keys_mut()
    }

    /// The extension that encodes messages.
    pub fn extension_mut(&mut self) -> &mut O {
        self.encoder.extension_mut()
    }

    /// The extension that encodes messages.
    pub fn extension(&self) -> &O {
        self.encoder.extension()
    }
}
