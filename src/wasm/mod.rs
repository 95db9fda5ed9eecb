//! The wasm-bindgen face of the sans-I/O rooms.

use wasm_bindgen::prelude::wasm_bindgen;

/// Whether the module was built with SIMD.
#[wasm_bindgen]
pub fn simd() -> bool {
    cfg!(target_feature = "simd128")
}
