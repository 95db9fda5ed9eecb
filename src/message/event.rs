//! The events of a decoder.

use crate::frame::{CloseFrame, OpCode};

/// The type of a message (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Binary data.
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

/// A whole message, borrowed from the input or from the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRef<'a> {
    /// The kind of the message: text or binary.
    pub kind: Kind,
    /// The payload. The payload of a text is valid UTF-8 unless [`opaque`](Self::opaque) is set.
    pub payload: &'a [u8],
    /// Whether the whole payload is known to be ASCII. This is a hint: it may be `false` for ASCII in
    /// fragments, and is `false` for binary messages.
    pub ascii: bool,
    /// Whether an extension that the decoder only [tolerates](super::Opaque) has coded the payload.
    /// The payload is then not the sender's message.
    pub opaque: bool,
}

impl<'a> MessageRef<'a> {
    /// The text of a text message that is not [`opaque`](Self::opaque).
    ///
    /// The decoder has checked the payload already. Safe code can make a `str` only by a second
    /// check, which handles 10 or more bytes a nanosecond.
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text if !self.opaque => simdutf8::basic::from_utf8(self.payload).ok(),
            _ => None,
        }
    }
}

/// A received event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Message(MessageRef<'a>),
    /// A ping. Answer it with a pong that has the same payload (RFC 6455 §5.5.2).
    Ping(&'a [u8]),
    /// A pong, which may be unsolicited (RFC 6455 §5.5.3).
    Pong(&'a [u8]),
    /// A close frame. Answer it with a close frame that has the same code, if none was sent yet (RFC
    /// 6455 §5.5.1). `None` if it has no code.
    Close(Option<CloseFrame<'a>>),
}
