//! Messages that are framed once and sent to many.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Kind;
use crate::error::ErrorKind;
use crate::frame::{self, FrameHeader, Rsv};
use crate::reserve::reserve_exact;

/// A message with its frame, as a server sends it; cloning shares the bytes.
///
/// ```
/// use wscodec::message::{Prepared, MessageEncoder};
///
/// let news = Prepared::text("news")?;
/// let mut outputs = [Vec::new(), Vec::new()];
/// for out in &mut outputs {
///     MessageEncoder::server().prepared(&news, out)?;
/// }
/// assert_eq!(outputs[1], b"\x81\x04news");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    kind: Kind,
    plain: Form,
    coded: Option<(Form, u8)>,
}

/// A frame as a server sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) rsv: Rsv,
    pub(super) frame: Bytes,
    header_len: usize,
}

impl Form {
    fn new(kind: Kind, rsv: Rsv, payload: &[u8]) -> Result<Self, ErrorKind> {
        let header = FrameHeader {
            rsv,
            ..FrameHeader::new(kind.opcode(), 0)
        };
        let (head, header_len) = frame::with_len(header, payload.len())?;
        let mut frame = Vec::new();
        reserve_exact(&mut frame, header_len + payload.len())?;
        frame.extend_from_slice(&head[..header_len]);
        frame.extend_from_slice(payload);
        Ok(Self {
            rsv,
            frame: frame.into(),
            header_len,
        })
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.frame[self.header_len..]
    }
}

impl Prepared {
    /// A text message.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`](crate::LimitError::OutOfMemory), if there is no memory for a copy.
    pub fn text(text: &str) -> Result<Self, ErrorKind> {
        Self::new(Kind::Text, text.as_bytes())
    }

    /// A binary message.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    pub fn binary(payload: &[u8]) -> Result<Self, ErrorKind> {
        Self::new(Kind::Binary, payload)
    }

    fn new(kind: Kind, payload: &[u8]) -> Result<Self, ErrorKind> {
        Ok(Self {
            kind,
            plain: Form::new(kind, Rsv::NONE, payload)?,
            coded: None,
        })
    }

    /// Adds a second form of the message, coded by an extension: with these bits set and that
    /// payload. It is sent instead where the sender's extension [says so](super::OutboundExtension::pass);
    /// what the number `needs` means is the extension's to say.
    ///
    /// # Errors
    /// The errors of [`text`](Self::text).
    pub fn with_coded(self, rsv: Rsv, needs: u8, payload: &[u8]) -> Result<Self, ErrorKind> {
        let form = Form::new(self.kind, rsv, payload)?;
        Ok(Self {
            coded: Some((form, needs)),
            ..self
        })
    }

    /// The form to send over a connection, of whose extension `pass` is asked.
    pub(super) fn form(&self, pass: impl FnOnce(Rsv, u8) -> bool) -> &Form {
        match &self.coded {
            Some((form, needs)) if pass(form.rsv, *needs) => form,
            _ => &self.plain,
        }
    }

    /// Text or binary.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The frame's bytes, unmasked and not coded: to be written as they are by a server.
    pub fn frame(&self) -> &Bytes {
        &self.plain.frame
    }

    /// The message's bytes.
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }
}
