//! The engines behind the feature `zlib-rs`: a port of zlib, several times as fast.
//!
//! Problem: zlib-rs accepts a distance beyond a smaller window when it inflates. It begins anew behind
//! a final block, so each message would pay for a new start. Its compressor does not support a window
//! of 8 bits.
//!
//! Choice:
//! - Only the largest window is inflated by zlib-rs: no distance is longer than 32 KiB, so it is enough
//!   that zlib-rs rejects distances before the first byte. For smaller windows the inflater is a
//!   [`MinizInflate`].
//! - The end of a message is found by empty blocks that are not final, at which zlib-rs stops on
//!   request.
//! - A window of 9 bits serves for 8 bits, because zlib uses no more than 250 bytes of it.
//! - The states are behind a box, so that a session without compression stays small.
//!
//! Invariant: the ring of `Largest`, a copy of the window, has everything that later messages can refer
//! to. It is needed whenever the inflater's memory was given away. Memory is asked for and given back
//! before zlib-rs allocates, because its own requests cannot fail with an error.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use zlib_rs::{Deflate as Deflater, DeflateConfig, DeflateFlush};
use zlib_rs::{Inflate as Inflater, InflateFlush, Status};

use super::WindowBits;
use super::engine::{Deflate, Flush, Inflate, InflateState, Inflated};
use super::miniz::MinizInflate;
use super::ring::Ring;
use crate::error::LimitError;
use crate::reserve::{Boxed, boxed, probe, reserve};

/// Inflates with zlib-rs. Holds the window, and while a message comes 46 KiB more.
///
/// zlib-rs lets distances reach further back than a smaller window does, so where one is agreed on
/// this is a [`MinizInflate`].
pub struct ZlibInflate(Engine);

enum Engine {
    Largest(Largest),
    Smaller(MinizInflate),
}

/// The state of such an engine in the middle of a stream, with an empty window if the stream has none.
pub struct ZlibTables(Tables);

enum Tables {
    Largest(Boxed<Inflater>, Box<[u8]>),
    Smaller(<MinizInflate as Inflate>::Tables),
}

impl Inflate for ZlibInflate {
    type Tables = ZlibTables;

    fn new(window: WindowBits) -> Self {
        Self(match window {
            WindowBits::MAX => Engine::Largest(Largest {
                ring: Ring::new(window),
                zlib: None,
                ready: false,
                met: false,
            }),
            window => Engine::Smaller(MinizInflate::new(window)),
        })
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Inflated {
        match &mut self.0 {
            Engine::Largest(engine) => engine.step(input, output, InflateFlush::NoFlush),
            Engine::Smaller(engine) => engine.inflate(input, output),
        }
    }

    fn finish(&mut self, fed: usize, output: &mut [u8]) -> Inflated {
        match &mut self.0 {
            Engine::Largest(engine) => engine.finish(fed, output),
            Engine::Smaller(engine) => engine.finish(fed, output),
        }
    }

    fn restart(&mut self) {
        match &mut self.0 {
            // It is there already, or begins anew with the next input.
            Engine::Largest(_) => {}
            Engine::Smaller(engine) => engine.restart(),
        }
    }

    fn forget(&mut self) {
        match &mut self.0 {
            Engine::Largest(engine) => {
                engine.ring.forget();
                engine.ready = false;
            }
            Engine::Smaller(engine) => engine.forget(),
        }
    }

    fn borrow(&mut self, spare: &mut Vec<ZlibTables>) {
        let largest = match &self.0 {
            Engine::Largest(engine) if engine.zlib.is_some() => return,
            Engine::Largest(_) => true,
            Engine::Smaller(_) => false,
        };
        let fits = |it: &ZlibTables| largest == matches!(it.0, Tables::Largest(..));
        if let Some(at) = spare.iter().rposition(fits) {
            match (&mut self.0, spare.swap_remove(at).0) {
                (Engine::Largest(engine), Tables::Largest(zlib, ring)) => {
                    (engine.zlib, engine.ready) = (Some(zlib), false);
                    engine.ring.put(ring);
                }
                (Engine::Smaller(engine), Tables::Smaller(tables)) => engine.put(tables),
                _ => {}
            }
        }
    }

    fn give_back(&mut self, spare: &mut Vec<ZlibTables>) {
        let tables = match &mut self.0 {
            Engine::Largest(engine) => {
                let ring = engine.ring.take();
                engine.zlib.take().map(|zlib| Tables::Largest(zlib, ring))
            }
            Engine::Smaller(engine) => engine.take().map(Tables::Smaller),
        };
        if let Some(tables) = tables
            && reserve(spare, 1).is_ok()
        {
            spare.push(ZlibTables(tables));
        }
    }

    fn release(&mut self) {
        match &mut self.0 {
            Engine::Largest(engine) => {
                engine.zlib = None;
                engine.ring.release();
            }
            Engine::Smaller(engine) => engine.release(),
        }
    }

    fn memory(&self) -> usize {
        match &self.0 {
            Engine::Largest(engine) => {
                engine.ring.memory() + engine.zlib.as_ref().map_or(0, |_| INFLATER)
            }
            Engine::Smaller(engine) => engine.memory(),
        }
    }

    fn memory_of(tables: &ZlibTables) -> usize {
        match &tables.0 {
            Tables::Largest(_, ring) => INFLATER + ring.len(),
            Tables::Smaller(tables) => MinizInflate::memory_of(tables),
        }
    }
}

impl fmt::Debug for ZlibInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZlibInflate").finish_non_exhaustive()
    }
}

