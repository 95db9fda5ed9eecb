//! One endpoint of a connection: the session of the core, its output, and what JavaScript reads
//! without a call.
//!
//! The problem: a call of the module costs as much as handling a small frame, and an object of
//! wasm-bindgen costs JavaScript some 150 bytes, more than all that an idle connection knows. So:
//!
//! - One call decodes a chunk ([`receive`](Endpoint::receive)), one call sends a message
//!   ([`send`](Endpoint::send)). Rows of data cost no call. JavaScript calls
//!   [`answer`](Endpoint::answer) only at rows of control frames and [`fail`](Endpoint::fail) at a
//!   fault behind the last row, in their order: nothing is answered while decoding, because a close
//!   frame in the same chunk would end the session before its messages are handled.
//! - SessionState, deadline and the output's place are words ([`Shown`]) at an address that does not change.
//!   JavaScript takes the output by copying it and writing 0 over the length; the next call sees that
//!   ([`sync`](Endpoint::sync)) and empties the buffer.
//! - A session [at rest](Session::is_idle) needs no endpoint. JavaScript keeps its offset, and with
//!   timers or compression a [`Resting`], and hands the endpoint to the next session that needs one.
//!   One endpoint for each connection was tried: 0.9 KB more for each idle one.
//!
//! A call that finds no memory ends its session by [`ends`](Endpoint::ends), with a close frame if
//! there is room for that. A sender that fails has appended nothing, so that the output stays whole.

use alloc::vec::Vec;
use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::Arena;
use super::extension::{Coding, Extension, Inflate};
use super::intake::Intake;
use super::messages::UNMASKED;
use super::{address, errors, grow, limits};
use wscodec::error::{CloseCode, ErrorKind, Fault, LimitError, MisuseError};
use wscodec::frame::{CloseFrame, Role, Rsv};
use wscodec::message::{InboundExtension, Kind, MaskSource, MessageRef, OutboundExtension};
use wscodec::session::{IdleTimers, Session, SessionOptions, SessionState};

/// An endpoint keeps an output buffer of this size for the next session; a session that does not
/// rest keeps less.
const OUTPUT: usize = 64 << 10;
const OWN_OUTPUT: usize = 4 << 10;

/// How a session at its end is told, in the numbers of JavaScript.
const OPEN: u32 = 0;
const CLOSING: u32 = 1;
const PEER_CLOSED: u32 = 2;
const CLOSED: u32 = 3;

/// Flags of [`Shown`].
const AT_REST: u32 = 1;
const OWES_PONG: u32 = 2;
const IN_MESSAGE: u32 = 4;
const FAILED: u32 = 8;
const FRAME_QUEUED: u32 = 16;

/// The address lies in no buffer that is known, and nothing was done.
const UNKNOWN: u32 = u32::MAX;

/// The words that JavaScript reads without a call. It writes 0 over `waiting` when it has taken the
/// output.
#[repr(C)]
struct Shown {
    state: u32,
    flags: u32,
    /// Bytes of output that wait, and where they are.
    waiting: u32,
    output: u32,
    /// What [`Endpoint::space`] has handed out.
    space: u32,
    unused: u32,
    /// In milliseconds; NaN for none.
    deadline: f64,
}

/// The mask keys of the frames that a call may write: JavaScript draws them. A server has none.
#[derive(Default)]
pub(super) struct Keys {
    client: bool,
    keys: [u32; 2],
}

impl Keys {
    fn set(&mut self, first: u32, second: u32) {
        self.keys = [first, second];
    }
}

impl MaskSource for Keys {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        if !self.client {
            return None;
        }
        let [key, next] = self.keys;
        self.keys = [next, next];
        Some(key.to_le_bytes())
    }
}

/// How the sessions of the same options behave.
#[wasm_bindgen]
pub struct EndpointOptions {
    config: SessionOptions,
    client: bool,
    rsv: u8,
    pieces: bool,
}

/// Milliseconds as a duration; `None` for what is no number.
fn time(milliseconds: f64) -> Option<Duration> {
    (!milliseconds.is_nan()).then(|| Duration::from_nanos((milliseconds * 1e6) as u64))
}

fn milliseconds(time: Option<Duration>) -> f64 {
    time.map_or(f64::NAN, |time| {
        time.as_secs() as f64 * 1e3 + f64::from(time.subsec_nanos()) / 1e6
    })
}

