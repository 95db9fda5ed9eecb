//! wscodec for [tokio](https://docs.rs/tokio): a [session](wscodec::session) as a codec of
//! `tokio-util`, and as a stream and sink of messages that answers pings and closes by itself.
//!
//! The crate has no rule of the protocol: [`Codec`] hands bytes to a
//! [`Session`](wscodec::session::Session) and carries its events and its output.

#![forbid(unsafe_code)]

mod codec;
mod socket;

pub use codec::{Codec, Item};
pub use socket::Socket;
