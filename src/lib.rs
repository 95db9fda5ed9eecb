//! A WebSocket core: frames, messages and opening handshakes over bytes in place.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(feature = "std", feature = "wasm", test))]
extern crate std;

pub mod error;
mod limits;

pub mod frame;
pub mod handshake;
pub mod http;
pub mod message;
pub mod utf8;

#[cfg(all(feature = "wasm", target_arch = "wasm32", target_os = "unknown"))]
mod wasm;

pub use error::{CloseCode, Error, Fault, HandshakeError, LimitError, MisuseError, PeerError};
pub use limits::Limits;
