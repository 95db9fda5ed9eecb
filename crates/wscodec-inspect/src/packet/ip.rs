//! IPv4 (RFC 791) and IPv6 (RFC 8200).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bytes::{u16_at, u32_at};
use super::segment::Unread;

/// The protocol number of TCP.
pub(super) const TCP: u8 = 6;

// Extension headers of IPv6.
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;

/// A packet with more extension headers than this is not read.
const MAX_EXTENSIONS: usize = 16;

/// An IP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: u8,
    /// `Some` if the packet is one of several fragments.
    pub(super) fragment: Option<Fragment>,
    pub(super) payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub(super) missing: u32,
}

/// The place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) id: u32,
    /// In bytes.
    pub(super) offset: usize,
    pub(super) more: bool,
}

/// Reads a packet of which `cut` bytes were not captured.
pub(super) fn read(bytes: &[u8], cut: usize) -> Result<Datagram<'_>, Unread> {
    match bytes.first().ok_or(Unread::Cut)? >> 4 {
        4 => v4(bytes, cut),
        6 => v6(bytes, cut),
        _ => Err(Unread::NotIp),
    }
}

/// Cuts what is behind the packet (padding of the link), and says how much of it is missing. A
/// length of 0 stands for a packet that the network card was to divide: it goes to the end.
fn bounded(bytes: &[u8], declared: usize, cut: usize) -> (&[u8], u32) {
    match declared {
        0 => (bytes, cut as u32),
        _ => {
            let present = bytes.len().min(declared);
            (&bytes[..present], (declared - present).min(cut) as u32)
        }
    }
}

fn v4(bytes: &[u8], cut: usize) -> Result<Datagram<'_>, Unread> {
    let header = bytes.first_chunk::<20>().ok_or(Unread::Cut)?;
    let header_len = usize::from(header[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let (bytes, missing) = bounded(bytes, total, cut);
    if header_len < 20 {
        return Err(Unread::Cut);
    }
    let payload = bytes.get(header_len..).ok_or(Unread::Cut)?;
    let word = u16::from_be_bytes([header[6], header[7]]);
    let fragment = Fragment {
        id: u16::from_be_bytes([header[4], header[5]]).into(),
        offset: usize::from(word & 0x1fff) * 8,
        more: word & 0x2000 != 0,
    };
    let address = |at: usize| u32_at(header, at).map(|bits| Ipv4Addr::from_bits(bits).into());
    Ok(Datagram {
        source: address(12).ok_or(Unread::Cut)?,
        destination: address(16).ok_or(Unread::Cut)?,
        protocol: header[9],
        fragment: (fragment.more || fragment.offset > 0).then_some(fragment),
        payload,
        missing,
    })
}

fn v6(bytes: &[u8], cut: usize) -> Result<Datagram<'_>, Unread> {
    let header = bytes.first_chunk::<40>().ok_or(Unread::Cut)?;
    let address = |at: usize| -> Option<IpAddr> {
        let octets: [u8; 16] = *header.get(at..)?.first_chunk()?;
        Some(Ipv6Addr::from(octets).into())
    };
    let (source, destination) = (address(8), address(24));
    let mut protocol = header[6];
    let declared = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let (mut payload, missing) = bounded(&bytes[40..], declared, cut);
    let mut fragment = None;
    for _ in 0..MAX_EXTENSIONS {
        let len = match protocol {
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => {
                usize::from(*payload.get(1).ok_or(Unread::Cut)?) * 8 + 8
            }
            AUTHENTICATION => usize::from(*payload.get(1).ok_or(Unread::Cut)?) * 4 + 8,
            FRAGMENT => {
                let word = u16_at(payload, 2).ok_or(Unread::Cut)?;
                let this = Fragment {
                    id: u32_at(payload, 4).ok_or(Unread::Cut)?,
                    offset: usize::from(word & 0xfff8),
                    more: word & 1 != 0,
                };
                fragment = (this.more || this.offset > 0).then_some(this);
                8
            }
            _ => break,
        };
        protocol = *payload.first().ok_or(Unread::Cut)?;
        payload = payload.get(len..).ok_or(Unread::Cut)?;
        // Behind the first fragment's headers there is only data of the datagram.
        if fragment.is_some_and(|fragment| fragment.offset > 0) {
            break;
        }
    }
    Ok(Datagram {
        source: source.ok_or(Unread::Cut)?,
        destination: destination.ok_or(Unread::Cut)?,
        protocol,
        fragment,
        payload,
        missing,
    })
}
