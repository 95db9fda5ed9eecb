//! The extensions of a receiver and of a session.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;

#[cfg(feature = "deflate")]
pub(super) use super::engines::Inflating;
use wscodec::ErrorKind;
use wscodec::frame::Rsv;
#[cfg(not(feature = "deflate"))]
pub(super) use wscodec::message::NoExtension as Inflating;
use wscodec::message::{
    DecodeProgress, InboundExtension, Kind, Opaque, OutboundExtension, PayloadCoding,
};

/// The part that inflates lies elsewhere, as most connections have none.
#[cfg(feature = "deflate")]
pub(super) type Inflate = Box<Inflating>;
#[cfg(not(feature = "deflate"))]
pub(super) type Inflate = Inflating;

/// The part of a session that compresses, if that was agreed on.
#[derive(Default)]
pub(super) struct Coding(
    #[cfg(feature = "deflate")] pub(super) Option<Box<super::engines::Deflating>>,
    #[cfg(not(feature = "deflate"))] wscodec::message::NoExtension,
);

impl OutboundExtension for Coding {
    #[inline]
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        OutboundExtension::begin(&mut self.0, kind, len)
    }

    fn encode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut alloc::vec::Vec<u8>,
    ) -> Result<(), ErrorKind> {
        OutboundExtension::encode(&mut self.0, input, last, output)
    }

    fn discard(&mut self, begun: bool) {
        OutboundExtension::discard(&mut self.0, begun);
    }

    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        OutboundExtension::pass(&mut self.0, rsv, needs)
    }

    fn memory(&self) -> usize {
        OutboundExtension::memory(&self.0)
    }

    fn release(&mut self) {
        OutboundExtension::release(&mut self.0);
    }
}

/// permessage-deflate if it was agreed on; other bits are tolerated.
pub(super) struct Extension {
    opaque: Opaque,
    deflate: Option<Inflate>,
}

impl Extension {
    pub(super) fn new(opaque: Rsv, deflate: Option<Inflate>) -> Self {
        Self {
            opaque: Opaque(opaque),
            deflate,
        }
    }

    /// Exchanges the part that inflates.
    #[cfg(feature = "deflate")]
    pub(super) fn exchange(&mut self, with: &mut Option<Inflate>) {
        core::mem::swap(&mut self.deflate, with);
    }

    /// Whether messages may become larger than they came.
    pub(super) fn inflates(&self) -> bool {
        self.deflate.is_some()
    }
}

impl InboundExtension for Extension {
    fn rsv(&self) -> Rsv {
        Rsv::new(self.opaque.rsv().bits() | self.deflate.rsv().bits())
    }

    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        match &mut self.deflate {
            Some(deflate) if rsv == deflate.rsv() => InboundExtension::begin(deflate, rsv),
            _ => self.opaque.begin(rsv),
        }
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        self.deflate.decode(input, last, output)
    }

    fn memory(&self) -> usize {
        InboundExtension::memory(&self.deflate)
    }

    fn release(&mut self) {
        InboundExtension::release(&mut self.deflate);
    }
}
