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
//! use wscodec_inspect::reassembly::{Delivery, Origin, Stream};
//!
//! let mut stream = Stream::new();
//! let mut seen = Vec::new();
//! let mut sink = |delivery: Delivery<'_>| {
//!     if let Delivery::Bytes { bytes, .. } = delivery {
//!         seen.extend_from_slice(bytes);
//!     }
//! };
//! let origin = Origin { packet: 1, time: None };
//! stream.open(99);
//! stream.bytes(103, b"lo", 0, origin, &mut sink); // early
//! stream.bytes(100, b"hel", 0, origin, &mut sink);
//! stream.finish(&mut sink);
//! assert_eq!(seen, b"hello");
//! ```

use std::collections::BTreeMap;

/// Bytes held for one direction, at most: 4 MiB, with a fixed cost for each piece.
pub const MAX_HELD: usize = 4 << 20;

/// What a held piece counts beside its bytes, so that tiny segments can't hold much more.
const PIECE: usize = 96;

/// Delivered bytes that later copies are compared with.
pub const HISTORY: usize = 8 << 10;

/// So many segments may pass before acknowledged bytes that have not arrived are given up.
pub const PATIENCE: u32 = 64;

/// A sequence number further away than the largest window of TCP (RFC 7323 §2.3) belongs to no byte
/// that is on its way.
const MAX_WINDOW: i64 = 1 << 30;

/// Where in the capture some bytes came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The number of the packet, from 1.
    pub packet: u64,
    /// When it was captured, in nanoseconds since 1970-01-01 UTC.
    pub time: Option<i128>,
}

/// What comes out of a stream, in the order of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// The next bytes.
    Bytes {
        /// The bytes; never empty.
        bytes: &'a [u8],
        /// The packet that brought them.
        origin: Origin,
    },
    /// The next bytes are not in the capture.
    Hole {
        /// How many bytes are missing.
        len: u64,
        /// The first packet behind them.
        origin: Origin,
    },
    /// A packet repeats bytes with other contents. The first copy counts.
    Conflict {
        /// The position of the first byte that differs, from the first byte of the stream.
        position: u64,
        /// The packet that has the other contents.
        origin: Origin,
    },
    /// The sender has no more bytes (FIN).
    End {
        /// The packet that said so.
        origin: Origin,
    },
}

/// Receives what comes out of a stream.
pub type Sink<'s> = dyn FnMut(Delivery<'_>) + 's;

/// One direction of a connection. See the [module](self).
#[derive(Debug, Default)]
pub struct Stream {
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
    end: Option<(u64, Origin)>,
    ended: bool,
    /// The last delivered bytes, up to `position`.
    history: Vec<u8>,
}

#[derive(Debug)]
struct Piece {
    bytes: Vec<u8>,
    /// Bytes behind it that were not captured.
    missing: u32,
    origin: Origin,
}

