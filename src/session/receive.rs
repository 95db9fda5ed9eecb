//! The receiving side of a session: bytes in, events out.
//!
//! A session acts on an event before it hands it out: it answers pings and close frames into the caller's
//! buffer, and notes for the timers that something arrived. The methods that receive differ in what they
//! return (an event, a piece, a place, or an event of bytes that were written to the session's space), and
//! all of them act by the same `Sender::act`. They take the decoder as an argument, because two threads may
//! hold the two sides.
//!
//! Invariant: between a message and the handler's answer to it nothing else is appended, so answers are in
//! the order of the events.

use alloc::vec::Vec;
use core::mem;

use super::{Event, Piece, Received, Sender, Session};
use crate::error::Fault;
use crate::message::{
    FoundEvent, FoundPiece, InboundExtension, MaskSource, MessageDecoder, OutboundExtension,
};

impl<M: MaskSource, I: InboundExtension, O: OutboundExtension> Session<M, I, O> {
    /// Takes bytes from the front of `input` until there is an event; `None` when `input` is empty.
    /// The event comes with the sender, for the caller's answers. The session itself appends its
    /// answers to pings and to a close frame to `out`.
    ///
    /// A message of one frame is unmasked in place and lent from `input`. After a close frame and
    /// after a failure, the input is taken and dropped.
    ///
    /// # Errors
    /// The first broken rule or exceeded limit, with its offset. The session appends a close frame
    /// with the matching code to `out` (RFC 6455 §7.1.7) and is
    /// [`Closed`](super::SessionState::Closed). Every later call returns the same error.
    // Always inlined, as the decoder's method is and for the same reason. A program may have several
    // callers, such as a server with two types of handlers, and the compiler would then choose a call.
    #[inline(always)]
    pub fn receive<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Event<'r>, M, O>, Fault> {
        let event = self.sender.receive(&mut self.decoder, input, out)?;
        Ok(event.map(|event| (event, &mut self.sender)))
    }

    /// Like [`receive`](Self::receive), but reports each piece of a message when it arrives: see
    /// [`MessageDecoder::receive_piece`](crate::message::MessageDecoder::receive_piece).
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    pub fn receive_piece<'r, 'i: 'r>(
        &'r mut self,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Received<'r, Piece<'r>, M, O>, Fault> {
        let piece = self.sender.receive_piece(&mut self.decoder, input, out)?;
        Ok(piece.map(|piece| (piece, &mut self.sender)))
    }

    /// Like [`receive`](Self::receive), but returns the position of the payload, for callers that
    /// call this in a loop and lend the event afterwards. See
    /// [`MessageDecoder::find`](crate::message::MessageDecoder::find).
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `at` lies behind the end of `input`.
    #[inline]
    pub fn find(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundEvent>, Fault> {
        self.sender.find(&mut self.decoder, input, at, out)
    }

    /// Like [`receive_piece`](Self::receive_piece), but returns the position of the bytes, like
    /// [`find`](Self::find).
    ///
    /// # Errors
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// The panics of [`find`](Self::find).
    pub fn find_piece(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundPiece>, Fault> {
        self.sender.find_piece(&mut self.decoder, input, at, out)
    }

    /// The space for the next bytes of the stream. A caller may write them here instead of passing
    /// them to [`receive`](Self::receive), which saves a copy of large messages: see
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
    /// The errors of [`receive`](Self::receive).
    ///
    /// # Panics
    /// If `len` is larger than the length of `space`.
    pub fn fill(
        &mut self,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Received<'_, Event<'_>, M, O>, Fault> {
        match self.sender.find_filled(&mut self.decoder, len, out)? {
            Some(found) => Ok(Some((self.decoder.lend(&[], &found), &mut self.sender))),
            None => Ok(None),
        }
    }

    /// Takes the message that was lent last, with the buffer that it was collected in: see
    /// [`MessageDecoder::take_message`](crate::message::MessageDecoder::take_message).
    pub fn take_message(&mut self) -> Option<Vec<u8>> {
        self.decoder.take_message()
    }

    /// Whether a message has begun and not ended.
    pub fn in_message(&self) -> bool {
        self.decoder.in_message()
    }

    /// The two sides of the session, for two threads.
    #[cfg(all(
        feature = "io",
        not(all(target_arch = "wasm32", target_os = "unknown"))
    ))]
    pub(crate) fn into_parts(self) -> (MessageDecoder<I>, Sender<M, O>) {
        (self.decoder, self.sender)
    }
}

