//! One direction of a TCP connection: segments in any order in, bytes in order out.
//!
//! A capture is not a connection. The capture can begin in the middle, lack packets, have them twice
//! or in another order than they were sent, and cut them at a snap length; and the peers can
//! retransmit with other borders, or with other bytes. An onlooker can't ask for a packet again. So
//! the rules differ from those of a TCP receiver:
//!
//! - Positions are 64-bit distances from the first byte, computed from the 32-bit sequence numbers
//!   relative to the next expected one (RFC 9293 §3.4), so that a stream may be longer than 4 GiB.
//! - The first copy of a byte wins. If a later copy differs, that is reported as a
//!   [`Delivery::Conflict`]: it may be an attempt to show an onlooker other bytes than the peer
//!   gets. Delivered bytes are compared as far as the last [`HISTORY`] of them.
//! - A segment that arrives early is held. The bytes before it are declared a [`Delivery::Hole`]
//!   when the receiver has acknowledged them and [`PATIENCE`] further segments have passed (a
//!   capture of several queues may have them in another order), when more than [`MAX_HELD`] bytes
//!   are held, or at the end.
//! - Each delivery has the packet and the time of the segment that brought its bytes, not of the one
//!   that released it.
//!
//! Invariants: every held piece begins behind `position`; pieces do not overlap; `held_len` is the
//! sum of their lengths and of a fixed cost for each.
//!
//! ```
//! use wscodec_inspect::event::PacketInfo;
//! use wscodec_inspect::reassembly::{Delivery, Reassembler};
//!
//! let mut stream = Reassembler::new();
//! let mut seen = Vec::new();
//! let mut sink = |delivery: Delivery<'_>| {
//!     if let Delivery::Bytes { bytes, .. } = delivery {
//!         seen.extend_from_slice(bytes);
//!     }
//! };
//! let packet = PacketInfo { number: 1, time: None };
//! stream.open(99);
//! stream.bytes(103, b"lo", 0, packet, &mut sink); // early
//! stream.bytes(100, b"hel", 0, packet, &mut sink);
//! stream.finish(&mut sink);
//! assert_eq!(seen, b"hello");
//! ```

use std::collections::BTreeMap;

use crate::event::PacketInfo;

/// Bytes held for one direction, at most: 4 MiB, with a fixed cost for each piece.
pub const MAX_HELD: usize = 4 << 20;

/// The cost of a held piece beside its bytes, so that tiny segments can't hold much more.
const PIECE: usize = 96;

/// Delivered bytes that later copies are compared with.
pub const HISTORY: usize = 8 << 10;

/// So many segments may pass before acknowledged bytes that have not arrived are given up.
pub const PATIENCE: u32 = 64;

/// A sequence number further away than the largest window of TCP (RFC 7323 §2.3) belongs to no byte
/// that is on its way.
const MAX_WINDOW: i64 = 1 << 30;

/// A delivery of a stream, in the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// The next bytes.
    Bytes {
        /// The bytes; never empty.
        bytes: &'a [u8],
        /// The packet that brought them.
        packet: PacketInfo,
    },
    /// The next bytes are not in the capture.
    Hole {
        /// How many bytes are missing.
        len: u64,
        /// The first packet behind them.
        packet: PacketInfo,
    },
    /// A packet repeats bytes with other contents. The first copy counts.
    Conflict {
        /// The position of the first byte that differs, from the first byte of the stream.
        position: u64,
        /// The packet that has the other contents.
        packet: PacketInfo,
    },
    /// The sender has no more bytes (FIN).
    End {
        /// The packet that said so.
        packet: PacketInfo,
    },
}

/// Receives what comes out of a stream.
pub type DeliverySink<'s> = dyn FnMut(Delivery<'_>) + 's;

/// One direction of a connection. See the [module](self).
#[derive(Debug, Default)]
pub struct Reassembler {
    /// The sequence number of the next byte, once one is known.
    next: Option<u32>,
    /// Bytes delivered so far, those in holes too.
    position: u64,
    /// Pieces that begin behind `position`, by their position.
    held: BTreeMap<u64, Piece>,
    held_len: usize,
    /// The receiver has acknowledged all bytes before this position.
    acknowledged: u64,
    /// Segments that have passed since bytes were known to be missing.
    passed: u32,
    /// Where the stream ends, once its FIN was seen.
    end: Option<(u64, PacketInfo)>,
    ended: bool,
    /// The last delivered bytes, up to `position`.
    history: Vec<u8>,
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// Bytes behind it that were not captured.
    missing: u32,
    packet: PacketInfo,
}

