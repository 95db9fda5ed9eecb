//! Where the payload of an event lies, for callers that cannot hold a borrow of it.
//!
//! [`Event`] and [`Piece`](super::Piece) borrow their payload. A caller that reads more input in a loop
//! until there is an event cannot return such a borrow from the loop, and a caller in another language
//! wants a number instead of a slice. These callers use the methods that begin with `find`, which
//! return plain values: each payload is a [`Place`]. The methods that lend are short wrappers around
//! the same loops.

use core::ops::Range;

use super::{Event, Kind, MessageDecoder, MessageRef, Piece};
use crate::frame::{CloseFrame, FrameHeader};

/// Where bytes lie that a decoder has found.
///
/// A place is valid until the next call of a method that takes input: a place in the input because
/// the caller may overwrite its input, a place in the decoder because the decoder overwrites it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the input that was handed in, counted from its front.
    Input(Range<usize>),
    /// In the decoder's buffer, where messages in several parts are put together and coded messages
    /// are decoded. See [`MessageDecoder::held`].
    Held(Range<usize>),
    /// In the decoder's own copy of a control frame that came in several parts.
    Control(Range<usize>),
}

impl Place {
    /// The range, wherever it lies.
    #[inline]
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Input(range) | Self::Held(range) | Self::Control(range) => range.clone(),
        }
    }

    /// The number of bytes.
    #[inline]
    pub fn len(&self) -> usize {
        self.range().len()
    }

    /// Whether there are no bytes.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.range().is_empty()
    }

    /// Leaves out `amount` bytes at the front, or all if there are fewer.
    pub fn advance(&mut self, amount: usize) {
        match self {
            Self::Input(range) | Self::Held(range) | Self::Control(range) => {
                range.start = range.end.min(range.start.saturating_add(amount));
            }
        }
    }
}

/// A [`MessageRef`] with the place of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    /// Text or binary.
    pub kind: Kind,
    /// Where the payload lies.
    pub place: Place,
    /// See [`MessageRef::ascii`].
    pub ascii: bool,
    /// See [`MessageRef::opaque`].
    pub opaque: bool,
}

/// An [`Event`] with the place of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundEvent {
    /// A whole message.
    Message(FoundMessage),
    /// A ping.
    Ping(Place),
    /// A pong.
    Pong(Place),
    /// A close frame, with the whole of its payload: the code and the reason (RFC 6455 §5.5.1).
    /// [`CloseFrame::parse`] reads it.
    Close(Place),
}

/// A [`Piece`] with the place of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundPiece {
    /// A frame begins.
    Frame(FrameHeader),
    /// The next bytes of a message's payload.
    Data(Place),
    /// The message is complete.
    End,
    /// A ping.
    Ping(Place),
    /// A pong.
    Pong(Place),
    /// A close frame, as in [`FoundEvent::Close`].
    Close(Place),
}

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
