//! From a captured packet to its TCP segment: link, network and transport headers.
//!
//! The readers are lenient: an onlooker checks no checksum, because network cards fill them in after
//! the capture saw the packet, and trusts no length further than the bytes that are there.
//!
//! | file | reads |
//! |---|---|
//! | `link` | Ethernet with VLAN tags, PPPoE and MPLS; loopback; raw IP; Linux cooked captures v1 and v2 |
//! | `ip` | IPv4, IPv6 with extension headers |
//! | `fragments` | IP datagrams in fragments, put together again |
//! | `tcp` | TCP segments (RFC 9293 §3.1) |
//!
//! ```
//! use wscodec_inspect::packet::{PacketReader, Unread};
//!
//! // Raw IPv4, TCP from 10.0.0.1:5000 to 10.0.0.2:80, with the payload "hi".
//! let mut bytes = vec![0x45, 0, 0, 42, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
//! bytes.extend([0x13, 0x88, 0, 80, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]);
//! bytes.extend(b"hi");
//! let mut reader = PacketReader::new();
//! let segment = reader.segment(101, &bytes, bytes.len() as u32)?;
//! assert_eq!(segment.source, "10.0.0.1:5000".parse().unwrap());
//! assert_eq!((segment.sequence, segment.payload), (7, &b"hi"[..]));
//! # Ok::<(), Unread>(())
//! ```

mod fragments;
mod ip;
mod link;
mod tcp;

use core::net::SocketAddr;

use fragments::Fragments;

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

/// Reads packets, and keeps fragments of IP datagrams until they are whole.
#[derive(Debug, Default)]
pub struct PacketReader {
    fragments: Fragments,
}

impl PacketReader {
    /// A reader without fragments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the segment of a packet with this link type. `original_len` is the packet's length on
    /// the wire.
    ///
    /// # Errors
    /// The packet has no segment, or none yet.
    pub fn segment<'a>(
        &'a mut self,
        link: u16,
        bytes: &'a [u8],
        original_len: u32,
    ) -> Result<Segment<'a>, Unread> {
        let cut = (original_len as usize).saturating_sub(bytes.len());
        let bytes = link::payload(link, bytes)?;
        let datagram = ip::read(bytes, cut)?;
        if datagram.protocol != ip::TCP {
            return Err(Unread::NotTcp);
        }
        match datagram.fragment {
            None => tcp::read(&datagram, datagram.payload, datagram.missing),
            Some(_) => {
                let payload = self.fragments.add(&datagram).ok_or(Unread::Fragment)?;
                tcp::read(&datagram, payload, 0)
            }
        }
    }
}

/// The number at `at`, in network byte order.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The number at `at`, in network byte order.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}
