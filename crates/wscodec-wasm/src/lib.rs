//! The wasm module of the npm package `wscodec`: a wasm-bindgen face of the core, with thin handles
//! and with numbers instead of objects.
//!
//! JavaScript writes bytes into an [`Arena`]'s input region, calls a decoder once, and walks the
//! rows of numbers that the call left in the arena; payloads are addresses in the module's memory.
//! The fields of a row are described at the decoder that writes it, and again in `js/`. Nothing here is an
//! API for people: that is the TypeScript in `js/`, the only caller.
//!
//! Only this crate depends on wasm-bindgen. The module has no `std`, so the crate brings an allocator
//! and a panic handler; it is not published, and no other crate depends on it.

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

/// A panic is a trap: what it would say, and the code that formats it, is a good part of a module.
/// With zlib-rs there is the handler of `std`, which that links.
#[cfg(not(feature = "zlib-rs"))]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// A third of the size of the one in `std`.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
