//! A connection's request, and the answer to it.

use std::collections::TryReserveError;
use std::vec::Vec;

use log::info;

use super::conn::{Conn, Next, Phase};
use super::context::Context;
use super::handler::{AcceptOptions, Handler};
use super::table::Key;
use super::unwind::guard;
use wscodec::error::{ErrorKind, LimitError, MisuseError};
use wscodec::handshake::Rejection;

impl<S> Conn<S> {
    pub(super) fn read_head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        cx: &mut Context<'_, H>,
    ) -> Next {
        self.read(cx, |this, input, cx| this.head(key, input, cx))
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
        let in_place = whole.is_empty();
        if !in_place && append(&mut whole, input).is_err() {
            return self.reject(key, LimitError::TooManyConnections, cx);
        }
        let input = match in_place {
            true => input,
            false => &mut whole[..],
        };
        let request = match reader.read(input) {
            Ok(Some(request)) => request,
            Ok(None) => {
                let kept = match in_place {
                    true => append(bytes, input),
                    false => {
                        *bytes = whole;
                        Ok(())
                    }
                };
                return match kept {
                    Ok(()) => Next::Keep,
                    Err(_) => self.reject(key, LimitError::TooManyConnections, cx),
                };
            }
            Err(fault) => return self.reject(key, fault.error, cx),
        };
        if cx.stopping {
            return self.unavailable(key, cx);
        }
        if self.surplus || cx.is_full() {
            return self.reject(key, LimitError::TooManyConnections, cx);
        }
        let upgrade = match cx.options.policy.judge(&request) {
            Ok(upgrade) => upgrade,
            Err(fault) => return self.reject(key, fault.error, cx),
        };
        let mut grant = AcceptOptions {
            upgrade,
            headers: Vec::new(),
            address: self.address,
        };
        let handler = &mut cx.handler;
        let state = match guard(|| handler.accept(&request, &mut grant)) {
            None => {
                cx.stats.panics += 1;
                log::error!("{} {}", self.address, MisuseError::HandlerFailed);
                return self.answer(key, Rejection::new(500), cx);
            }
            Some(Ok(state)) => state,
            Some(Err(rejection)) => {
                info!("{} {} {}", self.address, rejection.status(), request.path());
                return self.answer(key, rejection, cx);
            }
        };
        let AcceptOptions {
            upgrade, headers, ..
        } = grant;
        let mut out = self.queue.buffer(&mut cx.out);
        let left = self.queue.sent();
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        if let Err(error) = upgrade.accept().headers(&headers).write(&mut out) {
            log::error!("{} the answer to be sent: {error}", self.address);
            return self.answer(key, Rejection::new(500), cx);
        }
        info!(
            "{} open {} {} {}",
            self.address,
            request.path(),
            upgrade.protocol().unwrap_or("-"),
            match upgrade.deflate() {
                Some(_) => "permessage-deflate",
                None => "-",
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
        };
        cx.stats.accepted += 1;
        if let Phase::Open { session, state, .. } = &mut self.phase {
            let (handler, mut peer) = cx.peer(key, self.address, state, session, (&mut out, left));
            if guard(|| handler.open(&mut peer)).is_none() {
                cx.stats.panics += 1;
                return self.panicked(key, out, cx);
            }
        }
        match self.settle(key, out, cx) {
            Next::Drop => Next::Drop,
            _ => self.feed(key, &mut input[len..], cx),
        }
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
            Some(rejection) => self.answer(key, rejection, cx),
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
        self.answer(key, Rejection::new(503), cx)
    }

    fn answer<H: Handler<State = S>>(
        &mut self,
        key: Key,
        rejection: Rejection<'_>,
        cx: &mut Context<'_, H>,
    ) -> Next {
        cx.stats.rejected += 1;
        let mut out = self.queue.buffer(&mut cx.out);
        out.clear();
        if let Err(error) = rejection.write(&mut out) {
            log::error!("{} the rejection to be sent: {error}", self.address);
            return Next::Drop;
        }
        self.phase = Phase::Leaving { shut: false };
        self.send(key, out, cx)
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
