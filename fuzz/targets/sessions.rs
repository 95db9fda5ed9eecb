//! A client and a server, driven by commands over a pipe without loss that is cut anywhere, with and
//! without compression.
//!
//! Every accepted message arrives once, in order and unchanged. Each end sends at most one close frame,
//! with a legal code, and nothing after it. A closed session does not change any more. Nothing is
//! left in a buffer at the end, and memory stays within the limits.
#![no_main]

use std::collections::VecDeque;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use wscodec::deflate::{Compressor, Decompressor, DeflateDirection, DeflateOptions, WindowBits};
use wscodec::frame::Role;
use wscodec::message::{Kind, MaskSource};
use wscodec::session::{Event, In, Out, Piece, Session, SessionOptions, SessionState};
use wscodec::{CloseCode, Limits};
use wscodec_fuzz::Choices;

/// The most memory of one session: a message, as much again while it grows, and the extensions.
const MEMORY: usize = (2 << 20) + (768 << 10);

/// Mask keys of a client; a server has none.
struct Keys(Option<u32>);

impl MaskSource for Keys {
    fn next_key(&mut self) -> Option<[u8; 4]> {
        let key = self.0?;
        self.0 = Some(key.wrapping_mul(0x9e37_79b9).rotate_left(7) ^ 0x55aa_1234);
        Some(key.to_be_bytes())
    }
}

/// An item of a direction whose order is promised.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Message(Kind, Vec<u8>),
    Ping(Vec<u8>),
    /// A pong that the caller has sent, not the answer to a ping.
    Pong(Vec<u8>),
    Close(u16, String),
}

/// The payload of a ping or pong, with a number that no other has.
fn numbered(mark: u8, number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    vec![mark, high, low]
}

const PING: u8 = 1;
const PONG: u8 = 2;

struct End {
    session: Session<Keys, In, Out>,
    pieces: bool,
    out: Vec<u8>,
    /// The messages that were accepted and have not arrived.
    expected: VecDeque<Item>,
    /// The message that this end sends in parts.
    sending: Option<(Kind, Vec<u8>)>,
    /// The message that this end receives in parts.
    receiving: Option<(Kind, Vec<u8>)>,
    /// Numbers of the pings that were delivered to this end and whose pong may still come.
    answers: VecDeque<Vec<u8>>,
    close_sent: bool,
    close_received: bool,
    number: u16,
    state: SessionState,
}

fn rank(state: SessionState) -> u8 {
    match state {
        SessionState::Open => 0,
        SessionState::Closing | SessionState::PeerClosed => 1,
        SessionState::Closed => 2,
    }
}

impl End {
    fn new(role: Role, directions: [Option<DeflateDirection>; 2], flags: u8) -> Self {
        let mut limits = Limits::default();
        limits.message = 1 << 20;
        limits.fragments = 1 << 20;
        limits.inflation = u32::MAX;
        let mut options = SessionOptions::default();
        options.limits = limits.clone();
        options.auto_close = flags & 1 == 0;
        options.backlog = if flags & 2 == 0 { 64 << 10 } else { 8 };
        if flags & 4 != 0 {
            options.heartbeat = Some(Duration::from_secs(3600));
        }
        let [receive, send] = directions;
        let inbound = receive.map_or_else(In::default, |direction| {
            let inflater: Decompressor = Decompressor::with_engine(direction, &limits);
            inflater.into()
        });
        let outbound = send.map_or_else(Out::default, |direction| {
            let mut options = DeflateOptions::default();
            options.level = 1 + flags % 9;
            let compressor: Compressor = Compressor::with_engine(direction, &options);
            compressor.into()
        });
        let key = (role == Role::Client).then_some(0x1234_5678);
        Self {
            session: Session::new(role, Keys(key), inbound, outbound, &options),
            pieces: flags & 8 != 0,
            out: Vec::new(),
            expected: VecDeque::new(),
            sending: None,
            receiving: None,
            answers: VecDeque::new(),
            close_sent: false,
            close_received: false,
            number: 0,
            state: SessionState::Open,
        }
    }

    /// States only go forward, and memory stays within the limits.
    fn check(&mut self) {
        let state = self.session.state();
        assert!(rank(state) >= rank(self.state));
        assert_eq!(
            state == SessionState::Closed,
            self.session.outcome().is_some()
        );
        if rank(state) == 1 && rank(self.state) == 1 {
            assert_eq!(state, self.state);
        }
        self.state = state;
        assert!(self.session.memory() <= MEMORY);
        let sent = self.session.outcome().and_then(|outcome| outcome.sent);
        if let Some(code) = sent {
            assert!(
                code == CloseCode::NO_STATUS || code.is_sendable(),
                "{code:?}"
            );
        }
    }

