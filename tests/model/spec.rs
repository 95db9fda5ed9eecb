//! The session of RFC 6455 as a small executable specification.
//!
//! It knows nothing of the implementation: it is written from the RFC and from the rule of the
//! timers in the documentation of `wscodec::session`. A step takes one [`Action`] and says which
//! frames the endpoint sends, which event the caller sees, and which [`Rule`] applied. The rules
//! together are the transitions of the model; `main.rs` checks that a search reaches each of them.
//!
//! Two simplifications keep it small, without hiding a transition:
//!
//! - Payloads are fixed. Each text is "é", which a fragmented message cuts within the character.
//! - The clock moves in steps of [`STEP`], and the caller applies the timers after each action, as
//!   all callers in this project do. `Flush` lets all pending output leave at once.

use std::collections::VecDeque;

use crate::names::{Action, Rule};

/// The clock's step, in seconds. All times are multiples of it.
pub(crate) const STEP: u64 = 5;
pub(crate) const HEARTBEAT: u64 = 10;
pub(crate) const PONG_TIMEOUT: u64 = 15;
pub(crate) const IDLE: u64 = 20;
pub(crate) const CLOSE_TIMEOUT: u64 = 10;
/// The whole close takes at most this long after the close frame has left.
pub(crate) const CLOSE_BOUND: u64 = 10 * CLOSE_TIMEOUT;

/// How the endpoint is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) client: bool,
    pub(crate) auto_pong: bool,
    pub(crate) auto_close: bool,
    pub(crate) heartbeat: bool,
    pub(crate) idle: bool,
    /// Whether output waits until `Flush`, and pongs wait while there is other output. Otherwise
    /// each action's output leaves at once.
    pub(crate) stalled: bool,
}

/// A frame that the endpoint sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Text,
    Begin,
    More,
    Finish,
    Ping,
    Pong,
    /// With its code; 1005 for none.
    Close(u16),
}

/// An event as the caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    Message,
    Ping,
    Pong,
    Close(u16),
    /// The code of the error that the call returns.
    Error(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum State {
    Open,
    Closing,
    PeerClosed,
    Closed,
}

/// The heartbeat's ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Beat {
    Quiet,
    Queued,
    Left,
}

/// The result of a step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) seen: Seen,
    pub(crate) sent: Vec<Sent>,
    pub(crate) rules: Vec<Rule>,
    /// The error that the timers return.
    pub(crate) timer: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(crate) struct Model {
    setup: Setup,
    pub(crate) state: State,
    receiving: bool,
    sending: bool,
    kept_pong: bool,
    pub(crate) close_received: Option<u16>,
    pub(crate) close_sent: Option<u16>,
    pub(crate) cause: Option<&'static str>,
    pub(crate) failed: bool,
    pub(crate) now: u64,
    /// Output that has not left.
    unsent: VecDeque<Sent>,
    reading: bool,
    /// Output waited when the timers were applied last.
    waited: bool,
    beat: Beat,
    beat_at: u64,
    idle_at: u64,
    close_left: bool,
    close_at: u64,
    close_bound: u64,
}

impl Model {
    pub(crate) fn new(setup: Setup) -> Self {
        Self {
            setup,
            state: State::Open,
            receiving: false,
            sending: false,
            kept_pong: false,
            close_received: None,
            close_sent: None,
            cause: None,
            failed: false,
            now: 0,
            unsent: VecDeque::new(),
            reading: true,
            waited: false,
            beat: Beat::Quiet,
            beat_at: HEARTBEAT,
            idle_at: IDLE,
            close_left: false,
            close_at: 0,
            close_bound: 0,
        }
    }

    pub(crate) fn clean(&self) -> bool {
        self.close_received.is_some() && self.close_sent.is_some() && !self.failed
    }