#[wasm_bindgen]
impl EndpointOptions {
    /// For one side; `rsv` as for [`Messages`](super::messages::Messages).
    #[wasm_bindgen(constructor)]
    pub fn new(client: bool, rsv: u8, frame: f64, message: f64, fragments: u32) -> Self {
        let mut config = SessionOptions::DEFAULT;
        config.limits = limits(frame, message, fragments);
        config.dangerously_accept_unmasked = rsv & UNMASKED != 0;
        Self {
            config,
            client,
            rsv: rsv & 7,
            pieces: false,
        }
    }

    /// Whether pings and close frames are answered, and whether messages are handed out in pieces.
    pub fn automatic(&mut self, pong: bool, close: bool, pieces: bool, backlog: usize) {
        self.config.auto_pong = pong;
        self.config.auto_close = close;
        self.config.backlog = backlog;
        self.pieces = pieces;
    }

    /// Times in milliseconds; NaN for never.
    pub fn times(&mut self, close: f64, heartbeat: f64, pong: f64, idle: f64) {
        self.config.close_timeout = time(close).unwrap_or(Duration::MAX);
        self.config.heartbeat = time(heartbeat);
        self.config.pong_timeout = time(pong).unwrap_or(Duration::MAX);
        self.config.idle = time(idle);
    }
}

/// What a session at rest knows besides its offset: deadlines, and what compression looks back at.
#[wasm_bindgen]
pub struct Resting {
    /// The deadline in milliseconds; NaN for none.
    deadline: f64,
    timers: IdleTimers,
    pub(super) inflate: Option<Inflate>,
    pub(super) coding: Coding,
}

#[wasm_bindgen]
impl Resting {
    /// Of a session that begins.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &EndpointOptions) -> Self {
        Self {
            deadline: options.first_deadline(),
            timers: IdleTimers::new(&options.config),
            inflate: None,
            coding: Coding::default(),
        }
    }

    /// The address of the deadline.
    pub fn address(&self) -> u32 {
        core::ptr::from_ref(&self.deadline).addr() as u32
    }

    /// Bytes of memory held by the extension.
    pub fn memory(&self) -> usize {
        InboundExtension::memory(&self.inflate) + self.coding.memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        InboundExtension::release(&mut self.inflate);
        self.coding.release();
    }
}

impl EndpointOptions {
    /// When the clock of a new session is to be looked at.
    fn first_deadline(&self) -> f64 {
        match (self.config.heartbeat, self.config.idle) {
            (None, None) => f64::NAN,
            _ => 0.0,
        }
    }
}

/// See the [module](self).
#[wasm_bindgen]
pub struct Endpoint {
    shown: Shown,
    session: Session<Keys, Extension, Coding>,
    output: Vec<u8>,
    intake: Intake,
}

