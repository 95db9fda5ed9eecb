//! What an inspection reports.
//!
//! Events borrow what they show and are valid during the call only. They come in the order in which
//! the capture tells them: an event of a frame comes when its last byte was read.
//!
//! A fault never hides anything: a frame is reported whatever is wrong with it, and its
//! [`faults`](Frame::faults) say with which values. A value that no frame holds is in a
//! [`Event::Fault`] of its own.

use core::net::SocketAddr;
use core::ops::Range;
use std::borrow::Cow;

use wscodec::deflate::AgreedDeflate;
use wscodec::frame::RawHeader;
use wscodec::message::Kind;
use wscodec::{ErrorKind, HandshakeError, PeerError};

use crate::reassembly::Origin;

/// The way that bytes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// From the client to the server.
    ClientToServer,
    /// From the server to the client.
    ServerToClient,
}

impl Direction {
    /// `c2s` or `s2c`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientToServer => "c2s",
            Self::ServerToClient => "s2c",
        }
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

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of the connection: the TCP connections of the capture are counted from 0 in the
    /// order of their first packets, as Wireshark counts them (`tcp.stream`).
    pub stream: u32,
    /// The direction.
    pub direction: Direction,
    /// Bytes from the beginning of this direction, as far as the capture has it. Within TLS the
    /// decrypted bytes are counted. Bytes that are missing count.
    pub offset: u64,
    /// The packet and its time.
    pub origin: Origin,
}

/// What an inspection reports.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A connection about which there is something to report. Comes before all other events of it.
    Connection(&'a Connection),
    /// An opening handshake: accepted, rejected, or without an answer in the capture.
    Handshake(&'a Handshake<'a>),
    /// A frame.
    Frame(&'a Frame<'a>),
    /// A message, after its last frame; also one that the capture has no end of.
    Message(&'a Message<'a>),
    /// A fault that lies in no frame and no handshake that was reported.
    Fault(Place, &'a Fault),
    /// Something to know that is nobody's fault.
    Note(Place, &'a Note<'a>),
    /// The end of a connection that was reported.
    End(&'a End),
}

/// A TCP connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its number; see [`Place::stream`].
    pub stream: u32,
    /// The side that opened it, as far as the capture tells.
    pub client: SocketAddr,
    /// The other side.
    pub server: SocketAddr,
    /// Its first packet.
    pub origin: Origin,
    /// Whether the capture has its beginning.
    pub from_start: bool,
}

/// A head as it was sent. Its parts are read by [`wscodec::head`].
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// All its bytes, with the empty line.
    pub bytes: &'a [u8],
    /// Where it begins.
    pub place: Place,
}

/// An opening handshake (RFC 6455 §4).
#[derive(Clone, Copy, Debug)]
pub struct Handshake<'a> {
    /// The connection.
    pub stream: u32,
    /// The request; `None` if the capture does not have it.
    pub request: Option<Head<'a>>,
    /// The final response; `None` if the capture does not have it.
    pub response: Option<Head<'a>>,
    /// The response's status.
    pub status: Option<u16>,
    /// Statuses of the interim responses (100–199) in front of it.
    pub interim: &'a [u16],
    /// Whether frames follow.
    pub accepted: bool,
    /// The subprotocol that the server chose.
    pub protocol: Option<&'a str>,
    /// The response's `Sec-WebSocket-Extensions`, its lines joined by commas.
    pub extensions: Option<&'a [u8]>,
    /// permessage-deflate as agreed, as the server sees it: it sends by `send`.
    pub deflate: Option<AgreedDeflate>,
    /// What is wrong with request and response.
    pub faults: &'a [(Direction, Fault)],
}

