//! Finds the WebSocket connections in captures and live streams, without I/O: bytes in, events out.
//!
//! ```
//! use wscodec_inspect::{InspectEvent, InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/two-connections.pcap");
//! let capture = std::fs::read(path)?;
//! let mut inspector = Inspector::new(InspectOptions::default());
//! let mut messages = 0;
//! let mut sink = |event: InspectEvent<'_>| {
//!     if let InspectEvent::Message(message) = event {
//!         let text = String::from_utf8_lossy(message.payload);
//!         println!("{} {text}", message.location.direction.name());
//!         messages += 1;
//!     }
//! };
//! // A program reads pieces of the file here; the events do not depend on their size.
//! for piece in capture.chunks(4096) {
//!     inspector.push(piece, &mut sink)?;
//! }
//! inspector.finish(&mut sink)?;
//! assert_eq!(messages, 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | use |
//! |---|---|
//! | read a capture or another file with WebSocket traffic | [`Inspector`] |
//! | read several files, or two files with the bytes of the two directions | [`FilesInspector`] |
//! | read the two directions of one connection | [`ConversationInspector`] |
//! | know what is reported | [`InspectEvent`] and the module [`event`] |
//! | print events as JSON lines | [`json`] |
//! | print events as lines for people | [`text`] |
//! | list the conversations of a capture | [`summary`] |
//! | pick frames and messages by an expression | [`filter`] |
//! | judge a connection, or get figures | [`lint`], [`stats`] |
//! | keep events and show any of them at any time | [`store`] |
//! | write a HAR file, or blank secrets | [`har`], [`redact`] |
//! | lay out JSON and MessagePack | [`pretty`] |
//! | write live connections as a capture | [`record`] |
//! | run the command `wscodec inspect` without its I/O | `command`, behind a feature of this name |
//!
//! The layers below are public as well, because each is of use alone: [`container`] (capture files),
//! [`packet`] (link, IP and TCP headers), [`reassembly`] (one direction of a TCP connection).
//!
//! Memory does not grow with the length of a capture. A connection holds at most 4 MiB in each
//! direction for segments that came early, 256 KiB for heads, a window for each direction that is
//! compressed, and what [`InspectOptions::payload`] asks for; all connections together hold at most
//! [`InspectOptions::max_memory`].

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "command")]
pub mod command;
pub mod container;
pub mod event;
pub mod filter;
pub mod har;
pub mod json;
pub mod lint;
pub mod packet;
pub mod pretty;
pub mod reassembly;
pub mod record;
pub mod redact;
pub mod safe;
pub mod show;
pub mod source;
pub mod stats;
pub mod store;
pub mod summary;
pub mod text;

mod align;
mod context;
mod conversation;
mod files;
mod flow;
mod frames;
mod handshake;
mod held;
mod inflate;
mod inspector;
mod nest;
mod start;
mod tls;

pub use conversation::ConversationInspector;
pub use event::InspectEvent;
pub use files::{FilesInspector, FilesOptions};
pub use inspector::{CaptureCounts, Inspector};
pub use source::{Format, SourceError};
pub use start::ConversationStart;

/// Which events to report, and how much memory to take for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectOptions {
    /// Report data frames. Control frames are always reported, and so are frames that break a rule.
    pub frames: bool,
    /// Report messages.
    pub messages: bool,
    /// Bytes that are kept of the payload of each data frame and each message; default 256.
    pub payload: usize,
    /// Bytes that are kept of the compressed payload of each frame of a compressed message; default
    /// 0.
    pub compressed: usize,
    /// Bytes that all connections together may hold; default 256 MiB. Past it, the connections that
    /// were idle longest are dropped.
    pub max_memory: usize,
    /// Connections that are known at a time, those that have ended included; default 65,536.
    pub max_connections: usize,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            frames: true,
            messages: true,
            payload: 256,
            compressed: 0,
            max_memory: 256 << 20,
            max_connections: 1 << 16,
        }
    }
}

/// The example of the README of this crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
