//! The session, checked against a model of RFC 6455 by exhaustive search over short sequences of
//! actions of the peer, of the caller and of the clock.
//!
//! `spec.rs` is the model. Each sequence runs on a new [`Session`] and on a new model. After each
//! action the two must agree on the event, on the bytes that are sent, on the state, on the deadline
//! and on the outcome. A sequence is not continued beyond the first action after the end, because
//! nothing changes there any more; that action itself is checked.
//!
//! `cargo xtask model` runs the same search in a release build, with all actions and deeper.

mod alphabets;
mod names;
mod spec;

use std::collections::HashSet;
use std::time::Duration;

use alphabets::{CLOSES, FRAGMENTS, STALLS, TIMERS, WAITS, WIDE};
use names::{Action, Rule};
use spec::{Model, Seen, Sent, Setup, State, Step};
use wscodec::frame::Role;
use wscodec::message::{Kind, MaskSource, NoExtension};
use wscodec::session::{Event, Outcome, Session, SessionOptions, SessionState};
use wscodec::{CloseCode, LimitError};

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// "é" in two parts.
const TEXT: [&[u8]; 2] = [b"\xc3", b"\xa9"];

/// The keys of either role.
#[derive(Debug)]
struct Keys(Option<[u8; 4]>);

impl MaskSource for Keys {
    fn next_key(&mut self) -> Option<[u8; 4]> {
        self.0
    }
}

/// A frame of the peer.
fn frame(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mut bytes = vec![first, payload.len() as u8];
    if masked {
        bytes[1] |= 0x80;
        bytes.extend(KEY);
    }
    let key = if masked { KEY } else { [0; 4] };
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k));
    bytes
}

/// Reads the endpoint's output, which has only short frames.
fn frames(mut out: &[u8], masked: bool) -> Vec<Sent> {
    let mut sent = Vec::new();
    while let [first, second, rest @ ..] = out {
        assert_eq!(second & 0x80 != 0, masked, "the mask bit");
        let (key, rest) = match masked {
            true => rest.split_first_chunk().expect("a mask key"),
            false => (&[0; 4], rest),
        };
        let (payload, rest) = rest.split_at(usize::from(second & 0x7f));
        let payload: Vec<u8> = payload
            .iter()
            .zip(key.iter().cycle())
            .map(|(b, k)| b ^ k)
            .collect();
        out = rest;
        sent.push(match (first, &payload[..]) {
            (0x81, b"\xc3\xa9") => Sent::Text,
            (0x01, b"\xc3") => Sent::Begin,
            (0x00, b"") => Sent::More,
            (0x80, b"\xa9") => Sent::Finish,
            (0x89, b"") => Sent::Ping,
            (0x8a, b"") => Sent::Pong,
            (0x88, b"") => Sent::Close(1005),
            (0x88, [high, low, ..]) => Sent::Close(u16::from_be_bytes([*high, *low])),
            other => panic!("an unexpected frame {other:x?}"),
        });
    }
    assert!(out.is_empty(), "whole frames");
    sent
}

/// The implementation in the situation of a model.
struct Endpoint {
    setup: Setup,
    session: Session<Keys>,
    out: Vec<u8>,
    now: u64,
}

impl Endpoint {
    fn new(setup: Setup) -> Self {
        let seconds = |on: bool, seconds| on.then(|| Duration::from_secs(seconds));
        let mut options = SessionOptions::default();
        options.auto_pong = setup.auto_pong;
        options.auto_close = setup.auto_close;
        options.heartbeat = seconds(setup.heartbeat, spec::HEARTBEAT);
        options.pong_timeout = Duration::from_secs(spec::PONG_TIMEOUT);
        options.idle = seconds(setup.idle, spec::IDLE);
        options.close_timeout = Duration::from_secs(spec::CLOSE_TIMEOUT);
        options.backlog = 1;
        let (role, keys) = match setup.client {
            true => (Role::Client, Some(KEY)),
            false => (Role::Server, None),
        };
        let session = Session::new(role, Keys(keys), NoExtension, NoExtension, &options);
        let mut endpoint = Self {
            setup,
            session,
            out: Vec::new(),
            now: 0,
        };
        assert_eq!(endpoint.tick(), None);
        endpoint
    }

    /// All output leaves.
    fn flush(&mut self) -> Vec<u8> {
        self.session.sent(self.out.len());
        std::mem::take(&mut self.out)
    }

