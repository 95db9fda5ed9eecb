//! The side of a session that sends, and how the session comes to its end.

use alloc::vec::Vec;
use core::time::Duration;

use super::outcome::{Note, Outcome, SessionState};
use super::timers::{Due, Timers};
use super::{Session, SessionOptions};
use crate::error::{CloseCode, ErrorKind, Fault, LimitError, MisuseError, PeerError};
use crate::frame::CloseFrame;
use crate::message::{
    Buffer, InboundExtension, MaskSource, MessageDecoder, MessageEncoder, OutboundExtension,
};

/// The side of a [`Session`] that sends: all of it but the receiver, from which events are lent
/// meanwhile. A session's own methods are these too.
#[derive(Debug)]
pub struct Outgoing<M, O> {
    pub(super) sender: MessageEncoder<M, O>,
    pub(super) state: SessionState,
    pub(super) timers: Timers,
    auto_pong: bool,
    auto_close: bool,
    backlog: usize,
    /// `note` is of a ping that waits for its pong.
    pub(super) pong_due: bool,
    /// The peer's close frame came, and is `note`.
    came: bool,
    note: Note,
    sent: Option<CloseCode>,
    /// Why the session ends, where it does not end by a close frame of the peer or of the caller.
    cause: Option<Fault>,
    /// The session ended by a failure.
    failed: bool,
}

impl<M: MaskSource, O: OutboundExtension> Outgoing<M, O> {
    pub(super) fn new(sender: MessageEncoder<M, O>, config: &SessionOptions) -> Self {
        Self {
            sender,
            state: SessionState::Open,
            timers: Timers::new(config),
            auto_pong: config.auto_pong,
            auto_close: config.auto_close,
            backlog: config.backlog,
            pong_due: false,
            came: false,
            note: Note::EMPTY,
            sent: None,
            cause: None,
            failed: false,
        }
    }

    /// Whether there is nothing to do but to receive.
    #[inline]
    pub(super) fn at_ease(&self) -> bool {
        self.state == SessionState::Open && !self.pong_due
    }

    /// Whether what comes is to be dropped.
    pub(super) fn is_deaf(&self) -> bool {
        matches!(self.state, SessionState::PeerClosed | SessionState::Closed)
    }

    /// The error that the session has failed with.
    pub(super) fn fault(&self) -> Option<Fault> {
        match self.failed {
            true => self.cause,
            false => None,
        }
    }