/// A frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Its first byte.
    pub place: Place,
    /// The packet of its last byte.
    pub end: Origin,
    /// The header as it is on the wire.
    pub header: RawHeader,
    /// The kind of the message that it belongs to; `None` for control frames, and where the
    /// beginning of the message is not known.
    pub kind: Option<Kind>,
    /// The beginning of the payload, unmasked, and inflated if its message is compressed: at most
    /// [`Options::payload`](crate::Options::payload) bytes, and all of a control frame. Bytes that
    /// are not known are 0.
    pub payload: &'a [u8],
    /// Ranges of `payload` that are not known.
    pub unknown: &'a [Range<usize>],
    /// Bytes that came out of a frame of a compressed message, as far as it could be inflated.
    pub inflated: Option<u64>,
    /// Bytes of the payload on the wire that the capture has; fewer than the header's length at a
    /// hole and at the end of the capture.
    pub captured: u64,
    /// The close code and the reason.
    pub close: Option<Close<'a>>,
    /// Whether its sender had sent a close frame before it (RFC 6455 §5.5.1 forbids that).
    pub after_close: bool,
    /// What is wrong with it.
    pub faults: &'a [Fault],
}

/// The payload of a close frame, right or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close<'a> {
    /// The close code; `None` if there are fewer than two bytes.
    pub code: Option<u16>,
    /// The reason.
    pub reason: &'a [u8],
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The first byte of its first frame.
    pub place: Place,
    /// The packet of its last byte.
    pub end: Origin,
    /// Text or binary; `None` if its first frame is not in the capture.
    pub kind: Option<Kind>,
    /// How many frames it has.
    pub frames: u64,
    /// Bytes of payload in its frames.
    pub length: u64,
    /// Whether RSV1 is set on its first frame.
    pub compressed: bool,
    /// Bytes that came out, if it was inflated.
    pub inflated: Option<u64>,
    /// Its beginning, as of a [`Frame`].
    pub payload: &'a [u8],
    /// Ranges of `payload` that are not known.
    pub unknown: &'a [Range<usize>],
    /// Whether `payload` is the whole message and all of it is known.
    pub whole: bool,
    /// Whether its last frame is in the capture.
    pub finished: bool,
}

/// A rule that was broken, with the value that was found and the one that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule.
    pub error: ErrorKind,
    /// Where it lies, counted as [`Place::offset`].
    pub offset: u64,
    /// The value that was found.
    pub found: Cow<'static, str>,
    /// The value that the rule expects.
    pub expected: Cow<'static, str>,
}

impl Fault {
    /// The section that has the rule.
    pub const fn section(&self) -> &'static str {
        section(self.error)
    }
}

/// The section of an RFC that has the rule.
pub const fn section(error: ErrorKind) -> &'static str {
    match error {
        ErrorKind::Peer(error) => match error {
            PeerError::ReservedBits
            | PeerError::ReservedOpcode
            | PeerError::LengthNotMinimal
            | PeerError::LengthTopBit => "RFC 6455 §5.2",
            PeerError::UnmaskedFrame | PeerError::MaskedFrame => "RFC 6455 §5.1",
            PeerError::FragmentedControl | PeerError::ControlTooLong => "RFC 6455 §5.5",
            PeerError::UnexpectedContinuation | PeerError::ExpectedContinuation => "RFC 6455 §5.4",
            PeerError::CloseLength => "RFC 6455 §5.5.1",
            PeerError::CloseCode => "RFC 6455 §7.4",
            PeerError::InvalidUtf8 => "RFC 6455 §8.1",
            PeerError::UnexpectedEof => "RFC 6455 §7.1.5",
            PeerError::InvalidCompressedData => "RFC 7692 §7.2.2",
            _ => "RFC 6455",
        },
        ErrorKind::Handshake(error) => match error {
            HandshakeError::MalformedHead => "RFC 9112 §2",
            HandshakeError::ExtensionsHeader | HandshakeError::UnofferedExtension => {
                "RFC 6455 §9.1"
            }
            HandshakeError::ExtensionParameter => "RFC 7692 §7.1",
            HandshakeError::Host => "RFC 9112 §3.2",
            HandshakeError::Version => "RFC 6455 §4.4",
            HandshakeError::Status | HandshakeError::Accept => "RFC 6455 §4.1",
            _ => "RFC 6455 §4",
        },
        _ => "RFC 6455",
    }
}

