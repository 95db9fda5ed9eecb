//! Deflate streams (RFC 1951) block by block: miniz_oxide reads blocks with codes of their own, and this
//! module reads stored blocks and those of the fixed code.
//!
//! Measured with miniz_oxide 0.9.1, on empty blocks of the fixed code (10 bits each), in one run:
//! miniz_oxide takes 23,900 instructions and 7 µs for each, this module 120 instructions and 7 to 19 ns.
//! The cause is that miniz_oxide fills its tables anew for every block of the fixed code, though the code
//! never changes, and offers no way to keep them. Small messages are mostly such blocks: the tables cost
//! many times what the message costs, and a peer could make us work for 5 µs with each byte.
//!
//! The two readers take turns at block boundaries only. miniz_oxide stops at each of them and tells the
//! bits that it has read and not used ([`BlockBoundaryState`]); it is begun with those that this module
//! has not used. The window is the [`Ring`], which both write to.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
    TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress_with_limit};

use super::engine::{InflateState, Inflated};
use super::fixed::{self, Symbol};
use super::ring::Ring;
use super::short::{self, Bits};
use crate::error::LimitError;
use crate::reserve::{Boxed, boxed};

/// Where a stream is.
///
/// Invariant: at [`At::Start`] there are at most 7 `bits`; within a block of the fixed code, between
/// calls, less than the next symbol takes.
#[derive(Clone)]
pub(super) struct Blocks {
    /// Bits read and not used, and how many.
    held: u64,
    bits: u32,
    /// The block is the final one.
    last: bool,
    at: At,
    tables: Option<Boxed<DecompressorOxide>>,
    /// Bytes that the block of miniz_oxide has taken and written, together.
    moved: u32,
    /// How many blocks with codes of their own are tried as short ones: see [`short`].
    tries: u8,
}

/// A block of miniz_oxide that has taken and written fewer bytes than this was a short one. The
/// [`TRIES`] behind it may be as well: as many so that a peer gains nothing by changing between short
/// and long ones.
const SHORT: u32 = 192;
const TRIES: u8 = 8;

#[derive(Clone, Copy)]
enum At {
    /// Before a block's header.
    Start,
    /// In a block of the fixed code, before a symbol.
    Fixed,
    /// In a match of such a block.
    Match { dist: usize, left: usize },
    /// Before the two lengths of a stored block.
    Lengths,
    /// In a stored block.
    Stored { left: usize },
    /// In a block that is miniz_oxide's.
    Tables,
}

/// The result of a step of [`Blocks::inflate`].
enum Step {
    On,
    Stop(InflateState),
}