    /// Where the session stands.
    #[inline]
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// How the session ended; `None` until it is [`SessionState::Closed`].
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        if self.state != SessionState::Closed {
            return None;
        }
        let close = self.came.then(|| self.note.close());
        Some(Outcome {
            code: match close {
                Some(Some(close)) => close.code,
                Some(None) => CloseCode::NO_STATUS,
                None => CloseCode::ABNORMAL,
            },
            reason: close.flatten().map_or("", |close| close.reason),
            sent: self.sent,
            clean: self.came && self.sent.is_some() && !self.failed,
            fault: self.cause,
        })
    }

    /// Whether a pong waits for room in the caller's buffer: see
    /// [`SessionOptions::backlog`](super::SessionOptions::backlog). It goes with the next call of
    /// [`receive`](super::Session::receive) or [`tick`](super::Session::tick) that finds some, so a
    /// caller who has sent all calls one of them before it waits for the peer.
    #[inline]
    pub fn owes_pong(&self) -> bool {
        self.pong_due && self.state == SessionState::Open
    }

    /// Bytes came, or not; of a message that was begun before, or not.
    #[inline]
    pub(super) fn heard(&mut self, some: bool, in_message: bool) {
        self.timers.heard |= some;
        self.timers.busy |= some && in_message;
    }

    /// A ping came.
    pub(super) fn pinged(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if !self.auto_pong || self.state != SessionState::Open {
            return;
        }
        if out.len() < self.backlog {
            // A ping's payload is never too long for a pong, so that only memory can be missing.
            if self.sender.pong(payload, out).is_ok() {
                self.pong_due = false;
                return;
            }
        }
        self.note.set(payload);
        self.pong_due = true;
    }

    /// Sends the pong that waits, if there is room again.
    pub fn pay(&mut self, out: &mut Vec<u8>) {
        if self.pong_due && self.state == SessionState::Open && out.len() < self.backlog {
            self.pong_due = self.sender.pong(self.note.payload(), out).is_err();
        }
    }

    /// A close frame came.
    pub(super) fn peer_closes(&mut self, close: Option<CloseFrame<'_>>, out: &mut Vec<u8>) {
        if self.owes_pong() {
            // There is no later for it; it is one.
            let _ = self.sender.pong(self.note.payload(), out);
        }
        self.note.set_close(close);
        (self.came, self.pong_due) = (true, false);
        match self.state {
            SessionState::Open if self.auto_close => {
                // A close frame that could be received can be sent, unless memory is missing.
                if self.sender.close(close, out).is_ok() {
                    self.sent = Some(close.map_or(CloseCode::NO_STATUS, |close| close.code));
                }
                self.state = SessionState::Closed;
            }
            SessionState::Open => self.state = SessionState::PeerClosed,
            SessionState::Closing => self.state = SessionState::Closed,
            SessionState::PeerClosed | SessionState::Closed => {}
        }
    }

    /// What the receiver refuses ends the session, unless it refuses the caller.
    #[cold]
    pub(super) fn refuse(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        match fault.error {
            ErrorKind::Misuse(_) => fault,
            _ => self.fail(fault, out),
        }
    }

    /// Fails the session, for good, and tells the peer if it is not told yet (RFC 6455 §7.1.7). If
    /// the session was ending for a reason of ours already, that reason stays.
    #[cold]
    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<u8>) -> Fault {
        if self.state == SessionState::Closed {
            return self.cause.unwrap_or(fault);
        }
        if self.sent.is_none()
            && let Some(code) = fault.error.close_code()
            && code.is_sendable()
        {
            let reason = fault.error.message();
            if self
                .sender
                .close(Some(CloseFrame { code, reason }), out)
                .is_ok()
            {
                self.sent = Some(code);
            }
        }
        (self.state, self.failed, self.pong_due) = (SessionState::Closed, true, false);
        *self.cause.get_or_insert(fault)
    }

    /// Begins the close, or answers the peer's where that isn't
    /// [automatic](SessionOptions::auto_close): sends a close frame, and nothing after it. `None` gives no
    /// code. An unfinished message stays unfinished.
    ///
    /// From here on [`tick`](Session::tick) looks after the time that the peer takes.
    ///
    /// # Errors
    /// [`MisuseError::Closing`] if a close frame was sent before;
    /// [`MisuseError::CloseCodeNotSendable`] and [`MisuseError::CloseReasonTooLong`]. Nothing is
    /// written then.
    pub fn close(
        &mut self,
        close: Option<CloseFrame<'_>>,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        let next = match self.state {
            SessionState::Open => SessionState::Closing,
            SessionState::PeerClosed => SessionState::Closed,
            SessionState::Closing | SessionState::Closed => return Err(MisuseError::Closing.into()),
        };
        self.sender.close(close, out)?;
        self.sent = Some(close.map_or(CloseCode::NO_STATUS, |close| close.code));
        (self.state, self.pong_due) = (next, false);
        Ok(())
    }

    /// Sets whether a close frame of the peer is answered at once: see
    /// [`SessionOptions::auto_close`]. For a caller who learns only after the handshake that it wants to
    /// send more than the peer does, as a tunnel may.
    pub fn set_auto_close(&mut self, auto_close: bool) {
        self.auto_close = auto_close;
    }

    /// Whether the heartbeat has sent a ping, and nothing was received since. A caller who compares
    /// this before and after [`tick`](Session::tick) can measure round trips.
    pub fn awaits_pong(&self) -> bool {
        self.state == SessionState::Open && self.timers.awaits_pong()
    }

    /// Says that the transport has accepted `n` bytes of what this session has appended to the
    /// caller's buffers. The timers need it: see [the rule](super#timers).
    #[inline]
    pub fn sent(&mut self, n: usize) {
        self.timers.sent(n);
    }

    /// Says whether the caller reads what the peer sends: `false` while it has paused, or applies
    /// back-pressure. Until it reads again, the heartbeat does not fail the peer and the connection
    /// is not idle; both times start anew then. Default: on.
    ///
    /// A caller who [closes](Self::close) reads again, as the peer's close frame is to be read.
    pub fn set_reading(&mut self, reading: bool) {
        self.timers.set_reading(reading);
    }
}

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// Fails the connection for a reason of the caller's (RFC 6455 §7.1.7): sends a close frame
    /// with the error's [code](ErrorKind::close_code) if none was sent, and is
    /// [`Closed`](SessionState::Closed).
    pub fn fail(&mut self, error: impl Into<ErrorKind>, out: &mut Vec<u8>) {
        let fault = error.into().at(self.receiver.offset());
        self.outgoing.fail(fault, out);
    }

    /// Says that the transport ended, or was lost. Nothing is sent any more.
    ///
    /// # Errors
    /// The fault that the session is in; [`PeerError::UnexpectedEof`] if no close frame came
    /// (1006, RFC 6455 §7.1.5).
    pub fn finish(&mut self) -> Result<(), Fault> {
        self.outgoing.finish(&mut self.receiver)
    }

    /// Looks at the clock: sends the heartbeat's pings, closes an idle connection, fails a peer that
    /// is silent or does not close. Call it when [`deadline`](Self::deadline) has come; more often
    /// does no harm.
    ///
    /// - `now` is the time since any moment that the caller likes, the same for all calls.
    /// - `unsent` is the number of bytes of this session that have not left: those that the transport
    ///   did not accept when the caller last wrote to it. What this call appends does not count.
    ///   Those that it accepted are reported by [`sent`](Outgoing::sent).
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
    /// assert_eq!(out, b"\x89\x00", "a ping, as nothing came");
    /// // The caller writes it: from now on the peer has 20 seconds.
    /// session.sent(out.len());
    /// session.tick(now, 0, &mut out)?;
    /// now = session.deadline().unwrap();
    /// assert_eq!(session.tick(now, 0, &mut out).unwrap_err().error.code(), "NO_PONG");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    ///
    /// # Errors
    /// [`PeerError::NoPong`] and [`PeerError::NoClose`]; the session has ended then. The fault
    /// that it is in. [`LimitError::Idle`] if the peer does not answer the close of an idle
    /// connection.
    pub fn tick(&mut self, now: Duration, unsent: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.outgoing.tick(self.receiver.offset(), now, unsent, out)
    }
}

