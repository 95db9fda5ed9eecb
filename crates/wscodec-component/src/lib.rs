//! The codec as a WebAssembly component: the core behind the WIT package `wscodec:codec`. The files in
//! `wit/` are the reference.
//!
//! | file | contents |
//! |---|---|
//! | `frames`, `messages`, `encoder`, `handshake`, `deflate`, `session` | one for each interface or resource |
//! | `intake` | the loop that decodes a chunk into rows of numbers, for decoders and sessions |
//! | `events` | rows of numbers into records |
//! | `options` | the options of all resources, checked |
//! | `keys` | mask keys |
//! | `errors` | errors as records |
//! | `memory` | the limit on the memory of the instance |
//!
//! No call traps on bytes of a peer. All growth is fallible. Where the canonical ABI allocates, which
//! cannot fail, the code asks the allocator first whether there is room (`errors::room`).
//!
//! The crate has no rules of the protocol: all of them are in the core.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

/// The types and traits that wit-bindgen generates from `wit/`.
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "codec",
        generate_all,
    });
    use super::Codec;
    export!(Codec);
}

mod deflate;
mod encoder;
mod errors;
mod events;
mod frames;
mod handshake;
mod intake;
mod keys;
mod memory;
mod messages;
mod options;
mod session;

/// The implementation of every interface.
struct Codec;

use bindings::exports::wscodec::codec as wit;
