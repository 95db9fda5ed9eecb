//! TCP segments (RFC 9293 §3.1).

use core::net::SocketAddr;

use super::bytes::{u16_at, u32_at};
use super::ip::Datagram;
use super::segment::{Segment, Unread};

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// Reads the segment in the payload of a datagram, of which `missing` bytes were not captured.
pub(super) fn read<'a>(
    datagram: &Datagram<'_>,
    bytes: &'a [u8],
    missing: u32,
) -> Result<Segment<'a>, Unread> {
    let header = bytes.first_chunk::<20>().ok_or(Unread::Cut)?;
    let port = |at| u16_at(header, at).ok_or(Unread::Cut);
    let number = |at| u32_at(header, at).ok_or(Unread::Cut);
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < 20 {
        return Err(Unread::Cut);
    }
    let flags = header[13];
    Ok(Segment {
        source: SocketAddr::new(datagram.source, port(0)?),
        destination: SocketAddr::new(datagram.destination, port(2)?),
        sequence: number(4)?,
        acknowledgement: (flags & ACK != 0).then_some(number(8)?),
        syn: flags & SYN != 0,
        fin: flags & FIN != 0,
        rst: flags & RST != 0,
        payload: bytes.get(header_len..).ok_or(Unread::Cut)?,
        missing,
    })
}
