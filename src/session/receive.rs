//! The receiving side of a session: bytes in, events out.

use alloc::vec::Vec;
use core::mem;

use super::{Event, Piece, Received, Sender, Session};
use crate::error::Fault;
use crate::message::{InboundExtension, MaskSource, MessageDecoder, OutboundExtension};

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// Takes bytes off the front of `input` until there is an event; `None` when `input` is used
    /// up. With it comes the sender, for the caller's answers. The session appends its own
    /// answers, to pings and to a close frame, to `out` at once.
    ///
    /// A message of one frame is unmasked where it lies and lent from there. After a close frame
    /// and after a failure, the input is taken and dropped.
    ///
    /// # Errors
    /// The first rule broken or limit passed, and where. A close frame with the code that it calls
    /// for is appended to `out` (RFC 6455 §7.1.7); the session is
    /// [`Closed`](super::SessionState::Closed), and returns the same error from every later call.
    #[inline]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Event<'r>, M, O>, Fault> {
        let event = self.sender.receive(&mut self.decoder, input, out)?;
        Ok(event.map(|event| (event, &mut self.sender)))
    }

    /// As [`receive`](Self::receive), in pieces as they come: see
    /// [`MessageDecoder::receive_piece`](crate::message::MessageDecoder::receive_piece).
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    pub fn receive_piece<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Piece<'r>, M, O>, Fault> {
        let piece = self.sender.receive_piece(&mut self.decoder, input, out)?;
        Ok(piece.map(|piece| (piece, &mut self.sender)))
    }

    /// Where the next bytes of the stream may be written instead of handing them to
    /// [`receive`](Self::receive), which spares a copy of large messages: see
    /// [`MessageDecoder::space`](crate::message::MessageDecoder::space).
    pub fn space(&mut self, max: usize) -> Option<&mut [u8]> {
        match self.sender.discards_input() {
            true => None,
            false => self.decoder.space(max),
        }
    }

    /// Takes the first `len` bytes that were written to [`space`](Self::space).
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `len` is more than `space` handed out.
    pub fn fill(
        &mut self,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Received<'_, Event<'_>, M, O>, Fault> {
        let event = self.sender.fill(&mut self.decoder, len, out)?;
        Ok(event.map(|event| (event, &mut self.sender)))
    }

    /// Whether a message is begun and not at its end.
    pub fn in_message(&self) -> bool {
        self.decoder.in_message()
    }

    /// The two sides of the session, each for a thread of its own.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn into_parts(self) -> (MessageDecoder<I>, Sender<M, O>) {
        (self.decoder, self.sender)
    }
}

/// What a session does with the events of its decoder. The decoder is an argument, so that the two
/// can be apart.
impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    // Inlined as the decoder's method is, for the same reason.
    #[inline(always)]
    pub(crate) fn receive<'r, 'i: 'r, I: InboundExtension>(
        &mut self,
        decoder: &'r mut MessageDecoder<I>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'r>>, Fault> {
        if !self.is_ready() && self.prepare(input, out)? {
            return Ok(None);
        }
        self.received_bytes(!input.is_empty(), decoder.in_message());
        match decoder.receive(input) {
            Ok(Some(event)) => {
                match event {
                    Event::Message(_) => self.timers.received_message = true,
                    Event::Ping(payload) => self.received_ping(payload, out),
                    Event::Pong(_) => {}
                    Event::Close(close) => self.received_close(close, out),
                }
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    pub(crate) fn receive_piece<'r, 'i: 'r, I: InboundExtension>(
        &mut self,
        decoder: &'r mut MessageDecoder<I>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Piece<'r>>, Fault> {
        if !self.is_ready() && self.prepare(input, out)? {
            return Ok(None);
        }
        self.received_bytes(!input.is_empty(), decoder.in_message());
        match decoder.receive_piece(input) {
            Ok(Some(piece)) => {
                match &piece {
                    Piece::Ping(payload) => self.received_ping(payload, out),
                    Piece::Close(close) => self.received_close(*close, out),
                    Piece::Data(_) | Piece::End => self.timers.received_message = true,
                    Piece::Frame(_) | Piece::Pong(_) => {}
                }
                Ok(Some(piece))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    pub(crate) fn fill<'r, I: InboundExtension>(
        &mut self,
        decoder: &'r mut MessageDecoder<I>,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'r>>, Fault> {
        self.send_pending_pong(out);
        self.received_bytes(len > 0, true);
        match decoder.fill(len) {
            Ok(event) => Ok(event),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    /// Does what has to be done before bytes are decoded, unless the session [is
    /// ready](Self::is_ready). Returns whether the input was dropped.
    #[cold]
    fn prepare(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.discards_input() {
            mem::take(input);
            return Ok(true);
        }
        self.send_pending_pong(out);
        Ok(false)
    }
}