impl Reassembler {
    /// A stream of which nothing is known: it begins at the first byte or SYN that is seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// A SYN with this sequence number: the stream begins behind it.
    pub fn open(&mut self, sequence: u32) {
        if self.next.is_none() {
            self.next = Some(sequence.wrapping_add(1));
        }
    }

    /// Whether a SYN or a byte was seen.
    pub fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a SYN with this sequence number opens this very stream, and not a later one between
    /// the same addresses.
    pub fn is_opened_by(&self, sequence: u32) -> bool {
        self.next.is_none_or(|next| {
            let first = next.wrapping_sub(self.position as u32);
            first == sequence.wrapping_add(1)
        })
    }

    /// Bytes delivered so far, those in holes too.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of memory that are held.
    pub fn memory(&self) -> usize {
        self.held_len + self.history.capacity()
    }

    /// Whether the stream is at its end.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// The position that a sequence number stands for, which may lie before the first byte.
    fn position_of(&self, sequence: u32) -> Option<i64> {
        let distance = i64::from(sequence.wrapping_sub(self.next?) as i32);
        (distance.abs() <= MAX_WINDOW).then_some(self.position as i64 + distance)
    }

    /// A segment with these bytes, behind which `missing` bytes were not captured.
    pub fn bytes(
        &mut self,
        sequence: u32,
        mut bytes: &[u8],
        missing: u32,
        packet: PacketInfo,
        sink: &mut DeliverySink<'_>,
    ) {
        if self.ended || (bytes.is_empty() && missing == 0) {
            return;
        }
        self.next.get_or_insert(sequence);
        let Some(start) = self.position_of(sequence) else {
            return;
        };
        let old = (self.position as i64 - start).max(0) as usize;
        if old > 0 {
            let known = old.min(bytes.len());
            self.compare(start, &bytes[..known], packet, sink);
            bytes = &bytes[known..];
            if bytes.is_empty() {
                // Bytes that were not captured may reach beyond what is known.
                let more = (i64::from(missing) - (old - known) as i64).max(0);
                if self.held.is_empty() && more > 0 {
                    self.skip(more as u64, packet, sink);
                }
                return;
            }
        }
        let start = start.max(self.position as i64) as u64;
        if start == self.position && self.held.is_empty() {
            self.deliver(bytes, packet, sink);
            self.skip(missing.into(), packet, sink);
        } else {
            self.hold(start, bytes, missing, packet, sink);
            self.release(sink);
        }
        self.passed = match self.held.is_empty() {
            true => 0,
            false => self.passed.saturating_add(1),
        };
        self.give_up(sink);
        self.end_if_due(sink);
    }

    /// The receiver acknowledges all bytes before this sequence number.
    pub fn acknowledge(&mut self, sequence: u32, sink: &mut DeliverySink<'_>) {
        if let Some(position) = self.position_of(sequence) {
            self.acknowledged = self.acknowledged.max(position.max(0) as u64);
            self.give_up(sink);
        }
    }

    /// A FIN behind the byte before this sequence number.
    pub fn close(&mut self, sequence: u32, packet: PacketInfo, sink: &mut DeliverySink<'_>) {
        self.next.get_or_insert(sequence);
        if let Some(position) = self.position_of(sequence)
            && self.end.is_none()
        {
            self.end = Some((position.max(0) as u64, packet));
            self.end_if_due(sink);
        }
    }

    /// The capture or the connection is over: delivers what is held, with its holes.
    pub fn finish(&mut self, sink: &mut DeliverySink<'_>) {
        while !self.held.is_empty() {
            self.skip_to_held(sink);
        }
        self.end_if_due(sink);
    }

    fn end_if_due(&mut self, sink: &mut DeliverySink<'_>) {
        if let Some((position, packet)) = self.end
            && !self.ended
            && position <= self.position
        {
            self.ended = true;
            self.history = Vec::new();
            sink(Delivery::End { packet });
        }
    }

