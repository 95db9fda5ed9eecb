//! The sending side of a session: commands in, bytes out.

use super::SessionOptions;
use super::outcome::{ControlPayload, SessionState};
use super::timers::Timers;
use crate::error::{CloseCode, ErrorKind, Fault, MisuseError};
use crate::frame::{MAX_CONTROL_LEN, Rsv};
use crate::message::{
    Buffer, InPlace, Kind, MaskSource, MessageEncoder, MessageRef, OutboundExtension, Prepared,
    close_payload,
};

/// The sending side of a [`Session`](super::Session): a [`MessageEncoder`] that also knows the state, and refuses
/// what must not be sent any more.
///
/// Its methods are those of the encoder. [`outbox`](Self::outbox) gives the same methods without the
/// argument `out`. A session hands its sender out together with each event, so that the caller can
/// answer an event while it is lent.
///
/// Each method appends to `out`. A method that fails has appended nothing. Each method fails with
/// [`MisuseError::Closing`] after a close frame was sent or the session has ended.
#[derive(Debug)]
pub struct Sender<M, O> {
    pub(super) encoder: MessageEncoder<M, O>,
    pub(super) state: SessionState,
    pub(super) timers: Timers,
    pub(super) auto_pong: bool,
    pub(super) auto_close: bool,
    pub(super) backlog: usize,
    /// `control` is the payload of a ping whose pong is pending.
    pub(super) pong_pending: bool,
    /// The peer's close frame was received, and `control` is its payload.
    pub(super) close_received: bool,
    pub(super) control: ControlPayload,
    /// The code of this side's close frame.
    pub(super) close_sent: Option<CloseCode>,
    /// The reason why the session ends, unless a close frame of the peer or of the caller ends it.
    pub(super) cause: Option<Fault>,
    /// The session ended by a failure.
    pub(super) failed: bool,
}

impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    pub(super) fn new(encoder: MessageEncoder<M, O>, config: &SessionOptions) -> Self {
        Self {
            encoder,
            state: SessionState::Open,
            timers: Timers::new(config),
            auto_pong: config.auto_pong,
            auto_close: config.auto_close,
            backlog: config.backlog,
            pong_pending: false,
            close_received: false,
            control: ControlPayload::EMPTY,
            close_sent: None,
            cause: None,
            failed: false,
        }
    }

    /// The state of the session.
    #[inline]
    pub fn state(&self) -> SessionState {
        self.state
    }

    /// Sends a text message in one frame.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], and the errors of [`MessageEncoder::text`].
    #[inline]
    pub fn text(&mut self, text: &str, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.text(text, out)
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn binary(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.binary(payload, out)
    }

    /// Sends a message in one frame, and checks that a text is UTF-8.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text), and [`MisuseError::TextNotUtf8`].
    #[inline]
    pub fn send(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.send(kind, payload, out)
    }

    /// Sends a received message as it is: see [`MessageEncoder::forward`].
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn forward(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.forward(message, out)
    }

    /// Sends a received message, of which the payload may stay where it is: see
    /// [`MessageEncoder::forward_vectored`](crate::message::MessageEncoder::forward_vectored).
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn forward_vectored(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<bool, ErrorKind> {
        self.check_state()?;
        self.encoder.forward_vectored(message, out)
    }

    /// Sends a message that was encoded once for many connections.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    #[inline]
    pub fn prepared(&mut self, message: &Prepared, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.prepared(message, out)
    }

    /// Sends the first fragment of a message. A text may be cut within a character.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send).
    pub fn begin(
        &mut self,
        kind: Kind,
        part: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.begin(kind, part, out)
    }

    /// Sends the next fragment of a message, not its last.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], and the errors of [`MessageEncoder::more`].
    pub fn more(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.more(part, out)
    }

    /// Sends the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// The errors of [`more`](Self::more).
    pub fn finish(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.finish(part, out)
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], [`MisuseError::ControlPayloadTooLong`].
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.ping(payload, out)
    }

    /// Sends a pong, of at most 125 bytes. The session answers pings by itself, unless
    /// [`auto_pong`](SessionOptions::auto_pong) is off.
    ///
    /// # Errors
    /// The errors of [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.pong(payload, out)
    }

    /// Begins the close, or answers the peer's close frame if
    /// [`auto_close`](SessionOptions::auto_close) is off: sends a close frame, after which nothing
    /// is sent. With `None` for the code the close frame is empty. A message that is not finished
    /// stays so. If a pong is [pending](super::Session::has_pending_pong), it is sent before the
    /// close frame.
    ///
    /// From here on [`Session::tick`](super::Session::tick) applies the close timeout.
    ///
    /// # Errors
    /// [`MisuseError::Closing`] if a close frame was sent before, and the errors of
    /// [`MessageEncoder::close`].
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        let next = match self.state {
            SessionState::Open => SessionState::Closing,
            SessionState::PeerClosed => SessionState::Closed,
            SessionState::Closing | SessionState::Closed => return Err(MisuseError::Closing.into()),
        };
        let code = code.into();
        if self.has_pending_pong() {
            // Nothing follows a close frame, so this is the last chance to send the pong. The backlog
            // does not matter then. A close frame that is refused must not send the pong either.
            close_payload(code, reason, &mut [0; MAX_CONTROL_LEN])?;
            let _ = self.encoder.pong(self.control.payload(), out);
        }
        self.encoder.close(code, reason, out)?;
        self.close_sent = Some(code.unwrap_or(CloseCode::NO_STATUS));
        (self.state, self.pong_pending) = (next, false);
        Ok(())
    }

    /// Like [`send`](Self::send), with a payload that is in the output already: see
    /// [`MessageEncoder::send_in_place`](crate::message::MessageEncoder::send_in_place).
    ///
    /// # Errors
    /// The errors of [`send`](Self::send).
    #[inline]
    pub fn send_in_place(
        &mut self,
        kind: Kind,
        checked: bool,
        place: InPlace<'_>,
    ) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.send_in_place(kind, checked, place)
    }

    /// Like [`begin`](Self::begin), with a payload that is in the output already.
    ///
    /// # Errors
    /// The errors of [`begin`](Self::begin).
    pub fn begin_in_place(&mut self, kind: Kind, place: InPlace<'_>) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.begin_in_place(kind, place)
    }

    /// Like [`more`](Self::more) or, with `last`, [`finish`](Self::finish), with a payload that is in
    /// the output already.
    ///
    /// # Errors
    /// The errors of [`more`](Self::more).
    pub fn more_in_place(&mut self, last: bool, place: InPlace<'_>) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.more_in_place(last, place)
    }

    /// Sends the payload of a prepared message, which is in the output already: see
    /// [`MessageEncoder::prepared_in_place`](crate::message::MessageEncoder::prepared_in_place).
    ///
    /// # Errors
    /// The errors of [`prepared`](Self::prepared).
    pub fn prepared_in_place(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        place: InPlace<'_>,
    ) -> Result<(), ErrorKind> {
        self.check_state()?;
        self.encoder.prepared_in_place(kind, rsv, place)
    }

    #[inline]
    fn check_state(&self) -> Result<(), MisuseError> {
        match self.state {
            SessionState::Open | SessionState::PeerClosed => Ok(()),
            SessionState::Closing | SessionState::Closed => Err(MisuseError::Closing),
        }
    }
}
