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

mod arena;
#[cfg(feature = "deflate")]
mod deflate;
mod encoder;
mod errors;
mod extension;
mod frame_buffer;
mod frames;
mod grow;
mod handshake;
mod intake;
mod messages;
mod pieces;
mod send;
mod session;

use wasm_bindgen::prelude::wasm_bindgen;

use wscodec::Limits;
use wscodec::frame::Role;

/// Whether the module was built with SIMD.
#[wasm_bindgen]
pub fn simd() -> bool {
    cfg!(target_feature = "simd128")
}

/// Whether so many bytes can be allocated at once: asked before calls that allocate no more than that
/// and cannot say that they failed.
#[wasm_bindgen]
pub fn has_room(len: usize) -> bool {
    grow::probe(len).is_ok()
}

/// Where a slice lies in the module's memory.
fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// JavaScript's numbers for the sides of a connection.
fn role(client: bool) -> Role {
    if client { Role::Client } else { Role::Server }
}

/// Limits out of JavaScript's numbers, which are integers up to 2^53. A frame limit of NaN is none
/// of its own: it follows the message limit.
fn limits(frame: f64, message: f64, fragments: u32) -> Limits {
    let mut limits = Limits::DEFAULT;
    limits.frame = (!frame.is_nan()).then_some(frame as u64);
    limits.message = message as u64;
    limits.fragments = fragments;
    limits
}

/// The number of rows, or its complement if a fault came after them.
fn outcome(rows: usize, faulty: bool) -> i32 {
    let rows = rows as i32;
    if faulty { !rows } else { rows }
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
