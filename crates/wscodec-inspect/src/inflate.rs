//! Inflating for an onlooker, who may not know the window.
//!
//! After a hole, after a damaged message, and where the capture begins within a connection, the
//! window holds bytes that are not known. The structure of a deflate stream does not depend on them,
//! so lengths still come out right; only the bytes that are copied from an unknown place are not
//! known. To find out which those are, two decompressors read the same messages, the windows of
//! which were filled with different bytes. A byte that both agree on is known. Copies of unknown
//! bytes stay unknown, because the two windows go on to differ there. As soon as both windows are the
//! same, one of the decompressors is dropped.
//!
//! This uses the decompressors of the core as they are. An own inflater with a mask for the window
//! would need one run instead of two, but would be a second implementation of RFC 1951.

use wscodec::Limits;
use wscodec::deflate::{Decompressor, DeflateDirection};
use wscodec::frame::Rsv;
use wscodec::message::InboundExtension;

/// Bytes that are written at once.
const ROOM: usize = 16 << 10;

/// The contents of the two unknown windows. The values differ in every bit, so that no copy of
/// one can be a copy of the other.
const FILLERS: [u8; 2] = [0x00, 0xff];

/// Receives bytes and whether they are known.
pub(crate) type Sink<'s> = dyn FnMut(&[u8], bool) + 's;

/// The compressed messages of one direction.
#[derive(Debug)]
pub(crate) struct Inflation {
    direction: DeflateDirection,
    engine: Decompressor,
    /// The second one, while the window is not wholly known.
    twin: Option<Box<Decompressor>>,
    /// Known bytes in a row that came out last.
    known: usize,
    broken: bool,
}

/// The message is no deflate stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

impl Inflation {
    /// With an empty window.
    pub(crate) fn new(direction: DeflateDirection) -> Self {
        Self {
            direction,
            engine: fresh(direction),
            twin: None,
            known: 0,
            broken: false,
        }
    }

    /// With a window of which nothing is known.
    pub(crate) fn unknown(direction: DeflateDirection) -> Self {
        let mut new = Self::new(direction);
        new.forget();
        new
    }

    /// Nothing of the window is known from here on. Without context takeover a message refers to
    /// itself only, so there is nothing to forget then.
    pub(crate) fn forget(&mut self) {
        self.engine = fresh(self.direction);
        self.broken = false;
        self.known = 0;
        self.twin = None;
        if self.direction.takeover {
            let mut twin = Box::new(fresh(self.direction));
            fill(&mut self.engine, self.direction, FILLERS[0]);
            fill(&mut twin, self.direction, FILLERS[1]);
            self.twin = Some(twin);
        }
    }

    /// Whether the window is wholly known.
    pub(crate) fn is_known(&self) -> bool {
        self.twin.is_none()
    }

    /// A message begins.
    pub(crate) fn begin(&mut self) {
        if self.broken {
            self.forget();
        }
        let begun = self.engine.begin(Rsv::RSV1).is_ok();
        let twin = self.twin.as_mut();
        self.broken = !begun || twin.is_some_and(|twin| twin.begin(Rsv::RSV1).is_err());
    }

    /// The next bytes of a message, and whether they are its last.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
        last: bool,
        scratch: &mut Vec<u8>,
        sink: &mut Sink<'_>,
    ) -> Result<(), Damaged> {
        if self.broken {
            return Err(Damaged);
        }
        scratch.resize(2 * ROOM, 0);
        let (one, two) = scratch.split_at_mut(ROOM);
        loop {
            let Ok(progress) = self.engine.decode(input, last, one) else {
                self.broken = true;
                return Err(Damaged);
            };
            let out = &one[..progress.written];
            match &mut self.twin {
                None => sink(out, true),
                Some(twin) => {
                    // The same stream gives the same lengths, whatever the window holds.
                    let same = twin.decode(input, last, two).is_ok_and(|it| it == progress);
                    if !same {
                        self.broken = true;
                        return Err(Damaged);
                    }
                    let mut at = 0;
                    while at < out.len() {
                        let known = out[at] == two[at];
                        let pairs = out[at..].iter().zip(&two[at..]);
                        let len = pairs.take_while(|(a, b)| (a == b) == known).count();
                        sink(&out[at..at + len], known);
                        self.known = if known { self.known + len } else { 0 };
                        at += len;
                    }
                }
            }
            input = &input[progress.read..];
            if progress.done {
                break;
            }
            if progress.read == 0 && progress.written == 0 {
                self.broken = true;
                return Err(Damaged);
            }
        }
        if self.known >= self.direction.window.len() {
            self.twin = None;
        }
        Ok(())
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        let twin = self.twin.as_ref().map_or(0, |twin| twin.memory());
        self.engine.memory() + twin
    }
}

