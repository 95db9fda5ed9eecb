//! Writes live connections as a capture: pcapng with IP and TCP headers that are made for them.
//!
//! A program that stands between a client and a server sees bytes and no packets. A
//! [`RecordedConnection`] makes the packets: the three of the opening, segments with the bytes, and the
//! FINs or the reset at the end. The [`Inspector`](crate::Inspector) reads the capture, and so does
//! Wireshark. Bytes that went over TLS are written as they were before their encryption.
//!
//! ```
//! use wscodec_inspect::event::Direction;
//! use wscodec_inspect::record::{RecordedConnection, begin};
//! use wscodec_inspect::{InspectEvent, InspectOptions, Inspector};
//!
//! let mut capture = Vec::new();
//! begin(&mut capture);
//! let (client, server) = ("127.0.0.1:50000".parse()?, "127.0.0.1:80".parse()?);
//! let time = 1_700_000_000_000_000_000;
//! let mut connection = RecordedConnection::open(client, server, time, &mut capture);
//! let request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
//!     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
//! connection.data(Direction::ClientToServer, request, time, &mut capture);
//! connection.fin(Direction::ClientToServer, time, &mut capture);
//!
//! let mut requests = 0;
//! let mut inspector = Inspector::new(InspectOptions::default());
//! let mut sink = |event: InspectEvent<'_>| {
//!     requests += usize::from(matches!(event, InspectEvent::Handshake(_)));
//! };
//! inspector.push(&capture, &mut sink)?;
//! inspector.finish(&mut sink)?;
//! assert_eq!(requests, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::net::{IpAddr, SocketAddr};

use crate::event::Direction;

/// Raw IP of either version (LINKTYPE_RAW).
const LINK: u16 = 101;

/// Bytes of one segment, as on Ethernet. Larger ones would be allowed, but Wireshark 4.0 shows only about
/// 500 frames of one segment.
const SEGMENT: usize = 1460;

/// Bytes that one packet can leave out: its original length has 32 bits.
const MAX_GAP: u64 = u32::MAX as u64 - 1024;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

const TCP_HEADER: usize = 20;

/// Appends the beginning of a capture: a section, and an interface with times in nanoseconds.
pub fn begin(out: &mut Vec<u8>) {
    let mut section = Vec::new();
    section.extend(0x1a2b_3c4d_u32.to_le_bytes());
    section.extend(1_u16.to_le_bytes());
    section.extend(0_u16.to_le_bytes());
    // The length of the section is not known.
    section.extend(u64::MAX.to_le_bytes());
    put_option(&mut section, 4, b"wscodec");
    put_option(&mut section, 0, b"");
    put_block(out, 0x0a0d_0d0a, &section);
    let mut interface = Vec::new();
    interface.extend(LINK.to_le_bytes());
    interface.extend(0_u16.to_le_bytes());
    // No limit of a packet's length.
    interface.extend(0_u32.to_le_bytes());
    put_option(&mut interface, 9, &[9]);
    put_option(&mut interface, 0, b"");
    put_block(out, 1, &interface);
}

