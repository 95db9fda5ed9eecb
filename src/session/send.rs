//! Commands in, bytes out.

use super::{Outgoing, SessionState};
use crate::error::{ErrorKind, MisuseError};
use crate::message::{Buffer, Kind, MaskSource, MessageRef, OutboundExtension, Prepared};

/// Everything here is refused with [`MisuseError::Closing`] once a close frame was sent or the
/// session has ended, and writes nothing if it fails.
impl<M: MaskSource, O: OutboundExtension> Outgoing<M, O> {
    /// Sends a text message in one frame.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], and [`MisuseError::MessageUnfinished`] between
    /// [`begin`](Self::begin) and [`finish_message`](Self::finish_message).
    #[inline]
    pub fn text(&mut self, text: &str, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.text(text, out)
    }

    /// Sends a binary message in one frame.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    #[inline]
    pub fn binary(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.binary(payload, out)
    }

    /// Sends a message in one frame; a text is checked to be UTF-8.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and [`MisuseError::TextNotUtf8`].
    #[inline]
    pub fn send(
        &mut self,
        kind: Kind,
        payload: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.send(kind, payload, out)
    }

    /// Sends a message that was received, as it is.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    #[inline]
    pub fn forward(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.forward(message, out)
    }

    /// Sends a message that was framed once for many receivers.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    #[inline]
    pub fn prepared(&mut self, message: &Prepared, out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.prepared(message, out)
    }

    /// Sends a message that was framed elsewhere: see [`MessageEncoder::framed`](crate::message::MessageEncoder::framed).
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn framed(
        &mut self,
        frame: &[u8],
        header_len: usize,
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.framed(frame, header_len, out)
    }

    /// Sends the first fragment of a message; text may be cut within a character.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn begin(
        &mut self,
        kind: Kind,
        part: &[u8],
        out: &mut impl Buffer,
    ) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.begin(kind, part, out)
    }

    /// Sends the next fragment of a message, not its last.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], [`MisuseError::NoMessageBegun`], [`MisuseError::TextNotUtf8`].
    pub fn more(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.more(part, out)
    }

    /// Sends the last fragment of a message, which may be empty.
    ///
    /// # Errors
    /// As for [`more`](Self::more).
    pub fn finish_message(&mut self, part: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.finish(part, out)
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// [`MisuseError::Closing`], [`MisuseError::ControlPayloadTooLong`].
    pub fn ping(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.ping(payload, out)
    }

    /// Sends a pong, of at most 125 bytes: only needed without
    /// [`auto_pong`](super::SessionOptions::auto_pong), or as a sign of life.
    ///
    /// # Errors
    /// As for [`ping`](Self::ping).
    pub fn pong(&mut self, payload: &[u8], out: &mut impl Buffer) -> Result<(), ErrorKind> {
        self.may_send()?;
        self.sender.pong(payload, out)
    }

    #[inline]
    fn may_send(&self) -> Result<(), MisuseError> {
        match self.state {
            SessionState::Open | SessionState::PeerClosed => Ok(()),
            SessionState::Closing | SessionState::Closed => Err(MisuseError::Closing),
        }
    }
}
