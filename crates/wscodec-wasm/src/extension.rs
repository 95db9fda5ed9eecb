//! The extensions of a receiver and of a session.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;

#[cfg(feature = "deflate")]
pub(super) use super::deflate::Inflating;
use wscodec::ErrorKind;
use wscodec::frame::Rsv;
#[cfg(not(feature = "deflate"))]
pub(super) use wscodec::message::Plain as Inflating;
use wscodec::message::{Inbound, Kind, Opaque, Outbound, Progress, Treatment};

/// The part that inflates lies elsewhere, as most connections have none.
#[cfg(feature = "deflate")]
pub(super) type Inflate = Box<Inflating>;
#[cfg(not(feature = "deflate"))]
pub(super) type Inflate = Inflating;

/// The part of a session that compresses, if that was agreed on.
#[derive(Default)]
pub(super) struct Coding(
    #[cfg(feature = "deflate")] pub(super) Option<Box<super::deflate::Deflating>>,
    #[cfg(not(feature = "deflate"))] wscodec::message::Plain,
);

impl Outbound for Coding {
    #[inline]
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        Outbound::begin(&mut self.0, kind, len)
    }

    fn encode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut alloc::vec::Vec<u8>,
    ) -> Result<(), ErrorKind> {
        Outbound::encode(&mut self.0, input, last, output)
    }

    fn discard(&mut self, begun: bool) {
        Outbound::discard(&mut self.0, begun);
    }

    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        Outbound::pass(&mut self.0, rsv, needs)
    }

    fn memory(&self) -> usize {
        Outbound::memory(&self.0)
    }

    fn release(&mut self) {
        Outbound::release(&mut self.0);
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
    pub(super) fn exchange(&mut self, with: &mut Option<Inflate>) {
        core::mem::swap(&mut self.deflate, with);
    }

    /// Whether messages may become larger than they came.
    pub(super) fn inflates(&self) -> bool {
        self.deflate.is_some()
    }
}

impl Inbound for Extension {
    fn rsv(&self) -> Rsv {
        Rsv::new(self.opaque.rsv().bits() | self.deflate.rsv().bits())
    }

    fn begin(&mut self, rsv: Rsv) -> Result<Treatment, ErrorKind> {
        match &mut self.deflate {
            Some(deflate) if rsv == deflate.rsv() => Inbound::begin(deflate, rsv),
            _ => self.opaque.begin(rsv),
        }
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<Progress, ErrorKind> {
        self.deflate.decode(input, last, output)
    }

    fn memory(&self) -> usize {
        Inbound::memory(&self.deflate)
    }

    fn release(&mut self) {
        Inbound::release(&mut self.deflate);
    }
}
