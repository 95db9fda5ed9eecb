//! The loop that decodes a chunk into [rows](super::rows), for
//! [`Messages`](super::messages::Messages) and [`Endpoint`](super::session::Endpoint) alike.
//!
//! A call stops early, with [`MORE`], when the rows are full or when 4 MiB were inflated: a chunk can
//! stand for a thousand times its length. The rest is copied out of the arena, because other decoders
//! use the arena before this one goes on.

use alloc::vec::Vec;
use core::mem::take;

use super::arena::{Arena, Decoded};
use super::decoder::Decoder;
use super::grow;
use super::numbers::{address, outcome};
use super::pieces::decode_pieces;
use super::rows::{ASCII, ELSEWHERE, row, settle};
use wscodec::error::{ErrorKind, Fault, LimitError};

/// There is more in the chunk.
const MORE: i32 = 1 << 30;

/// The buffer of the arena in which messages are put together is large. JavaScript gives it back when
/// it has gone through the rows.
const LARGE_BUFFER: i32 = 1 << 29;

/// Messages of this many bytes in all may be inflated before they are handed out.
const MOST_INFLATED: usize = 4 << 20;

/// A rest of a chunk that is longer than this is given back when it is used up.
const LARGE_REST: usize = 64 << 10;

/// The state of a decoding between two calls, besides the receiver.
#[derive(Default)]
pub(super) struct Intake {
    pub(super) fault: Option<Fault>,
    /// With messages in pieces, the head of the next one's row.
    pub(super) piece: Option<u32>,
    /// The part of a chunk that is not decoded yet, from a place on.
    rest: Vec<u8>,
    at: usize,
}

impl Intake {
    /// Decodes the first `len` bytes of the arena's input. Returns the number of rows, or its
    /// complement if a fault came after them; with [`MORE`] if the rest waits for
    /// [`resume`](Self::resume).
    #[inline(never)]
    pub(super) fn push(&mut self, receiver: &mut Decoder, arena: &mut Arena, len: usize) -> i32 {
        let Arena { input, decoded, .. } = arena;
        if let Err(error) = decoded.begin(len) {
            return self.fails(receiver, error);
        }
        let (outcome, left) = self.decode(receiver, decoded, &mut input[..len]);
        if left == 0 && self.rest.is_empty() {
            return outcome;
        }
        self.keeps(receiver, arena, len, left, outcome)
    }

    /// Goes on with the bytes that [`push`](Self::push) has left.
    pub(super) fn resume(&mut self, receiver: &mut Decoder, arena: &mut Arena) -> i32 {
        let Arena { decoded, .. } = arena;
        if let Err(error) = decoded.begin(self.rest.len() - self.at) {
            return self.fails(receiver, error);
        }
        let mut bytes = take(&mut self.rest);
        let (outcome, left) = self.decode(receiver, decoded, &mut bytes[self.at..]);
        for row in &mut decoded.rows {
            row[0] |= ELSEWHERE;
        }
        self.at = bytes.len() - left;
        // It is kept even if all of it is read, because rows point into it.
        self.rest = bytes;
        outcome
    }

    /// Keeps the last `left` of `len` bytes of the arena's input for [`resume`](Self::resume), and gives
    /// back what was kept before.
    #[cold]
    fn keeps(
        &mut self,
        receiver: &Decoder,
        arena: &Arena,
        len: usize,
        left: usize,
        mut outcome: i32,
    ) -> i32 {
        self.rest.clear();
        self.at = 0;
        match grow::exact(&mut self.rest, left) {
            Ok(()) => {
                let rest = &arena.input[len - left..len];
                self.rest.extend_from_slice(rest);
            }
            Err(error) => outcome = self.fails_after(receiver, &arena.decoded, error),
        }
        if left == 0 {
            self.rest = Vec::new();
        }
        outcome
    }

    /// Where at most `len` bytes may be written that belong to the payload that is being read, and
    /// how many; `(0, 0)` where the stream is not within a payload.
    pub(super) fn space(
        &mut self,
        receiver: &mut Decoder,
        arena: &mut Arena,
        len: usize,
    ) -> (u32, usize) {
        // It fails for lack of memory only, and then the bytes go through the input, whose way says so.
        if self.fault.is_some() || self.piece.is_some() || arena.decoded.begin(0).is_err() {
            return (0, 0);
        }
        receiver
            .begin_fill(len)
            .map_or((0, 0), |space| (address(space), space.len()))
    }

