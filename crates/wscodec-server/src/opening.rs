//! A connection's request, and the answer to it.

use std::collections::TryReserveError;
use std::vec::Vec;

use log::info;

use super::conn::{Conn, Next, Phase};
use super::event_loop::Lane;
use super::handler::{Grant, Handler};
use super::slots::Key;
use super::unwind::guard;
use wscodec::error::{Error, LimitError, MisuseError};
use wscodec::handshake::Refusal;

impl<S> Conn<S> {
    pub(super) fn read_head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        self.read(lane, |this, input, lane| this.head(key, input, lane))
    }

    fn head<H: Handler<State = S>>(
        &mut self,
        key: Key,
        input: &mut [u8],
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let Phase::Head { reader, bytes } = &mut self.phase else {
            return Next::Keep;
        };
        // A head that arrives in one piece, as most do, is read where it lies.
        let mut whole = core::mem::take(bytes);
        let in_place = whole.is_empty();
        if !in_place && append(&mut whole, input).is_err() {
            return self.out_of_memory(key, lane);
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
                    Err(_) => self.out_of_memory(key, lane),
                };
            }
            Err(fault) => return self.refuse(key, fault.error, lane),
        };
        if lane.stopping {
            return self.unavailable(key, lane);
        }
        if self.surplus || lane.is_full() {
            return self.refuse(key, LimitError::TooManyConnections, lane);
        }
        let upgrade = match lane.options.policy.judge(&request) {
            Ok(upgrade) => upgrade,
            Err(fault) => return self.refuse(key, fault.error, lane),
        };
        let mut grant = Grant {
            upgrade,
            headers: Vec::new(),
            address: self.address,
        };
        let handler = &mut lane.handler;
        let state = match guard(|| handler.accept(&request, &mut grant)) {
            None => {
                lane.stats.panics += 1;
                log::error!("{} {}", self.address, MisuseError::HandlerFailed);
                return self.answer(key, Refusal::new(500), lane);
            }
            Some(Ok(state)) => state,
            Some(Err(refusal)) => {
                info!("{} {} {}", self.address, refusal.status(), request.path());
                return self.answer(key, refusal, lane);
            }
        };
        let Grant {
            upgrade, headers, ..
        } = grant;
        let mut out = self.queue.buffer(&mut lane.out);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        if let Err(error) = upgrade.accept().headers(&headers).write(&mut out) {
            log::error!("{} the answer to be sent: {error}", self.address);
            return self.answer(key, Refusal::new(500), lane);
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
        let mut session = upgrade.session_from(&lane.pool, &lane.options.session);
        let _ = session.tick(lane.now, 0, &mut out);
        let len = request.head_len();
        self.since = lane.now;
        self.phase = Phase::Open {
            session,
            state,
            received: 0,
        };
        lane.stats.accepted += 1;
        if let Phase::Open { session, state, .. } = &mut self.phase {
            let (handler, mut peer) = lane.meet(key, self.address, state, session, &mut out);
            if guard(|| handler.open(&mut peer)).is_none() {
                lane.stats.panics += 1;
                return self.panicked(key, out, lane);
            }
        }
        match self.settle(key, out, lane) {
            Next::Drop => Next::Drop,
            _ => self.feed(key, &mut input[len..], lane),
        }
    }

    /// Answers a request that can't be accepted.
    pub(super) fn refuse<H: Handler<State = S>>(
        &mut self,
        key: Key,
        error: impl Into<Error>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        let error = error.into();
        info!("{} refused: {error}", self.address);
        match Refusal::of(error) {
            Some(refusal) => self.answer(key, refusal, lane),
            None => Next::Drop,
        }
    }

    /// Answers a request with status 503, because the server stops.
    pub(super) fn unavailable<H: Handler<State = S>>(
        &mut self,
        key: Key,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        info!("{} refused: the server stops", self.address);
        self.answer(key, Refusal::new(503), lane)
    }

    fn answer<H: Handler<State = S>>(
        &mut self,
        key: Key,
        refusal: Refusal<'_>,
        lane: &mut Lane<'_, H>,
    ) -> Next {
        lane.stats.refused += 1;
        let mut out = self.queue.buffer(&mut lane.out);
        out.clear();
        if let Err(error) = refusal.write(&mut out) {
            log::error!("{} the refusal to be sent: {error}", self.address);
            return Next::Drop;
        }
        self.phase = Phase::Leaving { shut: false };
        self.send(key, out, lane)
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