    /// When the timers have something to do next.
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Open => {
                let waits_for_pong = self.beat != Beat::Quiet;
                let beat = self.setup.heartbeat && (self.reading || !waits_for_pong);
                let idle = self.setup.idle && self.reading;
                let beat = beat.then_some(self.beat_at);
                beat.into_iter().chain(idle.then_some(self.idle_at)).min()
            }
            State::Closing => Some(self.close_at),
            State::PeerClosed | State::Closed => None,
        }
    }

    /// The output leaves: everything at once. Returns whether there was any.
    fn flush(&mut self) -> bool {
        !std::mem::take(&mut self.unsent).is_empty()
    }

    pub(crate) fn step(&mut self, action: Action) -> Step {
        let mut step = Step {
            seen: Seen::Nothing,
            sent: Vec::new(),
            rules: Vec::new(),
            timer: None,
        };
        let mut progress = false;
        let mut received = Received::Nothing;
        match action {
            Action::Wait => self.now += STEP,
            Action::Flush => {
                step.rules.push(Rule::Flushing);
                progress = self.flush();
            }
            Action::Pause => {
                step.rules.push(Rule::Pausing);
                self.reading = false;
            }
            Action::Resume => self.resume(&mut step),
            _ if is_peer(action) => received = self.peer(action, &mut step),
            _ => self.command(action, &mut step),
        }
        loop {
            if !self.setup.stalled {
                progress = self.flush();
            }
            let before = step.sent.len();
            self.timers(received, progress, &mut step);
            received = Received::Nothing;
            if self.setup.stalled || step.sent.len() == before {
                break;
            }
        }
        if step.rules.is_empty() {
            step.rules.push(Rule::Waiting);
        }
        step
    }

    fn send(&mut self, frame: Sent, step: &mut Step) {
        self.unsent.push_back(frame);
        step.sent.push(frame);
    }

    /// Sends the close frame, which is the last frame, so the pong that waits goes before it.
    fn send_close(&mut self, code: u16, step: &mut Step) {
        if std::mem::take(&mut self.kept_pong) {
            step.rules.push(Rule::SendKeptPongBeforeClose);
            self.send(Sent::Pong, step);
        }
        self.close_sent = Some(code);
        self.send(Sent::Close(code), step);
        (self.close_left, self.close_at) = (false, self.now + CLOSE_TIMEOUT);
    }

    fn resume(&mut self, step: &mut Step) {
        step.rules.push(Rule::Resuming);
        if !std::mem::replace(&mut self.reading, true) && self.state == State::Open {
            // Both times start anew.
            self.idle_at = self.now + IDLE;
            self.beat_at = self.now + self.beat_time();
        }
    }

    /// How long the heartbeat waits for its next transition.
    fn beat_time(&self) -> u64 {
        match self.beat {
            Beat::Quiet => HEARTBEAT,
            Beat::Queued | Beat::Left => PONG_TIMEOUT,
        }
    }

    /// §7.1.7: fails the connection, with a close frame if none was sent.
    fn fail(&mut self, error: &'static str, code: Option<u16>, step: &mut Step) {
        if self.state == State::Closed {
            return;
        }
        if let (None, Some(code)) = (self.close_sent, code) {
            self.kept_pong = false;
            self.send_close(code, step);
        }
        (self.state, self.failed, self.kept_pong) = (State::Closed, true, false);
        self.cause.get_or_insert(error);
    }
}

/// A step of the peer, as far as it concerns the timers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Received {
    Nothing,
    /// A frame that belongs to no message.
    Control,
    /// Bytes of a message.
    Message,
}

fn is_peer(action: Action) -> bool {
    use Action::*;
    matches!(
        action,
        PeerText
            | PeerBegin
            | PeerMore
            | PeerFinish
            | PeerPing
            | PeerPong
            | PeerClose
            | PeerCloseEmpty
            | PeerBadText
            | PeerReserved
            | PeerWrongMask
            | PeerEof
    )
}

impl Model {
    fn peer(&mut self, action: Action, step: &mut Step) -> Received {
        if action == Action::PeerEof {
            self.eof(step);
            return Received::Nothing;
        }
        if self.failed {
            step.rules.push(Rule::SameFault);
            step.seen = Seen::Error(self.cause.unwrap());
            return Received::Nothing;
        }
        if matches!(self.state, State::PeerClosed | State::Closed) {
            step.rules.push(Rule::DropAfterClose);
            return Received::Nothing;
        }
        if self.kept_pong && self.unsent.is_empty() {
            step.rules.push(Rule::SendKeptPong);
            self.kept_pong = false;
            self.send(Sent::Pong, step);
        }
        let begun = self.receiving;
        let mut message = begun;
        let rule = match action {
            Action::PeerText if !begun => {
                (step.seen, message) = (Seen::Message, true);
                Rule::ReceiveMessage
            }
            Action::PeerBegin if !begun => {
                (self.receiving, message) = (true, false);
                Rule::ReceiveBegin
            }
            Action::PeerBadText if !begun => return self.refuse(Rule::RefuseText, step),
            Action::PeerText | Action::PeerBegin | Action::PeerBadText => {
                return self.refuse(Rule::RefuseNested, step);
            }
            Action::PeerMore | Action::PeerFinish if !begun => {
                return self.refuse(Rule::RefuseContinuation, step);
            }
            Action::PeerMore => Rule::ReceiveMore,
            Action::PeerFinish => {
                (step.seen, self.receiving) = (Seen::Message, false);
                Rule::ReceiveFinish
            }
            Action::PeerReserved => return self.refuse(Rule::RefuseOpcode, step),
            Action::PeerWrongMask => return self.refuse(Rule::RefuseMask, step),
            Action::PeerPing => {
                step.seen = Seen::Ping;
                self.ping(step)
            }
            Action::PeerPong => {
                step.seen = Seen::Pong;
                Rule::ReceivePong
            }
            Action::PeerClose => self.close_frame(1000, step),
            Action::PeerCloseEmpty => self.close_frame(1005, step),
            _ => unreachable!("{action:?} is not the peer's"),
        };
        step.rules.push(rule);
        match message {
            true => Received::Message,
            false => Received::Control,
        }
    }

