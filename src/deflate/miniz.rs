//! The engines that come with the crate: miniz_oxide, in safe Rust.
//!
//! Problem: miniz_oxide has one window of 32 KiB for compressing, no dictionaries, and no way to report
//! that memory ran out. Its choice of codes makes small messages larger than zlib's.
//!
//! Choice:
//! - The window is kept small by the caller, which flushes with a reset of the history
//!   (`KEEPS_WINDOW`).
//! - History of another connection is read by compressing it at a low level (`PRIMING`); the result is
//!   discarded.
//! - Memory is asked for and given back first (`probe`), so that the engine's own requests succeed.
//! - A message of up to three pieces of 47 bytes is given to miniz_oxide in pieces, because it makes
//!   blocks of the fixed code only of at most 47 bytes. Messages of 100 bytes with context takeover
//!   were 1.6 times as large as zlib's, and are 1.3 times as large in pieces.
//! - Level 6 looks at 64 places for a match. With 128, miniz_oxide's default, compressing took about a
//!   sixth longer for an output that was 1 % smaller.
//!
//! Invariant: after an error the core is dropped, because miniz_oxide cannot go on. `memory` counts
//! boxes whose types are private (`BOXES`); a test compares the sum with the allocator.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::mem::size_of;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{
    CompressionStrategy, CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output,
};
use miniz_oxide::inflate::core::DecompressorOxide;

use super::WindowBits;
use super::blocks::Blocks;
use super::engine::{Deflate, Flush, Inflate, InflateState, Inflated};
use super::ring::Ring;
use crate::error::LimitError;
use crate::reserve::{Boxed, append, boxed, probe, reserve};

/// Inflates with miniz_oxide, and by itself what needs no tables. Holds the window, and 10 KiB of
/// tables once they were needed.
#[derive(Clone)]
pub struct MinizInflate {
    ring: Ring,
    blocks: Blocks,
}

/// The state of such an engine in the middle of a stream, with an empty window if the stream has none.
pub struct MinizTables {
    core: Option<Boxed<DecompressorOxide>>,
    ring: Box<[u8]>,
}

impl MinizInflate {
    pub(super) fn put(&mut self, tables: MinizTables) {
        self.ring.put(tables.ring);
        let core = self.blocks.tables();
        *core = core.take().or(tables.core);
    }

    pub(super) fn take(&mut self) -> Option<MinizTables> {
        let (core, ring) = (self.blocks.tables().take(), self.ring.take());
        let any = core.is_some() || !ring.is_empty();
        any.then_some(MinizTables { core, ring })
    }
}

impl Inflate for MinizInflate {
    type Tables = MinizTables;

    fn new(window: WindowBits) -> Self {
        Self {
            ring: Ring::new(window),
            blocks: Blocks::new(),
        }
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Inflated {
        if self.ring.make().is_err() {
            return Inflated {
                read: 0,
                written: 0,
                state: InflateState::OutOfMemory,
            };
        }
        self.blocks.inflate(&mut self.ring, input, output)
    }

    fn restart(&mut self) {
        self.blocks.restart();
    }

    fn forget(&mut self) {
        self.restart();
        self.ring.forget();
    }

    fn borrow(&mut self, spare: &mut Vec<MinizTables>) {
        if let Some(tables) = spare.pop() {
            self.put(tables);
        }
    }

    fn give_back(&mut self, spare: &mut Vec<MinizTables>) {
        if let Some(tables) = self.take()
            && reserve(spare, 1).is_ok()
        {
            spare.push(tables);
        }
    }

    fn release(&mut self) {
        *self.blocks.tables() = None;
        self.ring.release();
    }

    fn memory(&self) -> usize {
        self.ring.memory() + self.blocks.memory()
    }

    fn memory_of(tables: &MinizTables) -> usize {
        let core = tables.core.as_ref();
        core.map_or(0, |core| size_of_val(&**core)) + tables.ring.len()
    }
}

impl fmt::Debug for MinizInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinizInflate")
            .field("window", &self.ring.window)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MinizTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinizTables").finish_non_exhaustive()
    }
}

/// Deflates with miniz_oxide, which knows the largest window only. Holds about 312 KiB.
#[derive(Clone)]
pub struct MinizDeflate {
    level: u8,
    core: Option<Boxed<CompressorOxide>>,
}