fn put_option(out: &mut Vec<u8>, code: u16, value: &[u8]) {
    out.extend(code.to_le_bytes());
    out.extend((value.len() as u16).to_le_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn put_block(out: &mut Vec<u8>, kind: u32, body: &[u8]) {
    let len = (body.len() + 12) as u32;
    out.extend(kind.to_le_bytes());
    out.extend(len.to_le_bytes());
    out.extend(body);
    out.extend(len.to_le_bytes());
}

/// A connection that is written to a capture. All connections of a capture append to the same bytes.
///
/// Times are in nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Debug)]
pub struct RecordedConnection {
    /// The client's address, and the server's. Both are of one version of IP.
    addresses: [SocketAddr; 2],
    /// The sequence number of the next byte of each side.
    next: [u32; 2],
    /// The side has sent its FIN.
    ended: [bool; 2],
    /// It was reset.
    reset: bool,
}

impl RecordedConnection {
    /// Opens a connection. If the addresses are of both versions of IP, the one of IPv4 is written as
    /// an IPv6 address that stands for it (RFC 4291 §2.5.5.2).
    pub fn open(client: SocketAddr, server: SocketAddr, time: i128, out: &mut Vec<u8>) -> Self {
        let mut addresses = [client, server];
        if client.is_ipv4() != server.is_ipv4() {
            for address in &mut addresses {
                if let IpAddr::V4(v4) = address.ip() {
                    address.set_ip(v4.to_ipv6_mapped().into());
                }
            }
        }
        // As TCP's clock (RFC 9293 §3.4.1): a later connection of the same addresses begins with
        // another number.
        let first = (time / 4_000) as u32;
        let mut this = Self {
            addresses,
            next: [first, first.wrapping_add(0x4000_0000)],
            ended: [false; 2],
            reset: false,
        };
        let [client, server] = Direction::BOTH;
        this.control(client, SYN, time, out);
        this.control(server, SYN | ACK, time, out);
        this.control(client, ACK, time, out);
        this
    }

    /// Bytes of a direction.
    pub fn data(&mut self, direction: Direction, bytes: &[u8], time: i128, out: &mut Vec<u8>) {
        for part in bytes.chunks(SEGMENT) {
            self.segment(direction, PSH | ACK, part, 0, time, out);
        }
    }

    /// So many bytes of a direction, which the capture does not have.
    pub fn skip(&mut self, direction: Direction, len: u64, time: i128, out: &mut Vec<u8>) {
        let mut left = len;
        while left > 0 {
            let gap = left.min(MAX_GAP);
            self.segment(direction, PSH | ACK, &[], gap as u32, time, out);
            left -= gap;
        }
    }

    /// The end of a direction.
    pub fn fin(&mut self, direction: Direction, time: i128, out: &mut Vec<u8>) {
        if !core::mem::replace(&mut self.ended[direction.index()], true) {
            self.control(direction, FIN | ACK, time, out);
        }
    }

    /// The sender of this direction resets the connection. Nothing is written after that.
    pub fn reset(&mut self, direction: Direction, time: i128, out: &mut Vec<u8>) {
        self.control(direction, RST | ACK, time, out);
        self.reset = true;
    }

    /// Whether both directions have ended, or the connection was reset.
    pub fn is_over(&self) -> bool {
        self.reset || self.ended == [true; 2]
    }

    /// A segment without bytes.
    fn control(&mut self, direction: Direction, flags: u8, time: i128, out: &mut Vec<u8>) {
        self.segment(direction, flags, &[], 0, time, out);
        let takes_number = u32::from(flags & (SYN | FIN) != 0);
        let next = &mut self.next[direction.index()];
        *next = next.wrapping_add(takes_number);
    }

    /// A segment with bytes, behind which `gap` bytes are left out.
    fn segment(
        &mut self,
        direction: Direction,
        flags: u8,
        bytes: &[u8],
        gap: u32,
        time: i128,
        out: &mut Vec<u8>,
    ) {
        if self.reset {
            return;
        }
        let side = direction.index();
        let (from, to) = (self.addresses[side], self.addresses[1 - side]);
        let ip = if from.is_ipv4() { 20 } else { 40 };
        let len = ip + TCP_HEADER + bytes.len();
        let padded = len.next_multiple_of(4);
        let block = (padded + 32) as u32;
        let time = u64::try_from(time).unwrap_or_default();
        for word in [
            6,
            block,
            0,
            (time >> 32) as u32,
            time as u32,
            len as u32,
            (len as u32).saturating_add(gap),
        ] {
            out.extend(word.to_le_bytes());
        }
        // A length of 0 says that the packet goes to its end, where that is too far for 16 bits.
        let declared = if gap > 0 { 0 } else { TCP_HEADER + bytes.len() };
        put_ip(from, to, declared as u16, out);
        let acknowledged = match flags & ACK {
            0 => 0,
            _ => self.next[1 - side],
        };
        let start = out.len();
        out.extend(from.port().to_be_bytes());
        out.extend(to.port().to_be_bytes());
        out.extend(self.next[side].to_be_bytes());
        out.extend(acknowledged.to_be_bytes());
        out.extend([5 << 4, flags]);
        out.extend(u16::MAX.to_be_bytes());
        out.extend([0; 4]);
        out.extend(bytes);
        let checksum = tcp_checksum(from.ip(), to.ip(), &out[start..]);
        out[start + 16..start + 18].copy_from_slice(&checksum.to_be_bytes());
        out.resize(out.len() + padded - len, 0);
        out.extend(block.to_le_bytes());
        let sent = (bytes.len() as u32).wrapping_add(gap);
        self.next[side] = self.next[side].wrapping_add(sent);
    }
}

/// Appends a header of IP in front of so many bytes.
fn put_ip(from: SocketAddr, to: SocketAddr, len: u16, out: &mut Vec<u8>) {
    let start = out.len();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = if len == 0 { 0 } else { len + 20 };
            out.extend([0x45, 0]);
            out.extend(total.to_be_bytes());
            // No identification, not to be fragmented, 64 hops, TCP, no checksum yet.
            out.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
            out.extend(from.octets());
            out.extend(to.octets());
            let checksum = !folded(sum(&out[start..]));
            out[start + 10..start + 12].copy_from_slice(&checksum.to_be_bytes());
        }
        (from, to) => {
            out.extend([0x60, 0, 0, 0]);
            out.extend(len.to_be_bytes());
            out.extend([6, 64]);
            for address in [from, to] {
                out.extend(v6(address));
            }
        }
    }
}

fn v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The checksum of a segment with its pseudo-header (RFC 9293 §3.1).
fn tcp_checksum(from: IpAddr, to: IpAddr, segment: &[u8]) -> u16 {
    let addresses = [from, to].map(|address| match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    });
    let [from, to] = addresses;
    !folded(from + to + 6 + segment.len() as u64 + sum(segment))
}