#[wasm_bindgen]
impl Endpoint {
    /// For sessions of these options, one after the other.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &EndpointOptions) -> Self {
        let role = if options.client {
            Role::Client
        } else {
            Role::Server
        };
        let keys = Keys {
            client: options.client,
            keys: [0; 2],
        };
        let extension = Extension::new(Rsv::new(options.rsv), None);
        let coding = Coding::default();
        let session = Session::new(role, keys, extension, coding, &options.config);
        let mut endpoint = Self {
            shown: Shown {
                state: OPEN,
                flags: 0,
                waiting: 0,
                output: 0,
                space: 0,
                unused: 0,
                deadline: f64::NAN,
            },
            session,
            output: Vec::new(),
            intake: Intake::default(),
        };
        endpoint.intake.piece = options.pieces.then_some(0);
        endpoint.show();
        endpoint
    }

    /// The address of [`Shown`].
    pub fn address(&self) -> u32 {
        core::ptr::from_ref(&self.shown).addr() as u32
    }

    /// Takes over what another session at rest knows, and leaves there what this one knows.
    pub fn exchange(&mut self, resting: &mut Resting) {
        self.sync();
        let (receiver, sender) = self.session.parts_mut();
        receiver.exchange_extension(|extension| extension.exchange(&mut resting.inflate));
        core::mem::swap(sender.extension_mut(), &mut resting.coding);
        resting.deadline = self.shown.deadline;
        self.session.exchange_timers(&mut resting.timers);
        self.show();
    }

    /// Decodes the first `len` bytes of the arena's input into rows: see [`Intake::push`]. Nothing is
    /// answered but a pong that waited for room.
    pub fn receive(&mut self, arena: &mut Arena, len: usize, key: u32) -> i32 {
        self.begin(key, key);
        let (receiver, sender) = self.session.parts_mut();
        sender.begin_batch(len, receiver.in_message(), &mut self.output);
        let outcome = self.intake.push(receiver, arena, len);
        self.received(arena, outcome)
    }

    /// Goes on with the bytes that [`receive`](Self::receive) has left.
    pub fn resume(&mut self, arena: &mut Arena) -> i32 {
        self.sync();
        let (receiver, _) = self.session.parts_mut();
        let outcome = self.intake.resume(receiver, arena);
        self.received(arena, outcome)
    }

    /// See [`Intake::space`]; how many bytes there are is shown.
    pub fn space(&mut self, arena: &mut Arena, len: usize) -> u32 {
        let (receiver, _) = self.session.parts_mut();
        let (address, len) = self.intake.space(receiver, arena, len);
        self.shown.space = len as u32;
        address
    }

    /// See [`Intake::fill`].
    pub fn fill(&mut self, arena: &mut Arena, len: usize, key: u32) -> i32 {
        self.begin(key, key);
        let (receiver, sender) = self.session.parts_mut();
        sender.begin_batch(len, true, &mut self.output);
        let outcome = self.intake.fill(receiver, arena, len);
        self.received(arena, outcome)
    }

    /// Acts on a control frame, whose payload lies where a decoding has left it, or in the stage.
    #[allow(clippy::too_many_arguments, reason = "objects are dear at this border")]
    pub fn answer(
        &mut self,
        arena: &Arena,
        opcode: u8,
        at: u32,
        len: usize,
        code: u16,
        first: u32,
        second: u32,
    ) {
        self.begin(first, second);
        let payload = [&arena.input, &arena.side, &arena.stage, self.intake.rest()]
            .into_iter()
            .find_map(|bytes| within(bytes, at, len))
            .unwrap_or_default();
        let sender = self.session.sender();
        match opcode {
            9 => sender.answer_ping(payload, &mut self.output),
            8 => {
                let close = (code != 1005).then(|| CloseFrame {
                    code: CloseCode::new(code),
                    // The receiver has checked it.
                    reason: core::str::from_utf8(payload).unwrap_or_default(),
                });
                sender.answer_close(close, &mut self.output);
            }
            _ => {}
        }
        self.show();
    }

    /// Ends the session with the fault that the last decoding has found.
    pub fn fail(&mut self, key: u32) {
        self.begin(key, key);
        if let Some(fault) = self.intake.fault {
            let sender = self.session.sender();
            sender.fail_batch(fault, &mut self.output);
        }
        self.show();
    }

    /// Ends the session for lack of memory.
    pub fn exhaust(&mut self, key: u32) {
        self.begin(key, key);
        self.ends(LimitError::OutOfMemory);
        self.show();
    }

    /// Sends a message whose payload lies in the stage. `text` may have to be checked to be UTF-8.
    /// Returns the number of an error, 0 for none.
    pub fn send(
        &mut self,
        arena: &mut Arena,
        text: bool,
        check: bool,
        len: usize,
        key: u32,
    ) -> u32 {
        self.sync();
        let result = match arena.stage.get(..len) {
            Some(payload) => self.sends(text, check, payload, key),
            None => Err(MisuseError::BufferTooSmall.into()),
        };
        arena.settle_stage();
        self.appended(result)
    }

    /// The same with a payload that lies where a decoding has left it; [`UNKNOWN`] if it does not.
    pub fn forward(
        &mut self,
        arena: &mut Arena,
        text: bool,
        check: bool,
        at: u32,
        len: usize,
        key: u32,
    ) -> u32 {
        self.sync();
        let held = self.session.decoder().held();
        // The receiver's own buffer cannot be lent while the session sends.
        let result = match arena.find(at, len) {
            Some(payload) => self.sends(text, check, payload, key),
            None if within(held, at, len).is_some() => match copied(held, at, len) {
                Ok(payload) => self.sends(text, check, &payload, key),
                Err(error) => Err(error.into()),
            },
            None => return UNKNOWN,
        };
        self.appended(result)
    }

    /// Sends a fragment, which lies in the stage, of a message of this kind: 1 text and 2 binary for
    /// the first fragment, 0 for others.
    pub fn fragment(
        &mut self,
        arena: &mut Arena,
        kind: u8,
        last: bool,
        len: usize,
        key: u32,
    ) -> u32 {
        self.sync();
        let result = match arena.stage.get(..len) {
            Some(part) => self.parts(kind, last, part, key),
            None => Err(MisuseError::BufferTooSmall.into()),
        };
        arena.settle_stage();
        self.wrote(result)
    }

    /// Sends a message that was framed before, and lies in the stage.
    pub fn framed(&mut self, arena: &mut Arena, header: usize, len: usize, key: u32) -> u32 {
        self.sync();
        let result = match arena.stage.get(..len) {
            Some(frame) => self.frames(frame, header, key),
            None => Err(MisuseError::BufferTooSmall.into()),
        };
        arena.settle_stage();
        self.wrote(result)
    }

    /// Whether the peer can read a message that was compressed elsewhere, with a window of `needs`
    /// bits; it is sent next then.
    pub fn pass(&mut self, needs: u8) -> bool {
        let sender = self.session.sender();
        sender.extension_mut().pass(Rsv::RSV1, needs)
    }

    /// Sends a ping or a pong, whose payload lies in the stage.
    pub fn control(&mut self, arena: &Arena, pong: bool, len: usize, key: u32) -> u32 {
        self.begin(key, key);
        let sender = self.session.sender();
        let result = match arena.stage.get(..len) {
            Some(payload) if pong => sender.pong(payload, &mut self.output),
            Some(payload) => sender.ping(payload, &mut self.output),
            None => Err(MisuseError::BufferTooSmall.into()),
        };
        self.wrote(result)
    }

    /// Begins the close, or answers the peer's. A `code` below 0 is none; the reason lies in the stage.
    pub fn close(&mut self, arena: &Arena, code: i32, len: usize, key: u32) -> u32 {
        self.begin(key, key);
        let reason = arena.stage.get(..len).unwrap_or_default();
        let code = u16::try_from(code).ok().map(CloseCode::new);
        let reason = core::str::from_utf8(reason).unwrap_or_default();
        let sender = self.session.sender();
        let result = sender.close(code, reason, &mut self.output);
        self.wrote(result)
    }

    /// Says that the transport ended.
    pub fn end(&mut self) -> u32 {
        self.sync();
        let result = self.session.end();
        self.wrote(result.map_err(|fault| fault.error))
    }

    /// Looks at the clock. Of the bytes that were taken, `sent` have left since the last look, and
    /// `unsent` have not left.
    pub fn tick(&mut self, now: f64, unsent: f64, sent: f64, first: u32, second: u32) -> u32 {
        self.begin(first, second);
        self.session.sent(sent as usize);
        let unsent = (unsent as usize).saturating_add(self.output.len());
        let now = time(now).unwrap_or_default();
        let result = self.session.tick(now, unsent, &mut self.output);
        self.wrote(result.map_err(|fault| fault.error))
    }

    /// Says whether the caller reads.
    pub fn set_reading(&mut self, reading: bool) {
        self.session.set_reading(reading);
        self.show();
    }

    /// Sends a pong that waits for room, even where there is none.
    pub fn answer_now(&mut self, key: u32) {
        self.begin(key, key);
        let sender = self.session.sender();
        sender.answer_now(&mut self.output);
        self.show();
    }

    /// All output was taken, by a session that goes on with this endpoint: gives a large buffer back.
    pub fn taken(&mut self) {
        self.shown.waiting = 0;
        self.sync();
        self.output.shrink_to(OWN_OUTPUT);
        self.show();
    }

    /// The number of the fault that the session has ended with, or that lies behind the last rows.
    pub fn fault(&self) -> u32 {
        self.its_fault()
            .map_or(0, |fault| errors::number(fault.error))
    }

    /// Where the fault lies.
    pub fn fault_offset(&self) -> f64 {
        self.its_fault().map_or(0.0, |fault| fault.offset as f64)
    }

    /// How the session ended: the code that the peer sent.
    pub fn code(&self) -> u16 {
        self.session.outcome().map_or(0, |it| it.code.value())
    }

    /// The address of the reason that the peer sent.
    pub fn reason(&self) -> u32 {
        self.session
            .outcome()
            .map_or(0, |it| address(it.reason.as_bytes()))
    }

    /// The length of that reason.
    pub fn reason_len(&self) -> usize {
        self.session.outcome().map_or(0, |it| it.reason.len())
    }

    /// The code that we sent, 0 if we sent no close frame; and bit 16 if both were sent.
    pub fn sent(&self) -> u32 {
        self.session.outcome().map_or(0, |it| {
            let clean = if it.clean { 1 << 16 } else { 0 };
            u32::from(it.sent.map_or(0, CloseCode::value)) | clean
        })
    }

    /// Bytes received by all sessions that have used this endpoint.
    pub fn offset(&self) -> f64 {
        self.session.offset() as f64
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.session.memory() + self.output.capacity() + self.intake.memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        self.sync();
        self.session.release();
        self.intake.release();
        self.output.shrink_to_fit();
        self.show();
    }
}

