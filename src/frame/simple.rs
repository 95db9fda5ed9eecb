//! The shortcut for simple frames: whole messages of one frame below 64 KiB that lie in the input to
//! their end, without reserved bits.
//!
//! Nearly all frames are simple, and most of them are so short that the general way (parse a header,
//! check the rules, change the state of the decoder, take the payload, look whether the message ends)
//! costs several times as many instructions as unmasking the payload. The shortcut recognises a simple
//! frame by one load of eight bytes and a few shifts. All that depends on the decoder alone (the role,
//! the limits, whether a message is open) is collected once in a [`Shape`], so that a batch of frames
//! looks at it once. The payload is handed on as a slice, because a place would have to be checked
//! against the input a second time.
//!
//! Invariant: the shortcut has no rules of its own. It takes a frame only if the general way would
//! accept it, and leaves the decoder in the same state. It leaves every other frame where it is, and
//! [`FrameHeader::parse`](super::FrameHeader::parse) and [`Rules::check`](super::Rules::check) say what
//! is wrong with it. So it may be left out anywhere: `tests/vectors.rs` cuts every vector at every
//! byte, which sends each frame both ways.

use core::mem;

use super::mask;

/// A message that is one frame below 64 KiB, without reserved bits.
pub(crate) struct Simple<'a> {
    pub(crate) text: bool,
    pub(crate) key: Option<[u8; 4]>,
    /// Still masked.
    pub(crate) payload: &'a mut [u8],
}

/// The shape of a simple frame, once it is known that no message is open.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(super) masked: bool,
    /// The most bytes of payload.
    pub(super) max: u16,
}

impl Shape {
    /// Takes a simple frame off the front of `input`, if there is one, to its end. Nothing is taken
    /// otherwise.
    #[inline]
    pub(crate) fn take<'a>(self, input: &mut &'a mut [u8]) -> Option<Simple<'a>> {
        // One load for all that the short forms have; the rest are shifts.
        let head = u64::from_le_bytes(*input.first_chunk()?);
        let [first, second, ..] = head.to_le_bytes();
        let (len, key, n) = match second & 0x7f {
            126 => (((head >> 16) as u16).swap_bytes(), (head >> 32) as u32, 4),
            127 => return None,
            short => (u16::from(short), (head >> 16) as u32, 2),
        };
        let masked = second & 0x80 != 0;
        let text_or_binary = matches!(first, 0x81 | 0x82);
        let minimal = n == 2 || len >= 126;
        if !text_or_binary || masked != self.masked || !minimal || len > self.max {
            return None;
        }
        let start = if masked { n + 4 } else { n };
        let taken = start + usize::from(len);
        if taken > input.len() {
            return None;
        }
        let (frame, rest) = mem::take(input).split_at_mut(taken);
        *input = rest;
        Some(Simple {
            text: first == 0x81,
            key: masked.then(|| key.to_le_bytes()),
            payload: &mut frame[start..],
        })
    }
}

impl Simple<'_> {
    /// Unmasks the payload, and says whether it is known to be ASCII; `None` if it has to be text and
    /// is not UTF-8.
    #[inline(always)]
    pub(crate) fn unmask(&mut self) -> Option<bool> {
        if !self.text {
            if let Some(key) = self.key {
                mask::apply(key, 0, self.payload);
            }
            return Some(false);
        }
        let ascii = match self.key {
            Some(key) => mask::apply_and_test_ascii(key, 0, self.payload),
            None => self.payload.is_ascii(),
        };
        (ascii || simdutf8::basic::from_utf8(self.payload).is_ok()).then_some(ascii)
    }

    /// How many bytes the frame took.
    #[inline]
    pub(crate) fn frame_len(&self) -> usize {
        let len = self.payload.len();
        let header = if len < 126 { 2 } else { 4 };
        len + header + if self.key.is_some() { 4 } else { 0 }
    }
}
