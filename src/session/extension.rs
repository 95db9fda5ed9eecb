//! The extensions of a session, as types that are the same with every set of features: a library that
//! names them compiles beside an application that turns compression on.

use alloc::vec::Vec;

use crate::error::ErrorKind;
use crate::frame::Rsv;
use crate::message::{DecodeProgress, InboundExtension, Kind, OutboundExtension, PayloadCoding};

#[cfg(feature = "deflate")]
use crate::deflate::{Compressor, Decompressor};

#[cfg(feature = "deflate")]
type Decoder = Option<Decompressor>;
#[cfg(not(feature = "deflate"))]
type Decoder = crate::message::NoExtension;

#[cfg(feature = "deflate")]
type Encoder = Option<Compressor>;
#[cfg(not(feature = "deflate"))]
type Encoder = crate::message::NoExtension;

/// The extension that decodes what comes: permessage-deflate if the crate has it and the peers agreed
/// on it, or none. The default is none.
///
/// With the feature `deflate`, it is made `From` a `Decompressor`.
#[derive(Debug, Default)]
pub struct In(Decoder);

/// The extension that encodes what goes: permessage-deflate if the crate has it and the peers agreed
/// on it, or none. The default is none.
///
/// With the feature `deflate`, it is made `From` a `Compressor`.
#[derive(Debug, Default)]
pub struct Out(Encoder);

#[cfg(feature = "deflate")]
impl From<Decompressor> for In {
    fn from(decompressor: Decompressor) -> Self {
        Self(Some(decompressor))
    }
}

#[cfg(feature = "deflate")]
impl From<Compressor> for Out {
    fn from(compressor: Compressor) -> Self {
        Self(Some(compressor))
    }
}

impl InboundExtension for In {
    #[inline]
    fn rsv(&self) -> Rsv {
        self.0.rsv()
    }

    #[inline]
    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        InboundExtension::begin(&mut self.0, rsv)
    }

    #[inline]
    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        self.0.decode(input, last, output)
    }

    #[inline]
    fn memory(&self) -> usize {
        InboundExtension::memory(&self.0)
    }

    #[inline]
    fn release(&mut self) {
        InboundExtension::release(&mut self.0);
    }
}

impl OutboundExtension for Out {
    #[inline]
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        OutboundExtension::begin(&mut self.0, kind, len)
    }

    #[inline]
    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        self.0.encode(input, last, output)
    }

    #[inline]
    fn discard(&mut self, begun: bool) {
        self.0.discard(begun);
    }

    #[inline]
    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        self.0.pass(rsv, needs)
    }

    #[inline]
    fn memory(&self) -> usize {
        OutboundExtension::memory(&self.0)
    }

    #[inline]
    fn release(&mut self) {
        OutboundExtension::release(&mut self.0);
    }
}