    fn tick(&mut self) -> Option<&'static str> {
        let now = Duration::from_secs(self.now);
        let result = self.session.tick(now, self.out.len(), &mut self.out);
        result.err().map(|fault| fault.error.code())
    }

    /// Does an action and applies the timers. Returns what the caller sees, what was sent, and the
    /// error of the timers.
    fn step(&mut self, action: Action) -> (Seen, Vec<Sent>, Option<&'static str>) {
        let mut before = self.out.len();
        let seen = match action {
            Action::Wait => {
                self.now += spec::STEP;
                Seen::Nothing
            }
            Action::Flush => {
                self.flush();
                before = 0;
                Seen::Nothing
            }
            Action::Pause | Action::Resume => {
                self.session.set_reading(action == Action::Resume);
                Seen::Nothing
            }
            Action::PeerEof => match self.session.end() {
                Ok(()) => Seen::Nothing,
                Err(fault) => Seen::Error(fault.error.code()),
            },
            _ => match self.bytes_of_peer(action) {
                Some(bytes) => self.receive(bytes),
                None => self.command(action),
            },
        };
        let mut timer;
        let mut sent = Vec::new();
        if self.setup.stalled {
            timer = self.tick();
            sent.extend_from_slice(&self.out[before..]);
        } else {
            loop {
                sent.extend(self.flush());
                timer = self.tick();
                if self.out.is_empty() {
                    break;
                }
            }
        }
        (seen, frames(&sent, self.setup.client), timer)
    }

    fn bytes_of_peer(&self, action: Action) -> Option<Vec<u8>> {
        let masked = !self.setup.client;
        Some(match action {
            Action::PeerText => frame(0x81, &TEXT.concat(), masked),
            Action::PeerBegin => frame(0x01, TEXT[0], masked),
            Action::PeerMore => frame(0x00, b"", masked),
            Action::PeerFinish => frame(0x80, TEXT[1], masked),
            Action::PeerPing => frame(0x89, b"", masked),
            Action::PeerPong => frame(0x8a, b"", masked),
            Action::PeerClose => frame(0x88, &1000u16.to_be_bytes(), masked),
            Action::PeerCloseEmpty => frame(0x88, b"", masked),
            Action::PeerBadText => frame(0x81, b"\xff", masked),
            Action::PeerReserved => frame(0x83, b"", masked),
            Action::PeerWrongMask => frame(0x89, b"", !masked),
            _ => return None,
        })
    }

    fn receive(&mut self, mut bytes: Vec<u8>) -> Seen {
        let mut input = &mut bytes[..];
        let mut seen = Seen::Nothing;
        loop {
            let event = match self.session.receive(&mut input, &mut self.out) {
                Ok(Some((event, _))) => event,
                Ok(None) => return seen,
                Err(fault) => return Seen::Error(fault.error.code()),
            };
            assert_eq!(seen, Seen::Nothing, "one event for one frame");
            seen = match event {
                Event::Message(message) => {
                    assert_eq!(
                        (message.kind, message.payload),
                        (Kind::Text, "é".as_bytes())
                    );
                    Seen::Message
                }
                Event::Ping(_) => Seen::Ping,
                Event::Pong(_) => Seen::Pong,
                Event::Close(close) => Seen::Close(close.map_or(1005, |close| close.code.value())),
            };
        }
    }

    fn command(&mut self, action: Action) -> Seen {
        if action == Action::Fail {
            self.session
                .fail(LimitError::MessageTooLarge, &mut self.out);
            return Seen::Nothing;
        }
        let before = self.out.len();
        let mut outbox = self.session.outbox(&mut self.out);
        let result = match action {
            Action::Text => outbox.text("é"),
            Action::Begin => outbox.begin(Kind::Text, TEXT[0]),
            Action::More => outbox.more(b""),
            Action::Finish => outbox.finish(TEXT[1]),
            Action::Ping => outbox.ping(b""),
            Action::Pong => outbox.pong(b""),
            Action::Close => outbox.close(CloseCode::NORMAL, ""),
            Action::CloseEmpty => outbox.close(None, ""),
            Action::CloseReserved => outbox.close(CloseCode::NO_STATUS, ""),
            _ => unreachable!("{action:?} is not the caller's"),
        };
        match result {
            Ok(()) => Seen::Nothing,
            Err(error) => {
                assert_eq!(self.out.len(), before, "a refused command appends nothing");
                Seen::Error(error.code())
            }
        }
    }
}

/// The two states side by side.
fn assert_same(model: &Model, endpoint: &Endpoint) {
    let session = &endpoint.session;
    let state = match session.state() {
        SessionState::Open => State::Open,
        SessionState::Closing => State::Closing,
        SessionState::PeerClosed => State::PeerClosed,
        SessionState::Closed => State::Closed,
    };
    assert_eq!(state, model.state, "the state");
    let deadline = session.deadline().map(|at| at.as_secs());
    assert_eq!(deadline, model.deadline(), "the deadline");
    let outcome = (model.state == State::Closed).then(|| {
        let code = model.close_received.unwrap_or(1006);
        (code, model.close_sent, model.clean(), model.cause)
    });
    let code = |outcome: Outcome<'_>| {
        let sent = outcome.sent.map(CloseCode::value);
        let fault = outcome.fault.map(|fault| fault.error.code());
        (outcome.code.value(), sent, outcome.clean, fault)
    };
    assert_eq!(session.outcome().map(code), outcome, "the outcome");
}

