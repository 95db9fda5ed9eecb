//! Reads packet captures and finds the WebSocket connections in them, without I/O: bytes of a
//! capture in, events out.

#![forbid(unsafe_code)]

pub mod container;
pub mod packet;
pub mod reassembly;
