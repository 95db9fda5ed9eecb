//! The wasm module of the inspector in the npm package `wscodec`: a wasm-bindgen face of
//! `wscodec-inspect`.
//!
//! It is a module of its own, because only inspection needs it, and it is larger than the codec.
//!
//! | file | has |
//! |---|---|
//! | `command` | the command `wscodec inspect` without its I/O |
//! | `events` | events of captures and of live connections, as JSON lines |
//! | `page` | the rows, connections and figures of the inspector page |
//!
//! Events leave the module as JSON lines, which the crate documents and the command prints as well:
//! one call and one string for each pushed chunk. `JSON.parse` makes objects of them faster than a
//! call for each member would. Output stays in the module's memory until the host has copied it, so
//! that its buffer is used again. Nothing here is an API for people: that is the TypeScript in
//! `js/src/inspect`, the only caller.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![forbid(unsafe_code)]
#![allow(
    missing_docs,
    unreachable_pub,
    reason = "JavaScript reaches what wasm-bindgen exports"
)]

mod command;
mod events;
mod page;

use wasm_bindgen::prelude::wasm_bindgen;

/// Whether the module was built with SIMD.
#[wasm_bindgen]
pub fn simd() -> bool {
    cfg!(target_feature = "simd128")
}

/// Where a slice lies in the module's memory.
fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}
