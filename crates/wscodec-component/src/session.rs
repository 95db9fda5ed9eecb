//! Sessions.

use core::cell::RefCell;
use core::mem::take;
use core::time::Duration;

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::deflate::Decompressor;
use core_codec::error::{CloseCode, ErrorKind};
use core_codec::frame::CloseFrame;
use core_codec::session::{In, Out, Sender, Session as Core, SessionOptions, SessionState};

use crate::Codec;
use crate::encoder::outbound;
use crate::errors;
use crate::events;
use crate::intake::{Decoded, Intake};
use crate::keys::Keys;
use crate::memory::Inside;
use crate::options;
use crate::wit::session as wit;
use crate::wit::session::{Guest, GuestSession};
use crate::wit::types::{Batch, Error, Events, Kind, MaskSource, Role};

impl Guest for Codec {
    type Session = Session;

    fn default_options(role: Role) -> wit::SessionOptions {
        let default = SessionOptions::DEFAULT;
        wit::SessionOptions {
            role,
            mask: MaskSource::Unmasked,
            limits: options::wit_limits(&default.limits),
            deflate: None,
            pieces: false,
            offset: 0,
            auto_pong: default.auto_pong,
            auto_close: default.auto_close,
            backlog: default.backlog as u32,
            close_timeout: options::milliseconds(default.close_timeout),
            heartbeat: default.heartbeat.and_then(options::milliseconds),
            pong_timeout: options::milliseconds(default.pong_timeout),
            idle: default.idle.and_then(options::milliseconds),
            dangerously_accept_unmasked: default.dangerously_accept_unmasked,
        }
    }
}

/// A session and its output. A call of the canonical ABI has a shared borrow only.
pub(crate) struct Session {
    state: RefCell<State>,
    pieces: bool,
}

struct State {
    session: Core<Keys, In, Out>,
    intake: Intake,
    output: Vec<u8>,
    /// Bytes of output that were taken and had not left at the last tick, and those taken since.
    unsent: u64,
    taken: u64,
}

impl State {
    /// Decodes, and acts on the events.
    fn receive(&mut self, bytes: Vec<u8>) -> Decoded {
        if let Some(fault) = self.session.failure() {
            return Decoded {
                fault: Some(fault),
                ..Decoded::default()
            };
        }
        if self.session.state() == SessionState::Closed {
            return Decoded::default();
        }
        let Self {
            session,
            intake,
            output,
            ..
        } = self;
        let (decoder, sender) = session.parts_mut();
        sender.begin_batch(bytes.len(), decoder.in_message(), output);
        let decoded = intake.decode(decoder, bytes);
        if decoded.rows.iter().any(|row| row[0] & 8 == 0) {
            sender.received_message();
        }
        for &row in &decoded.rows {
            let payload = events::payload(&decoded.payloads, row);
            match row[0] & 15 {
                8 => {
                    let close = events::close(row[0], payload).map(|(code, reason)| CloseFrame {
                        code: CloseCode::new(code),
                        reason,
                    });
                    sender.answer_close(close, output);
                }
                9 => sender.answer_ping(payload, output),
                _ => {}
            }
        }
        if let Some(fault) = decoded.fault {
            sender.fail_batch(fault, output);
        }
        decoded
    }
}

impl Session {
    /// Does what `send` does, inside of a call.
    fn send_with(
        &self,
        send: impl FnOnce(&mut Sender<Keys, Out>, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        let _inside = Inside::enter();
        let State {
            session, output, ..
        } = &mut *self.state.borrow_mut();
        send(session.sender(), output).map_err(errors::misuse)
    }
}

impl GuestSession for Session {
    fn create(wished: wit::SessionOptions) -> Result<wit::Session, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let role = options::role(wished.role);
        let keys = Keys::new(wished.mask)?;
        if keys.role() != role {
            return Err(errors::option(
                "`mask` must be `unmasked` for a server, and have keys for a client",
            ));
        }
        let mut config = SessionOptions::DEFAULT;
        config.limits = options::limits(&wished.limits);
        config.auto_pong = wished.auto_pong;
        config.auto_close = wished.auto_close;
        config.backlog = wished.backlog as usize;
        config.close_timeout = wished.close_timeout.map_or(Duration::MAX, options::time);
        config.heartbeat = wished.heartbeat.map(options::time);
        config.pong_timeout = wished.pong_timeout.map_or(Duration::MAX, options::time);
        config.idle = wished.idle.map(options::time);
        config.dangerously_accept_unmasked = wished.dangerously_accept_unmasked;
        let inbound = match &wished.deflate {
            Some(deflate) => {
                Decompressor::new(&options::agreed(&deflate.agreed)?, &config.limits).into()
            }
            None => In::default(),
        };
        let outbound = outbound(wished.deflate.as_ref())?;
        let session = Core::new(role, keys, inbound, outbound, &config).with_offset(wished.offset);
        let state = State {
            session,
            intake: Intake::new(wished.pieces, false, true),
            output: Vec::new(),
            unsent: 0,
            taken: 0,
        };
        Ok(wit::Session::new(Self {
            state: RefCell::new(state),
            pieces: wished.pieces,
        }))
    }

