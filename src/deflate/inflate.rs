//! Receiving compressed messages (RFC 7692 §7.2.2).
//!
//! The problem: a message ends without the bytes that end its last block, its fragments may be cut anywhere,
//! a few bytes may stand for a thousand times as many, and an engine buffers output behind a fault.
//!
//! Choice: at a message's end the inflater is fed the four bytes that the sender left out and a final empty
//! block. Only if the engine reaches the end of that block was the message whole; a message that ends within
//! a block is refused. Output is counted as it arises and held to the limits after each 256 bytes of input,
//! not after the message.
//!
//! Invariant: output that precedes a fault is handed on before the fault, so that every split of the input
//! gives the same data and the same fault; and no more than the limit is ever held.

use alloc::vec::Vec;
use core::mem::take;

use super::engine::{END, Inflate, InflateState, Inflated};
use super::{AgreedDeflate, DefaultInflate, DeflateDirection};
use crate::Limits;
use crate::error::{ErrorKind, LimitError, PeerError};
use crate::frame::Rsv;
use crate::message::{DecodeProgress, InboundExtension, PayloadCoding};
use crate::reserve::reserve;

/// The ratio, if there is one, is looked at after each so many bytes of a message, and at its end: at
/// the same places however the stream is cut. In between at most 1032 times as much can come out (RFC 1951).
const CHECK: u64 = 256;

/// The least room that is made for what comes out.
const STEP: usize = 1024;

/// Inflates the messages of one direction: what a receiver asks to decode them.
///
/// It holds a window of exactly the size agreed on, and refuses what refers beyond it, or beyond
/// the message where there is no takeover. Memory is taken when the first compressed message comes.
///
/// Damage is [`PeerError::InvalidCompressedData`]: also a message that does not end with a block.
/// The output is counted as it arises, over all fragments, and held to
/// [`Limits::message`] (by the receiver) and [`Limits::inflation`].
///
/// All that RFC 7692 §7.2.3 has may come: stored blocks, several blocks, final blocks
/// (BFINAL = 1) and others after them, messages that are empty or not compressed. A payload of no
/// bytes at all counts as an empty message too.
///
/// ```
/// use wscodec::Limits;
/// use wscodec::deflate::{AgreedDeflate, Decompressor};
/// use wscodec::frame::Role;
/// use wscodec::message::{Event, MessageDecoder};
///
/// let limits = Limits::default();
/// let inflate = Decompressor::new(&AgreedDeflate::default(), &limits);
/// let mut receiver = MessageDecoder::with_extension(Role::Client, &limits, inflate);
/// // "Hello" twice, the second by reference to the first (RFC 7692 §7.2.3.2).
/// let mut bytes = *b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00";
/// let mut input = &mut bytes[..];
/// for _ in 0..2 {
///     let Some(Event::Message(message)) = receiver.receive(&mut input)? else { panic!() };
///     assert_eq!(message.text(), Some("Hello"));
/// }
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decompressor<E = DefaultInflate> {
    direction: DeflateDirection,
    /// [`Limits::inflation`] and [`Limits::message`].
    ratio: u32,
    most: u64,
    engine: E,
    phase: Phase,
    /// The output was full: there may be more from what was read.
    pending: bool,
    /// A final block was the last thing that came.
    ended: bool,
    /// Bytes of the open message, as they came and as they are.
    read: u64,
    written: u64,
    fault: Option<ErrorKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between messages.
    Idle,
    /// In a message.
    Body,
    /// Behind a message's last byte, with so many bytes of [`END`] read.
    End(usize),
}

impl Decompressor {
    /// For the messages that come, as was [agreed](AgreedDeflate::receive) on.
    pub fn new(agreed: &AgreedDeflate, limits: &Limits) -> Self {
        Self::with_engine(agreed.receive, limits)
    }
}

impl<E: Inflate> Decompressor<E> {
    /// With another engine, and any window.
    pub fn with_engine(direction: DeflateDirection, limits: &Limits) -> Self {
        Self::of(E::new(direction.window), direction, limits)
    }

