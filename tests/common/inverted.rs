//! An extension for tests, which codes payloads by turning all their bits around.

use wscodec::ErrorKind;
use wscodec::frame::Rsv;
use wscodec::message::{DecodeProgress, InboundExtension, Kind, OutboundExtension, PayloadCoding};

/// Marks coded messages by RSV3.
#[derive(Clone, Copy)]
pub struct Inverted {
    /// Whether text is coded too, or binary messages only.
    pub text: bool,
}

impl InboundExtension for Inverted {
    fn rsv(&self) -> Rsv {
        Rsv::RSV3
    }

    fn begin(&mut self, _: Rsv) -> Result<PayloadCoding, ErrorKind> {
        Ok(PayloadCoding::Decode)
    }

    fn decode(
        &mut self,
        input: &[u8],
        _: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        let len = input.len().min(output.len());
        for (to, from) in output.iter_mut().zip(input) {
            *to = !from;
        }
        Ok(DecodeProgress {
            read: len,
            written: len,
            done: len == input.len(),
        })
    }
}

impl OutboundExtension for Inverted {
    fn begin(&mut self, kind: Kind, _: Option<usize>) -> Rsv {
        match self.text || kind == Kind::Binary {
            true => Rsv::RSV3,
            false => Rsv::NONE,
        }
    }

    fn encode(&mut self, input: &[u8], _: bool, output: &mut Vec<u8>) -> Result<(), ErrorKind> {
        output.extend(input.iter().map(|byte| !byte));
        Ok(())
    }
}