/// As the session's methods of these names; the receiver can be elsewhere.
impl<M: MaskSource, O: OutboundExtension> Outgoing<M, O> {
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self.state {
            SessionState::Open => self.timers.deadline(false),
            SessionState::Closing => self.timers.deadline(true),
            // The peer sends nothing more that a timer could wait for.
            SessionState::PeerClosed | SessionState::Closed => None,
        }
    }

    pub(crate) fn finish<I: InboundExtension>(
        &mut self,
        receiver: &mut MessageDecoder<I>,
    ) -> Result<(), Fault> {
        if self.is_deaf() {
            self.state = SessionState::Closed;
            return self.fault().map_or(Ok(()), Err);
        }
        let error = ErrorKind::from(PeerError::UnexpectedEof);
        let fault = match receiver.finish() {
            Ok(()) => error.at(receiver.offset()),
            Err(fault) => fault,
        };
        // 1006 is never sent, so nothing is.
        Err(self.fail(fault, &mut Vec::new()))
    }

    /// `offset` is how many bytes were received.
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
        self.pay(out);
        let closing = self.state == SessionState::Closing;
        let error = match self.timers.look(now, unsent, closing) {
            Due::Nothing => return Ok(()),
            Due::Ping => {
                let _ = self.sender.ping(b"", out);
                self.timers.pinged(unsent + (out.len() - before));
                return Ok(());
            }
            Due::Idle => {
                let error = LimitError::Idle;
                let code = CloseCode::GOING_AWAY;
                let reason = error.message();
                let _ = self.close(Some(CloseFrame { code, reason }), out);
                self.cause = Some(ErrorKind::from(error).at(offset));
                self.timers.look(now, unsent + (out.len() - before), true);
                return Ok(());
            }
            Due::NoPong => PeerError::NoPong,
            Due::NoClose => PeerError::NoClose,
        };
        Err(self.fail(ErrorKind::from(error).at(offset), out))
    }

    /// Bytes held for sending.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn memory(&self) -> usize {
        self.sender.buffered() + self.sender.extension().memory()
    }

    /// Gives back what sending does not need until the next message.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn release(&mut self) {
        self.sender.shrink();
        if !self.sender.in_message() {
            self.sender.extension_mut().release();
        }
    }
}
