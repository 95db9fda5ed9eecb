//! Spans and events for the crate `tracing`, with the feature of that name. Without it, a [`Span`] is
//! nothing and costs nothing.
//!
//! Each connection has a span, `connection`, with the peer's address. The handler's methods run
//! inside it, so that events of the application carry it too. The span is entered once for all
//! messages of a read.

use wscodec::session::Outcome;

use super::address::Address;

/// The span of a connection.
#[derive(Debug)]
pub(super) struct Span(#[cfg(feature = "tracing")] tracing::Span);

#[cfg(feature = "tracing")]
impl Span {
    pub(super) fn new(address: Address) -> Self {
        Self(tracing::info_span!("connection", peer = %address))
    }

    /// Runs something inside the span.
    #[inline]
    pub(super) fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        self.0.in_scope(f)
    }

    pub(super) fn accepted(&self, path: &str, protocol: Option<&str>, deflate: bool) {
        self.scope(|| tracing::info!(path, protocol, deflate, "accepted"));
    }

    pub(super) fn rejected(&self, status: u16, reason: &str) {
        self.scope(|| tracing::info!(status, reason, "rejected"));
    }

    pub(super) fn tls_failed(&self, error: &str) {
        self.scope(|| tracing::info!(error, "the handshake of TLS failed"));
    }

    pub(super) fn answered(&self, status: u16, method: &str, target: &str) {
        self.scope(|| tracing::info!(status, method, target, "answered"));
    }

    pub(super) fn panicked(&self) {
        self.scope(|| tracing::error!("the handler panicked"));
    }

    pub(super) fn closed(&self, outcome: &Outcome<'_>, messages: u64, bytes: u64) {
        let code = outcome.code.value();
        let (reason, clean) = (outcome.reason, outcome.clean);
        let fault = outcome.fault.map(|fault| fault.error.code());
        self.scope(|| match fault {
            Some(_) => tracing::warn!(code, reason, clean, fault, messages, bytes, "closed"),
            None => tracing::info!(code, reason, clean, messages, bytes, "closed"),
        });
    }
}

#[cfg(not(feature = "tracing"))]
impl Span {
    pub(super) fn new(_: Address) -> Self {
        Self()
    }

    #[inline]
    pub(super) fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }

    pub(super) fn accepted(&self, _: &str, _: Option<&str>, _: bool) {}

    pub(super) fn rejected(&self, _: u16, _: &str) {}

    pub(super) fn tls_failed(&self, _: &str) {}

    pub(super) fn answered(&self, _: u16, _: &str, _: &str) {}

    pub(super) fn panicked(&self) {}

    pub(super) fn closed(&self, _: &Outcome<'_>, _: u64, _: u64) {}
}
