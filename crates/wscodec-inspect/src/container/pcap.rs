//! The pcap format: a header of 24 bytes, then packets with a header of 16 bytes each.

use super::ContainerError;
use super::record::{MAX_BLOCK, Order, Packet, Record, RecordSink, Step};

const FILE_HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;

#[derive(Debug, Default)]
pub(super) struct Pcap {
    /// The file's header; `None` until it has arrived.
    file: Option<File>,
}

#[derive(Clone, Copy, Debug)]
struct File {
    order: Order,
    /// Nanoseconds in a unit of the fraction.
    unit: i128,
    link: u16,
}

/// The byte order and the unit of a magic number.
fn read_magic(magic: [u8; 4]) -> Option<(Order, i128)> {
    [
        (Order::Little, u32::from_le_bytes(magic)),
        (Order::Big, u32::from_be_bytes(magic)),
    ]
    .into_iter()
    .find_map(|(order, magic)| match magic {
        MICROSECONDS => Some((order, 1000)),
        NANOSECONDS => Some((order, 1)),
        _ => None,
    })
}

impl Pcap {
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        read_magic(magic).is_some()
    }

    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        packets: &mut u64,
        sink: &mut RecordSink<'_>,
    ) -> Result<Step, ContainerError> {
        let Some(file) = self.file else {
            return self.file_header(bytes);
        };
        let Some(header) = bytes.first_chunk::<PACKET_HEADER>() else {
            return Ok(Step::Needs(PACKET_HEADER));
        };
        let word = |at| file.order.u32(header, at).unwrap_or_default();
        let (seconds, fraction) = (i128::from(word(0)), i128::from(word(4)));
        let captured = word(8) as usize;
        if captured > MAX_BLOCK - PACKET_HEADER {
            return Err(ContainerError::BlockTooLong);
        }
        let len = PACKET_HEADER + captured;
        let Some(data) = bytes.get(PACKET_HEADER..len) else {
            return Ok(Step::Needs(len));
        };
        *packets += 1;
        sink(Record::Packet(Packet {
            number: *packets,
            time: Some(seconds * 1_000_000_000 + fraction * file.unit),
            link: file.link,
            data,
            original_len: word(12),
        }));
        Ok(Step::Taken(len))
    }

    fn file_header(&mut self, bytes: &[u8]) -> Result<Step, ContainerError> {
        let Some(header) = bytes.first_chunk::<FILE_HEADER>() else {
            return Ok(Step::Needs(FILE_HEADER));
        };
        let [a, b, c, d, ..] = *header;
        let (order, unit) = read_magic([a, b, c, d]).ok_or(ContainerError::UnknownFormat)?;
        if order.u16(header, 4) != Some(2) {
            return Err(ContainerError::UnknownVersion);
        }
        // The upper bits of the link type say how long a frame check sequence is.
        let link = order.u32(header, 20).unwrap_or_default() as u16;
        self.file = Some(File { order, unit, link });
        Ok(Step::Taken(FILE_HEADER))
    }
}