impl Endpoint {
    /// Empties the output if JavaScript has taken it.
    #[inline]
    fn sync(&mut self) {
        if self.shown.waiting == 0 && !self.output.is_empty() {
            self.output.clear();
            if self.output.capacity() > OUTPUT {
                self.output.shrink_to(OWN_OUTPUT);
            }
        }
    }

    /// Begins a call that writes control frames, with these mask keys.
    #[inline]
    fn begin(&mut self, first: u32, second: u32) {
        self.sync();
        let sender = self.session.sender();
        sender.keys_mut().set(first, second);
    }

    /// Ends the session for lack of memory, with a close frame if there is room for one.
    #[cold]
    fn ends(&mut self, error: LimitError) {
        let offset = self.session.offset();
        let sender = self.session.sender();
        sender.fail_batch(ErrorKind::from(error).at(offset), &mut self.output);
    }

    fn received(&mut self, arena: &Arena, outcome: i32) -> i32 {
        if arena.rows.iter().any(|row| row[0] & 8 == 0) {
            let sender = self.session.sender();
            sender.received_message();
        }
        self.show();
        outcome
    }

    #[inline]
    fn sends(
        &mut self,
        text: bool,
        check: bool,
        payload: &[u8],
        key: u32,
    ) -> Result<(), ErrorKind> {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let kind = if text { Kind::Text } else { Kind::Binary };
        if check {
            return sender.send(kind, payload, &mut self.output);
        }
        // JavaScript has written it out of a string, or it was received as a text.
        let message = MessageRef {
            kind,
            payload,
            ascii: false,
            opaque: false,
        };
        sender.forward(message, &mut self.output)
    }

