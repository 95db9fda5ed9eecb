//! The wasm module of the npm package `wscodec`: a wasm-bindgen face of the core, with thin handles
//! and with numbers instead of objects.
//!
//! JavaScript writes bytes into an [`Arena`]'s input region, calls a decoder once, and walks the
//! rows of numbers that the call left in the arena; payloads are addresses in the module's memory.
//! The fields of a row are described at the decoder that writes it, and again in `js/`. Nothing here is an
//! API for people: that is the TypeScript in `js/`, the only caller.
//!
//! Only this crate depends on wasm-bindgen. The module has no `std`: `wscodec-wasm-memory`
//! brings the allocator and the panic handler. The crate is not published, and no other crate depends on it.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![no_std]
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "what wasm-bindgen exports is reached from JavaScript"
)]

extern crate alloc;

// A module uses only modules of the lines above its own, and none uses this file.
mod grow;
mod numbers;

mod arena;
mod errors;
mod frame_buffer;

#[cfg(feature = "deflate")]
mod engines;

mod extension;

mod decoder;
mod rows;
mod send;

mod pieces;

mod intake;

#[cfg(feature = "deflate")]
mod deflate;
mod encoder;
mod frames;
mod handshake;
mod messages;

mod session;

use wasm_bindgen::prelude::wasm_bindgen;

/// Whether the module was built with SIMD.
#[wasm_bindgen]
pub fn simd() -> bool {
    cfg!(target_feature = "simd128")
}