impl Stream {
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
        origin: Origin,
        sink: &mut Sink<'_>,
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
            self.compare(start, &bytes[..known], origin, sink);
            bytes = &bytes[known..];
            if bytes.is_empty() {
                // Bytes that were not captured may reach beyond what is known.
                let more = (i64::from(missing) - (old - known) as i64).max(0);
                if self.held.is_empty() && more > 0 {
                    self.skip(more as u64, origin, sink);
                }
                return;
            }
        }
        let start = start.max(self.position as i64) as u64;
        if start == self.position && self.held.is_empty() {
            self.deliver(bytes, origin, sink);
            self.skip(missing.into(), origin, sink);
        } else {
            self.hold(start, bytes, missing, origin, sink);
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
    pub fn acknowledge(&mut self, sequence: u32, sink: &mut Sink<'_>) {
        if let Some(position) = self.position_of(sequence) {
            self.acknowledged = self.acknowledged.max(position.max(0) as u64);
            self.give_up(sink);
        }
    }

    /// A FIN behind the byte before this sequence number.
    pub fn close(&mut self, sequence: u32, origin: Origin, sink: &mut Sink<'_>) {
        self.next.get_or_insert(sequence);
        if let Some(position) = self.position_of(sequence)
            && self.end.is_none()
        {
            self.end = Some((position.max(0) as u64, origin));
            self.end_if_due(sink);
        }
    }

    /// The capture or the connection is over: delivers what is held, with its holes.
    pub fn finish(&mut self, sink: &mut Sink<'_>) {
        while !self.held.is_empty() {
            self.skip_to_held(sink);
        }
        self.end_if_due(sink);
    }

    fn end_if_due(&mut self, sink: &mut Sink<'_>) {
        if let Some((position, origin)) = self.end
            && !self.ended
            && position <= self.position
        {
            self.ended = true;
            self.history = Vec::new();
            sink(Delivery::End { origin });
        }
    }

    /// Compares bytes that begin at `start`, before `position`, with what was delivered.
    fn compare(&self, start: i64, bytes: &[u8], origin: Origin, sink: &mut Sink<'_>) {
        let oldest = self.position as i64 - self.history.len() as i64;
        let skip = (oldest - start).clamp(0, bytes.len() as i64) as usize;
        let from = (start + skip as i64 - oldest).max(0) as usize;
        let known = self.history.get(from..).unwrap_or(&[]);
        let mut pairs = bytes[skip..].iter().zip(known);
        if let Some(i) = pairs.position(|(new, old)| new != old) {
            let position = (start + (skip + i) as i64) as u64;
            sink(Delivery::Conflict { position, origin });
        }
    }

    fn deliver(&mut self, bytes: &[u8], origin: Origin, sink: &mut Sink<'_>) {
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
        sink(Delivery::Bytes { bytes, origin });
    }

    fn skip(&mut self, len: u64, origin: Origin, sink: &mut Sink<'_>) {
        if len > 0 {
            self.advance(len);
            self.history.clear();
            sink(Delivery::Hole { len, origin });
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
        origin: Origin,
        sink: &mut Sink<'_>,
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
            sink(Delivery::Conflict { position, origin });
        }
        for (from, to) in new {
            let missing = if to == end { missing } else { 0 };
            let bytes = part(from, to).to_vec();
            self.held_len += bytes.len() + PIECE;
            let piece = Piece {
                bytes,
                missing,
                origin,
            };
            self.held.insert(from, piece);
        }
    }

    /// Delivers the held pieces that follow without a hole.
    fn release(&mut self, sink: &mut Sink<'_>) {
        while let Some(entry) = self.held.first_entry()
            && *entry.key() <= self.position
        {
            let (start, piece) = entry.remove_entry();
            self.held_len -= piece.bytes.len() + PIECE;
            // A hole may have been declared over the beginning of a piece.
            let known = (self.position - start) as usize;
            if let Some(bytes) = piece.bytes.get(known..) {
                self.deliver(bytes, piece.origin, sink);
                self.skip(piece.missing.into(), piece.origin, sink);
            }
        }
    }

    /// Declares bytes missing that won't arrive any more.
    fn give_up(&mut self, sink: &mut Sink<'_>) {
        while let Some((&start, _)) = self.held.first_key_value() {
            let lost = self.acknowledged >= start && self.passed >= PATIENCE;
            if !lost && self.held_len <= MAX_HELD {
                return;
            }
            self.skip_to_held(sink);
        }
    }

    fn skip_to_held(&mut self, sink: &mut Sink<'_>) {
        if let Some((&start, piece)) = self.held.first_key_value() {
            let origin = piece.origin;
            self.skip(start - self.position, origin, sink);
            self.release(sink);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Seen {
        Bytes(Vec<u8>, u64),
        Hole(u64, u64),
        Conflict(u64),
        End,
    }

    /// Puts neighbouring bytes of one packet together, so that only their contents count.
    fn note(seen: &mut Vec<Seen>, delivery: Delivery<'_>) {
        seen.push(match delivery {
            Delivery::Bytes { bytes, origin } => Seen::Bytes(bytes.to_vec(), origin.packet),
            Delivery::Hole { len, origin } => Seen::Hole(len, origin.packet),
            Delivery::Conflict { position, .. } => Seen::Conflict(position),
            Delivery::End { .. } => Seen::End,
        });
    }

    fn origin(packet: u64) -> Origin {
        Origin { packet, time: None }
    }

    struct Harness {
        stream: Stream,
        seen: Vec<Seen>,
        packet: u64,
    }

    impl Harness {
        fn new(first: u32) -> Self {
            let mut stream = Stream::new();
            stream.open(first.wrapping_sub(1));
            Self {
                stream,
                seen: Vec::new(),
                packet: 0,
            }
        }

        fn bytes(&mut self, sequence: u32, bytes: &[u8]) -> &mut Self {
            self.cut(sequence, bytes, 0)
        }

        fn cut(&mut self, sequence: u32, bytes: &[u8], missing: u32) -> &mut Self {
            self.packet += 1;
            let seen = &mut self.seen;
            let mut sink = |delivery: Delivery<'_>| note(seen, delivery);
            let from = origin(self.packet);
            self.stream.bytes(sequence, bytes, missing, from, &mut sink);
            self
        }

        fn finish(&mut self) -> Vec<Seen> {
            let seen = &mut self.seen;
            self.stream.finish(&mut |delivery| note(seen, delivery));
            core::mem::take(&mut self.seen)
        }

        fn text(&mut self) -> String {
            let mut text = String::new();
            for seen in self.finish() {
                match seen {
                    Seen::Bytes(bytes, _) => text += core::str::from_utf8(&bytes).unwrap(),
                    Seen::Hole(len, _) => text += &".".repeat(len as usize),
                    Seen::Conflict(at) => text += &format!("!{at}!"),
                    Seen::End => text += "$",
                }
            }
            text
        }
    }

    #[test]
    fn every_order_gives_the_same_bytes() {
        let segments: [(u32, &[u8]); 4] = [(0, b"abc"), (3, b"de"), (5, b"fgh"), (8, b"i")];
        let mut orders = 0;
        for a in 0..4 {
            for b in (0..4).filter(|&b| b != a) {
                for c in (0..4).filter(|&c| c != a && c != b) {
                    let d = 6 - a - b - c;
                    // The numbers wrap around in the middle of the stream.
                    let mut harness = Harness::new(u32::MAX - 3);
                    for i in [a, b, c, d] {
                        let (at, bytes) = segments[i];
                        harness.bytes((u32::MAX - 3).wrapping_add(at), bytes);
                    }
                    assert_eq!(harness.text(), "abcdefghi", "{a}{b}{c}{d}");
                    orders += 1;
                }
            }
        }
        assert_eq!(orders, 24);
    }

    #[test]
    fn bytes_keep_their_own_packet() {
        let mut harness = Harness::new(0);
        let seen = harness.bytes(3, b"de").bytes(0, b"abc").finish();
        let expected = [
            Seen::Bytes(b"abc".to_vec(), 2),
            Seen::Bytes(b"de".to_vec(), 1),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn repeated_bytes_are_dropped() {
        let mut harness = Harness::new(10);
        // A keep-alive repeats the last byte.
        harness.bytes(10, b"abc").bytes(10, b"abc").bytes(12, b"c");
        harness.bytes(11, b"bcdef");
        assert_eq!(harness.text(), "abcdef");
    }

    #[test]
    fn the_first_copy_wins_and_a_difference_is_told() {
        let mut harness = Harness::new(0);
        harness.bytes(0, b"abc").bytes(1, b"bXdef");
        assert_eq!(harness.text(), "abc!2!def");
        let mut harness = Harness::new(0);
        harness.bytes(2, b"cdef").bytes(4, b"Xfgh").bytes(0, b"ab");
        assert_eq!(harness.text(), "!4!abcdefgh");
    }

    #[test]
    fn what_is_missing_at_the_end_is_a_hole() {
        let mut harness = Harness::new(0);
        let text = harness
            .bytes(0, b"ab")
            .bytes(5, b"fg")
            .bytes(9, b"j")
            .text();
        assert_eq!(text, "ab...fg..j");
    }

    #[test]
    fn acknowledged_bytes_are_given_up_after_some_segments() {
        let mut harness = Harness::new(0);
        harness.bytes(1, b"b");
        harness.stream.acknowledge(2, &mut |_| panic!("too early"));
        for i in 2..2 + PATIENCE {
            harness.bytes(i, b"c");
        }
        assert_eq!(harness.seen[0], Seen::Hole(1, 1));
        assert_eq!(harness.stream.position(), u64::from(2 + PATIENCE));
    }

    #[test]
    fn bytes_that_are_not_acknowledged_are_waited_for() {
        let mut harness = Harness::new(0);
        for i in 1..1000 {
            harness.bytes(i, b"c");
        }
        assert_eq!(harness.seen, []);
        harness.bytes(0, b"a");
        assert_eq!(harness.text().len(), 1000);
    }

    #[test]
    fn no_more_than_the_limit_is_held() {
        let mut harness = Harness::new(0);
        let segment = vec![b'x'; 1 << 16];
        for i in 0..100 {
            harness.bytes(1 + (i << 16), &segment);
            assert!(harness.stream.held_len <= MAX_HELD);
        }
        assert_eq!(harness.seen[0], Seen::Hole(1, 1));
    }

    #[test]
    fn a_snap_length_leaves_holes() {
        let mut harness = Harness::new(0);
        harness.cut(0, b"ab", 3).cut(5, b"fg", 1).bytes(8, b"i");
        assert_eq!(harness.text(), "ab...fg.i");
        let mut harness = Harness::new(0);
        harness.cut(5, b"fg", 1).cut(0, b"ab", 3).bytes(8, b"i");
        assert_eq!(harness.text(), "ab...fg.i");
    }

    #[test]
    fn the_end_comes_behind_the_last_byte() {
        let mut harness = Harness::new(0);
        let seen = &mut harness.seen;
        let mut sink = |delivery: Delivery<'_>| note(seen, delivery);
        harness.stream.close(3, origin(1), &mut sink);
        harness.bytes(0, b"abc");
        harness.bytes(3, b"behind the end");
        assert_eq!(harness.text(), "abc$");
    }

    #[test]
    fn a_stream_without_its_beginning_starts_where_it_is_seen() {
        let mut stream = Stream::new();
        let mut seen = Vec::new();
        let mut sink = |delivery: Delivery<'_>| note(&mut seen, delivery);
        stream.bytes(700, b"cd", 0, origin(1), &mut sink);
        stream.bytes(702, b"ef", 0, origin(2), &mut sink);
        assert_eq!(stream.position(), 4);
        assert!(stream.is_opened_by(699) && !stream.is_opened_by(700));
    }

    #[test]
    fn a_sequence_number_far_away_is_ignored() {
        let mut harness = Harness::new(0);
        harness
            .bytes(0, b"ab")
            .bytes(0x7000_0000, b"?")
            .bytes(2, b"c");
        assert_eq!(harness.text(), "abc");
    }
}
