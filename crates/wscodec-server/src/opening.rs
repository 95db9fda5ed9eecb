//! A connection's request, and the answer to it.

use std::vec::Vec;

use log::info;

use super::conn::{Conn, Next, Phase};
use super::event_loop::Lane;
use super::handler::{Grant, Handler};
use super::slots::Key;
use wscodec::error::{Error, LimitError};
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
        // A head that comes in one piece, as most do, is looked at where it lies.
        let mut whole = core::mem::take(bytes);
        let in_place = whole.is_empty();
        let input = match in_place {
            true => input,
            false => {
                whole.extend_from_slice(input);
                &mut whole[..]
            }
        };
        let request = match reader.read(input) {
            Ok(Some(request)) => request,
            Ok(None) => {
                *bytes = match in_place {
                    true => input.to_vec(),
                    false => whole,
                };
                return Next::Keep;
            }
            Err(fault) => return self.refuse(key, fault.error, lane),
        };
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
        let state = match lane.handler.accept(&request, &mut grant) {
            Ok(state) => state,
            Err(refusal) => {
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
            handler.open(&mut peer);
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
        self.send(key, out, lane).unwrap_or(Next::Drop)
    }
}
