//! WebSockets for [tokio](https://docs.rs/tokio) (RFC 6455), with permessage-deflate (RFC 7692).
//!
//! | to | use |
//! |---|---|
//! | accept a connection | [`accept`]; [`Acceptor`] to look at the request, and with options |
//! | connect to a URL | [`connect`]; [`Connector`] for headers, TLS, proxies, redirects, any stream |
//! | exchange messages | [`WebSocket`]: a `Stream` and a `Sink`, and methods |
//! | receive and send in two tasks | [`WebSocket::split`] |
//! | look at messages without a copy | [`WebSocket::lend`] |
//! | receive or send a message in pieces | [`WebSocket::recv_piece`], [`WebSocket::begin`] |
//! | carry a stream of bytes | [`WebSocket::into_byte_stream`] |
//! | move a program over from tokio-tungstenite | the module `tokio_tungstenite`, with the feature `tokio-tungstenite` |
//! | accept requests of hyper or axum | the modules `hyper` and `axum`, with the features of these names |
//!
//! ```
//! use tokio::net::TcpListener;
//! use wscodec::{CloseCode, session::Policy};
//! use wscodec_tokio::Message;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let url = format!("ws://{}/", listener.local_addr()?);
//! tokio::spawn(async move {
//!     let (stream, _) = listener.accept().await?;
//!     let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
//!     while let Some(message) = ws.recv().await.transpose()? {
//!         if message.is_text() || message.is_binary() {
//!             ws.send(message).await?;
//!         }
//!     }
//!     Ok::<(), wscodec_tokio::Error>(())
//! });
//!
//! let mut ws = wscodec_tokio::connect(url).await?;
//! ws.send("Hello").await?;
//! assert_eq!(ws.recv().await.transpose()?, Some(Message::text("Hello")));
//! assert!(ws.close(CloseCode::NORMAL, "").await?.clean);
//! # Ok::<(), wscodec_tokio::Error>(())
//! # })?;
//! # Ok::<(), wscodec_tokio::Error>(())
//! ```
//!
//! The crate has no rule of the protocol: a [`Session`](wscodec::session::Session) of the core decides
//! what is sent and when the connection ends.
//!
//! # Runtime
//! The timers and the batching of answers use the runtime of tokio, whose time driver must be enabled
//! (`enable_all`, or `#[tokio::main]`). On another executor, with streams of futures-io through
//! `tokio_util::compat`, everything works but the timers: heartbeat, idle time and time-outs never wake
//! a task there.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `hyper`, `axum` | upgrades of hyper 1, and the extractor for axum 0.8 |
//! | `tokio-tungstenite` | the functions of tokio-tungstenite, by its names |
//! | `rustls` | `Connector::rustls`, for `wss:` with a configuration of the caller's |
//! | `rustls-native-roots`, `rustls-webpki-roots` | `wss:` with the system's certificates, or Mozilla's |
//! | `zlib-rs` | compression by zlib-rs, which is faster than miniz_oxide and has `unsafe` code |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accept;
#[cfg(feature = "axum")]
pub mod axum;
mod buffers;
mod byte_stream;
mod connect;
mod connection;
mod engines;
#[cfg(feature = "hyper")]
pub mod hyper;
mod input;
mod message;
mod names;
mod options;
mod outbox;
mod outcome;
mod pieces;
mod polls;
mod proxy;
mod queue;
mod shared;
mod split;
mod stream;
mod tls;
#[cfg(feature = "tokio-tungstenite")]
pub mod tokio_tungstenite;
mod wakers;
mod websocket;

pub use accept::{Acceptor, Boxed, Incoming, accept};
pub use byte_stream::ByteStream;
pub use connect::{Connector, connect};
pub use connection::{Inbound, Outbound, SharedSession};
pub use engines::{SharedDeflate, SharedInflate};
pub use message::{CloseFrame, Message, Utf8Bytes};
pub use options::ConnectionOptions;
pub use outbox::{Outbox, QueueOutput};
pub use outcome::Outcome;
pub use pieces::Piece;
pub use proxy::Proxy;
pub use split::{ReadHalf, WriteHalf};
pub use stream::{AsyncStream, BoxStream, ClientStream};
pub use websocket::WebSocket;
pub use wscodec::CloseCode;
pub use wscodec::io::Error;
pub use wscodec::session::SessionState;

/// The example of the README of this crate.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The examples of the README of the project.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;

/// The examples of the page about blocking connections.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/rust.md")]
struct Blocking;

/// The examples of the page about this crate.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/tokio.md")]
struct Tokio;
