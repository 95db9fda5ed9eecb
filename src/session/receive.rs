//! Bytes in, events out.

use alloc::vec::Vec;
use core::mem;

use super::{Event, Outgoing, Piece, Received, Session};
use crate::error::Fault;
use crate::message::{InboundExtension, MaskSource, MessageDecoder, OutboundExtension};

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// Takes bytes off the front of `input` until there is an event; `None` when `input` is used
    /// up. With it comes the side that sends, for the caller's answers; those to pings and to a
    /// close frame are appended to `out` at once.
    ///
    /// A message of one frame is unmasked where it lies and lent from there. After a close frame
    /// and after a failure, what comes is taken and dropped.
    ///
    /// # Errors
    /// The first rule broken or limit passed, and where. A close frame with the code that it calls
    /// for is appended to `out` (RFC 6455 §7.1.7); the session is
    /// [`Closed`](super::SessionState::Closed), and answers the same to every later call.
    #[inline]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Event<'r>, M, O>, Fault> {
        let event = self.outgoing.receive(&mut self.receiver, input, out)?;
        Ok(event.map(|event| (event, &mut self.outgoing)))
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
        let piece = self
            .outgoing
            .receive_piece(&mut self.receiver, input, out)?;
        Ok(piece.map(|piece| (piece, &mut self.outgoing)))
    }

    /// Where the next bytes of the stream may be written instead of handing them to
    /// [`receive`](Self::receive), which spares a copy of large messages: see
    /// [`MessageDecoder::space`](crate::message::MessageDecoder::space).
    pub fn space(&mut self, max: usize) -> Option<&mut [u8]> {
        match self.outgoing.is_deaf() {
            true => None,
            false => self.receiver.space(max),
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
        let event = self.outgoing.fill(&mut self.receiver, len, out)?;
        Ok(event.map(|event| (event, &mut self.outgoing)))
    }

    /// Whether a message is begun and not at its end.
    pub fn in_message(&self) -> bool {
        self.receiver.in_message()
    }

    /// The two sides of the session, each for a thread of its own.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn into_parts(self) -> (MessageDecoder<I>, Outgoing<M, O>) {
        (self.receiver, self.outgoing)
    }
}

/// What a session does with what its receiver finds. The receiver is an argument, so that the two
/// can be apart.
impl<M: MaskSource, O: OutboundExtension> Outgoing<M, O> {
    // Inlined as the receiver's method is, for the same reason.
    #[inline(always)]
    pub(crate) fn receive<'r, 'i: 'r, I: InboundExtension>(
        &mut self,
        receiver: &'r mut MessageDecoder<I>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'r>>, Fault> {
        if !self.at_ease() && self.attend(input, out)? {
            return Ok(None);
        }
        self.heard(!input.is_empty(), receiver.in_message());
        match receiver.receive(input) {
            Ok(Some(event)) => {
                match event {
                    Event::Message(_) => self.timers.busy = true,
                    Event::Ping(payload) => self.pinged(payload, out),
                    Event::Pong(_) => {}
                    Event::Close(close) => self.peer_closes(close, out),
                }
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.refuse(fault, out)),
        }
    }

    pub(crate) fn receive_piece<'r, 'i: 'r, I: InboundExtension>(
        &mut self,
        receiver: &'r mut MessageDecoder<I>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Piece<'r>>, Fault> {
        if !self.at_ease() && self.attend(input, out)? {
            return Ok(None);
        }
        self.heard(!input.is_empty(), receiver.in_message());
        match receiver.receive_piece(input) {
            Ok(Some(piece)) => {
                match &piece {
                    Piece::Ping(payload) => self.pinged(payload, out),
                    Piece::Close(close) => self.peer_closes(*close, out),
                    Piece::Data(_) | Piece::End => self.timers.busy = true,
                    Piece::Frame(_) | Piece::Pong(_) => {}
                }
                Ok(Some(piece))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.refuse(fault, out)),
        }
    }

    pub(crate) fn fill<'r, I: InboundExtension>(
        &mut self,
        receiver: &'r mut MessageDecoder<I>,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'r>>, Fault> {
        self.pay(out);
        self.heard(len > 0, true);
        match receiver.fill(len) {
            Ok(event) => Ok(event),
            Err(fault) => Err(self.refuse(fault, out)),
        }
    }

    /// Sees to what isn't receiving. Says whether what comes is dropped.
    #[cold]
    fn attend(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.is_deaf() {
            mem::take(input);
            return Ok(true);
        }
        self.pay(out);
        Ok(false)
    }
}
