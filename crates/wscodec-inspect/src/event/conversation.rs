//! Conversations: their numbers, their directions and the places in them.

use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;

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
