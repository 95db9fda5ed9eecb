//! The interface to a raw deflate implementation (RFC 1951). Windows, message ends and
//! limits are the extension's business, so an engine is small.

use alloc::vec::Vec;

use super::WindowBits;
use crate::error::LimitError;

/// The result of a call of [`Inflate::inflate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inflated {
    /// Bytes of the input used up.
    pub read: usize,
    /// Bytes written to the front of the output.
    pub written: usize,
    /// Why it stopped.
    pub state: InflateState,
}

/// Why a call of [`Inflate::inflate`] stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateState {
    /// The input is used up, or the output full.
    Going,
    /// A final block (BFINAL = 1) is complete; what follows it was not read.
    Ended,
    /// This can't be a deflate stream. The bytes that were written before that point are valid.
    Damaged,
    /// There is no memory for a window or for tables. The stream can't go on.
    OutOfMemory,
}

/// Decodes a raw deflate stream (RFC 1951).
pub trait Inflate {
    /// State that only the middle of a stream needs, and that any connection's stream can be decoded with.
    type Tables;

    /// With a window of exactly this size: a distance beyond it, or beyond what was written since
    /// the window was last empty, is damage. Takes no memory before the first input.
    fn new(window: WindowBits) -> Self;

    /// Decodes until the input is used up, the output is full, or a final block ends. All that the
    /// input read so far stands for is written, as far as there is room.
    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Inflated;

    /// At a message's end: reads [`END`] from `fed` on, which counts what earlier calls read of it.
    /// [`Ended`](InflateState::Ended) with all of it read, if what came before it was whole blocks
    /// but for the empty block that the sender left out.
    fn finish(&mut self, fed: usize, output: &mut [u8]) -> Inflated {
        self.inflate(END.get(fed..).unwrap_or_default(), output)
    }

    /// The next bytes begin a block at its first bit. The window stays.
    fn restart(&mut self);

    /// Empties the window, and [restarts](Self::restart).
    fn forget(&mut self);

    /// Takes tables out of these, if it has none and some fit, instead of making new ones. Called
    /// before a block's first bit only, as is [`give_back`](Self::give_back).
    fn borrow(&mut self, spare: &mut Vec<Self::Tables>);

    /// Puts its tables to these, if it has any. Drops them if the list can't grow.
    fn give_back(&mut self, spare: &mut Vec<Self::Tables>);

    /// Gives back the memory that only the middle of a stream needs; a [`restart`](Self::restart)
    /// or [`forget`](Self::forget) went before. The window stays, if it isn't empty.
    fn release(&mut self);

    /// Bytes of memory held.
    fn memory(&self) -> usize;

    /// Bytes that such tables take.
    fn memory_of(tables: &Self::Tables) -> usize;
}

/// The bytes that an inflater is fed at a message's end: the four that the sender left out (RFC 7692
/// §7.2.2), and a final empty block. The end of that block is reached only if the message ended
/// where a block does.
pub const END: [u8; 9] = [0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff];

/// How a call of [`Deflate::deflate`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// With an empty stored block, so that all of the input can be inflated from what was written
    /// (zlib's `Z_SYNC_FLUSH`).
    Sync,
    /// Likewise, and what comes next does not refer back over this point (zlib's `Z_FULL_FLUSH`).
    Full,
}

/// Encodes a raw deflate stream (RFC 1951).
pub trait Deflate {
    /// Whether the engine keeps to smaller windows by itself. If not, it is flushed
    /// [fully](Flush::Full) before its input could reach beyond the window.
    const KEEPS_WINDOW: bool;

    /// With a window of at most this size, if the engine [keeps to it](Self::KEEPS_WINDOW), and a
    /// level from 1 (quickest) to 9 (smallest). Takes no memory before the first input.
    fn new(window: WindowBits, level: u8) -> Self;

    /// Encodes all of the input, flushes, and appends what comes out. What was appended ends with
    /// the empty stored block, `00 00 ff ff`; only if there was no input since the last flush, it
    /// may be nothing.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`], if there is no memory for the engine or for `out`. The bytes that
    /// were appended have no meaning then, and the engine has forgotten everything: what comes next
    /// does not refer back.
    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError>;

    /// The next output does not refer back. Called after a flush only.
    fn forget(&mut self);

    /// The next output may refer back to these bytes, at most the window, and to nothing else.
    /// Called after a flush only.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`], as for [`deflate`](Self::deflate).
    fn prime(&mut self, history: &[u8]) -> Result<(), LimitError>;

    /// Gives memory back until the next input. Called after a flush only.
    fn release(&mut self);

    /// Bytes of memory held.
    fn memory(&self) -> usize;
}

/// Encodes and flushes, and keeps to the window also with an engine that doesn't: `since` counts
/// the bytes that what comes next could refer back to.
pub(super) fn deflate<E: Deflate>(
    engine: &mut E,
    window: WindowBits,
    since: &mut usize,
    input: &[u8],
    flush: Flush,
    out: &mut Vec<u8>,
) -> Result<(), LimitError> {
    if E::KEEPS_WINDOW || window == WindowBits::MAX {
        return engine.deflate(input, flush, out);
    }
    let mut rest = input;
    loop {
        let (piece, after) = rest.split_at(rest.len().min(window.len() - *since));
        rest = after;
        *since += piece.len();
        let flush = match *since == window.len() {
            true => Flush::Full,
            false => flush,
        };
        if flush == Flush::Full {
            *since = 0;
        }
        if let Err(error) = engine.deflate(piece, flush, out) {
            *since = 0;
            return Err(error);
        }
        if rest.is_empty() {
            return Ok(());
        }
    }
}
