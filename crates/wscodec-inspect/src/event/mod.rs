//! The events of an inspection.
//!
//! Events borrow their contents and are valid during the call only. They are reported in the order of
//! the capture: the event of a frame is reported when its last byte has been read.
//!
//! A violation never hides anything: a frame is reported with all rules that it breaks
//! ([`CapturedFrame::violations`]), and reading goes on. A violation that lies in no frame and no
//! handshake has an [`InspectEvent::Violation`] of its own.
//!
//! All sources report the same events: captures, streams of a live connection, and files of other
//! programs. A source that knows messages but no frames (HAR, mitmproxy) reports messages with
//! [`CapturedMessage::frames`] 0.
//!
//! | file | has |
//! |---|---|
//! | `mod` | events, frames, messages |
//! | `conversation` | conversations, directions, packets |
//! | `head` | the heads of the opening handshake |
//! | `violation` | rules that were broken |
//! | `note` | facts that are nobody's fault |
//! | `end` | how conversations end, and their sums |

mod conversation;
mod end;
mod head;
mod note;
mod violation;

use core::ops::Range;

use wscodec::frame::RawHeader;
use wscodec::message::Kind;

pub use conversation::{Conversation, ConversationId, Direction, Location, PacketInfo};
pub use end::{Closed, ConversationEnd, Ending, Totals};
pub use head::{CapturedHandshake, CapturedHead, HeadField};
pub use note::Note;
pub use violation::{Violation, section};

/// An event of an inspection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum InspectEvent<'a> {
    /// A conversation about which there is something to report. It is reported before all other
    /// events of the conversation.
    Conversation(&'a Conversation),
    /// An opening handshake: accepted, rejected, or without an answer in the capture.
    Handshake(&'a CapturedHandshake<'a>),
    /// A frame.
    Frame(&'a CapturedFrame<'a>),
    /// A message, after its last frame; also one of which the capture has no end.
    Message(&'a CapturedMessage<'a>),
    /// A violation that lies in no frame and no handshake that was reported.
    Violation(Location, &'a Violation),
    /// A fact that is nobody's fault.
    Note(Location, &'a Note<'a>),
    /// The end of a conversation that was reported.
    End(&'a ConversationEnd),
}

impl InspectEvent<'_> {
    /// The conversation that the event belongs to.
    pub fn conversation(&self) -> ConversationId {
        match self {
            Self::Conversation(it) => it.id,
            Self::Handshake(it) => it.conversation,
            Self::Frame(it) => it.location.conversation,
            Self::Message(it) => it.location.conversation,
            Self::Violation(location, _) | Self::Note(location, _) => location.conversation,
            Self::End(it) => it.conversation.id,
        }
    }

    /// The direction that the event belongs to, if it belongs to one.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            Self::Frame(it) => Some(it.location.direction),
            Self::Message(it) => Some(it.location.direction),
            Self::Violation(location, _) | Self::Note(location, _) => Some(location.direction),
            Self::Conversation(_) | Self::Handshake(_) | Self::End(_) => None,
        }
    }

    /// How many rules are broken in what the event is about.
    pub fn violations(&self) -> u64 {
        match self {
            Self::Handshake(it) => it.violations.len() as u64,
            Self::Frame(it) => it.violations.len() as u64,
            Self::Violation(..) => 1,
            Self::Conversation(_) | Self::Message(_) | Self::Note(..) | Self::End(_) => 0,
        }
    }

    /// The packet of the last byte that the event is about.
    pub fn packet(&self) -> PacketInfo {
        match self {
            Self::Conversation(it) => it.packet,
            Self::Handshake(it) => it.packet(),
            Self::Frame(it) => it.end,
            Self::Message(it) => it.end,
            Self::Violation(location, _) | Self::Note(location, _) => location.packet,
            Self::End(it) => it.packet,
        }
    }
}

/// A frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug)]
pub struct CapturedFrame<'a> {
    /// Its first byte.
    pub location: Location,
    /// The packet of its last byte.
    pub end: PacketInfo,
    /// The header as it is on the wire: FIN, reserved bits, opcode, mask key, length.
    pub header: RawHeader,
    /// The kind of the message that it belongs to; `None` for control frames, and where the
    /// beginning of the message is not known.
    pub kind: Option<Kind>,
    /// The beginning of the payload, unmasked, and inflated if its message is compressed: at most
    /// [`InspectOptions::payload`](crate::InspectOptions::payload) bytes, and all of a control frame. Bytes that
    /// are not known are 0.
    pub payload: &'a [u8],
    /// Ranges of `payload` that are not known.
    pub unknown: &'a [Range<usize>],
    /// The beginning of the payload before it was inflated, unmasked: at most
    /// [`InspectOptions::compressed`](crate::InspectOptions::compressed) bytes. Empty for a frame of a message
    /// that is not compressed.
    pub compressed: &'a [u8],
    /// Bytes that came out of a frame of a compressed message, as far as it could be inflated.
    pub inflated: Option<u64>,
    /// Bytes of the payload on the wire that the capture has; fewer than the header's length at a
    /// hole and at the end of the capture.
    pub captured: u64,
    /// The close code and the reason.
    pub close: Option<CapturedClose<'a>>,
    /// Whether its sender had sent a close frame before it (RFC 6455 §5.5.1 forbids that).
    pub after_close: bool,
    /// The rules that it breaks.
    pub violations: &'a [Violation],
}

impl CapturedFrame<'_> {
    /// Bytes of the payload in the form that `payload` shows, as far as they are known to exist.
    pub fn total(&self) -> u64 {
        self.inflated.unwrap_or(self.captured)
    }
}

/// The payload of a close frame, right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapturedClose<'a> {
    /// The close code; `None` if there are fewer than two bytes.
    pub code: Option<u16>,
    /// The reason.
    pub reason: &'a [u8],
}

impl<'a> CapturedClose<'a> {
    /// The code and the reason in the payload of a close frame.
    pub fn of(payload: &'a [u8]) -> Self {
        match payload.split_first_chunk() {
            Some((code, reason)) => Self {
                code: Some(u16::from_be_bytes(*code)),
                reason,
            },
            None => Self {
                code: None,
                reason: b"",
            },
        }
    }
}

/// A message (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug)]
pub struct CapturedMessage<'a> {
    /// The first byte of its first frame.
    pub location: Location,
    /// The packet of its last byte.
    pub end: PacketInfo,
    /// Text or binary; `None` if its first frame is not in the capture.
    pub kind: Option<Kind>,
    /// How many frames it has; 0 if the source knows messages only.
    pub frames: u64,
    /// Bytes of payload in its frames.
    pub length: u64,
    /// Whether RSV1 is set on its first frame.
    pub compressed: bool,
    /// Bytes that came out, if it was inflated.
    pub inflated: Option<u64>,
    /// Its beginning, as of a [`CapturedFrame`].
    pub payload: &'a [u8],
    /// Ranges of `payload` that are not known.
    pub unknown: &'a [Range<usize>],
    /// Whether `payload` is the whole message and all of it is known.
    pub whole: bool,
    /// Whether its last frame is in the capture.
    pub finished: bool,
}

impl CapturedMessage<'_> {
    /// Bytes of the message in the form that `payload` shows.
    pub fn total(&self) -> u64 {
        self.inflated.unwrap_or(self.length)
    }
}
