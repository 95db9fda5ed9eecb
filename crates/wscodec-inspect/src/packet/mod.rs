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
//! | `segment`, `bytes` | the result, and numbers in headers |
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

mod bytes;
mod fragments;
mod ip;
mod link;
mod segment;
mod tcp;

use fragments::Fragments;

pub use segment::{Segment, Unread};

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