/// The most bytes that miniz_oxide makes a block of the fixed code of. It never tries that code with
/// more, though tables of their own make small messages half as large again, so these go as several
/// blocks; how many pay was measured.
const PIECE: usize = 47;

/// The level that history is read at: the quickest that fills the tables which all levels but the
/// first look things up in.
const PRIMING: u8 = 2;

/// How many places miniz_oxide looks at for a match at level 6. Its own figure is 128, which takes
/// about a sixth longer for output that is 1 % smaller, and with fewer than this it may be more than
/// 3 % larger than zlib's. After [priming](Deflate::prime) it is 128: there is no way to set another.
const PROBES: u32 = 64;

impl MinizDeflate {
    fn core(&mut self) -> Result<&mut CompressorOxide, LimitError> {
        let core = match self.core.take() {
            Some(core) => core,
            None => {
                // It allocates its own parts without a way to fail.
                probe(size_of::<CompressorOxide>() + BOXES + SLACK)?;
                let strategy = CompressionStrategy::Default;
                boxed(|| match self.level {
                    6 => CompressorOxide::new(PROBES),
                    level => CompressorOxide::with_params(DataFormat::Raw, level, strategy, 15),
                })?
            }
        };
        Ok(&mut self.core.insert(core)[0])
    }
}

impl Deflate for MinizDeflate {
    const KEEPS_WINDOW: bool = false;

    fn new(_: WindowBits, level: u8) -> Self {
        Self { level, core: None }
    }

    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError> {
        let (flush, pieces) = match flush {
            Flush::Sync => (TDEFLFlush::Sync, 3),
            Flush::Full => (TDEFLFlush::Full, 2),
        };
        let core = self.core()?;
        let mut put = |input: &[u8], flush| {
            let (status, read) = compress_to_output(core, input, flush, |bytes| {
                // It stops, and is of no more use, where this says false.
                append(out, bytes).is_ok()
            });
            debug_assert!(status != TDEFLStatus::Okay || read == input.len());
            status == TDEFLStatus::Okay
        };
        let mut rest = input;
        if input.len() <= pieces * PIECE {
            while let Some((piece, after)) = rest.split_at_checked(PIECE)
                && !after.is_empty()
            {
                if !put(piece, TDEFLFlush::NoSync) {
                    self.core = None;
                    return Err(LimitError::OutOfMemory);
                }
                rest = after;
            }
        }
        if !put(rest, flush) {
            self.core = None;
            return Err(LimitError::OutOfMemory);
        }
        Ok(())
    }

    fn forget(&mut self) {
        if let Some(core) = &mut self.core {
            // Behind a flush this writes a whole empty block, which may as well be left out.
            compress_to_output(&mut core[0], &[], TDEFLFlush::Full, |_| true);
        }
    }

    fn prime(&mut self, history: &[u8]) -> Result<(), LimitError> {
        self.forget();
        if history.is_empty() {
            return Ok(());
        }
        let level = self.level;
        let core = self.core()?;
        // It has no dictionaries, so it compresses the history, and what comes out is dropped.
        if level > PRIMING {
            core.set_compression_level_raw(PRIMING);
        }
        compress_to_output(core, history, TDEFLFlush::Sync, |_| true);
        core.set_compression_level_raw(level);
        Ok(())
    }

    fn release(&mut self) {
        self.core = None;
    }

    fn memory(&self) -> usize {
        self.core
            .as_ref()
            .map_or(0, |_| size_of::<CompressorOxide>() + BOXES)
    }
}

/// The memory that a `CompressorOxide` holds besides itself, in boxes of types that are private. A test holds it
/// against the allocator.
const BOXES: usize = 253_614
    + if cfg!(target_arch = "wasm32") {
        CODES
    } else {
        0
    };

/// On wasm32 one more part lies in a box of its own, which is a part of the `CompressorOxide` elsewhere.
const CODES: usize = 64 << 10;

/// The memory that the allocator may need beside its blocks, for the headers of all boxes and their alignment.
const SLACK: usize = 1 << 10;

impl fmt::Debug for MinizDeflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinizDeflate").finish_non_exhaustive()
    }
}
