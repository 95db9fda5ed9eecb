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
//! - State and deadline are words ([`Shown`]) at an address that does not change, and so are those of
//!   the [`FrameBuffer`].
//! - A session [at rest](Session::is_idle) needs no endpoint. JavaScript keeps its offset, with
//!   timers three numbers ([`park`](Endpoint::park)), and with compression a [`SessionDeflate`]. It
//!   hands the endpoint to the next session that needs one. One endpoint for each connection was
//!   tried: 0.9 KB more for each idle one.
//! - JavaScript counts whole milliseconds, because V8 keeps small integers in the object that has
//!   them, and needs 16 bytes more for each other number.
//!
//! A call that finds no memory ends its session by [`ends`](Endpoint::ends), with a close frame if
//! there is room for that. A sender that fails has appended nothing, so that the output stays whole.

use alloc::vec::Vec;
use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::Arena;
#[cfg(feature = "deflate")]
use super::deflate::SessionDeflate;
use super::extension::{Coding, Extension};
use super::frame_buffer::{FrameBuffer, is_out_of_memory};
use super::intake::Intake;
use super::messages::UNMASKED;
use super::{address, errors, grow, limits};
use wscodec::error::{CloseCode, ErrorKind, Fault, LimitError, MisuseError};
use wscodec::frame::{CloseFrame, Role, Rsv};
use wscodec::message::{Kind, MaskSource, MessageRef, OutboundExtension};
use wscodec::session::{IdleTimers, Session, SessionOptions, SessionState};

/// The states, in the numbers of JavaScript.
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

/// How to send a payload. Numbers, as JavaScript's `true` is slow at this border.
const TEXT: u32 = 1;
const UNCHECKED_TEXT: u32 = 0;

/// The kind of a message to send, and whether its text is known to be UTF-8.
#[inline]
fn kind_of(how: u32) -> (Kind, bool) {
    match how {
        TEXT => (Kind::Text, true),
        UNCHECKED_TEXT => (Kind::Text, false),
        // 2, as the opcode.
        _ => (Kind::Binary, true),
    }
}

/// The address lies in no buffer that is known, and nothing was done.
const UNKNOWN: u32 = u32::MAX;