    fn receive(&self, bytes: Vec<u8>) -> Batch {
        let _inside = Inside::enter();
        events::batch(self.state.borrow_mut().receive(bytes))
    }

    fn receive_events(&self, bytes: Vec<u8>) -> Events {
        let _inside = Inside::enter();
        let state = &mut *self.state.borrow_mut();
        let decoded = state.receive(bytes);
        events::events(decoded, self.pieces, state.session.offset())
    }

    fn text(&self, text: String) -> Result<(), Error> {
        self.send_with(|sender, output| sender.text(&text, output))
    }

    fn send(&self, kind: Kind, payload: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.send(options::kind(kind), &payload, output))
    }

    fn begin(&self, kind: Kind, part: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.begin(options::kind(kind), &part, output))
    }

    fn more(&self, part: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.more(&part, output))
    }

    fn finish(&self, part: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.finish(&part, output))
    }

    fn ping(&self, payload: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.ping(&payload, output))
    }

    fn pong(&self, payload: Vec<u8>) -> Result<(), Error> {
        self.send_with(|sender, output| sender.pong(&payload, output))
    }

    fn close(&self, code: Option<u16>, reason: String) -> Result<(), Error> {
        let code = code.map(CloseCode::new);
        self.send_with(|sender, output| sender.close(code, &reason, output))
    }

    fn take_output(&self) -> Vec<u8> {
        let _inside = Inside::enter();
        let state = &mut *self.state.borrow_mut();
        state.session.sender().answer_now(&mut state.output);
        state.taken += state.output.len() as u64;
        take(&mut state.output)
    }

    fn tick(&self, now: u64, unsent: u64) -> Result<(), Error> {
        let _inside = Inside::enter();
        let state = &mut *self.state.borrow_mut();
        let handed = state.unsent + take(&mut state.taken);
        state.unsent = unsent;
        state.session.sent(handed.saturating_sub(unsent) as usize);
        let waits = usize::try_from(unsent).unwrap_or(usize::MAX);
        let waits = waits.saturating_add(state.output.len());
        let now = options::time(now);
        let result = state.session.tick(now, waits, &mut state.output);
        result.map_err(errors::fault)
    }

    fn deadline(&self) -> Option<u64> {
        let deadline = self.state.borrow().session.deadline();
        deadline.and_then(options::milliseconds)
    }

    fn set_reading(&self, reading: bool) {
        self.state.borrow_mut().session.set_reading(reading);
    }

    fn end(&self) -> Result<(), Error> {
        let _inside = Inside::enter();
        self.state.borrow_mut().session.end().map_err(errors::fault)
    }

    fn state(&self) -> wit::SessionState {
        match self.state.borrow().session.state() {
            SessionState::Open => wit::SessionState::Open,
            SessionState::Closing => wit::SessionState::Closing,
            SessionState::PeerClosed => wit::SessionState::PeerClosed,
            SessionState::Closed => wit::SessionState::Closed,
        }
    }

    fn outcome(&self) -> Option<wit::Outcome> {
        let _inside = Inside::enter();
        let state = self.state.borrow();
        let outcome = state.session.outcome()?;
        Some(wit::Outcome {
            code: outcome.code.value(),
            reason: errors::copied(outcome.reason).unwrap_or_default(),
            sent: outcome.sent.map(CloseCode::value),
            clean: outcome.clean,
            error: outcome.fault.map(errors::fault),
        })
    }

    fn offset(&self) -> u64 {
        self.state.borrow().session.offset()
    }

    fn memory(&self) -> u64 {
        let state = &*self.state.borrow();
        let held = state.session.memory() + state.intake.memory() + state.output.capacity();
        (size_of::<Self>() + held) as u64
    }

    fn release(&self) {
        let state = &mut *self.state.borrow_mut();
        state.session.release();
        state.output.shrink_to_fit();
    }
}