    fn refuse(&mut self, rule: Rule, step: &mut Step) -> Received {
        let (error, code) = match rule {
            Rule::RefuseText => ("INVALID_UTF8", 1007),
            Rule::RefuseNested => ("EXPECTED_CONTINUATION", 1002),
            Rule::RefuseContinuation => ("UNEXPECTED_CONTINUATION", 1002),
            Rule::RefuseOpcode => ("RESERVED_OPCODE", 1002),
            Rule::RefuseMask if self.setup.client => ("MASKED_FRAME", 1002),
            Rule::RefuseMask => ("UNMASKED_FRAME", 1002),
            _ => unreachable!("{rule:?} refuses nothing"),
        };
        self.fail(error, Some(code), step);
        step.rules.push(rule);
        // An idle close has a cause already, which stays.
        step.seen = Seen::Error(self.cause.unwrap());
        Received::Nothing
    }

    fn ping(&mut self, step: &mut Step) -> Rule {
        match self.state {
            _ if !self.setup.auto_pong => Rule::ShowPing,
            State::Open if self.unsent.is_empty() => {
                self.kept_pong = false;
                self.send(Sent::Pong, step);
                Rule::AnswerPing
            }
            State::Open => {
                self.kept_pong = true;
                Rule::KeepPing
            }
            _ => Rule::PingWhileClosing,
        }
    }

    fn close_frame(&mut self, code: u16, step: &mut Step) -> Rule {
        step.seen = Seen::Close(code);
        self.close_received = Some(code);
        match self.state {
            State::Open if self.setup.auto_close => {
                self.send_close(code, step);
                self.state = State::Closed;
                Rule::AnswerClose
            }
            State::Open => {
                if std::mem::take(&mut self.kept_pong) {
                    step.rules.push(Rule::SendKeptPongBeforeClose);
                    self.send(Sent::Pong, step);
                }
                self.state = State::PeerClosed;
                Rule::ShowClose
            }
            _ => {
                self.state = State::Closed;
                Rule::CloseAnswered
            }
        }
    }

    fn eof(&mut self, step: &mut Step) {
        step.rules.push(match self.state {
            State::Open => Rule::EofWhileOpen,
            State::Closing => Rule::EofWhileClosing,
            State::PeerClosed | State::Closed => Rule::EofAfterClose,
        });
        match self.state {
            State::Open | State::Closing => self.fail("UNEXPECTED_EOF", None, step),
            State::PeerClosed | State::Closed => self.state = State::Closed,
        }
        if self.failed {
            step.seen = Seen::Error(self.cause.unwrap());
        }
    }