/// The words that JavaScript reads without a call. Times are in milliseconds; NaN is none.
#[repr(C)]
struct Shown {
    state: u32,
    flags: u32,
    /// What [`Endpoint::space`] has handed out.
    space: u32,
    unused: u32,
    deadline: f64,
    /// What [`Endpoint::park`] has found: see [`IdleTimers`].
    at: f64,
    bound: f64,
    marks: f64,
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

/// Whole milliseconds as a duration; `None` for what is no number, or below 0.
fn time(milliseconds: f64) -> Option<Duration> {
    (milliseconds >= 0.0).then(|| Duration::from_millis(milliseconds as u64))
}

fn milliseconds(time: Option<Duration>) -> f64 {
    time.map_or(f64::NAN, |time| time.as_millis() as u64 as f64)
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

/// See the [module](self).
#[wasm_bindgen]
pub struct Endpoint {
    shown: Shown,
    session: Session<Keys, Extension, Coding>,
    frames: FrameBuffer,
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
                space: 0,
                unused: 0,
                deadline: f64::NAN,
                at: f64::NAN,
                bound: f64::NAN,
                marks: 0.0,
            },
            session,
            frames: FrameBuffer::default(),
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

    /// The address of the words of the output: see [`FrameBuffer`].
    pub fn output(&self) -> u32 {
        self.frames.address()
    }

    /// Makes room for `len` bytes of output: the address of the output, 0 if there is no memory.
    pub fn reserve(&mut self, len: usize) -> u32 {
        self.frames.reserve(len)
    }

    /// Shows what the timers of this session, which is at rest, know.
    pub fn park(&mut self) {
        let timers = self.session.idle_timers();
        self.shown.at = milliseconds(timers.at);
        self.shown.bound = milliseconds(timers.bound);
        self.shown.marks = timers.marks as f64;
    }

    /// Takes over what another session's timers know.
    pub fn unpark(&mut self, at: f64, bound: f64, marks: f64) {
        self.session.set_idle_timers(&IdleTimers {
            at: time(at),
            bound: time(bound),
            marks: marks as u64,
        });
        self.show();
    }

    /// Decodes the first `len` bytes of the arena's input into rows: see [`Intake::push`]. Nothing is
    /// answered but a pong that waited for room.
    pub fn receive(&mut self, arena: &mut Arena, len: usize, key: u32) -> i32 {
        self.begin_batch(len, key);
        let (receiver, _) = self.session.parts_mut();
        let outcome = self.intake.push(receiver, arena, len);
        self.received(arena, outcome)
    }

    /// Goes on with the bytes that [`receive`](Self::receive) has left.
    pub fn resume(&mut self, arena: &mut Arena) -> i32 {
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
        self.begin_batch(len, key);
        let (receiver, _) = self.session.parts_mut();
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
            9 => self.frames.append(|out| sender.answer_ping(payload, out)),
            8 => {
                let close = (code != 1005).then(|| CloseFrame {
                    code: CloseCode::new(code),
                    // The receiver has checked it.
                    reason: core::str::from_utf8(payload).unwrap_or_default(),
                });
                self.frames.append(|out| sender.answer_close(close, out));
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
            self.frames.append(|out| sender.fail_batch(fault, out));
        }
        self.show();
    }

    /// Ends the session for lack of memory.
    pub fn exhaust(&mut self, key: u32) {
        self.begin(key, key);
        self.ends(LimitError::OutOfMemory);
        self.show();
    }

    /// Sends a message whose payload JavaScript has written to its place in the output; `how` is
    /// [`TEXT`], [`UNCHECKED_TEXT`] or 2 for binary. Returns the number of an error, 0 for none.
    pub fn send(&mut self, how: u32, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, checked) = kind_of(how);
        let result = self
            .frames
            .in_place(len, |place| sender.send_in_place(kind, checked, place));
        match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        }
    }

    /// Sends a message whose payload lies where a decoding has left it; [`UNKNOWN`] if it does not.
    pub fn forward(&mut self, arena: &Arena, how: u32, at: u32, len: usize, key: u32) -> u32 {
        let held = self.session.decoder().held();
        // The receiver's own buffer cannot be lent while the session sends.
        let result = match arena.find(at, len) {
            Some(payload) => self.sends(how, payload, key),
            None if within(held, at, len).is_some() => match copied(held, at, len) {
                Ok(payload) => self.sends(how, &payload, key),
                Err(error) => Err(error.into()),
            },
            None => return UNKNOWN,
        };
        match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        }
    }

    /// Sends a fragment, which lies in its place in the output, of a message of this kind: 1 text and
    /// 2 binary for the first fragment, 0 for others.
    pub fn fragment(&mut self, kind: u8, last: bool, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let result = self.frames.in_place(len, |place| match kind {
            1 => sender.begin_in_place(Kind::Text, place),
            2 => sender.begin_in_place(Kind::Binary, place),
            _ => sender.more_in_place(last, place),
        });
        self.wrote(result)
    }

    /// Sends a message that was framed before: the first byte of its frame, and the length of its
    /// payload, which lies in its place in the output.
    pub fn prepared(&mut self, first: u8, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, rsv) = prepared_form(first);
        let result = self
            .frames
            .in_place(len, |place| sender.prepared_in_place(kind, rsv, place));
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
            Some(payload) => self.frames.append(|out| match pong {
                true => sender.pong(payload, out),
                false => sender.ping(payload, out),
            }),
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
        let result = self.frames.append(|out| sender.close(code, reason, out));
        self.wrote(result)
    }

    /// Says that the transport ended.
    pub fn end(&mut self) -> u32 {
        let result = self.session.end();
        self.wrote(result.map_err(|fault| fault.error))
    }

    /// Looks at the clock. Of the bytes that were taken, `sent` have left since the last look, and
    /// `unsent` have not left.
    pub fn tick(&mut self, now: f64, unsent: f64, sent: f64, first: u32, second: u32) -> u32 {
        self.begin(first, second);
        self.session.sent(sent as usize);
        let unsent = (unsent as usize).saturating_add(self.frames.end());
        let now = time(now).unwrap_or_default();
        let session = &mut self.session;
        let result = self.frames.append(|out| session.tick(now, unsent, out));
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
        self.frames.append(|out| sender.answer_now(out));
        self.show();
    }

    /// All output was taken: gives memory back above so many bytes.
    pub fn taken(&mut self, keep: usize) {
        self.frames.shrink(keep);
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
        self.session.memory() + self.frames.memory() + self.intake.memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        self.session.release();
        self.intake.release();
        self.frames.shrink(0);
        self.show();
    }
}

