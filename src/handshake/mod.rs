//! The opening handshake (RFC 6455 §4), both sides, over bytes in place.
//!
//! A reader is fed what has been buffered until the head is whole; then it gives a view on it that
//! borrows the buffer. The caller looks at what it wants and decides; the answer is appended to a
//! buffer of the caller's. Bytes behind a head are never touched: they are frames.
//!
//! ```text
//! server  bytes → UpgradeRequestReader → UpgradeRequest ─┬→ check_origin, path … → accept → bytes
//!                          └→ Fault ─────────────────────┴→ Rejection ────────────────────→ bytes
//! client  ClientRequest → bytes … bytes → UpgradeResponseReader → UpgradeResponse
//!                                                                 └→ ClientRequest::check
//! ```
//!
//! Reading allocates nothing, and writing only what the caller's buffer lacks. Negotiating the
//! parameters of an extension is the extension's business: here they are read, checked for their
//! form, and passed on.
//!
//! A server, from the request's bytes to the answer's:
//!
//! ```
//! use wscodec::handshake::{Origin, Rejection, UpgradeRequestReader};
//! use wscodec::{Fault, Limits};
//!
//! /// Appends the answer to `out`; how many bytes of `buffered` the request took, once it is
//! /// whole. After an error, send `out` and close.
//! fn answer(
//!     reader: &mut UpgradeRequestReader,
//!     buffered: &[u8],
//!     out: &mut Vec<u8>,
//! ) -> Result<Option<usize>, Fault> {
//!     let Some(request) = reader.read(buffered)? else {
//!         return Ok(None);
//!     };
//!     request.check_origin(Origin::SameHost)?;
//!     let mut accept = request.accept();
//!     if let Some(protocol) = request.select_protocol(&["v2.chat", "v1.chat"]) {
//!         accept = accept.protocol(protocol);
//!     }
//!     accept.write(out).expect("the protocol was offered");
//!     Ok(Some(request.head_len()))
//! }
//!
//! let mut out = Vec::new();
//! let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
//! let result = answer(&mut reader, b"POST / HTTP/1.1\r\nHost: example.com\r\n\r\n", &mut out);
//! if let Err(fault) = result {
//!     if let Some(rejection) = Rejection::of(fault) {
//!         rejection.write(&mut out).expect("well-formed");
//!     }
//! }
//! assert!(out.starts_with(b"HTTP/1.1 405 Method Not Allowed\r\n"));
//! ```
//!
//! An onlooker reads both sides with [`UpgradeRequest::parse`] and [`UpgradeResponse::parse`], and holds the one
//! against the other with [`UpgradeResponse::check`].

mod accept;
mod body;
mod client;
mod extension;
mod fields;
mod host;
#[cfg(feature = "http")]
mod http_types;
mod key;
mod origin;
mod reject;
mod request;
mod response;
mod write;

pub use accept::{Accept, accept_plainly};
pub use body::BodyReader;
pub use client::ClientRequest;
pub use extension::{OwnedExtension, extension_list};
#[cfg(feature = "http")]
pub use http_types::HttpUpgrade;
pub use key::{Nonce, accept_key};
pub use origin::Origin;
pub use reject::Rejection;
pub use request::{UpgradeRequest, UpgradeRequestReader};
pub use response::{UpgradeResponse, UpgradeResponseReader};
pub use write::HeaderWriter;
#[cfg(all(
    feature = "io",
    not(all(target_arch = "wasm32", target_os = "unknown"))
))]
pub(crate) use write::put_header;
