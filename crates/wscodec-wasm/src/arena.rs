//! The memory that JavaScript and the decoders share.
//!
//! JavaScript writes bytes into two places: the input region, for bytes of a peer, and the stage, for
//! payloads to send. A decoding leaves rows of numbers and, where a control payload did not lie in the
//! input, a copy of it in `side`.
//!
//! A peer and the caller decide how much all of these hold, so each of them grows by a call that can
//! fail. Rows do not grow at all: decoding stops when they are full and goes on from there, so that
//! the memory for a chunk does not depend on how many frames a peer puts into it.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::grow;
use super::numbers::address;
use wscodec::LimitError;
use wscodec::frame::MAX_CONTROL_LEN;
use wscodec::message::BatchBuffer;

/// Four numbers; the module that writes a row documents them.
pub(super) type Row = [u32; 4];

/// The most rows of one decoding, and some for the frame that is found last: all that 64 KiB of input
/// can have, where the smallest frame has two bytes and two rows.
const ROWS: usize = (64 << 10) + 8;

/// The length of the stage when nothing large is to be sent.
const STAGE: usize = 16 << 10;

/// A stage that has grown further than this is given back after its use.
#[cfg(feature = "deflate")]
const LARGE_STAGE: usize = 1 << 20;

/// One region for bytes that come in, and the rows that the last decoding left.
///
/// All decoders of a module instance may use the same arena: what a call leaves is valid until the
/// next call of any of them.
#[wasm_bindgen]
pub struct Arena {
    pub(super) input: Vec<u8>,
    pub(super) stage: Vec<u8>,
    pub(super) decoded: Decoded,
    control: [u8; MAX_CONTROL_LEN],
}

/// What a decoding leaves, apart from the input, in which most payloads lie.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) rows: Vec<Row>,
    /// Control payloads that did not lie in the input.
    pub(super) side: Vec<u8>,
    pub(super) shared: BatchBuffer,
}

#[wasm_bindgen]
impl Arena {
    /// An empty arena: [`reserve`](Self::reserve) and [`stage`](Self::stage) make room.
    #[wasm_bindgen(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript knows constructors only"
    )]
    pub fn new() -> Self {
        Self {
            input: Vec::new(),
            stage: Vec::new(),
            decoded: Decoded::default(),
            control: [0; MAX_CONTROL_LEN],
        }
    }

    /// Makes the input region at least this long, and returns its address; 0 if there is no memory
    /// for it, and then the region is as it was, or empty.
    pub fn reserve(&mut self, capacity: usize) -> u32 {
        if self.decoded.rows.capacity() < ROWS && grow::exact(&mut self.decoded.rows, ROWS).is_err()
        {
            return 0;
        }
        if self.input.len() < capacity {
            // The bytes in the old one have no meaning, and need not be copied.
            self.input = Vec::new();
            if grow::exact(&mut self.input, capacity).is_err() {
                return 0;
            }
            self.input.resize(capacity, 0);
        }
        address(&self.input)
    }

    /// The length of the input region.
    pub fn capacity(&self) -> usize {
        self.input.len()
    }

    /// The address of the rows, which does not change once there is an input region.
    pub fn rows(&self) -> u32 {
        self.decoded.rows.as_ptr() as usize as u32
    }

    /// The address of 125 bytes for the payload of a control frame, which does not change:
    /// JavaScript copies the payload there before the frame is answered, so that the answer does not
    /// depend on the buffer in which the payload has arrived.
    pub fn control(&self) -> u32 {
        address(&self.control)
    }

    /// The address of at least so many bytes for a payload to send; 0 if there is no memory for
    /// them. What was written there before is gone if it has to grow.
    pub fn stage(&mut self, len: usize) -> u32 {
        if self.stage.len() < len {
            self.stage = Vec::new();
            let len = len.max(STAGE);
            if grow::exact(&mut self.stage, len).is_err() {
                return 0;
            }
            self.stage.resize(len, 0);
        }
        address(&self.stage)
    }

    /// The length of the stage.
    pub fn staged(&self) -> usize {
        self.stage.len()
    }

    /// Frees the buffer in which messages were put together, if it is large. Rows that lie in it are
    /// gone then.
    pub fn release_large(&mut self) {
        if self.decoded.shared.is_large() {
            self.decoded.shared.release();
        }
    }

    /// Gives back what large payloads and large input have needed.
    pub fn release(&mut self) {
        self.stage = Vec::new();
        self.decoded.side = Vec::new();
        self.decoded.shared.release();
    }
}

impl Decoded {
    /// Forgets the last call's rows, and makes sure that control payloads of `len` bytes of input,
    /// and one that began before them, have a place that does not move.
    pub(super) fn begin(&mut self, len: usize) -> Result<(), LimitError> {
        self.rows.clear();
        self.side.clear();
        grow::by(&mut self.side, len + MAX_CONTROL_LEN)
    }

    /// How many more rows there may be.
    #[inline]
    pub(super) fn room(&self) -> usize {
        (ROWS - 8).saturating_sub(self.rows.len())
    }
}

impl Arena {
    /// The payload of the control frame that is being answered.
    pub(super) fn control_payload(&self, len: usize) -> &[u8] {
        self.control.get(..len).unwrap_or_default()
    }

    /// Gives a stage back that a large payload has needed.
    #[cfg(feature = "deflate")]
    pub(super) fn settle_stage(&mut self) {
        if self.stage.len() > LARGE_STAGE {
            self.stage = Vec::new();
        }
    }
}
