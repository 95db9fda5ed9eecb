//! What the messages of a receiver may be coded with.

#[cfg(feature = "deflate")]
pub(super) use super::deflate::Inflating;
use wscodec::ErrorKind;
use wscodec::frame::Rsv;
#[cfg(not(feature = "deflate"))]
pub(super) use wscodec::message::Plain as Inflating;
use wscodec::message::{Inbound, Opaque, Progress, Treatment};

/// permessage-deflate if it was agreed on; other bits are tolerated.
pub(super) struct Extension {
    opaque: Opaque,
    deflate: Option<Inflating>,
}

impl Extension {
    pub(super) fn new(opaque: Rsv, deflate: Option<Inflating>) -> Self {
        Self {
            opaque: Opaque(opaque),
            deflate,
        }
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
            Some(deflate) if rsv == deflate.rsv() => deflate.begin(rsv),
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
        self.deflate.memory()
    }

    fn release(&mut self) {
        self.deflate.release();
    }
}
