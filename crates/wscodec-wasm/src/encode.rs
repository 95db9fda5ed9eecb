//! Frames to send.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "deflate")]
use super::deflate::Deflater;
use super::{address, errors, grow};
use wscodec::error::MisuseError;
use wscodec::frame::{CloseFrame, FrameHeader, OpCode, Rsv, encode_in_place};
use wscodec::{CloseCode, utf8::Validator};

/// The first reserved bit in a frame's first byte.
#[cfg(feature = "deflate")]
const RSV1: u8 = 0x40;

/// A region in which JavaScript lays payloads, each with room for its header before it, and which
/// then holds whole frames.
#[wasm_bindgen]
pub struct Output {
    bytes: Vec<u8>,
    error: u32,
    /// The text of a message in fragments, as far as it went.
    text: Validator,
}

#[wasm_bindgen]
impl Output {
    /// An empty region.
    #[wasm_bindgen(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript knows constructors only"
    )]
    pub fn new() -> Self {
        Self {
            bytes: Vec::new(),
            error: 0,
            text: Validator::new(),
        }
    }

    /// Makes the region at least this long, keeping the bytes that are in it, and returns its
    /// address, which may have changed; 0 if there is no memory for it, and nothing has changed then.
    pub fn reserve(&mut self, capacity: usize) -> u32 {
        // JavaScript asks for more than it needs where it expects more.
        let more = capacity.saturating_sub(self.bytes.len());
        if grow::exact(&mut self.bytes, more).is_err() {
            return 0;
        }
        if more > 0 {
            self.bytes.resize(capacity, 0);
        }
        address(&self.bytes)
    }

    /// The region's length.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// The region's address.
    pub fn address(&self) -> u32 {
        address(&self.bytes)
    }

    /// Writes the header before the `len` bytes of payload that lie behind its place at `at`, and
    /// masks them. `first` is the header's first byte. Returns the frame's length, 0 on an error.
    pub fn frame(&mut self, at: usize, first: u8, len: usize, masked: bool, key: u32) -> usize {
        let result = OpCode::new(first & 15)
            .map_err(Into::into)
            .and_then(|opcode| {
                let header = FrameHeader {
                    fin: first & 0x80 != 0,
                    rsv: Rsv::new(first >> 4),
                    opcode,
                    mask: masked.then(|| key.to_le_bytes()),
                    len: len as u64,
                };
                let out = self.bytes.get_mut(at..).unwrap_or_default();
                encode_in_place(header, out).map_err(wscodec::ErrorKind::from)
            });
        result.unwrap_or_else(|error| {
            self.error = errors::number(error);
            0
        })
    }

    /// Whether `len` bytes at `at` are UTF-8, with no character cut at their end.
    pub fn is_utf8(&self, at: usize, len: usize) -> bool {
        let mut text = Validator::new();
        let bytes = self.bytes.get(at..at + len).unwrap_or(&[0xff]);
        text.push(bytes).is_ok() && text.is_complete()
    }

    /// Whether `len` bytes at `at` are the beginning of a text, or go on with it; if not, it is as
    /// if they had not come.
    pub fn is_text(&mut self, at: usize, len: usize, first: bool, last: bool) -> bool {
        let mut text = match first {
            true => Validator::new(),
            false => self.text,
        };
        let bytes = self.bytes.get(at..at + len).unwrap_or(&[0xff]);
        let fine = text.push(bytes).is_ok() && (!last || text.is_complete());
        if fine {
            self.text = text;
        }
        fine
    }

    /// Whether a close frame may have this code and a reason of this many bytes: 0, or the number
    /// of the error.
    pub fn check_close(&self, code: u16, reason: usize) -> u32 {
        if !CloseCode::new(code).is_sendable() {
            errors::number(MisuseError::CloseCodeNotSendable.into())
        } else if reason > CloseFrame::MAX_REASON_LEN {
            errors::number(MisuseError::CloseReasonTooLong.into())
        } else {
            0
        }
    }

    /// The number of the last error.
    pub fn error(&self) -> u32 {
        self.error
    }
}

#[cfg(feature = "deflate")]
#[wasm_bindgen]
impl Output {
    /// [`frame`](Self::frame) of a whole message, compressed unless it is below the threshold. The
    /// region may have moved and grown then.
    pub fn message(
        &mut self,
        deflater: &mut Deflater,
        at: usize,
        first: u8,
        len: usize,
        masked: bool,
        key: u32,
    ) -> usize {
        match deflater.begins(Some(len)) {
            false => self.frame(at, first, len, masked, key),
            true => self.part(deflater, at, first | RSV1, len, masked, key),
        }
    }

    /// [`frame`](Self::frame) of a fragment of a message that is compressed.
    pub fn part(
        &mut self,
        deflater: &mut Deflater,
        at: usize,
        first: u8,
        len: usize,
        masked: bool,
        key: u32,
    ) -> usize {
        let start = at + header_len(len, masked);
        let payload = self.bytes.get(start..start + len).unwrap_or_default();
        let result = deflater
            .encode(payload, first & 0x80 != 0)
            .and_then(|coded| {
                let start = at + header_len(coded, masked);
                let end = start + coded;
                grow::to(&mut self.bytes, end)?;
                self.bytes[start..end].copy_from_slice(&deflater.coded);
                Ok(coded)
            });
        deflater.settle();
        match result {
            Ok(coded) => self.frame(at, first, coded, masked, key),
            Err(error) => {
                deflater.discard(first & 15 == 0);
                self.error = errors::number(error);
                0
            }
        }
    }
}

/// Where a payload begins behind the place of its frame.
#[cfg(feature = "deflate")]
fn header_len(len: usize, masked: bool) -> usize {
    let mask = masked.then_some([0; 4]);
    let header = FrameHeader {
        mask,
        len: len as u64,
        ..FrameHeader::new(OpCode::Binary, 0)
    };
    header.encoded_len()
}
