//! Compressed messages by hand, for the tests of those who inflate them.

#![cfg(feature = "deflate")]

use wscodec::deflate::{Decompressor, DeflateDirection, WindowBits};
use wscodec::frame::{FrameHeader, MAX_HEADER_LEN, OpCode, Rsv, encode};
use wscodec::{ErrorKind, Limits, PeerError};

// The engine under test: zlib-rs where it is built in.
#[cfg(not(feature = "zlib-rs"))]
use wscodec::deflate::MinizInflate as DefaultInflate;
#[cfg(feature = "zlib-rs")]
use wscodec::deflate::ZlibInflate as DefaultInflate;

pub(crate) type Inflater = Decompressor<DefaultInflate>;

pub(crate) const DAMAGED: ErrorKind = ErrorKind::Peer(PeerError::InvalidCompressedData);

pub(crate) fn inflater(bits: u8, takeover: bool, limits: &Limits) -> Inflater {
    let window = WindowBits::new(bits).unwrap();
    Decompressor::with_engine(DeflateDirection { window, takeover }, limits)
}

pub(crate) fn one(inflater: &mut Inflater, coded: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut out = Vec::new();
    inflater.message(coded, &mut out).map(|()| out)
}

/// A server's frame.
pub(crate) fn frame(opcode: OpCode, rsv: Rsv, fin: bool, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; payload.len() + MAX_HEADER_LEN];
    let header = FrameHeader {
        fin,
        rsv,
        ..FrameHeader::new(opcode, payload.len() as u64)
    };
    let len = encode(header, payload, &mut out).unwrap();
    out.truncate(len);
    out
}
