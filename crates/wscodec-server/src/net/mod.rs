//! The platforms: sockets, readiness, the clock. `contract.rs` says what the event loop expects.

mod contract;
#[cfg(not(target_os = "wasi"))]
mod native;
#[cfg(any(target_os = "wasi", test))]
mod tiers;
#[cfg(target_os = "wasi")]
mod wasi;

pub(super) use contract::{BACKLOG, Listen, Net, Source, TlsFault};
#[cfg(not(target_os = "wasi"))]
pub use native::{Input, Listener, Stream};
#[cfg(not(target_os = "wasi"))]
pub(super) use native::{Native as Platform, Waker};
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub use native::{ServerTls, ServerTlsOptions};
#[cfg(target_os = "wasi")]
pub use wasi::Input;
#[cfg(target_os = "wasi")]
pub(super) use wasi::{Waker, Wasi as Platform};