impl fmt::Debug for ZlibTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZlibTables").finish_non_exhaustive()
    }
}

/// The memory of an `Inflater` and of its parts. A test holds it against the allocator.
const INFLATER: usize = 47_552 + size_of::<Inflater>();

/// The largest window, which is zlib-rs's only one: no distance is longer, so that it refuses what
/// reaches before the first byte is enough.
struct Largest {
    /// A copy: what zlib-rs remembers is lost when a final block ends, or its memory is given away.
    ring: Ring,
    zlib: Option<Boxed<Inflater>>,
    /// The next bytes continue the ones that `zlib` has read. If not, it has to begin anew.
    ready: bool,
    /// While finishing: it was seen to stop behind the empty block.
    met: bool,
}

impl Largest {
    fn step(&mut self, input: &[u8], output: &mut [u8], flush: InflateFlush) -> Inflated {
        let at = |state| Inflated {
            read: 0,
            written: 0,
            state,
        };
        let fresh = self.zlib.is_none();
        if self.ring.make().is_err() || fresh && self.make().is_err() {
            return at(InflateState::OutOfMemory);
        }
        let Some([zlib]) = self.zlib.as_deref_mut() else {
            return at(InflateState::Damaged); // It was made just now.
        };
        if fresh || !self.ready {
            if !fresh {
                zlib.reset(false);
            }
            for part in self.ring.parts() {
                if !part.is_empty() {
                    let set = zlib.set_dictionary(part);
                    debug_assert!(set.is_ok(), "raw streams take dictionaries");
                }
            }
            self.ready = true;
        }
        let before = (zlib.total_in(), zlib.total_out());
        let status = zlib.decompress(input, output, flush);
        let read = (zlib.total_in() - before.0) as usize;
        let written = (zlib.total_out() - before.1) as usize;
        self.ring.push(&output[..written]);
        let state = match status {
            Ok(Status::Ok | Status::BufError) => InflateState::Going,
            Ok(Status::StreamEnd) => InflateState::Ended,
            Err(_) => InflateState::Damaged,
        };
        self.ready = state == InflateState::Going;
        Inflated {
            read,
            written,
            state,
        }
    }

    /// Makes the inflater, which allocates its own parts without a way to fail.
    fn make(&mut self) -> Result<(), LimitError> {
        probe(INFLATER + SLACK)?;
        let bits = WindowBits::MAX.bits();
        self.zlib = Some(boxed(|| Inflater::new(false, bits))?);
        Ok(())
    }

    /// Instead of a final block, behind which zlib-rs would have to begin anew, another that is not
    /// final: it stops behind each if asked to, and must stop behind these two.
    fn finish(&mut self, fed: usize, output: &mut [u8]) -> Inflated {
        const EMPTY: usize = 4;
        const WHOLE: usize = 9;
        // With one byte behind that must not be read.
        const ENDING: [u8; WHOLE + 1] = [0, 0, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0];
        if fed == 0 {
            self.met = false;
        }
        let mut at = Inflated {
            read: 0,
            written: 0,
            state: InflateState::Going,
        };
        // It may stop once more at the start, behind a block of the message's own.
        for _ in 0..4 {
            let input = ENDING.get(fed + at.read..).unwrap_or_default();
            let done = self.step(input, &mut output[at.written..], InflateFlush::Block);
            at.read += done.read;
            at.written += done.written;
            match done.state {
                InflateState::Going => {}
                InflateState::OutOfMemory => {
                    return Inflated {
                        state: done.state,
                        ..at
                    };
                }
                InflateState::Ended | InflateState::Damaged => break,
            }
            match fed + at.read {
                EMPTY => self.met = true,
                WHOLE if self.met => {
                    at.state = InflateState::Ended;
                    return at;
                }
                _ => {}
            }
            if at.written == output.len() {
                return at;
            }
        }
        at.state = InflateState::Damaged;
        at
    }
}

