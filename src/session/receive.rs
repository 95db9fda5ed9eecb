//! Bytes in, events out.

use alloc::vec::Vec;
use core::mem;

use super::{Event, Piece, Received, Session};
use crate::error::Fault;
use crate::message::{Inbound, MaskSource, Outbound};

impl<M: MaskSource, I: Inbound, O: Outbound> Session<M, I, O> {
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
    /// [`Closed`](super::State::Closed), and answers the same to every later call.
    #[inline]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Event<'r>, M, O>, Fault> {
        if !self.outgoing.at_ease() && self.attend(input, out)? {
            return Ok(None);
        }
        self.outgoing
            .heard(!input.is_empty(), self.receiver.in_message());
        match self.receiver.receive(input) {
            Ok(Some(event)) => {
                match event {
                    Event::Message(_) => self.outgoing.timers.busy = true,
                    Event::Ping(payload) => self.outgoing.pinged(payload, out),
                    Event::Pong(_) => {}
                    Event::Close(close) => self.outgoing.peer_closes(close, out),
                }
                Ok(Some((event, &mut self.outgoing)))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.outgoing.refuse(fault, out)),
        }
    }

    /// As [`receive`](Self::receive), in pieces as they come: see
    /// [`Receiver::receive_piece`](crate::message::Receiver::receive_piece).
    ///
    /// # Errors
    /// As for [`receive`](Self::receive).
    pub fn receive_piece<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Piece<'r>, M, O>, Fault> {
        if !self.outgoing.at_ease() && self.attend(input, out)? {
            return Ok(None);
        }
        self.outgoing
            .heard(!input.is_empty(), self.receiver.in_message());
        match self.receiver.receive_piece(input) {
            Ok(Some(piece)) => {
                match &piece {
                    Piece::Ping(payload) => self.outgoing.pinged(payload, out),
                    Piece::Close(close) => self.outgoing.peer_closes(*close, out),
                    Piece::Data(_) | Piece::End => self.outgoing.timers.busy = true,
                    Piece::Frame(_) | Piece::Pong(_) => {}
                }
                Ok(Some((piece, &mut self.outgoing)))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.outgoing.refuse(fault, out)),
        }
    }

    /// Where the next bytes of the stream may be written instead of handing them to
    /// [`receive`](Self::receive), which spares a copy of large messages: see
    /// [`Receiver::space`](crate::message::Receiver::space).
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
        self.outgoing.pay(out);
        self.outgoing.heard(len > 0, true);
        match self.receiver.fill(len) {
            Ok(event) => Ok(event.map(|event| (event, &mut self.outgoing))),
            Err(fault) => Err(self.outgoing.refuse(fault, out)),
        }
    }

    /// Whether a message is begun and not at its end.
    pub fn in_message(&self) -> bool {
        self.receiver.in_message()
    }

    /// Sees to what isn't receiving. Says whether what comes is dropped.
    #[cold]
    fn attend(&mut self, input: &mut &mut [u8], out: &mut Vec<u8>) -> Result<bool, Fault> {
        if let Some(fault) = self.outgoing.fault() {
            return Err(fault);
        }
        if self.outgoing.is_deaf() {
            mem::take(input);
            return Ok(true);
        }
        self.outgoing.pay(out);
        Ok(false)
    }
}