    /// Text or bytes for a message.
    fn payload(choices: &mut Choices, kind: Kind) -> Vec<u8> {
        let (len, times) = (choices.byte(), choices.byte());
        let mut part = choices.take(len.into()).to_vec();
        if kind == Kind::Text {
            part.iter_mut().for_each(|byte| *byte &= 0x7f);
            if len & 1 == 1 {
                part.extend("é€😀".as_bytes());
            }
        }
        part.repeat(1 + usize::from(times) % 24)
    }

    fn command(&mut self, choices: &mut Choices) {
        let before = self.out.len();
        let open =
            rank(self.session.state()) == 0 || self.session.state() == SessionState::PeerClosed;
        let kind = if choices.flag() {
            Kind::Text
        } else {
            Kind::Binary
        };
        let mut outbox = self.session.outbox(&mut self.out);
        let (accepted, legal) = match choices.byte() % 8 {
            0 | 1 => {
                let payload = Self::payload(choices, kind);
                let accepted = outbox.send(kind, &payload).is_ok();
                if accepted {
                    self.expected.push_back(Item::Message(kind, payload));
                }
                (accepted, self.sending.is_none())
            }
            2 => {
                let part = Self::payload(choices, kind);
                let accepted = outbox.begin(kind, &part).is_ok();
                let legal = self.sending.is_none();
                if accepted {
                    self.sending = Some((kind, part));
                }
                (accepted, legal)
            }
            3 => {
                let kind = self.sending.as_ref().map_or(kind, |it| it.0);
                let part = Self::payload(choices, kind);
                let accepted = outbox.more(&part).is_ok();
                let legal = self.sending.is_some();
                if let (true, Some((_, payload))) = (accepted, &mut self.sending) {
                    payload.extend(part);
                }
                (accepted, legal)
            }
            4 => {
                let kind = self.sending.as_ref().map_or(kind, |it| it.0);
                let part = Self::payload(choices, kind);
                let accepted = outbox.finish(&part).is_ok();
                let legal = self.sending.is_some();
                if accepted && let Some((kind, mut payload)) = self.sending.take() {
                    payload.extend(part);
                    self.expected.push_back(Item::Message(kind, payload));
                }
                (accepted, legal)
            }
            5 => {
                self.number += 1;
                let payload = numbered(PING, self.number);
                let accepted = outbox.ping(&payload).is_ok();
                if accepted {
                    self.expected.push_back(Item::Ping(payload));
                }
                (accepted, true)
            }
            6 => {
                self.number += 1;
                let payload = numbered(PONG, self.number);
                let accepted = outbox.pong(&payload).is_ok();
                if accepted {
                    self.expected.push_back(Item::Pong(payload));
                }
                (accepted, true)
            }
            _ => {
                let code = u16::from_be_bytes([choices.byte() & 0x1f, choices.byte()]);
                let reason = if kind == Kind::Text { "bye" } else { "" };
                let code = CloseCode::new(code);
                let legal = code.is_sendable();
                let accepted = outbox.close(code, reason).is_ok();
                if accepted {
                    self.expected
                        .push_back(Item::Close(code.into(), reason.to_owned()));
                    self.close_sent = true;
                }
                (accepted, legal)
            }
        };
        assert_eq!(accepted, open && legal);
        if !accepted {
            assert_eq!(self.out.len(), before);
        }
    }

    /// Takes bytes of the pipe. `peer` is the end that sent them.
    fn receive(&mut self, bytes: &mut [u8], peer: &mut Self) {
        let was_open = rank(self.session.state()) < 2;
        let mut input = bytes;
        loop {
            let before = self.session.state();
            let item = if self.pieces {
                match self.session.receive_piece(&mut input, &mut self.out) {
                    Ok(None) => break,
                    Ok(Some((piece, _))) => match piece {
                        Piece::Frame(header) => {
                            let kinds = [Kind::Text, Kind::Binary];
                            let kind = kinds.into_iter().find(|it| it.opcode() == header.opcode);
                            if let Some(kind) = kind {
                                assert!(self.receiving.is_none());
                                self.receiving = Some((kind, Vec::new()));
                            }
                            continue;
                        }
                        Piece::Data(data) => {
                            self.receiving.as_mut().unwrap().1.extend_from_slice(data);
                            continue;
                        }
                        Piece::End => {
                            let (kind, payload) = self.receiving.take().unwrap();
                            Item::Message(kind, payload)
                        }
                        Piece::Ping(payload) => Item::Ping(payload.to_vec()),
                        Piece::Pong(payload) => Item::Pong(payload.to_vec()),
                        Piece::Close(close) => closed(close),
                    },
                    Err(fault) => panic!("{fault}"),
                }
            } else {
                match self.session.receive(&mut input, &mut self.out) {
                    Ok(None) => break,
                    Ok(Some((event, _))) => match event {
                        Event::Message(message) => {
                            Item::Message(message.kind, message.payload.to_vec())
                        }
                        Event::Ping(payload) => Item::Ping(payload.to_vec()),
                        Event::Pong(payload) => Item::Pong(payload.to_vec()),
                        Event::Close(close) => closed(close),
                    },
                    Err(fault) => panic!("{fault}"),
                }
            };
            assert!(was_open && !self.close_received, "{item:?} after the end");
            self.arrived(item, before, peer);
        }
        assert!(input.is_empty());
    }