/// Something to know that is nobody's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note<'a> {
    /// The capture has so many bytes less.
    Hole(u64),
    /// Bytes came again with other contents. The first copy counts.
    Conflict,
    /// The place of the next frame was not known. It was found behind so many bytes, by a run of
    /// headers that fit together.
    Resynchronised(u64),
    /// The next frame was not found in so many bytes.
    Lost(u64),
    /// The connection begins in the middle: there is no handshake in the capture, and frames were
    /// recognised by a run of headers that fit together.
    Midstream,
    /// The answer to the upgrade is not in the capture. The frames behind the request are shown as
    /// if the server had accepted every offer.
    AssumedUpgrade,
    /// The connection is encrypted, and there are no keys for it.
    Encrypted {
        /// The server name of the ClientHello (RFC 6066 §3).
        server_name: Option<&'a str>,
        /// The protocols that the client offers (RFC 7301), joined by commas.
        alpn: Option<&'a str>,
    },
    /// The connection is encrypted and can't be decrypted from here on, for this reason.
    Undecrypted(&'static str),
    /// A proxy said on behalf of which connection it speaks (PROXY protocol).
    Proxied {
        /// The client.
        client: Option<SocketAddr>,
        /// The address that the client connected to.
        server: Option<SocketAddr>,
    },
    /// A tunnel to this target begins (RFC 9110 §9.3.6).
    Tunnel(&'a str),
    /// Messages are inflated with a window that is not known, because earlier messages are missing
    /// or damaged. Bytes that refer to it are marked as unknown.
    UnknownWindow,
    /// The connection was not looked at any longer, to keep to the limits of memory.
    Dropped,
}

impl Note<'_> {
    /// A stable name.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Hole(_) => "HOLE",
            Self::Conflict => "CONFLICT",
            Self::Resynchronised(_) => "RESYNCHRONISED",
            Self::Lost(_) => "LOST",
            Self::Midstream => "MIDSTREAM",
            Self::AssumedUpgrade => "ASSUMED_UPGRADE",
            Self::Encrypted { .. } => "ENCRYPTED",
            Self::Undecrypted(_) => "UNDECRYPTED",
            Self::Proxied { .. } => "PROXIED",
            Self::Tunnel(_) => "TUNNEL",
            Self::UnknownWindow => "UNKNOWN_WINDOW",
            Self::Dropped => "DROPPED",
        }
    }
}

impl core::fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Hole(len) => write!(f, "{len} bytes are missing in the capture"),
            Self::Conflict => f.write_str("bytes came again with other contents"),
            Self::Resynchronised(0) => f.write_str("frames go on here"),
            Self::Resynchronised(len) => write!(f, "frames go on behind {len} unknown bytes"),
            Self::Lost(len) => write!(f, "no frame was recognised in {len} bytes"),
            Self::Midstream => f.write_str("the capture begins within the connection"),
            Self::AssumedUpgrade => f.write_str("the answer to the upgrade is missing"),
            Self::Encrypted { server_name, alpn } => {
                f.write_str("encrypted: pass --keys")?;
                if let Some(name) = server_name {
                    write!(f, "; server name {name}")?;
                }
                match alpn {
                    Some(alpn) => write!(f, "; ALPN {alpn}"),
                    None => Ok(()),
                }
            }
            Self::Undecrypted(why) => write!(f, "not decrypted: {why}"),
            Self::Proxied { client, server } => {
                f.write_str("forwarded by a proxy")?;
                if let Some(client) = client {
                    write!(f, " for {client}")?;
                }
                match server {
                    Some(server) => write!(f, " to {server}"),
                    None => Ok(()),
                }
            }
            Self::Tunnel(target) => write!(f, "a tunnel to {target} begins"),
            Self::UnknownWindow => {
                f.write_str("earlier compressed messages are missing: unknown bytes are marked")
            }
            Self::Dropped => f.write_str("not read any longer, to keep to the limit of memory"),
        }
    }
}

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

/// The end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The connection.
    pub connection: Connection,
    /// Its last packet.
    pub origin: Origin,
    /// How it ended.
    pub ending: Ending,
    /// The side whose close frame came first, with its code.
    pub closed_by: Option<(Direction, Option<u16>)>,
    /// What the client sent, and what the server sent.
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
    /// Faults.
    pub faults: u64,
    /// Bytes that are missing.
    pub missing: u64,
}

impl Totals {
    /// Frames of all opcodes.
    pub fn all_frames(&self) -> u64 {
        self.frames.iter().sum()
    }
}
