//! Opcodes (RFC 6455 §5.2).

use crate::error::PeerError;

/// The type of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// 0: the next fragment of a message.
    Continuation = 0,
    /// 1: a text message, or its first fragment.
    Text = 1,
    /// 2: a binary message, or its first fragment.
    Binary = 2,
    /// 8: a close frame.
    Close = 8,
    /// 9: a ping, which asks for a pong.
    Ping = 9,
    /// 10: a pong, which answers a ping or is unsolicited.
    Pong = 10,
}

impl OpCode {
    /// The opcode with this number, from 0 to 15.
    ///
    /// # Errors
    /// [`PeerError::ReservedOpcode`] for 3–7 and 11 and above.
    #[inline]
    pub const fn new(number: u8) -> Result<Self, PeerError> {
        Ok(match number {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return Err(PeerError::ReservedOpcode),
        })
    }

    /// Whether this is close, ping or pong. Such a frame is never fragmented, has at most 125 bytes,
    /// and may come between the fragments of a message (RFC 6455 §5.5).
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

impl TryFrom<u8> for OpCode {
    type Error = PeerError;

    /// The error of [`OpCode::new`].
    fn try_from(number: u8) -> Result<Self, PeerError> {
        Self::new(number)
    }
}
