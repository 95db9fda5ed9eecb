//! Payloads that were written to the place where their frame is to be.
//!
//! The problem: a caller that can write a payload straight into the output buffer, as JavaScript does
//! with the wasm module's memory, would pay for a second copy if the encoder took the payload as a
//! slice from elsewhere. A second set of sending methods would be a second copy of the rules.
//!
//! So the methods of [`MessageEncoder`] that write frames are generic over a [`Payload`]: a slice
//! that is [appended](super::write::Append) to a buffer, or bytes [in place](InPlace). The rules (which message is
//! begun, which fragment ends a character, what the extension codes) are written once, and both
//! compile to code of their own.
//!
//! Invariant: bytes in front of [`InPlace::end`] are whole frames and are never touched; those from
//! there on mean nothing until a method has succeeded, which moves `end` behind the new frame.

use alloc::vec::Vec;

use super::write::{Payload, write};
use super::{Kind, MaskSource, MessageEncoder, OutboundExtension};
use crate::error::{ErrorKind, MisuseError};
use crate::frame::{FrameHeader, OpCode, Rsv, encode_in_place, finish_in_place};

/// A payload that lies in the output buffer already: `len` bytes behind room for the frame's header,
/// which begins at `end`. The room is [`InPlace::header_len`] bytes.
#[derive(Debug)]
pub struct InPlace<'a> {
    /// The buffer. It may be longer than the frames in it, so that there is memory to write to.
    pub out: &'a mut Vec<u8>,
    /// Where the frames in the buffer end. A method that succeeds moves it behind the new frame.
    pub end: &'a mut usize,
    /// The length of the payload.
    pub len: usize,
}

impl InPlace<'_> {
    /// The room that is left for the header of a frame with so many bytes of payload.
    pub fn header_len(len: usize, masked: bool) -> usize {
        let header = FrameHeader {
            mask: masked.then_some([0; 4]),
            ..FrameHeader::new(OpCode::Binary, len as u64)
        };
        header.encoded_len()
    }
}

impl Payload for InPlace<'_> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn bytes(&self, masked: bool) -> Result<&[u8], MisuseError> {
        self.end
            .checked_add(Self::header_len(self.len, masked))
            .and_then(|start| self.out.get(start..start.checked_add(self.len)?))
            .ok_or(MisuseError::BufferTooSmall)
    }

    #[inline(always)]
    fn write(self, header: FrameHeader) -> Result<(), ErrorKind> {
        let header = FrameHeader {
            len: self.len as u64,
            ..header
        };
        let out = self.out.get_mut(*self.end..).unwrap_or_default();
        *self.end += finish_in_place(header, out)?;
        Ok(())
    }

    #[inline]
    fn write_apart(self, header: FrameHeader) -> Result<(), ErrorKind> {
        let len = self.len as u64;
        let header = FrameHeader { len, ..header };
        let out = self.out.get_mut(*self.end..).unwrap_or_default();
        *self.end += encode_in_place(header, out)?;
        Ok(())
    }

    fn write_coded(self, header: FrameHeader, coded: &[u8]) -> Result<(), ErrorKind> {
        // The coded bytes may be longer than the payload, over which they are written.
        self.out.truncate(*self.end);
        write(header, coded, self.out)?;
        *self.end = self.out.len();
        Ok(())
    }
}

/// The methods for payloads in place. A method that fails has moved no `end`; the bytes behind it may
/// have changed. The wasm module has one copy of each for its encoders and its sessions.
impl<M: MaskSource, X: OutboundExtension> MessageEncoder<M, X> {
    /// As [`send`](Self::send); a text is checked to be UTF-8 unless `checked` says that it was.
    ///
    /// # Errors
    /// As for [`send`](Self::send), and [`MisuseError::BufferTooSmall`] if the payload does not lie
    /// in the buffer.
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn send_in_place(
        &mut self,
        kind: Kind,
        checked: bool,
        place: InPlace<'_>,
    ) -> Result<(), ErrorKind> {
        let mask = self.keys_mut().next_key();
        if kind == Kind::Text
            && !checked
            && simdutf8::basic::from_utf8(place.bytes(mask.is_some())?).is_err()
        {
            self.not_utf8()?;
        }
        self.whole(kind, mask, place)
    }

    /// As [`begin`](Self::begin).
    ///
    /// # Errors
    /// As for [`begin`](Self::begin), and [`MisuseError::BufferTooSmall`].
    pub fn begin_in_place(&mut self, kind: Kind, place: InPlace<'_>) -> Result<(), ErrorKind> {
        self.first(kind, place)
    }

