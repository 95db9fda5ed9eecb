//! Frames whose payload stays where it is.
//!
//! The problem: a large payload that its owner keeps until it is sent need not be copied behind its header,
//! because a vectored write sends both at once. Only the encoder knows whether the frame carries the payload
//! as it is: a client masks it, and an extension codes it.
//!
//! Choice: one more [`Payload`] for the rules of [`MessageEncoder`], which writes the header alone where that
//! is enough, and the whole frame elsewhere.

use super::write::{Payload, write};
use super::{Buffer, MaskSource, MessageEncoder, MessageRef, OutboundExtension};
use crate::error::{ErrorKind, MisuseError};
use crate::frame::FrameHeader;

/// A payload that stays where it is, if it can.
struct Behind<'a, B> {
    payload: &'a [u8],
    out: &'a mut B,
    /// Set if the payload was not appended.
    left_out: &'a mut bool,
}

impl<B: Buffer> Payload for Behind<'_, B> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.payload.len()
    }

    #[inline(always)]
    fn bytes(&self, _masked: bool) -> Result<&[u8], MisuseError> {
        Ok(self.payload)
    }

    #[inline(always)]
    fn write(self, header: FrameHeader) -> Result<(), ErrorKind> {
        if header.mask.is_some() {
            return write(header, self.payload, self.out);
        }
        let len = self.payload.len() as u64;
        let header = FrameHeader { len, ..header };
        self.out.make_room(header.encoded_len())?;
        header.put(|bytes| self.out.put_slice(bytes));
        *self.left_out = true;
        Ok(())
    }

    #[inline(always)]
    fn write_apart(self, header: FrameHeader) -> Result<(), ErrorKind> {
        self.write(header)
    }

    #[inline(always)]
    fn write_coded(self, header: FrameHeader, coded: &[u8]) -> Result<(), ErrorKind> {
        write(header, coded, self.out)
    }
}

impl<M: MaskSource, X: OutboundExtension> MessageEncoder<M, X> {
    /// As [`forward`](Self::forward), for a caller that can write from two places at once: where the frame
    /// carries the payload as it is, only the header is appended. Returns whether that is so. The caller
    /// then sends the payload right behind the bytes of `out`, before anything else is appended.
    ///
    /// ```
    /// use wscodec::message::{Kind, MessageEncoder, MessageRef};
    ///
    /// let payload = vec![7; 300];
    /// let message = MessageRef { kind: Kind::Binary, payload: &payload, ascii: false, opaque: false };
    /// let mut out = Vec::new();
    /// assert!(MessageEncoder::server().forward_vectored(message, &mut out)?);
    /// assert_eq!(out, [0x82, 126, 1, 44]);
    ///
    /// // A client masks, so its payload is copied.
    /// let mut client = MessageEncoder::client(|| [1, 2, 3, 4]);
    /// out.clear();
    /// assert!(!client.forward_vectored(message, &mut out)?);
    /// assert_eq!(out.len(), 8 + 300);
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// As for [`forward`](Self::forward).
    pub fn forward_vectored(
        &mut self,
        message: MessageRef<'_>,
        out: &mut impl Buffer,
    ) -> Result<bool, ErrorKind> {
        let (kind, payload) = (message.kind, message.payload);
        if message.opaque {
            return self.send(kind, payload, out).map(|()| false);
        }
        let mask = self.keys_mut().next_key();
        let mut left_out = false;
        let behind = Behind {
            payload,
            out,
            left_out: &mut left_out,
        };
        self.whole(kind, mask, behind)?;
        Ok(left_out)
    }
}
