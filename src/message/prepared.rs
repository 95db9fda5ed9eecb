//! Messages that are framed once and sent to many.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Kind;
use crate::error::MisuseError;
use crate::frame::{self, Header};

/// A message with its frame, as a server sends it; cloning shares the bytes.
///
/// ```
/// use wscodec::message::{Prepared, Sender};
///
/// let news = Prepared::text("news")?;
/// let mut outputs = [Vec::new(), Vec::new()];
/// for out in &mut outputs {
///     Sender::server().prepared(&news, out)?;
/// }
/// assert_eq!(outputs[1], b"\x81\x04news");
/// # Ok::<(), wscodec::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    kind: Kind,
    frame: Bytes,
    header_len: usize,
}

impl Prepared {
    /// A text message.
    ///
    /// # Errors
    /// None that memory could hold: [`MisuseError::PayloadTooLong`] from 2^63 bytes on.
    pub fn text(text: &str) -> Result<Self, MisuseError> {
        Self::new(Kind::Text, text.as_bytes())
    }

    /// A binary message.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn binary(payload: &[u8]) -> Result<Self, MisuseError> {
        Self::new(Kind::Binary, payload)
    }

    fn new(kind: Kind, payload: &[u8]) -> Result<Self, MisuseError> {
        let (head, header_len) = frame::with_len(Header::new(kind.opcode(), 0), payload.len())?;
        let mut frame = Vec::with_capacity(header_len + payload.len());
        frame.extend_from_slice(&head[..header_len]);
        frame.extend_from_slice(payload);
        Ok(Self {
            kind,
            frame: frame.into(),
            header_len,
        })
    }

    /// Text or binary.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The frame's bytes, unmasked: to be written as they are by a server.
    pub fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The message's bytes.
    pub fn payload(&self) -> &[u8] {
        &self.frame[self.header_len..]
    }
}