/// The actions of a session on the events of its decoder. The decoder is an argument, so that two
/// threads can hold the two sides.
impl<M: MaskSource, O: OutboundExtension> Sender<M, O> {
    // Inlined as the decoder's method is, for the same reason.
    #[inline(always)]
    pub(crate) fn receive<'r, 'i: 'r, I: InboundExtension>(
        &mut self,
        decoder: &'r mut MessageDecoder<I>,
        input: &mut &'i mut [u8],
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'r>>, Fault> {
        if !self.is_ready() && self.prepare(out)? {
            mem::take(input);
            return Ok(None);
        }
        self.received_bytes(!input.is_empty(), decoder.in_message());
        match decoder.receive(input) {
            Ok(Some(event)) => {
                self.act(&event, out);
                Ok(Some(event))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    #[inline(always)]
    pub(crate) fn find<I: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<I>,
        input: &mut [u8],
        at: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundEvent>, Fault> {
        if !self.is_ready() && self.prepare(out)? {
            *at = input.len();
            return Ok(None);
        }
        self.received_bytes(*at < input.len(), decoder.in_message());
        match decoder.find(input, at) {
            Ok(Some(found)) => {
                self.act(&decoder.lend(input, &found), out);
                Ok(Some(found))
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
        let bytes = mem::take(input);
        let mut at = 0;
        let found = self.find_piece(decoder, bytes, &mut at, out);
        let (taken, rest) = bytes.split_at_mut(at);
        *input = rest;
        match found? {
            Some(found) => Ok(Some(decoder.lend_piece(taken, &found))),
            None => Ok(None),
        }
    }

    pub(crate) fn find_piece<I: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<I>,
        input: &mut [u8],
        at: &mut usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundPiece>, Fault> {
        if !self.is_ready() && self.prepare(out)? {
            *at = input.len();
            return Ok(None);
        }
        self.received_bytes(*at < input.len(), decoder.in_message());
        match decoder.find_piece(input, at) {
            Ok(Some(found)) => {
                match decoder.lend_piece(input, &found) {
                    Piece::Ping(payload) => self.received_ping(payload, out),
                    Piece::Close(close) => self.received_close(close, out),
                    Piece::Data(_) | Piece::End => self.timers.received_message = true,
                    Piece::Frame(_) | Piece::Pong(_) => {}
                }
                Ok(Some(found))
            }
            Ok(None) => Ok(None),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    pub(crate) fn find_filled<I: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<I>,
        len: usize,
        out: &mut Vec<u8>,
    ) -> Result<Option<FoundEvent>, Fault> {
        self.send_pending_pong(out);
        self.received_bytes(len > 0, true);
        match decoder.find_filled(len) {
            Ok(found) => Ok(found),
            Err(fault) => Err(self.decoder_failed(fault, out)),
        }
    }

    /// Acts on an event: answers a ping or a close frame.
    #[inline(always)]
    fn act(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match *event {
            Event::Message(_) => self.timers.received_message = true,
            Event::Ping(payload) => self.received_ping(payload, out),
            Event::Pong(_) => {}
            Event::Close(close) => self.received_close(close, out),
        }
    }

    /// Does the pending work before the next receive. Returns whether the received bytes are dropped.
    #[cold]
    fn prepare(&mut self, out: &mut Vec<u8>) -> Result<bool, Fault> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        if self.discards_input() {
            return Ok(true);
        }
        self.send_pending_pong(out);
        Ok(false)
    }
}