/// Deflates with zlib-rs, which keeps to smaller windows. Holds 140 to 371 KiB, by the window.
pub struct ZlibDeflate {
    window: WindowBits,
    level: u8,
    zlib: Option<Boxed<Deflater>>,
}

impl ZlibDeflate {
    /// zlib's smallest window for raw streams is of 9 bits, of which it uses no more than 250 bytes:
    /// its longest match must have room behind. So that does for 8 bits too.
    fn bits(&self) -> u8 {
        self.window.bits().max(9)
    }

    /// Symbols of a block and of what a smaller window can refer to, in proportion.
    fn mem_level(&self) -> u8 {
        (self.bits() - 5).min(8)
    }

    fn zlib(&mut self) -> Result<&mut Deflater, LimitError> {
        let config = DeflateConfig {
            window_bits: -i32::from(self.bits()),
            mem_level: self.mem_level().into(),
            ..DeflateConfig::new(self.level.into())
        };
        let zlib = match self.zlib.take() {
            Some(zlib) => zlib,
            None => {
                // It allocates its own parts without a way to fail.
                probe(self.size() + SLACK)?;
                boxed(|| Deflater::new_with_config(config))?
            }
        };
        Ok(&mut self.zlib.insert(zlib)[0])
    }

    /// Bytes that the engine holds once it is made.
    fn size(&self) -> usize {
        let (window, symbols) = (1 << self.bits(), 1 << (self.mem_level() + 6));
        4 * window + 7 * symbols + DEFLATER
    }
}

impl Deflate for ZlibDeflate {
    const KEEPS_WINDOW: bool = true;

    fn new(window: WindowBits, level: u8) -> Self {
        Self {
            window,
            level,
            zlib: None,
        }
    }

    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError> {
        let flush = match flush {
            Flush::Sync => DeflateFlush::SyncFlush,
            Flush::Full => DeflateFlush::FullFlush,
        };
        let zlib = self.zlib()?;
        let (mut rest, mut room) = (input, input.len() / 2 + 64);
        loop {
            let end = out.len();
            if let Err(error) = reserve(out, room) {
                self.zlib = None;
                return Err(error);
            }
            out.resize(end + room, 0);
            let before = (zlib.total_in(), zlib.total_out());
            let status = zlib.compress(rest, &mut out[end..], flush);
            debug_assert!(matches!(status, Ok(Status::Ok | Status::BufError)));
            let read = (zlib.total_in() - before.0) as usize;
            let written = (zlib.total_out() - before.1) as usize;
            rest = &rest[read..];
            out.truncate(end + written);
            if written < room {
                debug_assert!(rest.is_empty());
                return Ok(());
            }
            room = rest.len() / 2 + 64;
        }
    }

    fn forget(&mut self) {
        if let Some(zlib) = &mut self.zlib {
            zlib[0].reset();
        }
    }

    fn prime(&mut self, history: &[u8]) -> Result<(), LimitError> {
        self.forget();
        if !history.is_empty() {
            let set = self.zlib()?.set_dictionary(history);
            debug_assert!(set.is_ok(), "a new stream takes a dictionary");
        }
        Ok(())
    }

    fn release(&mut self) {
        self.zlib = None;
    }

    fn memory(&self) -> usize {
        self.zlib.as_ref().map_or(0, |_| self.size())
    }
}

/// The memory that the allocator may need beside its blocks, for their headers and alignment.
const SLACK: usize = 1 << 10;

/// A `Deflater` itself, and what it holds besides its window with an index, and a block's symbols. A test
/// holds it against the allocator.
const DEFLATER: usize = 134_272 + size_of::<Deflater>();

impl fmt::Debug for ZlibDeflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZlibDeflate").finish_non_exhaustive()
    }
}