    fn command(&mut self, action: Action, step: &mut Step) {
        if action == Action::Fail {
            step.rules.push(match self.state {
                State::Open | State::PeerClosed => Rule::FailOpen,
                State::Closing => Rule::FailClosing,
                State::Closed => Rule::FailClosed,
            });
            return self.fail("MESSAGE_TOO_LARGE", Some(1009), step);
        }
        if matches!(self.state, State::Closing | State::Closed) {
            step.rules.push(Rule::MisuseClosing);
            step.seen = Seen::Error("CLOSING");
            return;
        }
        let (rule, frame) = match action {
            Action::Text | Action::Begin if self.sending => {
                step.seen = Seen::Error("MESSAGE_UNFINISHED");
                (Rule::MisuseNested, None)
            }
            Action::More | Action::Finish if !self.sending => {
                step.seen = Seen::Error("NO_MESSAGE_BEGUN");
                (Rule::MisuseContinuation, None)
            }
            Action::Text => (Rule::Send, Some(Sent::Text)),
            Action::Begin => (Rule::SendBegin, Some(Sent::Begin)),
            Action::More => (Rule::SendMore, Some(Sent::More)),
            Action::Finish => (Rule::SendFinish, Some(Sent::Finish)),
            Action::Ping => (Rule::SendPing, Some(Sent::Ping)),
            Action::Pong => (Rule::SendPong, Some(Sent::Pong)),
            Action::CloseReserved => {
                step.seen = Seen::Error("CLOSE_CODE_NOT_SENDABLE");
                (Rule::MisuseCloseCode, None)
            }
            Action::Close => (self.begin_close(1000, step), None),
            Action::CloseEmpty => (self.begin_close(1005, step), None),
            _ => unreachable!("{action:?} is not the caller's"),
        };
        match action {
            Action::Begin => self.sending = true,
            Action::Finish => self.sending = false,
            _ => {}
        }
        if let Some(frame) = frame {
            self.send(frame, step);
        }
        step.rules.push(rule);
    }

    fn begin_close(&mut self, code: u16, step: &mut Step) -> Rule {
        self.send_close(code, step);
        match self.state {
            State::PeerClosed => {
                self.state = State::Closed;
                Rule::AnswerCloseByHand
            }
            _ => {
                self.state = State::Closing;
                Rule::BeginClose
            }
        }
    }

    /// Applies the rule of the timers.
    fn timers(&mut self, received: Received, progress: bool, step: &mut Step) {
        let waiting = !self.unsent.is_empty();
        let waited = std::mem::replace(&mut self.waited, waiting);
        match self.state {
            State::Open => {
                if self.kept_pong && !waiting {
                    step.rules.push(Rule::SendKeptPong);
                    self.kept_pong = false;
                    self.send(Sent::Pong, step);
                }
                self.open_timers(received, progress, waited, step);
            }
            State::Closing => self.close_timer(received, progress, step),
            State::PeerClosed => {}
            State::Closed => {
                if self.failed {
                    step.timer = self.cause;
                }
            }
        }
    }

    fn open_timers(&mut self, received: Received, progress: bool, waited: bool, step: &mut Step) {
        if self.setup.idle {
            if received == Received::Message || !self.reading {
                self.idle_at = self.now + IDLE;
            } else if self.now >= self.idle_at {
                step.rules.push(Rule::IdleClose);
                self.send_close(1001, step);
                (self.state, self.cause) = (State::Closing, Some("IDLE"));
                return;
            }
        }
        if !self.setup.heartbeat {
            return;
        }
        if received != Received::Nothing || (waited && progress) {
            (self.beat, self.beat_at) = (Beat::Quiet, self.now + HEARTBEAT);
        } else if self.beat == Beat::Queued && self.unsent.is_empty() {
            (self.beat, self.beat_at) = (Beat::Left, self.now + PONG_TIMEOUT);
        }
        if self.now < self.beat_at {
            return;
        }
        match self.beat {
            Beat::Quiet => {
                step.rules.push(Rule::Heartbeat);
                self.send(Sent::Ping, step);
                (self.beat, self.beat_at) = (Beat::Queued, self.now + PONG_TIMEOUT);
            }
            Beat::Queued | Beat::Left if self.reading => {
                step.rules.push(match self.beat {
                    Beat::Queued => Rule::PingStalled,
                    _ => Rule::NoPong,
                });
                self.fail("NO_PONG", None, step);
                step.timer = self.cause;
            }
            Beat::Queued | Beat::Left => {}
        }
    }

    fn close_timer(&mut self, received: Received, progress: bool, step: &mut Step) {
        if !self.close_left {
            if self.unsent.is_empty() {
                self.close_left = true;
                self.close_at = self.now + CLOSE_TIMEOUT;
                self.close_bound = self.now + CLOSE_BOUND;
            } else if progress {
                self.close_at = self.now + CLOSE_TIMEOUT;
            }
        } else if received == Received::Message {
            self.close_at = (self.now + CLOSE_TIMEOUT).min(self.close_bound);
        }
        if self.now >= self.close_at {
            step.rules.push(match self.close_left {
                true => Rule::NoClose,
                false => Rule::CloseStalled,
            });
            self.fail("NO_CLOSE", None, step);
            step.timer = self.cause;
        }
    }
}