/// A call's input and output.
struct Call<'a> {
    input: &'a [u8],
    read: usize,
    output: &'a mut [u8],
    written: usize,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self {
            held: 0,
            bits: 0,
            last: false,
            at: At::Start,
            tables: None,
            moved: 0,
            tries: 0,
        }
    }

    pub(super) fn restart(&mut self) {
        (self.held, self.bits, self.at) = (0, 0, At::Start);
    }

    pub(super) fn tables(&mut self) -> &mut Option<Boxed<DecompressorOxide>> {
        &mut self.tables
    }

    pub(super) fn memory(&self) -> usize {
        self.tables
            .as_ref()
            .map_or(0, |tables| size_of_val(&**tables))
    }

    pub(super) fn inflate(&mut self, ring: &mut Ring, input: &[u8], output: &mut [u8]) -> Inflated {
        let mut call = Call {
            input,
            read: 0,
            output,
            written: 0,
        };
        let state = loop {
            let step = match self.at {
                At::Start => self.start(&mut call, ring),
                At::Fixed => self.fixed(&mut call, ring),
                At::Match { dist, left } => self.copy(&mut call, ring, dist, left),
                At::Lengths => self.lengths(&mut call),
                At::Stored { left } => self.stored(&mut call, ring, left),
                At::Tables => self.dynamic(&mut call, ring),
            };
            if let Step::Stop(state) = step {
                break state;
            }
        };
        Inflated {
            read: call.read,
            written: call.written,
            state,
        }
    }

    fn start(&mut self, call: &mut Call<'_>, ring: &mut Ring) -> Step {
        let before = (self.held, self.bits, call.read);
        if self.bits < 3 && !self.byte(call) {
            return Step::Stop(InflateState::Going);
        }
        self.last = self.held & 1 == 1;
        match self.held >> 1 & 3 {
            0 => {
                // The rest of the byte is skipped; there is no more than that.
                (self.held, self.bits) = (0, 0);
                self.at = At::Lengths;
            }
            1 => {
                self.skip(3);
                self.at = At::Fixed;
            }
            2 => {
                (self.held, self.bits, call.read) = before;
                if self.tries > 0 && self.short(call, ring) {
                    return self.end();
                }
                if self.hand_over().is_err() {
                    return Step::Stop(InflateState::OutOfMemory);
                }
            }
            _ => return Step::Stop(InflateState::Damaged),
        }
        Step::On
    }

    /// Takes a whole short block, if there is one.
    fn short(&mut self, call: &mut Call<'_>, ring: &mut Ring) -> bool {
        let mut bits = Bits {
            held: self.held,
            bits: self.bits,
            input: &call.input[call.read..],
            read: 0,
        };
        let room = call.output.len() - call.written;
        let mut symbols = [short::Symbol::NONE; short::MOST];
        let (reach, window) = (ring.reach(), ring.bytes.len());
        let read = short::read(&mut bits, &mut symbols, reach, window, room);
        let Some((last, count)) = read else {
            self.tries -= 1;
            return false;
        };
        self.tries = TRIES;
        self.last = last;
        for symbol in &symbols[..count] {
            match symbol.get() {
                Ok(byte) => {
                    call.output[call.written] = byte;
                    call.written += 1;
                    ring.wrap();
                    ring.bytes[ring.at] = byte;
                    ring.at += 1;
                }
                Err((len, dist)) => {
                    let end = call.written + len;
                    ring.repeat(dist, &mut call.output[call.written..end]);
                    call.written = end;
                }
            }
        }
        (self.held, self.bits) = (bits.held, bits.bits);
        call.read += bits.read;
        self.unread(call);
        true
    }

    /// Gives the block to miniz_oxide, header and all.
    fn hand_over(&mut self) -> Result<(), LimitError> {
        let state = BlockBoundaryState {
            num_bits: self.bits as u8,
            bit_buf: self.held as u8,
            ..BlockBoundaryState::default()
        };
        match &mut self.tables {
            Some(tables) if self.bits == 0 => tables[0].init(),
            Some(tables) => tables[0] = DecompressorOxide::from_block_boundary_state(&state),
            tables => {
                *tables = Some(boxed(|| {
                    DecompressorOxide::from_block_boundary_state(&state)
                })?);
            }
        }
        self.at = At::Tables;
        self.moved = 0;
        Ok(())
    }

    fn dynamic(&mut self, call: &mut Call<'_>, ring: &mut Ring) -> Step {
        let Some([tables]) = self.tables.as_deref_mut() else {
            return Step::Stop(InflateState::Damaged); // `hand_over` has made them.
        };
        ring.wrap();
        // Until the ring is full it is no ring to miniz_oxide, which then refuses distances that
        // reach before its first byte; from there on, those longer than the ring.
        let mut flags = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        if !ring.full {
            flags |= TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        }
        let (input, at) = (&call.input[call.read..], ring.at);
        let output = &mut call.output[call.written..];
        let (status, read, written) =
            decompress_with_limit(tables, input, &mut ring.bytes, at, output.len(), flags);
        output[..written].copy_from_slice(&ring.bytes[at..at + written]);
        ring.at += written;
        call.read += read;
        call.written += written;
        self.moved = self.moved.saturating_add((read + written) as u32);
        if status == TINFLStatus::BlockBoundary && self.moved < SHORT {
            self.tries = TRIES;
        }
        match status {
            TINFLStatus::BlockBoundary => match tables.block_boundary_state() {
                Some(state) => {
                    self.restart();
                    (self.held, self.bits) = (state.bit_buf.into(), state.num_bits.into());
                    Step::On
                }
                None => Step::Stop(InflateState::Damaged),
            },
            // The ring's end.
            TINFLStatus::HasMoreOutput if call.written < call.output.len() => Step::On,
            TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => {
                Step::Stop(InflateState::Going)
            }
            TINFLStatus::Done => {
                self.restart();
                Step::Stop(InflateState::Ended)
            }
            _ => Step::Stop(InflateState::Damaged),
        }
    }

    fn fixed(&mut self, call: &mut Call<'_>, ring: &mut Ring) -> Step {
        loop {
            if call.written == call.output.len() {
                self.unread(call);
                return Step::Stop(InflateState::Going);
            }
            if self.bits < fixed::LONGEST {
                self.fill(call);
            }
            let Some((symbol, bits)) = fixed::symbol(self.held, self.bits) else {
                return Step::Stop(InflateState::Going);
            };
            self.skip(bits);
            match symbol {
                Symbol::Literal(byte) => {
                    call.output[call.written] = byte;
                    call.written += 1;
                    ring.wrap();
                    ring.bytes[ring.at] = byte;
                    ring.at += 1;
                }
                Symbol::Match { len, dist } if dist <= ring.reach() => {
                    self.at = At::Match { dist, left: len };
                    return Step::On;
                }
                Symbol::End => {
                    self.unread(call);
                    return self.end();
                }
                Symbol::Match { .. } | Symbol::Invalid => {
                    return Step::Stop(InflateState::Damaged);
                }
            }
        }
    }

    fn copy(&mut self, call: &mut Call<'_>, ring: &mut Ring, dist: usize, left: usize) -> Step {
        let room = &mut call.output[call.written..];
        let len = left.min(room.len());
        ring.repeat(dist, &mut room[..len]);
        call.written += len;
        if len < left {
            let left = left - len;
            self.at = At::Match { dist, left };
            self.unread(call);
            return Step::Stop(InflateState::Going);
        }
        self.at = At::Fixed;
        Step::On
    }

    fn lengths(&mut self, call: &mut Call<'_>) -> Step {
        while self.bits < 32 {
            if !self.byte(call) {
                return Step::Stop(InflateState::Going);
            }
        }
        let (len, check) = (self.held as u16, (self.held >> 16) as u16);
        (self.held, self.bits) = (0, 0);
        if len != !check {
            return Step::Stop(InflateState::Damaged);
        }
        self.at = At::Stored { left: len.into() };
        Step::On
    }

    fn stored(&mut self, call: &mut Call<'_>, ring: &mut Ring, left: usize) -> Step {
        if left == 0 {
            return self.end();
        }
        let room = &mut call.output[call.written..];
        let rest = &call.input[call.read..];
        let len = left.min(room.len()).min(rest.len());
        if len == 0 {
            return Step::Stop(InflateState::Going);
        }
        room[..len].copy_from_slice(&rest[..len]);
        ring.push(&rest[..len]);
        call.read += len;
        call.written += len;
        self.at = At::Stored { left: left - len };
        Step::On
    }

    fn end(&mut self) -> Step {
        self.at = At::Start;
        match self.last {
            true => Step::Stop(InflateState::Ended),
            false => Step::On,
        }
    }

    fn skip(&mut self, bits: u32) {
        self.held >>= bits;
        self.bits -= bits;
    }

    /// Reads a byte, if there is one.
    fn byte(&mut self, call: &mut Call<'_>) -> bool {
        let Some(byte) = call.input.get(call.read) else {
            return false;
        };
        self.held |= u64::from(*byte) << self.bits;
        self.bits += 8;
        call.read += 1;
        true
    }

    /// Reads what there is, up to seven bytes.
    fn fill(&mut self, call: &mut Call<'_>) {
        let rest = &call.input[call.read..];
        let Some(word) = rest.first_chunk::<8>() else {
            while self.bits < fixed::LONGEST && self.byte(call) {}
            return;
        };
        let bytes = (63 - self.bits) / 8;
        let word = u64::from_le_bytes(*word) & ((1 << (8 * bytes)) - 1);
        self.held |= word << self.bits;
        self.bits += 8 * bytes;
        call.read += bytes as usize;
    }

    /// Gives back the whole bytes that were not needed. They came in this call: what was held before
    /// it was less than a symbol.
    fn unread(&mut self, call: &mut Call<'_>) {
        let bytes = self.bits / 8;
        debug_assert!(call.read >= bytes as usize);
        call.read -= bytes as usize;
        self.bits -= 8 * bytes;
        self.held &= (1 << self.bits) - 1;
    }
}
