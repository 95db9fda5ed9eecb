//! WebSockets for [tokio](https://docs.rs/tokio), with permessage-deflate.

#![forbid(unsafe_code)]

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
mod pieces;
mod proxy;
mod shared;
mod split;
mod stream;
mod tls;
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
pub use pieces::Piece;
pub use proxy::Proxy;
pub use split::{ReadHalf, WriteHalf};
pub use stream::{AsyncStream, BoxStream, ClientStream};
pub use websocket::{Outcome, WebSocket};
pub use wscodec::io::Error;
