//! TLS for clients: the certificates that they trust, and the certificate that they present. With the
//! feature `tls`, rustls does the work. Without the feature, the types are the same, and
//! [`ClientTls`] has no values.

mod client;
mod options;

#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
mod absent;
#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
mod absent_stream;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
mod by_rustls;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
mod pem;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
mod stream;

#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
use absent::Config;
#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
pub(super) use absent_stream::TlsStream;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
use by_rustls::Config;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
pub(super) use stream::TlsStream;

pub use client::ClientTls;
pub use options::ClientTlsOptions;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
pub use pem::{read_certificates, read_private_key};
