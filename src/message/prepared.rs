//! Messages that are encoded once and sent to many connections.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Kind;
use crate::error::ErrorKind;
use crate::frame::{self, FrameHeader, Rsv};
use crate::reserve::reserve_exact;

/// An encoded message, as a server sends it. Clones share the bytes.
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
    /// Encodes a text message.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`](crate::LimitError::OutOfMemory) if there is no memory for a copy.
    pub fn text(text: &str) -> Result<Self, ErrorKind> {
        Self::new(Kind::Text, text.as_bytes())
    }

    /// Encodes a binary message.
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

    /// Adds a second form of the message that an extension has coded, with its bits and its payload.
    /// A sender whose extension [accepts it](super::OutboundExtension::pass) sends this form instead.
    /// The extension defines the meaning of `needs`.
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

    /// The form to send over a connection. `pass` asks the extension of the connection.
    pub(super) fn form(&self, pass: impl FnOnce(Rsv, u8) -> bool) -> &Form {
        match &self.coded {
            Some((form, needs)) if pass(form.rsv, *needs) => form,
            _ => &self.plain,
        }
    }

    /// The kind of the message: text or binary.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The bytes of the frame, unmasked and uncompressed, as a server writes them.
    pub fn frame(&self) -> &Bytes {
        &self.plain.frame
    }

    /// The payload of the message.
    pub fn payload(&self) -> &[u8] {
        self.plain.payload()
    }
}
