//! The interface for extensions (RFC 6455 §9). An extension owns reserved bits, and may change the
//! payloads of data messages. This module knows no particular extension; the handshake agrees on
//! them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use core::mem::size_of_val;

use super::Kind;
use crate::error::ErrorKind;
use crate::frame::Rsv;

/// The treatment of the payload of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadCoding {
    /// The payload is the sender's message.
    Plain,
    /// [`InboundExtension::decode`] decodes the payload.
    Decode,
    /// The payload is coded, and is passed on as it is. Text is not checked.
    Opaque,
}

/// The result of [`InboundExtension::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeProgress {
    /// The number of bytes of the input that were used.
    pub read: usize,
    /// The number of bytes written to the front of the output.
    pub written: usize,
    /// Whether the input so far gives no further output.
    pub done: bool,
}

/// The receiving side of an extension.
pub trait InboundExtension {
    /// The reserved bits that the extension owns on the first frame of a message.
    fn rsv(&self) -> Rsv;

    /// Called for a data message with these bits on its first frame; at least one of them is set. A
    /// message without any is [plain](PayloadCoding::Plain), and the extension is not called.
    ///
    /// # Errors
    /// An error if the bits are not valid. The connection fails with it.
    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind>;

    /// Decodes the next bytes of a message's payload. `last` says that `input` ends the message. The
    /// decoder calls it again with the rest of the input until the result is `done`.
    ///
    /// # Errors
    /// An error if the payload is damaged. The connection fails with it.
    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind>;

    /// Bytes of memory held.
    fn memory(&self) -> usize {
        0
    }

    /// Gives memory back that is not needed until the next message, at whatever price that has
    /// then. Within a message, nothing.
    fn release(&mut self) {}
}

/// The sending side of an extension.
pub trait OutboundExtension {
    /// Called for a data message, with its length in bytes if that is known. Returns the bits to set
    /// on its first frame. Without bits the message is sent as it is.
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv;

    /// Appends the coded form of the next bytes of the message. `last` says that `input` ends it.
    ///
    /// # Errors
    /// An error if the bytes cannot be encoded, or if `output` cannot grow.
    /// [`discard`](Self::discard) follows.
    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind>;

    /// Called if the last call of [`encode`](Self::encode) has failed, or if there was no room for
    /// its output. The output is not sent, so the peer does not have its input, and the next output
    /// must not refer to it. `begun` says whether frames of the message were sent before. If so, the
    /// caller may pass the same part of the message again; otherwise the message is given up.
    fn discard(&mut self, begun: bool) {
        let _ = begun;
    }

    /// Called for a [prepared](super::Prepared) message in a form that was coded elsewhere, with
    /// these bits. Returns whether the peer can read that form. If it returns `true`, that form is
    /// sent next and the extension is not called again for the message. Otherwise the message is sent
    /// plain.
    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        let _ = (rsv, needs);
        false
    }

    /// Bytes of memory held.
    fn memory(&self) -> usize {
        0
    }

    /// Gives memory back that is not needed until the next message, at whatever price that has
    /// then. Within a message, nothing.
    fn release(&mut self) {}
}

/// No extension.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoExtension;

impl InboundExtension for NoExtension {
    #[inline]
    fn rsv(&self) -> Rsv {
        Rsv::NONE
    }

    #[inline]
    fn begin(&mut self, _: Rsv) -> Result<PayloadCoding, ErrorKind> {
        Ok(PayloadCoding::Plain)
    }

    fn decode(&mut self, _: &[u8], _: bool, _: &mut [u8]) -> Result<DecodeProgress, ErrorKind> {
        Ok(DecodeProgress {
            read: 0,
            written: 0,
            done: true,
        })
    }
}

impl OutboundExtension for NoExtension {
    #[inline]
    fn begin(&mut self, _: Kind, _: Option<usize>) -> Rsv {
        Rsv::NONE
    }

    fn encode(&mut self, input: &[u8], _: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        output.extend_from_slice(input);
        Ok(())
    }
}

/// An extension that was agreed on or not: without it, messages are plain.
impl<E: InboundExtension> InboundExtension for Option<E> {
    fn rsv(&self) -> Rsv {
        self.as_ref().map_or(Rsv::NONE, E::rsv)
    }

    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        match self {
            Some(extension) => extension.begin(rsv),
            None => InboundExtension::begin(&mut NoExtension, rsv),
        }
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        match self {
            Some(extension) => extension.decode(input, last, output),
            None => NoExtension.decode(input, last, output),
        }
    }

    fn memory(&self) -> usize {
        self.as_ref().map_or(0, E::memory)
    }

    fn release(&mut self) {
        if let Some(extension) = self {
            extension.release();
        }
    }
}

/// An extension that was agreed on or not: without it, messages are plain.
impl<E: OutboundExtension> OutboundExtension for Option<E> {
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        match self {
            Some(extension) => extension.begin(kind, len),
            None => Rsv::NONE,
        }
    }

    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        match self {
            Some(extension) => extension.encode(input, last, output),
            None => NoExtension.encode(input, last, output),
        }
    }

    fn discard(&mut self, begun: bool) {
        if let Some(extension) = self {
            extension.discard(begun);
        }
    }

    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        match self {
            Some(extension) => extension.pass(rsv, needs),
            None => false,
        }
    }

    fn memory(&self) -> usize {
        self.as_ref().map_or(0, E::memory)
    }

    fn release(&mut self) {
        if let Some(extension) = self {
            extension.release();
        }
    }
}

/// An extension that lies elsewhere, where most connections have none.
impl<E: InboundExtension + ?Sized> InboundExtension for Box<E> {
    fn rsv(&self) -> Rsv {
        (**self).rsv()
    }

    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        (**self).begin(rsv)
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        (**self).decode(input, last, output)
    }

    fn memory(&self) -> usize {
        size_of_val(&**self) + (**self).memory()
    }

    fn release(&mut self) {
        (**self).release();
    }
}

/// An extension that lies elsewhere, where most connections have none.
impl<E: OutboundExtension + ?Sized> OutboundExtension for Box<E> {
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        (**self).begin(kind, len)
    }

    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        (**self).encode(input, last, output)
    }

    fn discard(&mut self, begun: bool) {
        (**self).discard(begun);
    }

    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        (**self).pass(rsv, needs)
    }

    fn memory(&self) -> usize {
        size_of_val(&**self) + (**self).memory()
    }

    fn release(&mut self) {
        (**self).release();
    }
}

/// An extension for inspectors, which observe a connection: it tolerates these bits, and passes coded
/// messages on as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opaque(
    /// The bits of the agreed extensions.
    pub Rsv,
);

impl InboundExtension for Opaque {
    #[inline]
    fn rsv(&self) -> Rsv {
        self.0
    }

    #[inline]
    fn begin(&mut self, _: Rsv) -> Result<PayloadCoding, ErrorKind> {
        Ok(PayloadCoding::Opaque)
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        NoExtension.decode(input, last, output)
    }
}
