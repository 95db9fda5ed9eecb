//! The engines that come with the crate: miniz_oxide, in safe Rust.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem::size_of;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::core::{
    CompressionStrategy, CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit};

use super::Window;
use super::engine::{Deflate, Flush, Inflate, InflateState, Inflated};

/// Inflates with miniz_oxide. Holds the window, and while a message comes 10 KiB of tables.
///
/// Invariant: `at <= ring.len()`, which is the window's or 0; if not `full`, what is before `at` is
/// all that was written since the window was empty.
#[derive(Clone)]
pub struct MinizInflate {
    window: Window,
    ring: Box<[u8]>,
    at: usize,
    full: bool,
    tables: Option<Box<DecompressorOxide>>,
}

impl Inflate for MinizInflate {
    fn new(window: Window) -> Self {
        Self {
            window,
            ring: Box::default(),
            at: 0,
            full: false,
            tables: None,
        }
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Inflated {
        if self.ring.is_empty() {
            self.ring = vec![0; self.window.len()].into_boxed_slice();
        }
        let tables = self.tables.get_or_insert_default();
        let (mut read, mut written) = (0, 0);
        let state = loop {
            if self.at == self.ring.len() {
                (self.at, self.full) = (0, true);
            }
            // Until the ring is full it is no ring to miniz_oxide, which then refuses distances
            // that reach before its first byte; from there on, those longer than the ring.
            let flags = match self.full {
                true => TINFL_FLAG_HAS_MORE_INPUT,
                false => TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
            };
            let room = output.len() - written;
            let input = &input[read..];
            let (status, r, w) =
                decompress_with_limit(tables, input, &mut self.ring, self.at, room, flags);
            output[written..written + w].copy_from_slice(&self.ring[self.at..self.at + w]);
            self.at += w;
            read += r;
            written += w;
            match status {
                TINFLStatus::HasMoreOutput if written < output.len() => {}
                TINFLStatus::HasMoreOutput | TINFLStatus::NeedsMoreInput => {
                    break InflateState::Going;
                }
                TINFLStatus::Done => break InflateState::Ended,
                _ => break InflateState::Damaged,
            }
        };
        Inflated {
            read,
            written,
            state,
        }
    }

    fn restart(&mut self) {
        if let Some(tables) = &mut self.tables {
            tables.init();
        }
    }

    fn forget(&mut self) {
        self.restart();
        (self.at, self.full) = (0, false);
    }

    fn release(&mut self) {
        self.tables = None;
        if self.at == 0 && !self.full {
            self.ring = Box::default();
        }
    }

    fn memory(&self) -> usize {
        let tables = self.tables.as_ref();
        self.ring.len() + tables.map_or(0, |_| size_of::<DecompressorOxide>())
    }
}

impl fmt::Debug for MinizInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinizInflate")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// Deflates with miniz_oxide, which knows the largest window only. Holds about 312 KiB.
#[derive(Clone)]
pub struct MinizDeflate {
    core: Box<CompressorOxide>,
}

impl Deflate for MinizDeflate {
    const KEEPS_WINDOW: bool = false;

    fn new(_: Window, level: u8) -> Self {
        let strategy = CompressionStrategy::Default;
        let core = CompressorOxide::with_params(DataFormat::Raw, level, strategy, 15);
        Self {
            core: Box::new(core),
        }
    }

    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) {
        let flush = match flush {
            Flush::Sync => TDEFLFlush::Sync,
            Flush::Full => TDEFLFlush::Full,
        };
        let (status, read) = compress_to_output(&mut self.core, input, flush, |bytes| {
            out.extend_from_slice(bytes);
            true
        });
        debug_assert!(status == TDEFLStatus::Okay && read == input.len());
    }

    fn forget(&mut self) {
        // Behind a flush this writes a whole empty block, which may as well be left out.
        compress_to_output(&mut self.core, &[], TDEFLFlush::Full, |_| true);
    }

    fn memory(&self) -> usize {
        size_of::<CompressorOxide>() + BOXES
    }
}

/// What a `CompressorOxide` holds besides itself, in boxes of types that are private. A test holds it
/// against the allocator.
const BOXES: usize = 253_614;

impl fmt::Debug for MinizDeflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MinizDeflate").finish_non_exhaustive()
    }
}