impl Endpoint {
    /// Begins a call that writes control frames, with these mask keys.
    #[inline]
    fn begin(&mut self, first: u32, second: u32) {
        let sender = self.session.sender();
        sender.keys_mut().set(first, second);
    }

    /// Begins a call that decodes so many bytes.
    #[inline]
    fn begin_batch(&mut self, len: usize, key: u32) {
        let pending = self.session.has_pending_pong();
        let (decoder, sender) = self.session.parts_mut();
        let in_message = decoder.in_message();
        if !pending {
            // Nothing is sent, and the room for payloads stays.
            return sender.begin_batch(len, in_message, &mut Vec::new());
        }
        sender.keys_mut().set(key, key);
        self.frames
            .append(|out| sender.begin_batch(len, in_message, out));
    }

    /// Ends the session for lack of memory, with a close frame if there is room for one.
    #[cold]
    fn ends(&mut self, error: LimitError) {
        let offset = self.session.offset();
        let sender = self.session.sender();
        let fault = ErrorKind::from(error).at(offset);
        self.frames.append(|out| sender.fail_batch(fault, out));
    }

    /// The end of a call that decodes, which changes nothing that is shown but flags.
    fn received(&mut self, arena: &Arena, outcome: i32) -> i32 {
        if arena.rows.iter().any(|row| row[0] & 8 == 0) {
            let sender = self.session.sender();
            sender.received_message();
        }
        self.show_flags();
        outcome
    }

    fn sends(&mut self, how: u32, payload: &[u8], key: u32) -> Result<(), ErrorKind> {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, checked) = kind_of(how);
        self.frames.append(|out| match checked {
            // It was received as a text.
            true => sender.forward(
                MessageRef {
                    kind,
                    payload,
                    ascii: false,
                    opaque: false,
                },
                out,
            ),
            false => sender.send(kind, payload, out),
        })
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
        if is_out_of_memory(error) {
            self.ends(LimitError::OutOfMemory);
            self.show();
        }
        errors::number(error)
    }

    fn its_fault(&self) -> Option<Fault> {
        match self.session.outcome() {
            Some(outcome) => outcome.fault,
            None => self.intake.fault,
        }
    }

    /// Shows how the session stands.
    fn show(&mut self) {
        let session = &self.session;
        self.shown.state = match session.state() {
            SessionState::Open => OPEN,
            SessionState::Closing => CLOSING,
            SessionState::PeerClosed => PEER_CLOSED,
            SessionState::Closed => CLOSED,
        };
        self.shown.deadline = milliseconds(session.deadline());
        self.show_flags();
    }

    #[inline]
    fn show_flags(&mut self) {
        let session = &self.session;
        let flag = |is, flag| if is { flag } else { 0 };
        self.shown.flags = flag(session.is_idle() && self.intake.is_done(), AT_REST)
            | flag(session.has_pending_pong(), OWES_PONG)
            | flag(session.in_message(), IN_MESSAGE)
            | flag(session.failure().is_some(), FAILED)
            | flag(session.is_frame_queued(), FRAME_QUEUED);
    }
}

#[cfg(feature = "deflate")]
#[wasm_bindgen]
impl Endpoint {
    /// Takes over the compression of a session at rest, and leaves there what this one has.
    pub fn exchange(&mut self, deflate: &mut SessionDeflate) {
        let (receiver, sender) = self.session.parts_mut();
        receiver.exchange_extension(|extension| extension.exchange(&mut deflate.inflate));
        core::mem::swap(sender.extension_mut(), &mut deflate.coding);
    }
}

/// The kind and the reserved bits of a prepared message, out of the first byte of its frame.
pub(super) fn prepared_form(first: u8) -> (Kind, Rsv) {
    let kind = match first & 15 {
        1 => Kind::Text,
        _ => Kind::Binary,
    };
    (kind, Rsv::new(first >> 4 & 7))
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
