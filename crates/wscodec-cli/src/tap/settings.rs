//! The parts that all connections share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::open::Open;
use super::request::Changes;
use super::watch::Watch;
use crate::tls;
use crate::upstream::Upstream;

/// The stack of a thread that relays. Its buffers are on the heap.
pub(super) const STACK: usize = 256 << 10;

/// The parts that all connections share.
pub(super) struct Tap {
    pub(super) upstream: Upstream,
    pub(super) acceptor: Option<tls::Acceptor>,
    pub(super) changes: Changes,
    pub(super) timeout: Duration,
    pub(super) idle: Option<Duration>,
    pub(super) max_head: usize,
    pub(super) max_connections: usize,
    pub(super) watch: Option<Arc<Watch>>,
    pub(super) open: Arc<Open>,
    pub(super) sums: Sums,
}

/// The numbers of the summary.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) connections: AtomicU64,
    pub(super) upgraded: AtomicU64,
    pub(super) refused: AtomicU64,
    /// Without a server, or without a request.
    pub(super) failed: AtomicU64,
    /// Beyond the limit.
    pub(super) rejected: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
}
