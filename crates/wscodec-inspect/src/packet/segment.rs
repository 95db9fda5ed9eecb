//! A TCP segment, and the reasons for having none.

use core::net::SocketAddr;

/// A TCP segment (RFC 9293 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The address and port of the side that sent it.
    pub source: SocketAddr,
    /// The address and port of the side that it is for.
    pub destination: SocketAddr,
    /// The sequence number of its first byte, or of its SYN.
    pub sequence: u32,
    /// The next sequence number that its sender expects, if the segment has ACK.
    pub acknowledgement: Option<u32>,
    /// SYN: the sender opens its direction.
    pub syn: bool,
    /// FIN: the sender has no more data.
    pub fin: bool,
    /// RST: the connection is reset.
    pub rst: bool,
    /// The bytes of the stream that were captured.
    pub payload: &'a [u8],
    /// Bytes of the stream behind `payload` that were on the wire, but not captured (snap length).
    pub missing: u32,
}

/// Why a packet has no TCP segment to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unread {
    /// The reader does not know the link type.
    UnknownLink,
    /// The packet is not IP.
    NotIp,
    /// The packet is not TCP.
    NotTcp,
    /// The capture has fewer bytes of the packet than its headers take, or a header contradicts
    /// itself.
    Cut,
    /// The packet is a fragment of a datagram of which more has to come.
    Fragment,
}

impl core::fmt::Display for Unread {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::UnknownLink => "the link type is not known",
            Self::NotIp => "the packet is not IP",
            Self::NotTcp => "the packet is not TCP",
            Self::Cut => "the headers of the packet are not whole",
            Self::Fragment => "the packet is a fragment of a datagram that is not whole",
        })
    }
}

impl core::error::Error for Unread {}
