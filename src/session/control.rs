//! The actions that a session takes by itself: it answers pings and the close frame, applies the
//! timers, and ends.
//!
//! The problem: a thread that receives and a thread that sends may share a session
//! (`wscodec::io::Connection::split`), so that a message can be sent while the decoder waits for
//! bytes. Everything that both need is therefore in the [`Sender`], and the decoder is an argument
//! of the few methods that use it. [`Session`] puts the two together again.
//!
//! Invariants:
//!
//! - `close_sent` is set as soon as a close frame of ours was appended. No frame is appended after
//!   it (RFC 6455 §5.5.1), because `state` is `Closing` or `Closed` from then on.
//! - Only one control payload is kept, that of the newest ping whose pong is pending (RFC 6455
//!   §5.5.3), and later that of the peer's close frame. After a close frame no pong is pending.
//! - The first cause of the end stays.

use alloc::vec::Vec;
use core::time::Duration;

use super::outcome::{Outcome, SessionState};
use super::timers::Due;
use super::{Sender, Session};
use crate::error::{CloseCode, ErrorKind, Fault, LimitError, PeerError};
use crate::frame::CloseFrame;
use crate::message::{InboundExtension, MaskSource, MessageDecoder, OutboundExtension};

impl<M, O> Sender<M, O> {
    /// Whether the session is open and no pong is pending, so that received bytes need no special
    /// treatment.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.state == SessionState::Open && !self.pong_pending
    }

    /// Whether received bytes are dropped.
    pub(super) fn discards_input(&self) -> bool {
        matches!(self.state, SessionState::PeerClosed | SessionState::Closed)
    }

    /// The error that the session has failed with.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self.failed {
            true => self.cause,
            false => None,
        }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome<'_>> {
        if self.state != SessionState::Closed {
            return None;
        }
        let close = self.close_received.then(|| self.control.close());
        Some(Outcome {
            code: match close {
                Some(Some(close)) => close.code,
                Some(None) => CloseCode::NO_STATUS,
                None => CloseCode::ABNORMAL,
            },
            reason: close.flatten().map_or("", |close| close.reason),
            sent: self.close_sent,
            clean: self.close_received && self.close_sent.is_some() && !self.failed,
            fault: self.cause,
        })
    }

    #[inline]
    pub(crate) fn has_pending_pong(&self) -> bool {
        self.pong_pending && self.state == SessionState::Open
    }

    #[inline]
    pub(crate) fn sent(&mut self, n: usize) {
        self.timers.sent(n);
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            SessionState::Open => self.timers.deadline(false),
            SessionState::Closing => self.timers.deadline(true),
            // The peer sends nothing more for which a timer could wait.
            SessionState::PeerClosed | SessionState::Closed => None,
        }
    }

    /// Notes for the timers whether bytes were received (`some`), and whether they belong to a
    /// message that was begun before.
    #[inline]
    pub(super) fn received_bytes(&mut self, some: bool, in_message: bool) {
        self.timers.received |= some;
        self.timers.received_message |= some && in_message;
    }
}

impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    /// Answers a ping, or keeps it until there is room for the pong.
    pub(super) fn received_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if !self.auto_pong || self.state != SessionState::Open {
            return;
        }
        if out.len() < self.backlog {
            // A ping's payload is never too long for a pong, so it fails only for lack of memory.
            if self.encoder.pong(payload, out).is_ok() {
                self.pong_pending = false;
                return;
            }
        }
        self.control.set(payload);
        self.pong_pending = true;
    }

    /// Sends the pending pong, if there is room for it.
    pub(crate) fn send_pending_pong(&mut self, out: &mut Vec<u8>) {
        if self.has_pending_pong() && out.len() < self.backlog {
            self.pong_pending = self.encoder.pong(self.control.payload(), out).is_err();
        }
    }

    /// Answers the peer's close frame, unless the caller has to.
    pub(super) fn received_close(&mut self, close: Option<CloseFrame<'_>>, out: &mut Vec<u8>) {
        if self.has_pending_pong() {
            // This is the last chance to send it, so the limit of the backlog does not apply.
            let _ = self.encoder.pong(self.control.payload(), out);
        }
        self.control.set_close(close);
        (self.close_received, self.pong_pending) = (true, false);
        match self.state {
            SessionState::Open if self.auto_close => {
                let (code, reason) = match close {
                    Some(close) => (Some(close.code), close.reason),
                    None => (None, ""),
                };
                // A close frame that could be received can be sent, so it fails only for lack of
                // memory.
                if self.encoder.close(code, reason, out).is_ok() {
                    self.close_sent = Some(code.unwrap_or(CloseCode::NO_STATUS));
                }
                self.state = SessionState::Closed;
            }
            SessionState::Open => self.state = SessionState::PeerClosed,
            SessionState::Closing => self.state = SessionState::Closed,
            SessionState::PeerClosed | SessionState::Closed => {}
        }
    }

    /// Handles an error of the decoder. The session fails, unless the caller is at fault.
    #[cold]
    pub(super) fn decoder_failed(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        match fault.error {
            ErrorKind::Misuse(_) => fault,
            _ => self.fail(fault, out),
        }
    }

    /// Ends the session by a failure, and sends a close frame if none was sent yet (RFC 6455 §7.1.7).
    /// Returns the cause of the end, which is another one if the session was already ending.
    #[cold]
    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        if self.state == SessionState::Closed {
            return self.cause.unwrap_or(fault);
        }
        if self.close_sent.is_none()
            && let Some(code) = fault.error.close_code()
            && code.is_sendable()
            && self.encoder.close(code, fault.error.message(), out).is_ok()
        {
            self.close_sent = Some(code);
        }
        (self.state, self.failed, self.pong_pending) = (SessionState::Closed, true, false);
        *self.cause.get_or_insert(fault)
    }

    /// Like [`Session::end`].
    pub(crate) fn end<I: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<I>,
    ) -> Result<(), Fault> {
        if self.discards_input() {
            self.state = SessionState::Closed;
            return self.fault().map_or(Ok(()), Err);
        }
        let error = ErrorKind::from(PeerError::UnexpectedEof);
        let fault = match decoder.end() {
            Ok(()) => error.at(decoder.offset()),
            Err(fault) => fault,
        };
        // The close code is 1006, which is never sent, so nothing is appended.
        Err(self.fail(fault, &mut Vec::new()))
    }

    /// Like [`Session::tick`]. `offset` is the number of received bytes.
    pub(crate) fn tick(
        &mut self,
        offset: u64,
        now: Duration,
        unsent: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        match self.state {
            SessionState::Open | SessionState::Closing => {}
            SessionState::PeerClosed => return Ok(()),
            SessionState::Closed => return self.fault().map_or(Ok(()), Err),
        }
        let before = out.len();
        self.send_pending_pong(out);
        let closing = self.state == SessionState::Closing;
        let error = match self.timers.tick(now, unsent, closing) {
            Due::Nothing => return Ok(()),
            Due::Ping => {
                let _ = self.encoder.ping(b"", out);
                self.timers.ping_queued(unsent + (out.len() - before));
                return Ok(());
            }
            Due::Idle => {
                let error = LimitError::Idle;
                let _ = self.close(CloseCode::GOING_AWAY, error.message(), out);
                self.cause = Some(ErrorKind::from(error).at(offset));
                self.timers.tick(now, unsent + (out.len() - before), true);
                return Ok(());
            }
            Due::NoPong => PeerError::NoPong,
            Due::NoClose => PeerError::NoClose,
        };
        Err(self.fail(ErrorKind::from(error).at(offset), out))
    }

    /// The number of bytes that the sending side holds.
    pub(crate) fn memory(&self) -> usize {
        self.encoder.buffered() + self.encoder.extension().memory()
    }

    /// Frees the memory that sending does not need before the next message.
    pub(crate) fn release(&mut self) {
        self.encoder.shrink();
        if !self.encoder.in_message() {
            self.encoder.extension_mut().release();
        }
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// The state of the session.
    #[inline]
    pub fn state(&self) -> SessionState {
        self.sender.state
    }

    /// How the session ended; `None` before it is [`SessionState::Closed`].
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        self.sender.outcome()
    }

    /// Whether a pong waits for room in the caller's buffer: see
    /// [`SessionOptions::backlog`](super::SessionOptions::backlog). The next call of
    /// [`receive`](Self::receive), [`tick`](Self::tick) or
    /// [`send_pending_pong`](Self::send_pending_pong) that finds room sends it. A caller whose buffer
    /// has become empty calls one of them before it waits for the peer.
    #[inline]
    pub fn has_pending_pong(&self) -> bool {
        self.sender.has_pending_pong()
    }

    /// Sends the pending pong, if there is one and room for it.
    pub fn send_pending_pong(&mut self, out: &mut Vec<u8>) {
        self.sender.send_pending_pong(out);
    }

    /// Reports that the transport has accepted `n` bytes that this session has appended to the
    /// caller's buffers. The timers need it: see [the rule](super#timers).
    #[inline]
    pub fn sent(&mut self, n: usize) {
        self.sender.sent(n);
    }

    /// Tells the session whether the caller reads what the peer sends: `false` while it has paused,
    /// or applies back-pressure. Until it reads again, the heartbeat does not fail the peer and the
    /// connection is not idle; both times start anew then. Default: on.
    ///
    /// A caller who [closes](Sender::close) reads again, as the peer's close frame is to be read.
    pub fn set_reading(&mut self, reading: bool) {
        self.sender.timers.set_reading(reading);
    }

    /// Sets whether a close frame of the peer is answered at once: see
    /// [`SessionOptions::auto_close`](super::SessionOptions::auto_close). For a caller who learns only
    /// after the handshake that it wants to send more than the peer does, as a tunnel may.
    pub fn set_auto_close(&mut self, auto_close: bool) {
        self.sender.auto_close = auto_close;
    }

    /// Fails the connection for a reason of the caller's (RFC 6455 §7.1.7): sends a close frame
    /// with the error's [code](ErrorKind::close_code) if none was sent. The session is
    /// [`Closed`](SessionState::Closed) then.
    pub fn fail(&mut self, error: impl Into<ErrorKind>, out: &mut Vec<u8>) {
        let fault = error.into().at(self.decoder.offset());
        self.sender.fail(fault, out);
    }

    /// Tells the session that the transport ended, or was lost. Nothing is sent any more.
    ///
    /// # Errors
    /// The fault that the session has failed with; [`PeerError::UnexpectedEof`] if no close frame was
    /// received (1006, RFC 6455 §7.1.5).
    pub fn end(&mut self) -> Result<(), Fault> {
        self.sender.end(&mut self.decoder)
    }

    /// Whether the heartbeat has sent a ping, and nothing was received since. A caller who compares
    /// this before and after [`tick`](Self::tick) can measure round trips.
    pub fn awaits_pong(&self) -> bool {
        self.sender.state == SessionState::Open && self.sender.timers.awaits_pong()
    }

    /// When [`tick`](Self::tick) has something to do: the time as `tick` is told it, and
    /// [`Duration::ZERO`] for at once. `None` if nothing waits for the clock.
    ///
    /// It changes by `tick`, by [`sent`](Self::sent) and [`set_reading`](Self::set_reading), and with
    /// the [`SessionState`]. Received bytes change nothing before the next `tick`.
    pub fn deadline(&self) -> Option<Duration> {
        self.sender.deadline()
    }

    /// Applies the timers: sends the heartbeat's pings, closes an idle connection, fails a peer that
    /// is silent or does not close. Call it when [`deadline`](Self::deadline) has come; more often
    /// does no harm.
    ///
    /// - `now` is the time since any moment that the caller likes, the same for all calls.
    /// - `unsent` is the number of bytes of this session that have not left: those that the transport
    ///   did not accept when the caller last wrote to it. What this call appends does not count.
    ///   Those that it accepted are reported by [`sent`](Self::sent).
    ///
    /// Read what has arrived before calling this, and hand it to [`receive`](Self::receive): after a
    /// pause of the process, the answer that a deadline waits for may lie in the socket.
    ///
    /// The [rule of the timers](super#timers) is in the module's documentation.
    ///
    /// ```
    /// use core::time::Duration;
    /// use wscodec::session::{SessionOptions, Session};
    ///
    /// let mut config = SessionOptions::default();
    /// config.heartbeat = Some(Duration::from_secs(30));
    /// let mut session = Session::server(&config);
    /// let (mut now, mut out) = (Duration::from_secs(1000), Vec::new());
    /// session.tick(now, 0, &mut out)?;
    /// now = session.deadline().unwrap();
    /// session.tick(now, 0, &mut out)?;
    /// assert_eq!(out, b"\x89\x00", "a ping, as nothing was received");
    /// // The caller writes it: from now on the peer has 20 seconds.
    /// session.sent(out.len());
    /// session.tick(now, 0, &mut out)?;
    /// now = session.deadline().unwrap();
    /// assert_eq!(session.tick(now, 0, &mut out).unwrap_err().error.code(), "NO_PONG");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    ///
    /// # Errors
    /// [`PeerError::NoPong`] and [`PeerError::NoClose`], which end the session. The fault that it has
    /// failed with. [`LimitError::Idle`] if the peer does not answer the close of an idle connection.
    pub fn tick(&mut self, now: Duration, unsent: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.sender.tick(self.decoder.offset(), now, unsent, out)
    }
}
