//! The events that a decoder hands out.

use crate::frame::{CloseFrame, OpCode};

/// The type of a message (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Bytes.
    Binary,
}

impl Kind {
    /// The opcode of the message's first frame.
    #[inline]
    pub const fn opcode(self) -> OpCode {
        match self {
            Self::Text => OpCode::Text,
            Self::Binary => OpCode::Binary,
        }
    }
}

/// A whole message, lent from the input or from the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    /// Text or binary.
    pub kind: Kind,
    /// The payload; of a text, checked to be UTF-8 unless [`opaque`](Self::opaque).
    pub payload: &'a [u8],
    /// Whether all of the payload is known to be ASCII. Only a hint: it may be false for ASCII
    /// that came in fragments, and is for binary messages.
    pub ascii: bool,
    /// Whether an extension that is only [tolerated](super::Opaque) has coded the payload, so that
    /// it is not what was sent.
    pub opaque: bool,
}

impl<'a> MessageRef<'a> {
    /// The text, if the message is one and is not [`opaque`](Self::opaque).
    ///
    /// The payload was checked as it came; `str` has no other safe way than to look once more,
    /// at 10 and more bytes a nanosecond.
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text if !self.opaque => simdutf8::basic::from_utf8(self.payload).ok(),
            _ => None,
        }
    }
}

/// An event that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A message, whole.
    Message(MessageRef<'a>),
    /// A ping: a pong with the same payload is due (RFC 6455 §5.5.2).
    Ping(&'a [u8]),
    /// A pong, asked for or not (RFC 6455 §5.5.3).
    Pong(&'a [u8]),
    /// The peer closes: a close frame with the same code is due, if none was sent yet (RFC 6455
    /// §5.5.1). `None` if it gave no code.
    Close(Option<CloseFrame<'a>>),
}
