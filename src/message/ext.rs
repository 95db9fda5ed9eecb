//! The seam for extensions (RFC 6455 §9): they own reserved bits and may change the payloads of
//! data messages on their way. What they are is not known here; how they are agreed on is the
//! handshake's.

use alloc::boxed::Box;
use alloc::vec::Vec;

use core::mem::size_of_val;

use super::Kind;
use crate::error::ErrorKind;
use crate::frame::Rsv;

/// How the payload of a message is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadCoding {
    /// It is what was sent.
    Plain,
    /// It goes through [`InboundExtension::decode`].
    Decode,
    /// It is coded and handed on as it is; text is not checked.
    Opaque,
}

/// The result of a call of [`InboundExtension::decode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeProgress {
    /// Bytes of the input used up.
    pub read: usize,
    /// Bytes written to the front of the output.
    pub written: usize,
    /// Whether nothing more can be written from the input handed in so far.
    pub done: bool,
}

/// An extension's part in receiving.
pub trait InboundExtension {
    /// The reserved bits that the extension may find set on the first frame of a message.
    fn rsv(&self) -> Rsv;

    /// A data message begins with these bits on its first frame, at least one of them. A message
    /// without any is [plain](PayloadCoding::Plain), and the extension is not asked.
    ///
    /// # Errors
    /// If the bits make no sense; the connection fails with that.
    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind>;

    /// Decodes the next bytes of a message's payload. `last` says that `input` ends the message.
    /// Called again with what is left until it is `done`.
    ///
    /// # Errors
    /// If the payload is damaged; the connection fails with that.
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

/// An extension's part in sending.
pub trait OutboundExtension {
    /// A data message begins, of `len` bytes if that is known. Returns the bits to set on its first
    /// frame; with none of them set the message is sent as it is.
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv;

    /// Appends what is to be sent for the next bytes of the message. `last` says that `input` ends
    /// it.
    ///
    /// # Errors
    /// If it can't be encoded, or if `output` can't grow. [`discard`](Self::discard) follows.
    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind>;

    /// The last call of [`encode`](Self::encode) has failed, or there was no room for what it wrote.
    /// Nothing of it is sent, so the peer does not have its input. What is encoded next must not
    /// refer to it. `begun` says whether frames of the message were sent before; the same part of the
    /// message may come again then. If not, the message is given up.
    fn discard(&mut self, begun: bool) {
        let _ = begun;
    }

    /// A [prepared](super::Prepared) message is at hand in a form that was coded elsewhere, with
    /// these bits. Returns whether the peer can read that form here; if so, it is sent next, and the
    /// extension isn't asked about the message again. If not, the message is sent plain.
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

/// For those who look at a connection without taking part, such as inspectors: tolerates these
/// bits, and hands messages that have any of them on as they are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opaque(
    /// The bits that the endpoints agreed on.
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
