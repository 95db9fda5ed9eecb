//! Lends events and pieces whose places a decoder has found: see [`Place`].

use super::place::{FoundEvent, FoundMessage, FoundPiece, Place};
use super::{Event, MessageDecoder, MessageRef, Piece};
use crate::frame::CloseFrame;

impl<E> MessageDecoder<E> {
    /// The bytes at a place that the last call has found in `input` or in the decoder.
    ///
    /// # Panics
    /// If the place was found in another input, and lies behind the end of this one.
    #[inline(always)]
    pub fn bytes<'a>(&'a self, input: &'a [u8], place: &Place) -> &'a [u8] {
        match place {
            Place::Input(range) => &input[range.clone()],
            Place::Held(range) => &self.held()[range.clone()],
            Place::Control(range) => &self.held_control()[range.clone()],
        }
    }

    /// Lends an event that the last call has found.
    ///
    /// # Panics
    /// As [`bytes`](Self::bytes).
    #[inline(always)]
    pub fn lend<'a>(&'a self, input: &'a [u8], found: &FoundEvent) -> Event<'a> {
        match found {
            FoundEvent::Message(message) => Event::Message(self.lend_message(input, message)),
            FoundEvent::Ping(place) => Event::Ping(self.bytes(input, place)),
            FoundEvent::Pong(place) => Event::Pong(self.bytes(input, place)),
            FoundEvent::Close(place) => Event::Close(close_frame(self.bytes(input, place))),
        }
    }

    /// Lends a message that the last call has found.
    ///
    /// # Panics
    /// As [`bytes`](Self::bytes).
    #[inline(always)]
    pub fn lend_message<'a>(&'a self, input: &'a [u8], found: &FoundMessage) -> MessageRef<'a> {
        MessageRef {
            kind: found.kind,
            payload: self.bytes(input, &found.place),
            ascii: found.ascii,
            opaque: found.opaque,
        }
    }

    /// Lends a piece that the last call has found.
    ///
    /// # Panics
    /// As [`bytes`](Self::bytes).
    #[inline]
    pub fn lend_piece<'a>(&'a mut self, input: &'a mut [u8], found: &FoundPiece) -> Piece<'a> {
        match found {
            FoundPiece::Frame(header) => Piece::Frame(*header),
            FoundPiece::Data(place) => Piece::Data(self.bytes_mut(input, place)),
            FoundPiece::End => Piece::End,
            FoundPiece::Ping(place) => Piece::Ping(self.bytes(input, place)),
            FoundPiece::Pong(place) => Piece::Pong(self.bytes(input, place)),
            FoundPiece::Close(place) => Piece::Close(close_frame(self.bytes(input, place))),
        }
    }
}

/// The close frame of a payload that the decoder has checked.
fn close_frame(payload: &[u8]) -> Option<CloseFrame<'_>> {
    CloseFrame::parse(payload).ok().flatten()
}
