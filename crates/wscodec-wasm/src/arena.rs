//! The memory that JavaScript and the decoders share.

use alloc::vec;
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::address;
use wscodec::frame::MAX_CONTROL_LEN;
use wscodec::message::BatchBuffer;

/// Four numbers; what they are is said at the decoder that writes them.
pub(super) type Row = [u32; 4];

/// One region for bytes that come in, and the rows that the last decoding left.
///
/// All decoders of a module instance may use the same arena: what a call leaves is valid until the
/// next call of any of them.
#[wasm_bindgen]
pub struct Arena {
    pub(super) input: Vec<u8>,
    pub(super) rows: Vec<Row>,
    /// Control payloads that did not lie in the input.
    pub(super) side: Vec<u8>,
    pub(super) shared: BatchBuffer,
}

#[wasm_bindgen]
impl Arena {
    /// An arena that takes `capacity` bytes of input at once.
    #[wasm_bindgen(constructor)]
    pub fn new(capacity: usize) -> Self {
        Self {
            input: vec![0; capacity],
            rows: Vec::with_capacity(most_rows(capacity)),
            side: Vec::new(),
            shared: BatchBuffer::default(),
        }
    }

    /// Makes the input region at least this long. Its address may change.
    pub fn reserve(&mut self, capacity: usize) {
        if self.input.len() < capacity {
            // A new one: what is in the old one has no meaning, and need not be copied.
            self.input = Vec::new();
            self.input = vec![0; capacity];
            self.rows = Vec::new();
            self.rows = Vec::with_capacity(most_rows(capacity));
        }
    }

    /// The length of the input region.
    pub fn capacity(&self) -> usize {
        self.input.len()
    }

    /// The address of the input region.
    pub fn input(&self) -> u32 {
        address(&self.input)
    }

    /// The address of the rows, which changes with the input's only.
    pub fn rows(&self) -> u32 {
        self.rows.as_ptr() as usize as u32
    }
}

impl Arena {
    /// Forgets the last call's rows, and makes sure that control payloads of `len` bytes of input,
    /// and one that began before them, have a place that does not move.
    pub(super) fn begin(&mut self, len: usize) {
        self.rows.clear();
        self.side.clear();
        self.side.reserve(len + MAX_CONTROL_LEN);
    }
}

/// The most rows that so many bytes of input can have: the smallest frame has two bytes, of a frame
/// there are two at most, and it may have begun before.
fn most_rows(capacity: usize) -> usize {
    (capacity / 2 + 1) * 2
}

/// Copies a control payload to where it stays.
pub(super) fn keep(side: &mut Vec<u8>, payload: &[u8]) -> u32 {
    let start = side.len();
    side.extend_from_slice(payload);
    address(&side[start..])
}
