//! The pcapng format: blocks, in sections with a byte order and interfaces of their own.
//!
//! Only four kinds of blocks matter here: section headers, interface descriptions, packets
//! (enhanced, simple and the obsolete form), and decryption secrets. All others are passed over by
//! their length.

use super::ContainerError;
use super::record::{MAX_BLOCK, Order, Packet, Record, RecordSink, Step};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// `TLSK` as a number: the type of secrets that are lines of an SSLKEYLOGFILE.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// InspectOptions of an interface.
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;

/// A block's type and its length, in front of the body.
const HEAD: usize = 8;
/// The same with the length once more, behind the body.
const FRAME: usize = HEAD + 4;

/// More interfaces than a section describes by right; more are refused, because each takes memory.
const MAX_INTERFACES: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u16,
    snap_len: u32,
    resolution: Resolution,
    /// Seconds to add to each time.
    offset: i64,
}

/// The unit of an interface's times: a power of 10 or of 2.
#[derive(Clone, Copy, Debug)]
struct Resolution(u8);

impl Resolution {
    const MICROSECONDS: Self = Self(6);

    /// Nanoseconds since the epoch. A finer unit than a nanosecond is rounded down.
    fn nanoseconds(self, units: u64) -> i128 {
        let units = i128::from(units);
        let power = u32::from(self.0 & 0x7f);
        match self.0 & 0x80 {
            0 if power <= 9 => units * 10_i128.pow(9 - power),
            // Beyond 10^38 a divisor does not fit, and the time is 0 anyway.
            0 => 10_i128
                .checked_pow(power - 9)
                .map_or(0, |unit| units / unit),
            _ => (units * 1_000_000_000).checked_shr(power).unwrap_or(0),
        }
    }
}

impl Pcapng {
    pub(super) fn is_magic(magic: [u8; 4]) -> bool {
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    pub(super) fn step(
        &mut self,
        bytes: &[u8],
        packets: &mut u64,
        sink: &mut RecordSink<'_>,
    ) -> Result<Step, ContainerError> {
        let Some(head) = bytes.first_chunk::<FRAME>() else {
            return Ok(Step::Needs(FRAME));
        };
        // A section header reads the same in both orders; the word behind its length tells the
        // order, which the length itself is written in.
        let section = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) == SECTION_HEADER;
        if section {
            self.order = match Order::Little.u32(head, HEAD) {
                Some(BYTE_ORDER_MAGIC) => Order::Little,
                Some(magic) if magic == BYTE_ORDER_MAGIC.swap_bytes() => Order::Big,
                _ => return Err(ContainerError::UnknownFormat),
            };
        }
        let word = |at| self.order.u32(head, at).unwrap_or_default();
        let (kind, len) = (word(0), word(4) as usize);
        if len < FRAME || len % 4 != 0 {
            return Err(ContainerError::BadLength);
        }
        if len > MAX_BLOCK {
            return Err(ContainerError::BlockTooLong);
        }
        let Some(block) = bytes.get(..len) else {
            return Ok(Step::Needs(len));
        };
        if self.order.u32(block, len - 4) != Some(len as u32) {
            return Err(ContainerError::BadLength);
        }
        let body = &block[HEAD..len - 4];
        match kind {
            _ if section => self.section(body)?,
            INTERFACE => self.interface(body)?,
            OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                *packets += 1;
                sink(Record::Packet(self.packet(kind, body, *packets)?));
            }
            DECRYPTION_SECRETS => {
                if let Some(keys) = self.secrets(body) {
                    sink(Record::TlsKeys(keys));
                }
            }
            _ => {}
        }
        Ok(Step::Taken(len))
    }

    fn section(&mut self, body: &[u8]) -> Result<(), ContainerError> {
        if self.order.u16(body, 4) != Some(1) {
            return Err(ContainerError::UnknownVersion);
        }
        self.interfaces.clear();
        Ok(())
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), ContainerError> {
        let (Some(link), Some(snap_len)) = (self.order.u16(body, 0), self.order.u32(body, 4))
        else {
            return Err(ContainerError::BadLength);
        };
        let mut interface = Interface {
            link,
            snap_len,
            resolution: Resolution::MICROSECONDS,
            offset: 0,
        };
        let mut options = &body[8..];
        while let (Some(code), Some(len)) = (self.order.u16(options, 0), self.order.u16(options, 2))
        {
            let len = usize::from(len);
            let Some(value) = options.get(4..4 + len) else {
                break;
            };
            match code {
                0 => break,
                IF_TSRESOL => {
                    let default = Resolution::MICROSECONDS;
                    interface.resolution = value.first().map_or(default, |&byte| Resolution(byte));
                }
                IF_TSOFFSET => {
                    interface.offset = self.order.u64(value, 0).unwrap_or_default() as i64;
                }
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or(&[]);
        }
        if self.interfaces.len() >= MAX_INTERFACES || self.interfaces.try_reserve(1).is_err() {
            return Err(ContainerError::OutOfMemory);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn packet<'a>(
        &self,
        kind: u32,
        body: &'a [u8],
        number: u64,
    ) -> Result<Packet<'a>, ContainerError> {
        let word = |at| self.order.u32(body, at).ok_or(ContainerError::BadLength);
        let interface = match kind {
            SIMPLE_PACKET => 0,
            ENHANCED_PACKET => word(0)? as usize,
            _ => usize::from(self.order.u16(body, 0).ok_or(ContainerError::BadLength)?),
        };
        let interface = *self
            .interfaces
            .get(interface)
            .ok_or(ContainerError::UnknownInterface)?;
        if kind == SIMPLE_PACKET {
            // The length that was captured follows from the snap length; 0 is no limit.
            let original_len = word(0)?;
            let snap_len = match interface.snap_len {
                0 => u32::MAX,
                snap_len => snap_len,
            };
            let captured = (original_len.min(snap_len) as usize).min(body.len() - 4);
            return Ok(Packet {
                number,
                time: None,
                link: interface.link,
                data: &body[4..4 + captured],
                original_len,
            });
        }
        let units = u64::from(word(4)?) << 32 | u64::from(word(8)?);
        let captured = word(12)? as usize;
        let original_len = word(16)?;
        let data = body.get(20..).and_then(|data| data.get(..captured));
        let seconds = i128::from(interface.offset) * 1_000_000_000;
        Ok(Packet {
            number,
            time: Some(seconds + interface.resolution.nanoseconds(units)),
            link: interface.link,
            data: data.ok_or(ContainerError::BadLength)?,
            original_len,
        })
    }

    fn secrets<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        let kind = self.order.u32(body, 0)?;
        let len = self.order.u32(body, 4)? as usize;
        (kind == TLS_KEY_LOG).then(|| body.get(8..)?.get(..len))?
    }
}

#[cfg(test)]
mod tests {
    use super::Resolution;

    #[test]
    fn times_are_in_nanoseconds_whatever_the_unit() {
        let cases = [
            (6, 1_500_000, 1_500_000_000),
            (9, 1_500_000_000, 1_500_000_000),
            (0, 3, 3_000_000_000),
            (12, 1_500, 1),
            (0x80 | 10, 1536, 1_500_000_000),
            (0x7f, u64::MAX, 0),
            (0xff, u64::MAX, 0),
        ];
        for (resolution, units, expected) in cases {
            assert_eq!(Resolution(resolution).nanoseconds(units), expected);
        }
    }
}
