//! Frames to send.

use alloc::vec;
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::{address, errors};
use crate::error::MisuseError;
use crate::frame::{Close, Header, OpCode, Rsv, encode_in_place};
use crate::{CloseCode, utf8::Validator};

/// A region in which JavaScript lays payloads, each with room for its header before it, and which
/// then holds whole frames.
#[wasm_bindgen]
pub struct Output {
    bytes: Vec<u8>,
    error: u32,
}

#[wasm_bindgen]
impl Output {
    /// A region of this length.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: usize) -> Self {
        Self {
            bytes: vec![0; capacity],
            error: 0,
        }
    }

    /// Makes the region at least this long, keeping what is in it. Its address may change.
    pub fn reserve(&mut self, capacity: usize) {
        if self.bytes.len() < capacity {
            self.bytes.resize(capacity, 0);
        }
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
                let header = Header {
                    fin: first & 0x80 != 0,
                    rsv: Rsv::new(first >> 4),
                    opcode,
                    mask: masked.then(|| key.to_le_bytes()),
                    len: len as u64,
                };
                let out = self.bytes.get_mut(at..).unwrap_or_default();
                encode_in_place(header, out).map_err(crate::Error::from)
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

    /// Whether a close frame may have this code and a reason of this many bytes: 0, or the number
    /// of the error.
    pub fn check_close(&self, code: u16, reason: usize) -> u32 {
        if !CloseCode::new(code).is_sendable() {
            errors::number(MisuseError::CloseCodeNotSendable.into())
        } else if reason > Close::MAX_REASON_LEN {
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