    /// As [`more`](Self::more), and as [`finish`](Self::finish) with `last`.
    ///
    /// # Errors
    /// As for [`more`](Self::more), and [`MisuseError::BufferTooSmall`].
    pub fn more_in_place(&mut self, last: bool, place: InPlace<'_>) -> Result<(), ErrorKind> {
        self.fragment(last, place)
    }

    /// Sends the payload of a [`Prepared`](super::Prepared) message, of this kind and with the bits
    /// of its form. [`OutboundExtension::pass`] says which form the peer can read.
    ///
    /// # Errors
    /// [`MisuseError::MessageUnfinished`], [`MisuseError::BufferTooSmall`].
    #[cfg_attr(target_family = "wasm", inline(never))]
    pub fn prepared_in_place(
        &mut self,
        kind: Kind,
        rsv: Rsv,
        place: InPlace<'_>,
    ) -> Result<(), ErrorKind> {
        self.is_between_messages()?;
        let header = FrameHeader {
            rsv,
            mask: self.keys_mut().next_key(),
            ..FrameHeader::new(kind.opcode(), 0)
        };
        place.write_apart(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::NoExtension;
    use alloc::vec;

    const KEY: [u8; 4] = [1, 2, 3, 4];

    /// A buffer that ends with a frame of two bytes, and behind it a payload where it is to be.
    fn laid(payload: &[u8], masked: bool) -> (Vec<u8>, usize) {
        let mut out = vec![0x89, 0];
        out.resize(2 + InPlace::header_len(payload.len(), masked), 0xaa);
        out.extend_from_slice(payload);
        out.extend_from_slice(&[0xaa; 9]);
        (out, 2)
    }

    fn same<M: MaskSource>(keys: impl Fn() -> M, masked: bool) {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; len];
            let mut expected = vec![0x89, 0];
            MessageEncoder::new(keys(), NoExtension)
                .send(Kind::Text, &payload, &mut expected)
                .unwrap();
            let (mut out, mut end) = laid(&payload, masked);
            let place = InPlace {
                out: &mut out,
                end: &mut end,
                len,
            };
            MessageEncoder::new(keys(), NoExtension)
                .send_in_place(Kind::Text, false, place)
                .unwrap();
            assert_eq!(out[..end], expected);
        }
    }

    #[test]
    fn a_payload_in_place_becomes_the_frame_that_one_from_elsewhere_becomes() {
        same(|| || KEY, true);
        same(|| super::super::Unmasked, false);
    }

    #[test]
    fn a_method_that_fails_moves_no_end() {
        let (mut out, mut end) = laid(&[0xff], false);
        let mut encoder = MessageEncoder::server();
        for (kind, len, error) in [
            (Kind::Text, 1, MisuseError::TextNotUtf8),
            (Kind::Text, 1000, MisuseError::BufferTooSmall),
            (Kind::Binary, 1000, MisuseError::BufferTooSmall),
            (Kind::Binary, usize::MAX, MisuseError::BufferTooSmall),
        ] {
            let place = InPlace {
                out: &mut out,
                end: &mut end,
                len,
            };
            let result = encoder.send_in_place(kind, false, place);
            assert_eq!(result, Err(error.into()));
            assert_eq!(end, 2);
        }
    }

    #[test]
    fn fragments_keep_their_order() {
        let mut encoder = MessageEncoder::server();
        let mut out = Vec::new();
        let mut end = 0;
        let mut lay = |encoder: &mut MessageEncoder, kind: Option<Kind>, last, part: &[u8]| {
            out.truncate(end);
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(part);
            let place = InPlace {
                out: &mut out,
                end: &mut end,
                len: part.len(),
            };
            let result = match kind {
                Some(kind) => encoder.begin_in_place(kind, place),
                None => encoder.more_in_place(last, place),
            };
            (result, out[..end].to_vec())
        };
        let (result, _) = lay(&mut encoder, None, true, b"x");
        assert_eq!(result, Err(MisuseError::NoMessageBegun.into()));
        lay(&mut encoder, Some(Kind::Text), false, b"\xc3")
            .0
            .unwrap();
        let (result, _) = lay(&mut encoder, Some(Kind::Text), false, b"x");
        assert_eq!(result, Err(MisuseError::MessageUnfinished.into()));
        let (result, _) = lay(&mut encoder, None, true, b"x");
        assert_eq!(result, Err(MisuseError::TextNotUtf8.into()));
        let (result, frames) = lay(&mut encoder, None, true, b"\xa4");
        result.unwrap();
        assert_eq!(frames, [0x01, 1, 0xc3, 0x80, 1, 0xa4]);
    }
}
