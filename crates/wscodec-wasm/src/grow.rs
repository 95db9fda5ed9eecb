//! Growth that can fail: the functions of `wscodec-wasm-memory`, and the question of JavaScript.

use wasm_bindgen::prelude::wasm_bindgen;

#[cfg(feature = "deflate")]
pub(super) use wscodec_wasm_memory::to;
pub(super) use wscodec_wasm_memory::{by, exact};

/// Whether so many bytes can be allocated at once. JavaScript asks before calls that allocate no more
/// than that and cannot report a failure.
#[wasm_bindgen]
pub fn has_room(len: usize) -> bool {
    wscodec_wasm_memory::probe(len).is_ok()
}
