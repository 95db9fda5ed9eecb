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
//!   timers three numbers ([`save_timers`](Endpoint::save_timers)), and with compression a [`SessionDeflate`]. It
//!   hands the endpoint to the next session that needs one. One endpoint for each connection was
//!   tried: 0.9 KB more for each idle one.
//! - JavaScript counts whole milliseconds, because V8 keeps small integers in the object that has
//!   them, and needs 16 bytes more for each other number.
//!
//! A call that finds no memory ends its session by [`ends`](Endpoint::ends), with a close frame if
//! there is room for that. A sender that fails has appended nothing, so that the output stays whole.

use wasm_bindgen::prelude::wasm_bindgen;

use super::options::{EndpointOptions, milliseconds, time};
#[cfg(feature = "deflate")]
use crate::deflate::SessionDeflate;
use crate::errors;
use crate::extension::{Coding, Extension};
use crate::frame_buffer::{FrameBuffer, is_out_of_memory};
use crate::intake::Intake;
use crate::numbers::{address, role};
use crate::send::Keys;
use wscodec::error::{CloseCode, ErrorKind, Fault, LimitError};
use wscodec::frame::Rsv;
use wscodec::session::{IdleTimers, Session, SessionState};

/// The states, in the numbers of JavaScript.
const OPEN: u32 = 0;
const CLOSING: u32 = 1;
const PEER_CLOSED: u32 = 2;
const CLOSED: u32 = 3;

/// Flags of [`Shown`].
const AT_REST: u32 = 1;
const PONG_PENDING: u32 = 2;
const IN_MESSAGE: u32 = 4;
const FAILED: u32 = 8;
const FRAME_QUEUED: u32 = 16;

/// A flag of [`Shown::outcome`] beside the code that we sent.
const CLEAN: u32 = 1 << 16;

/// The words that JavaScript reads without a call. Times are in milliseconds; NaN is none.
#[repr(C)]
pub(super) struct Shown {
    state: u32,
    flags: u32,
    /// What [`Endpoint::space`] has handed out.
    pub(super) space: u32,
    unused: u32,
    deadline: f64,
    /// What [`Endpoint::save_timers`] has found: see [`IdleTimers`].
    at: f64,
    bound: f64,
    marks: f64,
    /// What [`Endpoint::show_outcome`] has found: the code that the peer sent; the address and the
    /// length of the reason that it sent; the code that we sent, 0 if we sent no close frame, with
    /// [`CLEAN`] if both close frames were sent.
    outcome: [u32; 4],
}

/// See the [module](self).
#[wasm_bindgen]
pub struct Endpoint {
    pub(super) shown: Shown,
    pub(super) session: Session<Keys, Extension, Coding>,
    pub(super) frames: FrameBuffer,
    pub(super) intake: Intake,
}

#[wasm_bindgen]
impl Endpoint {
    /// For sessions of these options, one after the other.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &EndpointOptions) -> Self {
        let role = role(options.client);
        let keys = Keys::new(options.client);
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
                outcome: [0; 4],
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
    pub fn save_timers(&mut self) {
        let timers = self.session.idle_timers();
        self.shown.at = milliseconds(timers.at);
        self.shown.bound = milliseconds(timers.bound);
        self.shown.marks = timers.marks as f64;
    }

    /// Takes over what another session's timers know.
    pub fn restore_timers(&mut self, at: f64, bound: f64, marks: f64) {
        self.session.set_idle_timers(&IdleTimers {
            at: time(at),
            bound: time(bound),
            marks: marks as u64,
        });
        self.show();
    }

    /// [`save_timers`](Self::save_timers) for the session that leaves and [`restore_timers`](Self::restore_timers) for the next
    /// one, in one call.
    pub fn hand_over(&mut self, at: f64, bound: f64, marks: f64) {
        self.save_timers();
        self.restore_timers(at, bound, marks);
    }

    /// Ends the session for lack of memory.
    pub fn exhaust(&mut self, key: u32) {
        self.begin(key, key);
        self.ends(LimitError::OutOfMemory);
        self.show();
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

    /// Shows how the session ended, if it has.
    pub fn show_outcome(&mut self) {
        let Some(outcome) = self.session.outcome() else {
            return;
        };
        let sent = outcome.sent.map_or(0, CloseCode::value);
        self.shown.outcome = [
            outcome.code.value().into(),
            address(outcome.reason.as_bytes()),
            outcome.reason.len() as u32,
            u32::from(sent) | if outcome.clean { CLEAN } else { 0 },
        ];
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
    pub(super) fn begin(&mut self, first: u32, second: u32) {
        let sender = self.session.sender();
        sender.keys_mut().set(first, second);
    }

    /// Ends the session for lack of memory, with a close frame if there is room for one.
    #[cold]
    pub(super) fn ends(&mut self, error: LimitError) {
        let offset = self.session.offset();
        let sender = self.session.sender();
        let fault = ErrorKind::from(error).at(offset);
        self.frames.append(|out| sender.fail_batch(fault, out));
    }

    /// The end of a call that sends: a limit that was passed ends the session. The number of the
    /// error.
    #[inline]
    pub(super) fn wrote(&mut self, result: Result<(), ErrorKind>) -> u32 {
        let number = match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        };
        self.show();
        number
    }

    #[cold]
    pub(super) fn failed(&mut self, error: ErrorKind) -> u32 {
        if is_out_of_memory(error) {
            self.ends(LimitError::OutOfMemory);
            self.show();
        }
        errors::number(error)
    }

    #[inline(never)]
    fn its_fault(&self) -> Option<Fault> {
        match self.session.outcome() {
            Some(outcome) => outcome.fault,
            None => self.intake.fault,
        }
    }

    /// Shows how the session stands.
    pub(super) fn show(&mut self) {
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
    pub(super) fn show_flags(&mut self) {
        let session = &self.session;
        let flag = |is, flag| if is { flag } else { 0 };
        self.shown.flags = flag(session.is_idle() && self.intake.is_done(), AT_REST)
            | flag(session.has_pending_pong(), PONG_PENDING)
            | flag(session.in_message(), IN_MESSAGE)
            | flag(session.failure().is_some(), FAILED)
            | flag(session.is_frame_queued(), FRAME_QUEUED);
    }
}

#[cfg(feature = "deflate")]
#[wasm_bindgen]
impl Endpoint {
    /// [`exchange`](Self::exchange) for the session that leaves and for the next one, in one call.
    pub fn exchange_both(&mut self, last: &mut SessionDeflate, next: &mut SessionDeflate) {
        for deflate in [last, next] {
            self.exchange(deflate);
        }
    }

    /// Takes over the compression of a session at rest, and leaves there what this one has.
    pub fn exchange(&mut self, deflate: &mut SessionDeflate) {
        let (receiver, sender) = self.session.parts_mut();
        receiver.exchange_extension(|extension| extension.exchange(&mut deflate.inflate));
        core::mem::swap(sender.extension_mut(), &mut deflate.coding);
    }
}