    fn parts(&mut self, kind: u8, last: bool, part: &[u8], key: u32) -> Result<(), ErrorKind> {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let out = &mut self.output;
        match (kind, last) {
            (1, _) => sender.begin(Kind::Text, part, out),
            (2, _) => sender.begin(Kind::Binary, part, out),
            (_, false) => sender.more(part, out),
            (_, true) => sender.finish(part, out),
        }
    }

    fn frames(&mut self, frame: &[u8], header: usize, key: u32) -> Result<(), ErrorKind> {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        sender.framed(frame, header, &mut self.output)
    }

    /// The end of a call that sends a whole message, which changes nothing but the output.
    #[inline]
    fn appended(&mut self, result: Result<(), ErrorKind>) -> u32 {
        if result.is_err() {
            return self.wrote(result);
        }
        self.show_output();
        0
    }

    /// The end of a call that sends: a limit that was passed ends the session. The number of the
    /// error.
    #[inline]
    fn wrote(&mut self, result: Result<(), ErrorKind>) -> u32 {
        let number = match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        };
        self.show();
        number
    }

    #[cold]
    fn failed(&mut self, error: ErrorKind) -> u32 {
        if let ErrorKind::Limit(LimitError::OutOfMemory) = error {
            self.ends(LimitError::OutOfMemory);
        }
        errors::number(error)
    }

    fn its_fault(&self) -> Option<Fault> {
        match self.session.outcome() {
            Some(outcome) => outcome.fault,
            None => self.intake.fault,
        }
    }

    #[inline]
    fn show_output(&mut self) {
        self.shown.waiting = self.output.len() as u32;
        self.shown.output = address(&self.output);
    }

    /// Shows how the session stands.
    #[inline]
    fn show(&mut self) {
        let session = &self.session;
        self.shown.state = match session.state() {
            SessionState::Open => OPEN,
            SessionState::Closing => CLOSING,
            SessionState::PeerClosed => PEER_CLOSED,
            SessionState::Closed => CLOSED,
        };
        let rests = session.is_idle() && self.intake.is_done();
        self.shown.flags = if rests { AT_REST } else { 0 }
            | if session.has_pending_pong() {
                OWES_PONG
            } else {
                0
            }
            | if session.in_message() { IN_MESSAGE } else { 0 };
        if session.failure().is_some() {
            self.shown.flags |= FAILED;
        }
        if session.is_frame_queued() {
            self.shown.flags |= FRAME_QUEUED;
        }
        self.shown.deadline = milliseconds(session.deadline());
        self.show_output();
    }
}

/// The `len` bytes at an address, if they lie in `bytes`.
pub(super) fn within(bytes: &[u8], at: u32, len: usize) -> Option<&[u8]> {
    let start = at.wrapping_sub(address(bytes)) as usize;
    bytes.get(start..start.checked_add(len)?)
}

fn copied(bytes: &[u8], at: u32, len: usize) -> Result<Vec<u8>, LimitError> {
    let mut copy = Vec::new();
    grow::exact(&mut copy, len)?;
    copy.extend_from_slice(within(bytes, at, len).unwrap_or_default());
    Ok(copy)
}