/// The states that a search has seen.
#[derive(Default)]
struct Search {
    rules: HashSet<Rule>,
    sequences: u64,
}

impl Search {
    fn add(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.sequences += other.sequences;
    }

    /// Tries each action behind `path`, and goes on from there.
    fn explore(&mut self, setup: Setup, actions: &[Action], path: &mut Vec<Action>, depth: usize) {
        for &action in actions {
            let (mut model, mut endpoint) = (Model::new(setup), Endpoint::new(setup));
            for &action in &*path {
                model.step(action);
                endpoint.step(action);
            }
            let ended = model.state == State::Closed;
            let expected: Step = model.step(action);
            path.push(action);
            let check = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let (seen, sent, timer) = endpoint.step(action);
                assert_eq!(seen, expected.seen, "the event");
                assert_eq!(sent, expected.sent, "the output");
                assert_eq!(timer, expected.timer, "the error of the timers");
                assert_same(&model, &endpoint);
            }));
            assert!(check.is_ok(), "after {path:?} with {setup:?}: {expected:?}");
            self.rules.extend(expected.rules);
            self.sequences += 1;
            if depth > 1 && !ended {
                self.explore(setup, actions, path, depth - 1);
            }
            path.pop();
        }
    }
}

const SERVER: Setup = Setup {
    client: false,
    auto_pong: true,
    auto_close: true,
    heartbeat: true,
    idle: true,
    stalled: false,
};

/// All setups: each option on and off.
fn setups() -> Vec<Setup> {
    let bit = |bits: u8, at: u8| bits >> at & 1 != 0;
    let setup = |bits| Setup {
        client: bit(bits, 0),
        auto_pong: bit(bits, 1),
        auto_close: bit(bits, 2),
        heartbeat: bit(bits, 3),
        idle: bit(bits, 4),
        stalled: bit(bits, 5),
    };
    (0..64).map(setup).collect()
}

/// Searches each setup, two at a time.
fn search(setups: &[Setup], actions: &[Action], depth: usize) -> Search {
    let half = |setups: &[Setup]| {
        let mut search = Search::default();
        for &setup in setups {
            search.explore(setup, actions, &mut Vec::new(), depth);
        }
        search
    };
    let (one, two) = setups.split_at(setups.len() / 2);
    let search = std::thread::scope(|scope| {
        let one = scope.spawn(|| half(one));
        let mut search = half(two);
        search.add(one.join().expect("a search without a failure"));
        search
    });
    println!("{} sequences of up to {depth} actions", search.sequences);
    search
}

const STALLED: Setup = Setup {
    stalled: true,
    ..SERVER
};
const NO_IDLE: Setup = Setup {
    idle: false,
    ..SERVER
};
const STALLED_NO_IDLE: Setup = Setup {
    idle: false,
    ..STALLED
};
const BY_HAND: Setup = Setup {
    client: true,
    auto_close: false,
    auto_pong: false,
    ..SERVER
};

#[test]
fn every_sequence_of_three_and_every_rule() {
    let mut reached = search(&setups(), Action::ALL, 3).rules;
    // These take longer sequences, of few actions.
    let waits = [NO_IDLE, SERVER, STALLED_NO_IDLE, STALLED];
    reached.extend(search(&waits, WAITS, 7).rules);
    let missing: Vec<_> = Rule::ALL
        .iter()
        .filter(|rule| !reached.contains(rule))
        .collect();
    assert!(missing.is_empty(), "never reached: {missing:?}");
}

#[test]
fn fragments_and_control_frames() {
    search(&[SERVER], FRAGMENTS, 7);
}

#[test]
fn commands_around_the_close() {
    search(&[SERVER, BY_HAND], CLOSES, 7);
}

#[test]
fn timers_of_a_transport_that_takes_everything() {
    search(&[SERVER], TIMERS, 7);
}

#[test]
fn timers_and_pongs_of_a_transport_that_stalls() {
    search(&[STALLED], STALLS, 7);
}

#[test]
#[ignore = "takes minutes, in a release build: `cargo xtask model`"]
fn deep() {
    search(&setups(), Action::ALL, 4);
    search(&[SERVER, STALLED], Action::ALL, 5);
    search(&[SERVER, STALLED, BY_HAND, NO_IDLE], WIDE, 6);
    for actions in [FRAGMENTS, CLOSES, TIMERS, STALLS] {
        search(&[SERVER, STALLED, BY_HAND, STALLED_NO_IDLE], actions, 8);
    }
}
