//! A connection's request, and the decision on it.
//!
//! Problem: a decision may take time, because it asks a database or another server, and the loop
//! must not wait for it.
//!
//! Choice: the handler defers the decision ([`NotAccepted::Deferred`]). The connection keeps the
//! bytes of the request and is in the phase [`Deciding`](Phase::Deciding): it is not read from, and
//! its handshake timeout runs on. When the decision is there, the request is read once more, and the
//! handler's `accept` is called again, with the event that carries the decision. So there is one
//! place where requests are accepted, the handler has the whole request again, and a connection's
//! state is made in its own thread.

use std::collections::TryReserveError;
use std::vec::Vec;

use log::info;

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::handler::{AcceptOptions, Handler, NotAccepted};
use super::mailbox::UserEvent;
use super::net::{Net, Platform};
use super::recipients::Id;
use super::table::Key;
use super::unwind::guard;
use wscodec::error::LimitError;
use wscodec::handshake::{Rejection, UpgradeRequestReader};

/// The result of looking at the bytes of a request.
enum Looked {
    /// The request is answered.
    Answered(Next),
    /// More bytes are needed.
    Incomplete,
    /// The decision is deferred.
    Deferred,
}

impl<S> Conn<S> {
    pub(super) fn read_head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let next = self.read(cx, |this, input, cx| this.head(key, input, cx));
        match next {
            Next::Drop if matches!(self.phase, Phase::Head { .. }) => self.no_tls(key, cx),
            next => next,
        }
    }

    fn head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        input: &mut [u8],
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Head { reader, bytes } = &mut self.phase else {
            return Next::Keep;
        };
        // A head that arrives in one piece, as most do, is read where it lies.
        let mut whole = core::mem::take(bytes);
        let mut reader = reader.clone();
        let in_place = whole.is_empty();
        if !in_place && append(&mut whole, input).is_err() {
            return self.reject(key, LimitError::TooManyConnections, cx);
        }
        let looked = match in_place {
            true => self.look(key, &mut reader, input, None, cx),
            false => self.look(key, &mut reader, &mut whole, None, cx),
        };
        if let Looked::Answered(next) = looked {
            return next;
        }
        if in_place && append(&mut whole, input).is_err() {
            return self.reject(key, LimitError::TooManyConnections, cx);
        }
        let bytes = whole;
        self.phase = match looked {
            Looked::Deferred => Phase::Deciding { bytes },
            _ => Phase::Head { reader, bytes },
        };
        Next::Keep
    }

    /// A deferred decision is there: the event that carries it, or nothing if it was given up.
    pub(super) fn decided<H: Handler<State = S>>(
        &mut self,
        key: Key,
        event: Option<UserEvent>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        let Phase::Deciding { bytes } = &mut self.phase else {
            return Next::Keep;
        };
        let Some(event) = event else {
            log::error!("{} the deferred decision was given up", self.address);
            return self.reject_with(key, Rejection::new(500), "HANDLER_FAILED", cx);
        };
        let mut bytes = core::mem::take(bytes);
        let mut reader = UpgradeRequestReader::new(&cx.options.session.limits);
        match self.look(key, &mut reader, &mut bytes, Some(event), cx) {
            Looked::Answered(Next::Drop) => Next::Drop,
            // The bytes that arrived meanwhile were not read, and are not reported again.
            Looked::Answered(_) => Next::Again,
            Looked::Deferred | Looked::Incomplete => {
                self.phase = Phase::Deciding { bytes };
                Next::Keep
            }
        }
    }

    fn look<H: Handler<State = S>>(
        &mut self,
        key: Key,
        reader: &mut UpgradeRequestReader,
        input: &mut [u8],
        event: Option<UserEvent>,
        cx: &mut Context<'_, H>,
    ) -> Looked {
        let request = match reader.read(input) {
            Ok(Some(request)) => request,
            Ok(None) => return Looked::Incomplete,
            Err(fault) => {
                return Looked::Answered(self.not_an_upgrade(key, input, fault.error, cx));
            }
        };
        if cx.stopping {
            return Looked::Answered(self.unavailable(key, cx));
        }
        if let Some(next) = self.check_limits(key, cx) {
            return Looked::Answered(next);
        }
        let upgrade = match cx.options.policy.judge(&request) {
            Ok(upgrade) => upgrade,
            Err(fault) => return Looked::Answered(self.reject(key, fault.error, cx)),
        };
        let event_loop = cx.index;
        let mut grant = AcceptOptions {
            upgrade,
            headers: Vec::new(),
            address: self.address,
            id: Id { event_loop, key },
            handle: &cx.handle,
            event,
            certificate: Platform::certificate(&self.stream),
        };
        let (handler, span) = (&mut cx.handler, &self.span);
        let decide = || span.scope(|| handler.accept(&request, &mut grant));
        let state = match guard(decide) {
            None => return Looked::Answered(self.failed_request(key, cx)),
            Some(Ok(state)) => state,
            Some(Err(NotAccepted::Deferred)) => return Looked::Deferred,
            Some(Err(NotAccepted::Rejected(response))) => {
                info!(
                    "{} {} {}",
                    self.address,
                    response.status(),
                    request.path_and_query()
                );
                return Looked::Answered(self.rejected(key, &response, cx));
            }
        };
        let AcceptOptions {
            upgrade, headers, ..
        } = grant;
        let mut out = self.queue.buffer(&mut cx.out);
        let left = self.queue.sent();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        if let Err(error) = upgrade.accept().headers(&headers).write(&mut out) {
            log::error!("{} the answer can't be sent: {error}", self.address);
            return Looked::Answered(self.reject_with(
                key,
                Rejection::new(500),
                "HANDLER_FAILED",
                cx,
            ));
        }
        let deflate = upgrade.deflate().is_some();
        let path = request.path_and_query();
        self.span.accepted(&path, upgrade.protocol(), deflate);
        info!(
            "{} open {} {} {}",
            self.address,
            path,
            upgrade.protocol().unwrap_or("-"),
            match deflate {
                true => "permessage-deflate",
                false => "-",
            }
        );
        let mut session = upgrade.session_from(&cx.pool, &cx.options.session);
        let _ = session.tick(cx.now, 0, &mut out);
        let len = request.head_len();
        self.since = cx.now;
        self.phase = Phase::Open {
            session,
            state,
            received: 0,
            size: 0,
        };
        cx.stats.accepted += 1;
        self.opening = false;
        cx.handle.shared.addresses.opened(self.address);
        if let Phase::Open { session, state, .. } = &mut self.phase {
            let (handler, mut peer) = cx.peer(
                key,
                &self.address,
                state,
                session.sender(),
                (&mut out, left),
            );
            let span = &self.span;
            if guard(|| span.scope(|| handler.open(&mut peer))).is_none() {
                cx.stats.panics += 1;
                return Looked::Answered(self.panicked(key, out, cx));
            }
        }
        Looked::Answered(match self.settle(key, out, cx) {
            Next::Drop => Next::Drop,
            _ => self.feed(key, &mut input[len..], cx),
        })
    }
}

/// Appends what has arrived, if the system has the memory for it.
fn append(bytes: &mut Vec<u8>, input: &[u8]) -> Result<(), TryReserveError> {
    match bytes.is_empty() {
        true => bytes.try_reserve_exact(input.len())?,
        false => bytes.try_reserve(input.len())?,
    }
    bytes.extend_from_slice(input);
    Ok(())
}
