//! Frames in both directions of a connection, or of a stream of HTTP/2.

use crate::context::Context;
use crate::event::{Direction, Ending, PacketInfo, Totals};
use crate::frames::{Agreement, FrameReader};
use crate::held::Held;
use crate::reassembly::Delivery;

/// A reader of frames for each direction.
#[derive(Debug)]
pub(super) struct Socket {
    readers: [FrameReader; 2],
    ended: [bool; 2],
}

impl Socket {
    /// For frames from the first byte on.
    pub(super) fn new(agreements: [Agreement; 2]) -> Self {
        Self::behind(&Default::default(), agreements, [false; 2])
    }

    /// For frames that begin with the bytes that are held, or, in a direction that is `lost`, where a
    /// frame is found in them. The bytes are not read yet.
    pub(super) fn behind(held: &[Held; 2], agreements: [Agreement; 2], lost: [bool; 2]) -> Self {
        let reader = |direction: Direction| {
            let i = direction.index();
            match lost[i] {
                true => FrameReader::lost(direction, agreements[i], held[i].start()),
                false => FrameReader::new(direction, agreements[i], held[i].start()),
            }
        };
        Self {
            readers: Direction::BOTH.map(reader),
            ended: [false; 2],
        }
    }

    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.readers.iter().map(FrameReader::memory).sum()
    }

    /// The totals of the frames in each direction.
    pub(super) fn totals(&self) -> [Totals; 2] {
        [self.readers[0].totals, self.readers[1].totals]
    }

    /// A delivery of a direction. A conflict is reported where the segments are put in order.
    pub(super) fn deliver(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        cx: &mut Context<'_>,
    ) {
        match delivery {
            Delivery::Bytes { bytes, packet } => self.bytes(direction, bytes, packet, cx),
            Delivery::Hole { len, packet } => self.hole(direction, len, packet, cx),
            Delivery::End { packet } => self.end(direction, packet, cx),
            Delivery::Conflict { .. } => {}
        }
    }

    /// The next bytes of a direction, of one packet.
    pub(super) fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) {
        self.readers[direction.index()].bytes(bytes, packet, cx);
    }

    /// So many bytes of a direction are missing.
    pub(super) fn hole(
        &mut self,
        direction: Direction,
        len: u64,
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) {
        self.readers[direction.index()].hole(len, packet, cx);
    }

    /// Bytes of a direction that were held until it was known that they are frames.
    pub(super) fn held(&mut self, direction: Direction, held: &Held, cx: &mut Context<'_>) {
        for (bytes, packet) in held.runs() {
            self.bytes(direction, bytes, packet, cx);
        }
    }

    /// The direction is at its end.
    pub(super) fn end(&mut self, direction: Direction, packet: PacketInfo, cx: &mut Context<'_>) {
        self.ended[direction.index()] = true;
        self.readers[direction.index()].finish(true, packet, cx);
    }

    /// The connection has ended in this way.
    pub(super) fn finish(&mut self, ending: Ending, packet: PacketInfo, cx: &mut Context<'_>) {
        let early = matches!(ending, Ending::Reset(_));
        for (reader, ended) in self.readers.iter_mut().zip(self.ended) {
            if !ended {
                reader.finish(early, packet, cx);
            }
        }
        self.ended = [true; 2];
    }
}
