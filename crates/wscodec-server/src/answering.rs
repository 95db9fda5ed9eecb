//! The answers to requests that are not accepted, and to those that are no upgrades.

use std::vec::Vec;

use log::info;

use super::conn::{Conn, Next, Phase, Surplus};
use super::context::Context;
use super::handler::Handler;
use super::net::{Net, Platform, TlsFault};
use super::plain::{PlainRequest, Response};
use super::table::Key;
use super::unwind::guard;
use wscodec::error::{ErrorKind, HandshakeError, LimitError, MisuseError};
use wscodec::handshake::Rejection;

impl<S> Conn<S> {
    /// Answers a request that is no acceptable upgrade: the handler does, if it is a plain request
    /// that the handler knows.
    pub(super) fn not_an_upgrade<H: Handler<State = S>>(
        &mut self,
        key: Key,
        input: &[u8],
        error: ErrorKind,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let may_be_plain = matches!(
            error,
            ErrorKind::Handshake(
                HandshakeError::Method
                    | HandshakeError::HttpVersion
                    | HandshakeError::UpgradeHeader
            )
        );
        let request = may_be_plain.then(|| PlainRequest::read(input, self.address));
        let Some(request) = request.flatten() else {
            return self.reject(key, error, cx);
        };
        if cx.stopping {
            return self.unavailable(key, cx);
        }
        if let Some(next) = self.check_limits(key, cx) {
            return next;
        }
        let (handler, handle, span) = (&mut cx.handler, &cx.handle, &self.span);
        let asked = || span.scope(|| handler.request(&request, handle));
        let Some(response) = guard(asked) else {
            return self.failed_request(key, cx);
        };
        let Some(response) = response else {
            return self.reject(key, error, cx);
        };
        let (method, target) = (request.method(), request.target());
        info!("{} {} {method} {target}", self.address, response.status());
        self.span.answered(response.status(), method, target);
        cx.stats.plain += 1;
        self.answer(key, |out| response.write_plain(method, out), cx)
    }

    /// Rejects a request if there are too many connections, or they hold too much memory.
    pub(super) fn check_limits<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Option<Next> {
        match self.surplus {
            Surplus::None if !cx.is_full() => None,
            Surplus::None | Surplus::OfServer => {
                Some(self.reject(key, LimitError::TooManyConnections, cx))
            }
            Surplus::OfAddress => {
                info!(
                    "{} rejected: its address has too many connections",
                    self.address
                );
                Some(self.reject_with(key, Rejection::new(429), "ADDRESS", cx))
            }
        }
    }

    /// The stream has ended before a request arrived. If the handshake of TLS has failed, this counts
    /// the failure, and answers a client that does not speak TLS with the reason.
    #[cold]
    pub(super) fn no_tls<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        match Platform::tls_fault(&self.stream) {
            None => Next::Drop,
            Some(TlsFault::Plain) => {
                info!("{} rejected: it does not speak TLS", self.address);
                let rejection =
                    Rejection::new(400).body(b"This port speaks TLS: use wss or https.\n");
                self.reject_with(key, rejection, "NO_TLS", cx)
            }
            Some(TlsFault::Broken(error)) => {
                info!("{} the handshake of TLS failed: {error}", self.address);
                self.span.tls_failed(error);
                cx.stats.tls_failed += 1;
                Next::Drop
            }
        }
    }

    /// The handler panicked while it looked at a request.
    #[cold]
    pub(super) fn failed_request<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        cx.stats.panics += 1;
        log::error!("{} {}", self.address, MisuseError::HandlerFailed);
        self.span.panicked();
        self.reject_with(key, Rejection::new(500), "HANDLER_FAILED", cx)
    }

    /// Answers a request that can't be accepted.
    pub(super) fn reject<H: Handler<State = S>>(
        &mut self,
        key: Key,
        error: impl Into<ErrorKind>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let error = error.into();
        info!("{} rejected: {error}", self.address);
        match Rejection::of(error) {
            Some(rejection) => self.reject_with(key, rejection, error.code(), cx),
            None => Next::Drop,
        }
    }

    /// Answers a request with status 503, because the server stops.
    pub(super) fn unavailable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        info!("{} rejected: the server stops", self.address);
        self.reject_with(key, Rejection::new(503), "STOPPING", cx)
    }

    /// Answers a request with status 503, because the handler has not decided in time.
    pub(super) fn undecided<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        info!("{} rejected: the decision took too long", self.address);
        self.reject_with(key, Rejection::new(503), "UNDECIDED", cx)
    }

    /// Answers a request that the handler does not accept.
    pub(super) fn rejected<H: Handler<State = S>>(
        &mut self,
        key: Key,
        response: &Response,
        cx: &mut Context<'_, H>,
    ) -> Next {
        cx.stats.rejected += 1;
        cx.figures.rejected(response.status(), "HANDLER");
        self.span.rejected(response.status(), "HANDLER");
        self.answer(key, |out| response.write_rejection(out), cx)
    }

    pub(super) fn reject_with<H: Handler<State = S>>(
        &mut self,
        key: Key,
        rejection: Rejection<'_>,
        reason: &'static str,
        cx: &mut Context<'_, H>,
    ) -> Next {
        cx.stats.rejected += 1;
        cx.figures.rejected(rejection.status(), reason);
        self.span.rejected(rejection.status(), reason);
        self.answer(key, |out| rejection.write(out), cx)
    }

    fn answer<H: Handler<State = S>>(
        &mut self,
        key: Key,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), MisuseError>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let mut out = self.queue.buffer(&mut cx.out);
        out.clear();
        if let Err(error) = write(&mut out) {
            log::error!(
                "{} the handler's response can't be sent: {error}",
                self.address
            );
            if Rejection::new(500).write(&mut out).is_err() {
                return Next::Drop;
            }
        }
        self.phase = Phase::Leaving { shut: false };
        self.send(key, out, cx)
    }
}
