//! Compression of messages: permessage-deflate (RFC 7692). Behind the feature `deflate`.
//!
//! | to | use |
//! |---|---|
//! | answer a client's offers, or make one | [`DeflateOptions`]: [`accept`](DeflateOptions::accept), [`offer`](DeflateOptions::offer) |
//! | know what was agreed on | [`AgreedDeflate`]: window and takeover of each direction |
//! | send compressed messages | [`Compressor`], the extension of a [`MessageEncoder`](crate::message::MessageEncoder) |
//! | receive compressed messages | [`Decompressor`], the extension of a [`MessageDecoder`](crate::message::MessageDecoder) |
//! | hold less memory for each connection | [`DeflatePool`] |
//! | compress once what is sent to many | [`prepare_text`], [`prepare_binary`] |
//! | one message by itself | [`compress`], [`decompress`], [`Compressor::message`], [`Decompressor::message`] |
//! | read or write the parameters only | [`DeflateOffer`], [`DeflateAnswer`] |
//! | bring another deflate implementation | [`Deflate`], [`Inflate`] |
//!
//! ```
//! use wscodec::deflate::DeflateOptions;
//! use wscodec::head::Extensions;
//!
//! // A client's offer, and what a server that wants no takeover makes of it.
//! let offer = DeflateOptions::default().offer();
//! let mut server = DeflateOptions::default();
//! server.send.takeover = false;
//! let header = offer.header();
//! let offers = Extensions::new([header.as_bytes()].into_iter()).flatten();
//! let accepted = server.accept(offers).expect("nothing asked that we can't do");
//!
//! // Both see the same.
//! let header = accepted.header();
//! let answers = Extensions::new([header.as_bytes()].into_iter()).flatten();
//! let agreed = offer.check(answers)?.expect("accepted");
//! assert_eq!(agreed.receive, accepted.agreed.send);
//! assert!(!agreed.receive.takeover && agreed.send.takeover);
//! # Ok::<(), wscodec::HandshakeError>(())
//! ```

mod blocks;
mod compress;
mod config;
mod engine;
mod fixed;
mod inflate;
mod miniz;
mod params;
mod pool;
mod prepare;
mod ring;
mod short;
mod window;
#[cfg(feature = "zlib-rs")]
mod zlib;

pub use compress::{Compressor, compress};
pub use config::{AcceptedDeflate, AgreedDeflate, DeflateDirection, DeflateOptions};
pub use engine::{Deflate, END, Flush, Inflate, InflateState, Inflated};
pub use inflate::{Decompressor, decompress};
pub use miniz::{MinizDeflate, MinizInflate, MinizTables};
pub use params::{ClientWindow, DeflateAnswer, DeflateOffer, HeaderValue, NAME};
pub use pool::{DeflatePool, PooledDeflate, PooledInflate};
pub use prepare::{prepare_binary, prepare_text};
pub use window::WindowBits;
#[cfg(feature = "zlib-rs")]
pub use zlib::{ZlibDeflate, ZlibInflate, ZlibTables};

/// The engine that messages are deflated with unless another is named, with every set of features.
pub type DefaultDeflate = MinizDeflate;

/// The engine that messages are inflated with unless another is named, with every set of features.
pub type DefaultInflate = MinizInflate;
