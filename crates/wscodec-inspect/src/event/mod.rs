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
//! | `mod` | events, conversations, frames, messages |
//! | `head` | the heads of the opening handshake |
//! | `violation` | rules that were broken |
//! | `note` | facts that are nobody's fault |
//! | `end` | how conversations end, and their sums |

mod end;
mod head;
mod note;
mod violation;

use core::fmt;
use core::net::SocketAddr;
use core::ops::Range;
use core::str::FromStr;

use wscodec::frame::RawHeader;
use wscodec::message::Kind;

pub use end::{Closed, ConversationEnd, Ending, Totals};
pub use head::{CapturedHandshake, CapturedHead, HeadField};
pub use note::Note;
pub use violation::{Violation, section};

/// The way that bytes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the server.
    ClientToServer,
    /// From the server to the client.
    ServerToClient,
}

impl Direction {
    /// Both directions, in the order of their [`index`](Self::index).
    pub const BOTH: [Self; 2] = [Self::ClientToServer, Self::ServerToClient];

    /// `c2s` or `s2c`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientToServer => "c2s",
            Self::ServerToClient => "s2c",
        }
    }

    /// The direction with this [`name`](Self::name).
    pub fn named(name: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|it| it.name() == name)
    }

    /// 0 from the client to the server, 1 from the server to the client.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The opposite way.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::ClientToServer => Self::ServerToClient,
            Self::ServerToClient => Self::ClientToServer,
        }
    }
}

/// The number of a conversation: `3`, or `3.5` for a stream of HTTP/2.
///
/// ```
/// use wscodec_inspect::event::ConversationId;
///
/// let id: ConversationId = "3.5".parse().unwrap();
/// assert_eq!((id.stream, id.substream), (3, 5));
/// assert_eq!(id.to_string(), "3.5");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConversationId {
    /// The number of the TCP connection: those of the capture are counted from 0 in the order of
    /// their first packets, as Wireshark counts them (`tcp.stream`). Other sources count their
    /// entries.
    pub stream: u32,
    /// The identifier of the HTTP/2 stream (`http2.streamid`); 0 without HTTP/2.
    pub substream: u32,
}

impl ConversationId {
    /// A conversation that has a TCP connection of its own.
    pub const fn new(stream: u32) -> Self {
        Self {
            stream,
            substream: 0,
        }
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.substream {
            0 => write!(f, "{}", self.stream),
            substream => write!(f, "{}.{substream}", self.stream),
        }
    }
}

impl FromStr for ConversationId {
    type Err = core::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (stream, substream) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self {
            stream: stream.parse()?,
            substream: substream.parse()?,
        })
    }
}

/// The packet that brought some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketInfo {
    /// Its number in the capture, from 1. A live source counts its reads, and other files their
    /// entries; 0 if there is no number.
    pub number: u64,
    /// When it was captured, in nanoseconds since 1970-01-01 UTC.
    pub time: Option<i128>,
}

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The conversation.
    pub conversation: ConversationId,
    /// The direction.
    pub direction: Direction,
    /// Bytes from the beginning of this direction, as far as the capture has it. Within TLS the
    /// decrypted bytes are counted, and within HTTP/2 the bytes of the stream. Bytes that are missing
    /// count.
    pub offset: u64,
    /// The packet and its time.
    pub packet: PacketInfo,
}

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

/// A connection with one WebSocket on it: a TCP connection, or a stream of HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// The address of the side that opened it, as far as the source tells.
    pub client: Option<SocketAddr>,
    /// The other side.
    pub server: Option<SocketAddr>,
    /// Its first packet.
    pub packet: PacketInfo,
    /// Whether the capture has its beginning.
    pub from_start: bool,
    /// Whether its bytes were encrypted by TLS.
    pub tls: bool,
}

impl Conversation {
    /// A conversation of which no more is known than its number.
    pub const fn new(id: ConversationId) -> Self {
        Self {
            id,
            client: None,
            server: None,
            packet: PacketInfo {
                number: 0,
                time: None,
            },
            from_start: true,
            tls: false,
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
