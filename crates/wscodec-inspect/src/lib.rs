//! Reads packet captures and finds the WebSocket connections in them, without I/O: bytes of a
//! capture in, events out.
//!
//! | to | use |
//! |---|---|
//! | read a capture (pcap or pcapng) | [`Inspector`] |
//! | read the two directions of one connection | [`Conversation`] |
//! | know what is reported | [`Event`] and the module [`event`] |
//! | print events as JSON lines | [`json`] |
//! | print events as lines for people | [`text`] |
//! | run the command `wscodec inspect` without its I/O | `command`, behind a feature of this name |
//!
//! The layers below are public as well, because each is of use alone: [`container`] (capture files),
//! [`packet`] (link, IP and TCP headers), [`reassembly`] (one direction of a TCP connection).
//!
//! Memory does not grow with the length of a capture. A connection holds at most 4 MiB in each
//! direction for segments that came early, 256 KiB for heads, a window for each direction that is
//! compressed, and what [`Options::payload`] asks for; all connections together hold at most
//! [`Options::max_memory`].

#![forbid(unsafe_code)]

#[cfg(feature = "command")]
pub mod command;
pub mod container;
pub mod event;
pub mod json;
pub mod packet;
pub mod reassembly;
pub mod safe;
pub mod text;

mod align;
mod context;
mod conversation;
mod flow;
mod frames;
mod held;
mod inflate;
mod inspector;
mod nest;
mod tls;

pub use conversation::{Conversation, Start};
pub use event::Event;
pub use inspector::{Counts, Inspector};

/// What to report, and how much memory to take for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Report data frames. Control frames are always reported, and so are frames with a fault.
    pub frames: bool,
    /// Report messages.
    pub messages: bool,
    /// Bytes that are kept of the payload of each data frame and each message; default 256.
    pub payload: usize,
    /// Bytes that all connections together may hold; default 256 MiB. Past it, the connections that
    /// were idle longest are dropped.
    pub max_memory: usize,
    /// Connections that are known at a time, those that have ended included; default 65,536.
    pub max_connections: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            frames: true,
            messages: true,
            payload: 256,
            max_memory: 256 << 20,
            max_connections: 1 << 16,
        }
    }
}