    /// Compares bytes that begin at `start`, before `position`, with what was delivered.
    fn compare(&self, start: i64, bytes: &[u8], packet: PacketInfo, sink: &mut DeliverySink<'_>) {
        let oldest = self.position as i64 - self.history.len() as i64;
        let skip = (oldest - start).clamp(0, bytes.len() as i64) as usize;
        let from = (start + skip as i64 - oldest).max(0) as usize;
        let known = self.history.get(from..).unwrap_or(&[]);
        let mut pairs = bytes[skip..].iter().zip(known);
        if let Some(i) = pairs.position(|(new, old)| new != old) {
            let position = (start + (skip + i) as i64) as u64;
            sink(Delivery::Conflict { position, packet });
        }
    }

    fn deliver(&mut self, bytes: &[u8], packet: PacketInfo, sink: &mut DeliverySink<'_>) {
        if bytes.is_empty() {
            return;
        }
        self.advance(bytes.len() as u64);
        let recent = &bytes[bytes.len().saturating_sub(HISTORY)..];
        if self.history.len() + recent.len() > 2 * HISTORY {
            let keep = HISTORY.saturating_sub(recent.len());
            self.history
                .drain(..self.history.len() - keep.min(self.history.len()));
        }
        self.history.extend_from_slice(recent);
        sink(Delivery::Bytes { bytes, packet });
    }

    fn skip(&mut self, len: u64, packet: PacketInfo, sink: &mut DeliverySink<'_>) {
        if len > 0 {
            self.advance(len);
            self.history.clear();
            sink(Delivery::Hole { len, packet });
        }
    }

    fn advance(&mut self, len: u64) {
        self.position += len;
        self.next = self.next.map(|next| next.wrapping_add(len as u32));
    }

    /// Keeps the parts of a segment that no held piece has.
    fn hold(
        &mut self,
        start: u64,
        bytes: &[u8],
        missing: u32,
        packet: PacketInfo,
        sink: &mut DeliverySink<'_>,
    ) {
        let end = start + bytes.len() as u64;
        let part = |from: u64, to: u64| &bytes[(from - start) as usize..(to - start) as usize];
        let before = self.held.range(..start).next_back();
        let first = before.map_or(start, |(&at, _)| at);
        let (mut at, mut new, mut conflict) = (start, Vec::new(), None);
        for (&from, piece) in self.held.range(first..end) {
            let to = from + piece.bytes.len() as u64;
            if at < from {
                new.push((at, from));
            }
            let (low, high) = (from.max(start), to.min(end));
            if low < high && conflict.is_none() {
                let held = &piece.bytes[(low - from) as usize..(high - from) as usize];
                let mut pairs = part(low, high).iter().zip(held);
                let differs = pairs.position(|(new, old)| new != old);
                conflict = differs.map(|i| low + i as u64);
            }
            at = at.max(to);
        }
        if at < end {
            new.push((at, end));
        }
        if let Some(position) = conflict {
            sink(Delivery::Conflict { position, packet });
        }
        for (from, to) in new {
            let missing = if to == end { missing } else { 0 };
            let bytes = part(from, to).to_vec();
            self.held_len += bytes.len() + PIECE;
            let piece = Piece {
                bytes,
                missing,
                packet,
            };
            self.held.insert(from, piece);
        }
    }

    /// Delivers the held pieces that follow without a hole.
    fn release(&mut self, sink: &mut DeliverySink<'_>) {
        while let Some(entry) = self.held.first_entry()
            && *entry.key() <= self.position
        {
            let (start, piece) = entry.remove_entry();
            self.held_len -= piece.bytes.len() + PIECE;
            // A hole may have been declared over the beginning of a piece.
            let known = (self.position - start) as usize;
            if let Some(bytes) = piece.bytes.get(known..) {
                self.deliver(bytes, piece.packet, sink);
                self.skip(piece.missing.into(), piece.packet, sink);
            }
        }
    }

    /// Declares bytes missing that won't arrive any more.
    fn give_up(&mut self, sink: &mut DeliverySink<'_>) {
        while let Some((&start, _)) = self.held.first_key_value() {
            let lost = self.acknowledged >= start && self.passed >= PATIENCE;
            if !lost && self.held_len <= MAX_HELD {
                return;
            }
            self.skip_to_held(sink);
        }
    }

    fn skip_to_held(&mut self, sink: &mut DeliverySink<'_>) {
        if let Some((&start, piece)) = self.held.first_key_value() {
            let packet = piece.packet;
            self.skip(start - self.position, packet, sink);
            self.release(sink);
        }
    }
}

#[cfg(test)]
mod tests;
