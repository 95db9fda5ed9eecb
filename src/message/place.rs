//! The position of the payload of an event, for callers that cannot borrow it.
//!
//! [`Event`] and [`Piece`](super::Piece) borrow their payload. A caller that reads more input in a loop
//! until there is an event cannot return such a borrow from the loop, and a caller in another language
//! wants a number instead of a slice. These callers use the methods that begin with `find`, which
//! return plain values: each payload is a [`Place`]. The methods that lend are short wrappers around
//! the same loops.

use core::ops::Range;

use super::Kind;
#[cfg(doc)]
use super::{Event, MessageDecoder, MessageRef, Piece};
#[cfg(doc)]
use crate::frame::CloseFrame;
use crate::frame::FrameHeader;

/// The position of bytes that a decoder has found.
///
/// A place is valid until the next call of a method that takes input: a place in the input because
/// the caller may overwrite its input, a place in the decoder because the decoder overwrites it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A range of the input.
    Input(Range<usize>),
    /// A range of the decoder's buffer, in which fragmented messages are collected and coded messages
    /// are decoded. See [`MessageDecoder::held`].
    Held(Range<usize>),
    /// A range of the decoder's copy of a control frame that arrived in several parts.
    Control(Range<usize>),
}

impl Place {
    /// The range in its buffer.
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

    /// Skips `amount` bytes at the front, or all if there are fewer.
    pub fn advance(&mut self, amount: usize) {
        match self {
            Self::Input(range) | Self::Held(range) | Self::Control(range) => {
                range.start = range.end.min(range.start.saturating_add(amount));
            }
        }
    }
}

/// A [`MessageRef`] with the position of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMessage {
    /// The kind of the message: text or binary.
    pub kind: Kind,
    /// The position of the payload.
    pub place: Place,
    /// See [`MessageRef::ascii`].
    pub ascii: bool,
    /// See [`MessageRef::opaque`].
    pub opaque: bool,
}

/// An [`Event`] with the position of its payload.
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

/// A [`Piece`] with the position of its bytes.
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
