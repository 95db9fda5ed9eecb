//! Opcodes (RFC 6455 §5.2).

use crate::error::PeerError;

/// The type of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum OpCode {
    /// 0: the next part of a message begun before.
    Continuation = 0,
    /// 1: a message of UTF-8 text, or its first part.
    Text = 1,
    /// 2: a message of bytes, or its first part.
    Binary = 2,
    /// 8: the close handshake.
    Close = 8,
    /// 9: asks for a pong.
    Ping = 9,
    /// 10: answers a ping, or comes unasked.
    Pong = 10,
}

impl OpCode {
    /// The opcode with this number, 0–15.
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

    /// Close, ping and pong: never fragmented, at most 125 bytes, allowed between the fragments of
    /// a message (RFC 6455 §5.5).
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

impl TryFrom<u8> for OpCode {
    type Error = PeerError;

    /// As [`OpCode::new`].
    fn try_from(number: u8) -> Result<Self, PeerError> {
        Self::new(number)
    }
}
