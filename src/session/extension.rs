//! The extensions of a session, as types that are the same with every set of features: a library that
//! names them compiles beside an application that turns compression on.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::error::ErrorKind;
use crate::frame::Rsv;
use crate::message::{
    DecodeProgress, InboundExtension, Kind, NoExtension, OutboundExtension, PayloadCoding,
};

#[cfg(feature = "deflate")]
use crate::deflate::{Compressor, Decompressor};

/// The extension that decodes what comes: permessage-deflate if the crate has it and the peers agreed
/// on it, one of the [caller's](Self::custom), or none. The default is none.
///
/// With the feature `deflate`, it is made `From` a `Decompressor`.
#[derive(Debug, Default)]
pub struct In(Decoder);

/// The extension that encodes what goes: permessage-deflate if the crate has it and the peers agreed
/// on it, one of the [caller's](Self::custom), or none. The default is none.
///
/// With the feature `deflate`, it is made `From` a `Compressor`.
#[derive(Debug, Default)]
pub struct Out(Encoder);

#[derive(Default)]
enum Decoder {
    #[default]
    None,
    #[cfg(feature = "deflate")]
    Deflate(Decompressor),
    Custom(Box<dyn InboundExtension + Send + Sync>),
}

#[derive(Default)]
enum Encoder {
    #[default]
    None,
    #[cfg(feature = "deflate")]
    Deflate(Compressor),
    Custom(Box<dyn OutboundExtension + Send + Sync>),
}

impl In {
    /// An extension of the caller's, which both sides have agreed on.
    pub fn custom(extension: impl InboundExtension + Send + Sync + 'static) -> Self {
        Self(Decoder::Custom(Box::new(extension)))
    }
}

impl Out {
    /// An extension of the caller's, which both sides have agreed on.
    pub fn custom(extension: impl OutboundExtension + Send + Sync + 'static) -> Self {
        Self(Encoder::Custom(Box::new(extension)))
    }
}

#[cfg(feature = "deflate")]
impl From<Decompressor> for In {
    fn from(decompressor: Decompressor) -> Self {
        Self(Decoder::Deflate(decompressor))
    }
}

#[cfg(feature = "deflate")]
impl From<Compressor> for Out {
    fn from(compressor: Compressor) -> Self {
        Self(Encoder::Deflate(compressor))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            #[cfg(feature = "deflate")]
            Self::Deflate(decompressor) => decompressor.fmt(f),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            #[cfg(feature = "deflate")]
            Self::Deflate(compressor) => compressor.fmt(f),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// Calls a method of the extension that there is.
macro_rules! each {
    ($kind:ident, $value:expr, $it:ident => $call:expr) => {
        match $value {
            $kind::None => {
                #[allow(unused_mut, reason = "some methods change the extension")]
                let mut none = NoExtension;
                let $it = &mut none;
                $call
            }
            #[cfg(feature = "deflate")]
            $kind::Deflate($it) => $call,
            $kind::Custom($it) => $call,
        }
    };
}

impl InboundExtension for In {
    #[inline]
    fn rsv(&self) -> Rsv {
        each!(Decoder, &self.0, it => it.rsv())
    }

    #[inline]
    fn begin(&mut self, rsv: Rsv) -> Result<PayloadCoding, ErrorKind> {
        each!(Decoder, &mut self.0, it => InboundExtension::begin(it, rsv))
    }

    #[inline]
    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        each!(Decoder, &mut self.0, it => it.decode(input, last, output))
    }

    #[inline]
    fn memory(&self) -> usize {
        each!(Decoder, &self.0, it => InboundExtension::memory(it))
    }

    #[inline]
    fn release(&mut self) {
        each!(Decoder, &mut self.0, it => InboundExtension::release(it));
    }
}

impl Out {
    /// Apart, and for the compiler the rare case, so that a message without an extension costs no more than
    /// a comparison: compressing costs so much that a jump more does not count.
    #[cold]
    #[inline(never)]
    fn begin_coded(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        each!(Encoder, &mut self.0, it => OutboundExtension::begin(it, kind, len))
    }
}

impl OutboundExtension for Out {
    #[inline]
    fn begin(&mut self, kind: Kind, len: Option<usize>) -> Rsv {
        match self.0 {
            Encoder::None => Rsv::NONE,
            _ => self.begin_coded(kind, len),
        }
    }

    #[inline]
    fn encode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        each!(Encoder, &mut self.0, it => it.encode(input, last, output))
    }

    #[inline]
    fn discard(&mut self, begun: bool) {
        each!(Encoder, &mut self.0, it => it.discard(begun));
    }

    #[inline]
    fn pass(&mut self, rsv: Rsv, needs: u8) -> bool {
        each!(Encoder, &mut self.0, it => it.pass(rsv, needs))
    }

    #[inline]
    fn memory(&self) -> usize {
        each!(Encoder, &self.0, it => OutboundExtension::memory(it))
    }

    #[inline]
    fn release(&mut self) {
        each!(Encoder, &mut self.0, it => OutboundExtension::release(it));
    }
}
