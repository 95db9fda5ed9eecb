//! wscodec for [tokio](https://docs.rs/tokio): a [session](wscodec::session) as a codec of
//! `tokio-util`.
//!
//! The crate has no rule of the protocol: [`Codec`] hands bytes to a
//! [`Session`](wscodec::session::Session) and carries its events and its output.

#![forbid(unsafe_code)]

mod codec;

pub use codec::{Codec, Item};