/// The sum of all 16-bit words, the last of them filled up with 0 (RFC 1071).
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<2>();
    let sum: u64 = words
        .iter()
        .map(|&it| u64::from(u16::from_be_bytes(it)))
        .sum();
    sum + rest.first().map_or(0, |&last| u64::from(last) << 8)
}

fn folded(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Ending, InspectEvent, Note};
    use crate::{InspectOptions, Inspector};

    const TIME: i128 = 1_700_000_000_123_456_789;
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const RESPONSE: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

    /// The lines of a capture with one message from the server in front of a gap, and one behind it.
    fn seen(client: &str, server: &str, gap: u64, reset: bool) -> Vec<String> {
        let [up, down] = Direction::BOTH;
        let mut capture = Vec::new();
        begin(&mut capture);
        let addresses = (client.parse().unwrap(), server.parse().unwrap());
        let mut it = RecordedConnection::open(addresses.0, addresses.1, TIME, &mut capture);
        it.data(up, REQUEST, TIME + 1, &mut capture);
        it.data(down, RESPONSE, TIME + 2, &mut capture);
        let mut large = vec![0x82, 127, 0, 0, 0, 0, 0, 3, 0, 0];
        large.resize(10 + 0x30000, 7);
        it.data(down, &large, TIME + 3, &mut capture);
        it.skip(down, gap, TIME + 4, &mut capture);
        for _ in 0..40 {
            it.data(down, b"\x81\x02hi", TIME + 5, &mut capture);
        }
        match reset {
            true => it.reset(up, TIME + 6, &mut capture),
            false => {
                it.fin(up, TIME + 6, &mut capture);
                it.fin(down, TIME + 7, &mut capture);
            }
        }
        let mut seen = Vec::new();
        let mut inspector = Inspector::new(InspectOptions::default());
        let mut sink = |event: InspectEvent<'_>| match event {
            InspectEvent::Conversation(it) => {
                seen.push(format!("{} {}", it.client.unwrap(), it.server.unwrap()))
            }
            InspectEvent::Handshake(it) => seen.push(format!("{:?}", it.status)),
            InspectEvent::Frame(it) => seen.push(format!(
                "{} +{}",
                it.header.len,
                it.end.time.unwrap() - TIME
            )),
            InspectEvent::Note(_, Note::Hole(len)) => seen.push(format!("hole {len}")),
            InspectEvent::End(it) => {
                assert_eq!(matches!(it.ending, Ending::Reset(_)), reset);
                assert_eq!(it.ending.by(), Some(up));
                seen.push("end".into());
            }
            _ => {}
        };
        for piece in capture.chunks(1000) {
            inspector.push(piece, &mut sink).unwrap();
        }
        inspector.finish(&mut sink).unwrap();
        assert_eq!(inspector.counts().cut, 0);
        seen
    }

    #[test]
    fn a_capture_is_read_back_with_its_times_and_its_end() {
        for (client, server, reset) in [
            ("127.0.0.1:50000", "192.0.2.1:80", false),
            ("[::1]:50000", "[2001:db8::1]:80", true),
        ] {
            let seen = seen(client, server, 0, reset);
            let mut expected = vec![format!("{client} {server}"), "Some(101)".into()];
            expected.push("196608 +3".into());
            expected.resize(43, "2 +5".into());
            expected.push("end".into());
            assert_eq!(seen, expected);
        }
        let mixed = seen("127.0.0.1:50000", "[::1]:80", 0, false);
        assert_eq!(mixed[0], "[::ffff:127.0.0.1]:50000 [::1]:80");
    }

    #[test]
    fn bytes_that_are_left_out_are_one_hole() {
        for gap in [1, 70_000, 3 << 30] {
            let seen = seen("127.0.0.1:50000", "192.0.2.1:80", gap, false);
            let holes: Vec<_> = seen.iter().filter(|it| it.starts_with("hole")).collect();
            assert_eq!(holes, [&format!("hole {gap}")], "{seen:?}");
            assert!(
                seen.iter().filter(|it| *it == "2 +5").count() > 20,
                "{seen:?}"
            );
        }
    }

    #[test]
    fn checksums_are_right() {
        // RFC 1071 §3.
        assert_eq!(
            folded(sum(&[0, 1, 0xf2, 3, 0xf4, 0xf5, 0xf6, 0xf7])),
            0xddf2
        );
        let mut out = Vec::new();
        put_ip(
            "10.0.0.1:1".parse().unwrap(),
            "10.0.0.2:2".parse().unwrap(),
            24,
            &mut out,
        );
        assert_eq!(folded(sum(&out)), 0xffff);
        let (from, to) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let mut segment = [1_u8; 27];
        segment[16..18].copy_from_slice(&[0, 0]);
        let checksum = tcp_checksum(from, to, &segment);
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(tcp_checksum(from, to, &segment), 0);
    }
}