    pub(super) fn of(engine: E, direction: DeflateDirection, limits: &Limits) -> Self {
        Self {
            direction,
            ratio: limits.inflation,
            most: limits.message,
            engine,
            phase: Phase::Idle,
            pending: false,
            ended: false,
            read: 0,
            written: 0,
            fault: None,
        }
    }

    /// Inflates one message by itself and appends it to `out`: the payload of a frame that has
    /// RSV1 set, or of all frames of such a message. For those who read frames on their own.
    ///
    /// ```
    /// use wscodec::Limits;
    /// use wscodec::deflate::{AgreedDeflate, Decompressor};
    ///
    /// let mut inflate = Decompressor::new(&AgreedDeflate::default(), &Limits::default());
    /// let mut out = Vec::new();
    /// inflate.message(b"\xf2\x48\xcd\xc9\xc9\x07\x00", &mut out)?;
    /// assert_eq!(out, b"Hello");
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// [`PeerError::InvalidCompressedData`], [`LimitError::MessageTooLarge`],
    /// [`LimitError::InflationRatio`] and [`LimitError::OutOfMemory`]. Every later call fails with
    /// the same.
    pub fn message(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ErrorKind> {
        self.begin(Rsv::RSV1)?;
        let start = out.len();
        let mut rest = payload;
        loop {
            let have = out.len() - start;
            // One byte more than allowed, for a message over the limit to show.
            let most = usize::try_from((self.most - have as u64).saturating_add(1));
            let room = have.max(STEP);
            let room = most.map_or(room, |most| most.min(room));
            let end = out.len();
            if let Err(error) = reserve(out, room) {
                self.fault = Some(error.into());
                return Err(error.into());
            }
            out.resize(end + room, 0);
            let progress = self.decode(rest, true, &mut out[end..]);
            let written = progress.map_or(0, |progress| progress.written);
            out.truncate(end + written);
            let progress = progress?;
            if (have + written) as u64 > self.most {
                let error = LimitError::MessageTooLarge.into();
                self.fault = Some(error);
                return Err(error);
            }
            rest = &rest[progress.read..];
            if progress.done {
                return Ok(());
            }
        }
    }

    /// Bytes of memory held: the window, and the engine's tables.
    pub fn memory(&self) -> usize {
        self.engine.memory()
    }

    /// Gives memory back that isn't needed until the next message, for connections that are idle:
    /// all of it if there is no takeover, else all but the window. Within a message, nothing.
    pub fn release(&mut self) {
        if self.phase == Phase::Idle {
            self.engine.release();
        }
    }

    /// Inflates the message's own bytes. Says whether all that they stand for is written.
    fn body(
        &mut self,
        input: &[u8],
        at: &mut DecodeProgress,
        output: &mut [u8],
    ) -> Result<bool, ErrorKind> {
        loop {
            let rest = &input[at.read..];
            let step = match self.ratio {
                u32::MAX => u64::MAX,
                _ => CHECK - self.read % CHECK,
            };
            let piece = match self.pending {
                true => &[],
                false => &rest[..rest.len().min(usize::try_from(step).unwrap_or(rest.len()))],
            };
            if piece.is_empty() && !self.pending {
                return Ok(true);
            }
            let room = &mut output[at.written..];
            let full = room.len();
            let done = match self.pending && self.ended {
                true => Inflated {
                    read: 0,
                    written: 0,
                    state: InflateState::Ended,
                },
                false => self.step(piece, room),
            };
            at.read += done.read;
            at.written += done.written;
            self.read += done.read as u64;
            self.written += done.written as u64;
            self.ended = done.state == InflateState::Ended;
            match done.state {
                InflateState::Going | InflateState::Ended => {}
                InflateState::Damaged => return Err(PeerError::InvalidCompressedData.into()),
                InflateState::OutOfMemory => return Err(LimitError::OutOfMemory.into()),
            }
            self.pending = done.written == full;
            if self.pending {
                return Ok(false);
            }
            if !self.ended && done.read < piece.len() {
                // There is input and room for output, so this is a fault of the engine.
                return Err(PeerError::InvalidCompressedData.into());
            }
            if self.read.is_multiple_of(CHECK) {
                self.check_ratio()?;
            }
        }
    }

    /// Sees that the message ended where a block does. Says whether that is done.
    fn end(&mut self, at: &mut DecodeProgress, output: &mut [u8]) -> Result<bool, ErrorKind> {
        // A final block was last, or nothing came at all: there is no block to be ended.
        if !self.ended && self.read > 0 {
            let Phase::End(fed) = self.phase else {
                self.phase = Phase::End(0);
                return self.end(at, output);
            };
            let room = &mut output[at.written..];
            let full = room.len();
            let done = self.engine.finish(fed, room);
            let fed = fed + done.read;
            at.written += done.written;
            self.written += done.written as u64;
            self.phase = Phase::End(fed);
            match done.state {
                InflateState::Ended if fed == END.len() => {}
                InflateState::Going if done.written == full => return Ok(false),
                InflateState::OutOfMemory => return Err(LimitError::OutOfMemory.into()),
                _ => return Err(PeerError::InvalidCompressedData.into()),
            }
        }
        self.check_ratio()?;
        (self.phase, self.ended) = (Phase::Idle, false);
        match self.direction.takeover {
            true => self.engine.restart(),
            false => self.engine.forget(),
        }
        Ok(true)
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Inflated {
        if take(&mut self.ended) {
            self.engine.restart();
        }
        self.engine.inflate(input, output)
    }

    fn check_ratio(&self) -> Result<(), LimitError> {
        let most = self.read.saturating_mul(self.ratio.into());
        match self.written > most.max(Limits::INFLATION_FLOOR) {
            true => Err(LimitError::InflationRatio),
            false => Ok(()),
        }
    }
}

impl<E: Inflate> InboundExtension for Decompressor<E> {
    /// RSV1 (RFC 7692 §6).
    fn rsv(&self) -> Rsv {
        Rsv::RSV1
    }

    fn begin(&mut self, _: Rsv) -> Result<PayloadCoding, ErrorKind> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        self.phase = Phase::Body;
        (self.pending, self.ended) = (false, false);
        (self.read, self.written) = (0, 0);
        Ok(PayloadCoding::Decode)
    }

    fn decode(
        &mut self,
        input: &[u8],
        last: bool,
        output: &mut [u8],
    ) -> Result<DecodeProgress, ErrorKind> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut at = DecodeProgress {
            read: 0,
            written: 0,
            done: false,
        };
        let done = match self.phase {
            Phase::Idle => Ok(true),
            Phase::End(_) => self.end(&mut at, output),
            Phase::Body => match self.body(input, &mut at, output) {
                Ok(true) if last => self.end(&mut at, output),
                done => done,
            },
        };
        match done {
            Ok(done) => at.done = done,
            Err(error) => {
                self.fault = Some(error);
                // Earlier output is handed on first, so that a fault in it shows first
                // however the stream is cut.
                if at.read == 0 && at.written == 0 {
                    return Err(error);
                }
            }
        }
        Ok(at)
    }

    fn memory(&self) -> usize {
        Decompressor::memory(self)
    }

    fn release(&mut self) {
        Decompressor::release(self);
    }
}

/// Inflates one message by itself, with the largest window: [`Decompressor::message`] on a new
/// [`Decompressor`].
///
/// ```
/// use wscodec::{Limits, deflate};
///
/// // RFC 7692 §7.2.3.4: a final block.
/// let payload = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
/// assert_eq!(deflate::decompress(payload, &Limits::default())?, b"Hello");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
///
/// # Errors
/// The errors of [`Decompressor::message`].
pub fn decompress(payload: &[u8], limits: &Limits) -> Result<Vec<u8>, ErrorKind> {
    let mut out = Vec::new();
    Decompressor::new(&AgreedDeflate::default(), limits).message(payload, &mut out)?;
    Ok(out)
}
