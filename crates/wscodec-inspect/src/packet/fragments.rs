//! IP datagrams that were sent in fragments (RFC 791 §3.2, RFC 8200 §4.5).
//!
//! A datagram has at most 64 KiB, and the reader holds at most [`MAX_DATAGRAMS`] of them: a capture
//! of a flood of first fragments must not grow memory. If there are more, the oldest is dropped.
//! Fragments that overlap with bytes that are there do not change them (RFC 5722 forbids them).

use core::net::IpAddr;
use std::collections::VecDeque;

use super::ip::Datagram;

const MAX_DATAGRAMS: usize = 64;
const MAX_LEN: usize = 0xffff;
/// A datagram with more holes than this is dropped. Each fragment looks at all of them, so tiny
/// fragments would otherwise cost quadratic time.
const MAX_RANGES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Fragments {
    /// The oldest first.
    parts: VecDeque<Parts>,
    /// The datagram that was completed last.
    whole: Vec<u8>,
}

#[derive(Debug)]
struct Parts {
    key: (IpAddr, IpAddr, u32),
    bytes: Vec<u8>,
    /// The ranges of `bytes` that have arrived, in order, none touching another.
    present: Vec<(usize, usize)>,
    /// The datagram's length, once its last fragment has arrived.
    len: Option<usize>,
}

impl Fragments {
    /// Adds a fragment, and returns the datagram's payload if that completes it.
    pub(super) fn add(&mut self, datagram: &Datagram<'_>) -> Option<&[u8]> {
        let fragment = datagram.fragment?;
        // A fragment of which bytes were not captured can never be completed.
        if datagram.missing > 0 {
            return None;
        }
        let end = fragment.offset + datagram.payload.len();
        if end > MAX_LEN || datagram.payload.is_empty() {
            return None;
        }
        let key = (datagram.source, datagram.destination, fragment.id);
        let at = self.parts.iter().position(|parts| parts.key == key);
        let at = at.unwrap_or_else(|| {
            if self.parts.len() == MAX_DATAGRAMS {
                self.parts.pop_front();
            }
            self.parts.push_back(Parts {
                key,
                bytes: Vec::new(),
                present: Vec::new(),
                len: None,
            });
            self.parts.len() - 1
        });
        let parts = &mut self.parts[at];
        if !fragment.more {
            parts.len = Some(end);
        }
        parts.put(fragment.offset, datagram.payload);
        if parts.present.len() > MAX_RANGES {
            self.parts.remove(at);
            return None;
        }
        if parts.len.is_some_and(|len| parts.present == [(0, len)]) {
            self.whole = self.parts.remove(at)?.bytes;
            return Some(&self.whole);
        }
        None
    }
}

impl Parts {
    /// Copies the bytes that are not there yet.
    fn put(&mut self, start: usize, bytes: &[u8]) {
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut at = start;
        for &(from, to) in &self.present {
            if to <= at {
                continue;
            }
            if from >= end {
                break;
            }
            if at < from {
                self.bytes[at..from].copy_from_slice(&bytes[at - start..from - start]);
            }
            at = to.min(end);
        }
        if at < end {
            self.bytes[at..end].copy_from_slice(&bytes[at - start..]);
        }
        self.present.push((start, end));
        self.present.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(self.present.len());
        for &(from, to) in &self.present {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        self.present = joined;
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use super::super::ip::{Datagram, Fragment, TCP};
    use super::{Fragments, MAX_DATAGRAMS};

    fn part(id: u32, offset: usize, payload: &[u8], more: bool) -> Datagram<'_> {
        Datagram {
            source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            destination: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)),
            protocol: TCP,
            fragment: Some(Fragment { id, offset, more }),
            payload,
            missing: 0,
        }
    }

    #[test]
    fn any_order_gives_the_datagram() {
        let parts = [
            part(1, 0, b"abcdefgh", true),
            part(1, 8, b"ijklmnop", true),
            part(1, 16, b"qr", false),
        ];
        for order in [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ] {
            let mut fragments = Fragments::default();
            assert_eq!(fragments.add(&parts[order[0]]), None);
            assert_eq!(fragments.add(&parts[order[1]]), None);
            let whole = fragments.add(&parts[order[2]]).expect("all are there");
            assert_eq!(whole, b"abcdefghijklmnopqr");
        }
    }

    #[test]
    fn the_first_copy_of_a_byte_stays() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.add(&part(1, 8, b"ijklmnop", true)), None);
        assert_eq!(fragments.add(&part(1, 0, b"abcdefghXXXX", true)), None);
        let whole = fragments.add(&part(1, 16, b"q", false)).unwrap();
        assert_eq!(whole, b"abcdefghijklmnopq");
    }

    #[test]
    fn the_oldest_datagram_makes_room() {
        let mut fragments = Fragments::default();
        for id in 0..=MAX_DATAGRAMS as u32 {
            assert_eq!(fragments.add(&part(id, 0, b"abcdefgh", true)), None);
        }
        assert_eq!(fragments.add(&part(0, 8, b"i", false)), None);
        assert!(fragments.add(&part(2, 8, b"i", false)).is_some());
    }
}
