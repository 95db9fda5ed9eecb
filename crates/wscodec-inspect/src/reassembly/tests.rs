//! Segments in every order, against the bytes that were sent.

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
        Delivery::Bytes { bytes, packet } => Seen::Bytes(bytes.to_vec(), packet.number),
        Delivery::Hole { len, packet } => Seen::Hole(len, packet.number),
        Delivery::Conflict { position, .. } => Seen::Conflict(position),
        Delivery::End { .. } => Seen::End,
    });
}

fn packet(packet: u64) -> PacketInfo {
    PacketInfo {
        number: packet,
        time: None,
    }
}

struct Harness {
    stream: Reassembler,
    seen: Vec<Seen>,
    packet: u64,
}

impl Harness {
    fn new(first: u32) -> Self {
        let mut stream = Reassembler::new();
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
        let from = packet(self.packet);
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
    harness.stream.close(3, packet(1), &mut sink);
    harness.bytes(0, b"abc");
    harness.bytes(3, b"behind the end");
    assert_eq!(harness.text(), "abc$");
}

#[test]
fn a_stream_without_its_beginning_starts_where_it_is_seen() {
    let mut stream = Reassembler::new();
    let mut seen = Vec::new();
    let mut sink = |delivery: Delivery<'_>| note(&mut seen, delivery);
    stream.bytes(700, b"cd", 0, packet(1), &mut sink);
    stream.bytes(702, b"ef", 0, packet(2), &mut sink);
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
