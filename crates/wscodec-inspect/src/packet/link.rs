//! Link layers: where the IP packet begins.

use super::bytes::u16_at;
use super::segment::Unread;

// Numbers of the LINKTYPE registry.
const NULL: u16 = 0;
const ETHERNET: u16 = 1;
const LOOP: u16 = 108;
const LINUX_SLL: u16 = 113;
const LINUX_SLL2: u16 = 276;
/// Raw IP of either version. Two of these numbers are BSD's DLT_RAW, which some programs write.
const RAW: [u16; 5] = [12, 14, 101, 228, 229];

// EtherTypes.
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const PPPOE_SESSION: u16 = 0x8864;
const MPLS: [u16; 2] = [0x8847, 0x8848];

/// A packet with more tags in a row than this is not read.
const MAX_TAGS: usize = 8;

/// The bytes of a packet from its IP header on.
pub(super) fn payload(link: u16, bytes: &[u8]) -> Result<&[u8], Unread> {
    match link {
        _ if RAW.contains(&link) => Ok(bytes),
        // Four bytes of an address family, in the order of the machine or the network. The family's
        // number differs between systems, so the version of IP is read from the packet itself.
        NULL | LOOP => bytes.get(4..).ok_or(Unread::Cut),
        ETHERNET => ethertype(bytes, 12),
        LINUX_SLL => ethertype(bytes, 14),
        LINUX_SLL2 => {
            let kind = u16_at(bytes, 0).ok_or(Unread::Cut)?;
            inner(kind, bytes.get(20..).ok_or(Unread::Cut)?)
        }
        _ => Err(Unread::UnknownLink),
    }
}

/// The packet behind the EtherType at `at`.
fn ethertype(bytes: &[u8], at: usize) -> Result<&[u8], Unread> {
    let kind = u16_at(bytes, at).ok_or(Unread::Cut)?;
    inner(kind, &bytes[at + 2..])
}

/// The IP packet within a packet of this EtherType.
fn inner(mut kind: u16, mut bytes: &[u8]) -> Result<&[u8], Unread> {
    for _ in 0..MAX_TAGS {
        match kind {
            IPV4 | IPV6 => return Ok(bytes),
            _ if VLAN.contains(&kind) => {
                kind = u16_at(bytes, 2).ok_or(Unread::Cut)?;
                bytes = &bytes[4..];
            }
            // Six bytes of PPPoE, then the protocol of PPP.
            PPPOE_SESSION => {
                return match u16_at(bytes, 6).ok_or(Unread::Cut)? {
                    0x0021 | 0x0057 => Ok(&bytes[8..]),
                    _ => Err(Unread::NotIp),
                };
            }
            _ if MPLS.contains(&kind) => return mpls(bytes),
            _ => return Err(Unread::NotIp),
        }
    }
    Err(Unread::NotIp)
}

/// The packet below a stack of labels, the last of which is marked.
fn mpls(mut bytes: &[u8]) -> Result<&[u8], Unread> {
    for _ in 0..MAX_TAGS {
        let label = bytes.first_chunk::<4>().ok_or(Unread::Cut)?;
        bytes = &bytes[4..];
        if label[2] & 1 != 0 {
            return Ok(bytes);
        }
    }
    Err(Unread::NotIp)
}