fn fresh(direction: DeflateDirection) -> Decompressor {
    let mut limits = Limits::default();
    (limits.message, limits.inflation) = (u64::MAX, u32::MAX);
    Decompressor::with_engine(direction, &limits)
}

/// Fills the window by a message: a stored block of its size, and the header of the empty block that
/// ends every message.
fn fill(engine: &mut Decompressor, direction: DeflateDirection, filler: u8) {
    let len = direction.window.len() as u16;
    let mut message = vec![0];
    message.extend(len.to_le_bytes());
    message.extend((!len).to_le_bytes());
    message.resize(message.len() + usize::from(len), filler);
    message.push(0);
    // It can fail for lack of memory only, and then says so again at the next message.
    let _ = engine.message(&message, &mut Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;
    use wscodec::deflate::{AgreedDeflate, Compressor, DeflateOptions};
    use wscodec::message::{Kind, OutboundExtension};

    fn compressed(messages: &[&[u8]]) -> Vec<Vec<u8>> {
        let agreed = AgreedDeflate::default();
        let mut options = DeflateOptions::default();
        options.threshold = 0;
        let mut compressor: Compressor = Compressor::new(&agreed, &options);
        let coded = messages.iter().map(|message| {
            let mut out = Vec::new();
            compressor.begin(Kind::Binary, Some(message.len()));
            compressor.encode(message, true, &mut out).unwrap();
            out
        });
        coded.collect()
    }

    /// Bytes with `?` where they are not known.
    fn read(inflation: &mut Inflation, message: &[u8]) -> String {
        let mut seen = String::new();
        inflation.begin();
        let mut scratch = Vec::new();
        for (i, byte) in message.iter().enumerate() {
            let last = i + 1 == message.len();
            let mut sink = |bytes: &[u8], known: bool| match known {
                true => seen.push_str(core::str::from_utf8(bytes).unwrap()),
                false => seen.extend(core::iter::repeat_n('?', bytes.len())),
            };
            let byte = core::slice::from_ref(byte);
            inflation.push(byte, last, &mut scratch, &mut sink).unwrap();
        }
        seen
    }

    #[test]
    fn bytes_from_a_lost_message_are_marked_and_all_others_known() {
        let first = b"a message that is lost, with words";
        let second = b"here a message that is lost again";
        let coded = compressed(&[first, second, second]);
        let mut inflation = Inflation::unknown(DeflateDirection::default());
        let seen = read(&mut inflation, &coded[1]);
        assert_eq!(seen.len(), second.len());
        assert!(seen.starts_with("here ") && seen.contains('?'), "{seen}");
        let known = seen.bytes().zip(second);
        assert!(known.clone().all(|(a, b)| a == b'?' || a == *b), "{seen}");
        // Copies of unknown bytes are unknown.
        assert_eq!(read(&mut inflation, &coded[2]).len(), second.len());
    }

    #[test]
    fn a_window_is_known_again_once_enough_came() {
        let long: Vec<u8> = (0..40_000u32).map(|i| b'a' + (i * i % 23) as u8).collect();
        let coded = compressed(&[&long, b"tail aaa"]);
        let mut inflation = Inflation::unknown(DeflateDirection::default());
        read(&mut inflation, &coded[0]);
        assert!(inflation.is_known());
        assert_eq!(read(&mut inflation, &coded[1]), "tail aaa");
    }

    #[test]
    fn damage_costs_one_message() {
        let coded = compressed(&[b"one message", b"another one"]);
        let mut inflation = Inflation::new(DeflateDirection::default());
        inflation.begin();
        let damaged = inflation.push(b"\xff\xff", true, &mut Vec::new(), &mut |_, _| {});
        assert_eq!(damaged, Err(Damaged));
        assert_eq!(read(&mut inflation, &coded[0]), "one message");
    }
}
