//! Ends of conversations, and their sums.

use super::{Conversation, Direction, PacketInfo};

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ending {
    /// Both directions, or the last one seen, ended by FIN; this side sent the first.
    Fin(Direction),
    /// This side reset the connection.
    Reset(Direction),
    /// The capture ended, or another connection with the same addresses began.
    Open,
    /// It was dropped to keep to the limits of memory.
    Dropped,
}

impl Ending {
    /// `fin`, `reset`, `open` or `dropped`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fin(_) => "fin",
            Self::Reset(_) => "reset",
            Self::Open => "open",
            Self::Dropped => "dropped",
        }
    }

    /// The side that ended it.
    pub const fn by(self) -> Option<Direction> {
        match self {
            Self::Fin(side) | Self::Reset(side) => Some(side),
            Self::Open | Self::Dropped => None,
        }
    }
}

/// The first close frame of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The direction of the close frame: its sender began the closing handshake.
    pub by: Direction,
    /// The close code, if it had one.
    pub code: Option<u16>,
    /// The reason.
    pub reason: Vec<u8>,
}

/// The end of a conversation.
#[derive(Clone, Debug)]
pub struct ConversationEnd {
    /// The conversation.
    pub conversation: Conversation,
    /// Its last packet.
    pub packet: PacketInfo,
    /// How it ended.
    pub ending: Ending,
    /// The first close frame.
    pub closed: Option<Closed>,
    /// The totals of the client's bytes, and of the server's.
    pub totals: [Totals; 2],
}

/// The sums of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of the direction, holes included.
    pub bytes: u64,
    /// Frames by opcode.
    pub frames: [u64; 16],
    /// Bytes of payload in data frames.
    pub data: u64,
    /// Bytes of payload in control frames.
    pub control: u64,
    /// Text messages that are finished.
    pub text: u64,
    /// Binary messages that are finished.
    pub binary: u64,
    /// Compressed messages among them.
    pub compressed: u64,
    /// Bytes that came out of compressed messages.
    pub inflated: u64,
    /// Rules that were broken.
    pub violations: u64,
    /// Bytes that are missing.
    pub missing: u64,
}

impl Totals {
    /// Frames of all opcodes.
    pub fn all_frames(&self) -> u64 {
        self.frames.iter().sum()
    }
}