    /// Takes the bytes that were written to [`space`](Self::space). Returns the number of rows.
    pub(super) fn fill(&mut self, receiver: &mut Decoder, arena: &mut Arena, len: usize) -> i32 {
        let Arena { decoded, .. } = arena;
        decoded.rows.clear();
        match receiver.find_filled(len) {
            Ok(Some(found)) => {
                row(&mut decoded.rows, &mut decoded.side, receiver, &[], found);
                settle(decoded, receiver);
            }
            Ok(None) => {}
            Err(fault) => self.fault = Some(fault),
        }
        let rows = decoded.rows.len();
        outcome(rows, self.fault.is_some()) | large(decoded, self.fault.is_some())
    }

    /// Whether all bytes that came are decoded.
    pub(super) fn is_done(&self) -> bool {
        self.fault.is_none() && self.at == self.rest.len()
    }

    /// Bytes of memory held for the part of a chunk that is not decoded yet.
    pub(super) fn memory(&self) -> usize {
        self.rest.capacity()
    }

    /// Gives that memory back where it is not needed any more.
    pub(super) fn release(&mut self) {
        if self.at == self.rest.len() {
            (self.rest, self.at) = (Vec::new(), 0);
        }
    }

    /// Ends the stream with an error of ours.
    #[cold]
    fn fails(&mut self, receiver: &Decoder, error: LimitError) -> i32 {
        self.fault = Some(ErrorKind::from(error).at(receiver.offset()));
        outcome(0, true)
    }

    /// The same behind the rows that were found.
    #[cold]
    fn fails_after(&mut self, receiver: &Decoder, decoded: &Decoded, error: LimitError) -> i32 {
        self.fails(receiver, error);
        outcome(decoded.rows.len(), true)
    }

    /// Decodes `input` into rows. Returns how many bytes of it are left, too.
    #[inline]
    fn decode(
        &mut self,
        receiver: &mut Decoder,
        decoded: &mut Decoded,
        input: &mut [u8],
    ) -> (i32, usize) {
        if self.rest.capacity() > LARGE_REST && self.at == self.rest.len() {
            (self.rest, self.at) = (Vec::new(), 0);
        }
        if self.fault.is_some() {
            return (outcome(0, true), 0);
        }
        if let Some(head) = &mut self.piece {
            let left = decode_pieces(receiver, decoded, head, input);
            let rows = decoded.rows.len();
            return match left {
                Ok(Some(left)) => (rows as i32 | MORE, left),
                Ok(None) => (outcome(rows, false), 0),
                Err(fault) => {
                    self.fault = Some(fault);
                    (outcome(rows, true), 0)
                }
            };
        }
        let base = address(input);
        let inflates = receiver.extension().inflates();
        receiver.release(&mut decoded.shared);
        let (mut at, mut batch) = (0, false);
        let fault = loop {
            let room = decoded.room();
            let rows = &mut decoded.rows;
            let simple = receiver.find_simple(input, &mut at, room, |text, ascii, place| {
                let opcode = if text { 1 } else { 2 };
                let ascii = if ascii { ASCII } else { 0 };
                let start = place.start as u32;
                rows.push([opcode | ascii, base + start, place.len() as u32, start]);
            });
            if let Err(fault) = simple {
                break Some(fault);
            }
            if at == input.len() || decoded.room() == 0 {
                break None;
            }
            // Only messages that are not simple are put together anywhere.
            if !batch {
                if let Err(fault) = receiver.begin_batch(&mut decoded.shared, input.len() - at) {
                    break Some(fault);
                }
                batch = true;
            }
            match receiver.find_any(input, &mut at) {
                Ok(Some(found)) => {
                    row(&mut decoded.rows, &mut decoded.side, receiver, input, found);
                }
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
            if inflates && receiver.held().len() > MOST_INFLATED {
                break None;
            }
        };
        if fault.is_some() {
            self.fault = fault;
        }
        if batch {
            settle(decoded, receiver);
        }
        let rows = decoded.rows.len();
        let large = if batch {
            large(decoded, self.fault.is_some())
        } else {
            0
        };
        match input.len() - at {
            left @ 1.. if self.fault.is_none() => (rows as i32 | MORE | large, left),
            _ => (outcome(rows, self.fault.is_some()) | large, 0),
        }
    }
}

/// [`LARGE_BUFFER`] where it holds. With a fault, what is returned is a complement without flags.
fn large(decoded: &Decoded, faulty: bool) -> i32 {
    if !faulty && decoded.shared.is_large() {
        LARGE_BUFFER
    } else {
        0
    }
}