    fn arrived(&mut self, item: Item, before: SessionState, peer: &mut Self) {
        match &item {
            // The answer to a ping: not doubled, and in the order of the pings.
            Item::Pong(payload) if payload.first() == Some(&PING) => loop {
                let ping = peer.answers.pop_front();
                match ping {
                    Some(ping) if ping == *payload => return,
                    Some(_) => {}
                    None => panic!("a pong without a ping"),
                }
            },
            Item::Ping(payload) => self.answers.push_back(payload.clone()),
            Item::Close(..) => {
                self.close_received = true;
                if before == SessionState::Open && self.session.state() == SessionState::Closed {
                    // The session has answered with the same code and reason.
                    self.expected.push_back(item.clone());
                    self.close_sent = true;
                }
            }
            Item::Message(..) | Item::Pong(_) => {}
        }
        let expected = peer.expected.pop_front();
        assert_eq!(Some(item), expected);
    }

    /// The first bytes of the output leave.
    fn leave(&mut self, len: usize) -> Vec<u8> {
        let rest = self.out.split_off(len.min(self.out.len()));
        let bytes = std::mem::replace(&mut self.out, rest);
        self.session.sent(bytes.len());
        bytes
    }
}

fn closed(close: Option<wscodec::frame::CloseFrame<'_>>) -> Item {
    match close {
        Some(close) => Item::Close(close.code.into(), close.reason.to_owned()),
        None => Item::Close(1005, String::new()),
    }
}

fn pass(from: &mut End, to: &mut End, len: usize) {
    let mut bytes = from.leave(len);
    to.receive(&mut bytes, from);
    let unsent = to.out.len();
    to.session
        .tick(Duration::from_secs(1), unsent, &mut to.out)
        .expect("no time passes");
    from.check();
    to.check();
}

fuzz_target!(|bytes: &[u8]| {
    let mut choices = Choices::new(bytes);
    let mut direction = || {
        let byte = choices.byte();
        (byte & 1 != 0).then(|| DeflateDirection {
            window: WindowBits::new(8 + (byte >> 2) % 8).unwrap(),
            takeover: byte & 2 != 0,
        })
    };
    let (up, down) = (direction(), direction());
    let mut client = End::new(Role::Client, [down, up], choices.byte());
    let mut server = End::new(Role::Server, [up, down], choices.byte());
    while !choices.is_empty() {
        let choice = choices.byte();
        let (from, to) = match choice & 1 {
            0 => (&mut client, &mut server),
            _ => (&mut server, &mut client),
        };
        match choice >> 1 & 3 {
            0 | 1 => from.command(&mut choices),
            2 => pass(from, to, usize::from(choices.byte() % 16)),
            _ => pass(from, to, usize::from(choices.byte()) * 64),
        }
        from.check();
    }
    // Everything arrives. Then both close.
    for round in 0..6 {
        pass(&mut client, &mut server, usize::MAX);
        pass(&mut server, &mut client, usize::MAX);
        for end in [&mut client, &mut server] {
            if round == 1 && !end.close_sent {
                let mut outbox = end.session.outbox(&mut end.out);
                outbox
                    .close(CloseCode::NORMAL, "")
                    .expect("no close was sent");
                end.expected.push_back(Item::Close(1000, String::new()));
                end.close_sent = true;
            }
        }
    }
    for end in [&mut client, &mut server] {
        end.check();
        assert!(end.close_sent && end.close_received);
        assert_eq!(end.expected, []);
        assert!(end.out.is_empty());
        assert_eq!(end.session.state(), SessionState::Closed);
        assert!(end.session.outcome().unwrap().clean);
        let mut outbox = end.session.outbox(&mut end.out);
        assert!(outbox.text("late").is_err() && outbox.ping(b"").is_err());
        assert!(outbox.close(CloseCode::NORMAL, "").is_err());
        end.session.release();
        assert!(end.out.is_empty());
    }
});
