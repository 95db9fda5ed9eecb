//! Bytes that wait until more is known, with the packets that they came in.

use crate::event::PacketInfo;

/// Bytes of one direction in a row, which came in several packets.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// Bytes of `bytes` that were consumed.
    taken: usize,
    /// Where each packet's bytes begin in `bytes`.
    marks: Vec<(usize, PacketInfo)>,
    /// Where the first byte of `bytes` is in its direction.
    base: u64,
}

/// Bytes of one direction that may wait for the other one, or for the end of a head.
pub(crate) const MAX_HELD: usize = 256 << 10;

const NOWHERE: PacketInfo = PacketInfo {
    number: 0,
    time: None,
};

impl Held {
    /// Without bytes; the next one is at `offset` of the direction.
    pub(crate) fn at(offset: u64) -> Self {
        Self {
            base: offset,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], packet: PacketInfo) {
        self.marks.push((self.bytes.len(), packet));
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the first byte is in its direction.
    pub(crate) fn start(&self) -> u64 {
        self.base + self.taken as u64
    }

    /// Where the byte behind the last one is in its direction.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Drops bytes at the front.
    pub(crate) fn consume(&mut self, len: usize) {
        self.taken += len.min(self.len());
        if self.taken == self.bytes.len() {
            self.base += self.taken as u64;
            self.bytes.clear();
            self.marks.clear();
            self.taken = 0;
        } else if self.taken >= self.bytes.len() / 2 {
            let first = self.marks.partition_point(|&(at, _)| at <= self.taken);
            self.marks.drain(..first.saturating_sub(1));
            for (at, _) in &mut self.marks {
                *at = at.saturating_sub(self.taken);
            }
            self.bytes.drain(..self.taken);
            self.base += self.taken as u64;
            self.taken = 0;
        }
    }

    /// So many bytes are missing behind the last one; those held are dropped.
    pub(crate) fn skip(&mut self, len: u64) {
        *self = Self::at(self.end() + len);
    }

    /// The packet of the first byte.
    pub(crate) fn packet(&self) -> PacketInfo {
        self.packet_at(0)
    }

    /// The packet of the byte at this index.
    pub(crate) fn packet_at(&self, index: usize) -> PacketInfo {
        let index = self.taken + index;
        let behind = self.marks.partition_point(|&(at, _)| at <= index);
        self.marks
            .get(behind.saturating_sub(1))
            .map_or(NOWHERE, |&(_, packet)| packet)
    }

    /// The bytes with their packets, packet by packet.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&[u8], PacketInfo)> {
        self.marks
            .iter()
            .enumerate()
            .filter_map(|(i, &(at, packet))| {
                let end = self
                    .marks
                    .get(i + 1)
                    .map_or(self.bytes.len(), |&(at, _)| at);
                let at = at.max(self.taken);
                (at < end).then(|| (&self.bytes[at..end], packet))
            })
    }

    /// The indices at which packets begin.
    pub(crate) fn edges(&self) -> impl Iterator<Item = usize> {
        self.marks
            .iter()
            .filter_map(|&(at, _)| at.checked_sub(self.taken))
    }

    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.marks.capacity() * size_of::<(usize, PacketInfo)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(packet: u64) -> PacketInfo {
        PacketInfo {
            number: packet,
            time: None,
        }
    }

    #[test]
    fn every_byte_keeps_its_packet() {
        for take in 0..=9 {
            let mut held = Held::at(100);
            held.push(b"abc", packet(1));
            held.push(b"def", packet(2));
            held.push(b"ghi", packet(3));
            for _ in 0..take {
                held.consume(1);
            }
            assert_eq!(held.bytes(), &b"abcdefghi"[take..]);
            assert_eq!((held.start(), held.end()), (100 + take as u64, 109));
            for i in 0..held.len() {
                assert_eq!(held.packet_at(i).number, ((take + i) / 3 + 1) as u64);
            }
            let runs: Vec<_> = held
                .runs()
                .map(|(bytes, it)| (bytes.len(), it.number))
                .collect();
            let sum: usize = runs.iter().map(|run| run.0).sum();
            assert_eq!(sum, 9 - take);
            assert!(runs.is_sorted_by_key(|run| run.1));
            held.push(b"jk", packet(4));
            assert_eq!(held.packet_at(9 - take).number, 4);
        }
    }
}
