//! A WebSocket core (RFC 6455) without I/O: frames, messages, compression (RFC 7692), opening
//! handshakes and sessions. The module `io` adds blocking connections.
//!
//! The caller passes received bytes as slices, and the core lends payloads from them. The core
//! appends bytes to send to the caller's buffer. It uses no sockets, clocks or random sources, so the
//! same code runs in a server, a proxy, an embedded device, and as the WebAssembly module of the npm
//! package of the same name.
//!
//! ```
//! use wscodec::Limits;
//! use wscodec::frame::Role;
//! use wscodec::message::{Event, MessageDecoder, MessageEncoder};
//!
//! let mut receiver = MessageDecoder::new(Role::Server, &Limits::default());
//! let mut sender = MessageEncoder::server();
//! let mut out = Vec::new();
//!
//! // What a read of the socket brought: "Hello", masked, from RFC 6455 §5.7.
//! let mut bytes = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
//! let mut input = &mut bytes[..];
//! while let Some(event) = receiver.receive(&mut input)? {
//!     match event {
//!         Event::Message(message) => sender.send(message.kind, message.payload, &mut out)?,
//!         Event::Ping(payload) => sender.pong(payload, &mut out)?,
//!         Event::Pong(_) => {}
//!         Event::Close(close) => sender.close(close.map(|close| close.code), "", &mut out)?,
//!     }
//! }
//! assert_eq!(out, b"\x81\x05Hello"); // what to write back
//! # Ok::<(), wscodec::ErrorKind>(())
//! ```
//!
//! # Which layer do I need?
//!
//! ```text
//!                 io              blocking, over any `Read + Write`
//!                 │
//!               session           one endpoint without I/O
//!       ┌───────────┴────┐
//!   handshake            │        the HTTP exchange that opens a connection
//!       │            message      the rules across frames
//!      head ── deflate ──┤        permessage-deflate
//!       │             frame       one frame's bytes
//!       └──── error, limits, utf8 ────┘
//! ```
//!
//! | you want | use | allocates |
//! |---|---|---|
//! | whole messages | [`message::MessageDecoder`], [`message::MessageEncoder`] | for messages in parts |
//! | messages of any size, passed on as they come | [`message::Pieces`] | never |
//! | to look at or rewrite frames | [`frame::FrameDecoder`], [`frame::encode`] | never |
//! | headers only, in loops of your own | [`frame::FrameHeader`], [`frame::mask`] | never |
//! | one endpoint, with pings, close and timers | [`session::Session`] | for messages in parts |
//! | a WebSocket over a socket or stream, in few words | `accept`, `connect`, `WebSocket` | each message |
//! | the same without copies | `io::Acceptor`, `io::Connector`, `io::Connection` | once a connection |
//! | to accept or open connections | [`handshake`] | never (for what the caller's buffer lacks) |
//! | to agree on compression | `deflate::DeflateOptions` | never |
//! | compressed messages | `deflate::Compressor`, `deflate::Decompressor` | once a connection |
//! | one message to many | [`message::Prepared`] (`deflate::prepare_text`), [`frame::CompiledFrame`] | once |
//!
//! Each layer imports only lower layers. Each layer is public and can be used by itself.
//!
//! # Promises
//!
//! - **Any split.** The same bytes give the same events for every split of the input.
//! - **Bounded.** [`Limits`] bounds the memory that a peer can make this side hold. A declared length
//!   alone allocates nothing. The work is linear in the number of bytes.
//! - **Errors by culprit.** An [`ErrorKind`] says who is at fault. It has a stable
//!   [`code`](ErrorKind::code), and the [close code](ErrorKind::close_code) of the RFC. A [`Fault`]
//!   adds the offset in the stream. A decoder that has failed returns the same error from then on.
//! - **No panics** on bytes of the peer, and no `unsafe`.
//!
//! # Features
//!
//! | feature | adds | brings |
//! |---|---|---|
//! | `deflate` (default) | permessage-deflate (RFC 7692) | `miniz_oxide` |
//! | `std` (default) | run-time choice of SIMD in the UTF-8 check and the scan of heads | `std` |
//! | `io` (default) | blocking I/O: accept, connect, read, write; not for `wasm32-unknown-unknown` | `std`, `getrandom` |
//! | `simd` (default) | run-time choice of SIMD for masks of 2 KiB and more, on x86-64 | `fearless_simd` |
//! | `tls` | `wss:` URLs for blocking clients, by rustls; not on WASI | `io`, `rustls`, `rustls-native-certs` |
//! | `http` | handshakes with the types of the `http` crate | `http` |
//! | `extra-platforms` | targets without atomic compare-and-swap: thumbv6m, riscv32imc | `portable-atomic` |
//!
//! Without features, the crate is `no_std` with `alloc`. With `extra-platforms`, the program chooses
//! the replacement for compare-and-swap, as the documentation of `portable-atomic` says: its feature
//! `critical-section`, or `--cfg portable_atomic_unsafe_assume_single_core`.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod error;
mod limits;
mod reserve;
pub mod utf8;

pub mod frame;
pub mod head;

pub mod message;

#[cfg(feature = "deflate")]
pub mod deflate;
pub mod handshake;
pub mod session;

#[cfg(all(
    feature = "io",
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
pub mod io;

pub use error::{CloseCode, ErrorKind, Fault, HandshakeError, LimitError, MisuseError, PeerError};
#[cfg(all(
    feature = "io",
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
pub use io::{Error, Message, WebSocket, accept, connect};
pub use limits::Limits;
