//! Engines that many connections share.
//!
//! A deflate engine takes 312 KiB. With takeover, each connection needs one that has seen what was sent
//! before, so ten thousand connections would hold 3 GiB. Here one engine serves all of them. It
//! remembers whose bytes it has seen last (`Slot::owner`). For another connection it forgets them, and
//! reads the last bytes that this one has sent ([`Deflate::prime`]), which the connection keeps.
//!
//! Invariant: a connection's history is an end of what its peer was sent, or empty, and the engine refers
//! to the history of the connection it works for only. Both may be shorter than what the peer remembers:
//! that costs compression and nothing else. So whenever something fails, history and owner are dropped,
//! never guessed. An engine that fails has no owner, so that no byte of one connection can leave on
//! another.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;

use super::engine::{self, Deflate, Flush, Inflate, Inflated};
use super::{
    AgreedDeflate, Compressor, Decompressor, DefaultDeflate, DefaultInflate, DeflateDirection,
    DeflateOptions, WindowBits,
};
use crate::Limits;
use crate::error::LimitError;
use crate::reserve::{reserve, reserve_exact};

/// Spare tables are kept for so many messages that come at the same time.
const SPARE: usize = 16;

/// Makes compressors and decompressors for the connections of one thread, which then share what is
/// large: one deflate engine for all (for each window and level in use, to be exact), and the tables
/// that inflating needs while a message comes. Connections keep windows only.
///
/// | what a connection holds | shared | [dedicated](Self::dedicated) |
/// |---|---|---|
/// | to send, with takeover | the [last bytes](Self::history) it sent, 4 KiB unless told | an engine |
/// | to send, without takeover | nothing | an engine |
/// | to receive, with takeover | the window; in a message, tables too | the same, tables until released |
/// | to receive, without takeover | nothing; in a message, window and tables | both until released |
///
/// The price is time. Without takeover there is none. With takeover, whenever the engine has served
/// another connection last, it reads the connection's last bytes again before the message: the more
/// are kept, the smaller the messages, and the more there is to read. Where a fragmented message is
/// sent and other connections have their turn between its fragments, the same goes for fragments.
///
/// A pool is a handle; its clones share what it has. It belongs to one thread, as do the compressors
/// and decompressors that come from it. The memory of the pool is [its own](Self::memory), not the
/// connections'.
///
/// ```
/// use wscodec::Limits;
/// use wscodec::deflate::{AgreedDeflate, DeflateOptions, Decompressor, DeflatePool};
///
/// let agreed = AgreedDeflate::default();
/// let pool = DeflatePool::new();
/// let mut senders = [(); 3].map(|()| pool.compressor(&agreed, &DeflateOptions::default()));
/// let mut receivers = [(); 3].map(|()| Decompressor::new(&agreed, &Limits::default()));
/// for round in 0..4 {
///     for (sender, receiver) in senders.iter_mut().zip(&mut receivers) {
///         let (mut coded, mut out) = (Vec::new(), Vec::new());
///         sender.message(b"What was said is not said again", &mut coded)?;
///         receiver.message(&coded, &mut out)?;
///         assert_eq!(out, b"What was said is not said again");
///         assert!(round == 0 || coded.len() < 8);
///         assert!(sender.memory() < 4097);
///     }
/// }
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
pub struct DeflatePool<D: Deflate = DefaultDeflate, I: Inflate = DefaultInflate> {
    shared: Rc<Shared<D, I>>,
    dedicated: bool,
    history: WindowBits,
}

struct Shared<D, I: Inflate> {
    deflaters: Rc<Deflaters<D>>,
    spare: Rc<RefCell<Vec<I::Tables>>>,
}

struct Deflaters<D> {
    slots: RefCell<Vec<Slot<D>>>,
    /// Identities given so far.
    given: Cell<u64>,
}

/// An engine, and what it last did.
struct Slot<D> {
    window: WindowBits,
    level: u8,
    engine: D,
    /// The connection to whose bytes it could refer; `None` if it would refer to none.
    owner: Option<u64>,
    since: usize,
}

impl DeflatePool {
    /// An empty pool, of the default engines.
    pub fn new() -> Self {
        Self::with_engines()
    }
}

impl<D: Deflate, I: Inflate> DeflatePool<D, I> {
    /// An empty pool, of these engines.
    pub fn with_engines() -> Self {
        Self {
            shared: Rc::new(Shared {
                deflaters: Rc::new(Deflaters {
                    slots: RefCell::new(Vec::new()),
                    given: Cell::new(0),
                }),
                spare: Rc::default(),
            }),
            dedicated: false,
            history: WindowBits::new(12).unwrap_or(WindowBits::MAX),
        }
    }

    /// From here on each connection gets engines of its own, as from [`Compressor::new`] and
    /// [`Decompressor::new`]; for those who leave the choice to a configuration.
    #[must_use]
    pub fn dedicated(mut self) -> Self {
        self.dedicated = true;
        self
    }

    /// From here on so many bytes of what was sent are kept for each connection that has takeover,
    /// but no more than its window. Default 4 KiB.
    #[must_use]
    pub fn history(mut self, most: WindowBits) -> Self {
        self.history = most;
        self
    }

    /// For the messages to send, as [`Compressor::new`].
    pub fn compressor(
        &self,
        agreed: &AgreedDeflate,
        config: &DeflateOptions,
    ) -> Compressor<PooledDeflate<D>> {
        let DeflateDirection { window, takeover } = agreed.send;
        let level = config.level.clamp(1, 9);
        let engine = match self.dedicated {
            true => PooledDeflate::new(window, level),
            false => {
                let pool = Rc::clone(&self.shared.deflaters);
                PooledDeflate(Way::Shared(Borrower {
                    id: pool.identity(),
                    pool,
                    window,
                    level,
                    keep: match takeover {
                        true => window.min(self.history).len(),
                        false => 0,
                    },
                    history: Vec::new(),
                }))
            }
        };
        Compressor::of(engine, agreed.send, config)
    }

    /// For the messages that come, as [`Decompressor::new`].
    pub fn decompressor(
        &self,
        agreed: &AgreedDeflate,
        limits: &Limits,
    ) -> Decompressor<PooledInflate<I>> {
        let engine = PooledInflate {
            engine: I::new(agreed.receive.window),
            spare: (!self.dedicated).then(|| Rc::clone(&self.shared.spare)),
            within: false,
        };
        Decompressor::of(engine, agreed.receive, limits)
    }

    /// Bytes of memory that the pool itself holds: shared engines, and tables that no message needs
    /// just now.
    pub fn memory(&self) -> usize {
        let slots = self.shared.deflaters.slots.borrow();
        let spare = self.shared.spare.borrow();
        let engines: usize = slots.iter().map(|slot| slot.engine.memory()).sum();
        let tables: usize = spare.iter().map(I::memory_of).sum();
        let lists =
            slots.capacity() * size_of::<Slot<D>>() + spare.capacity() * size_of::<I::Tables>();
        engines + tables + lists
    }

    /// Gives that memory back until it is needed again. The connections lose nothing by it.
    pub fn release(&self) {
        *self.shared.deflaters.slots.borrow_mut() = Vec::new();
        *self.shared.spare.borrow_mut() = Vec::new();
    }
}

impl<D: Deflate, I: Inflate> Clone for DeflatePool<D, I> {
    fn clone(&self) -> Self {
        Self {
            shared: Rc::clone(&self.shared),
            dedicated: self.dedicated,
            history: self.history,
        }
    }
}

impl Default for DeflatePool {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Deflate, I: Inflate> fmt::Debug for DeflatePool<D, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeflatePool")
            .field("dedicated", &self.dedicated)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}

/// The engine of compressors that come from a [`DeflatePool`]: the shared one, or one of its own.
pub struct PooledDeflate<D = DefaultDeflate>(Way<D>);

enum Way<D> {
    Own {
        engine: D,
        window: WindowBits,
        since: usize,
    },
    Shared(Borrower<D>),
}

/// A connection that uses shared engines.
struct Borrower<D> {
    pool: Rc<Deflaters<D>>,
    /// Changed to be no longer the owner of what an engine remembers.
    id: u64,
    window: WindowBits,
    level: u8,
    /// How much of what was sent is kept, and that.
    keep: usize,
    history: Vec<u8>,
}

impl<D> Deflaters<D> {
    fn identity(&self) -> u64 {
        self.given.set(self.given.get() + 1);
        self.given.get()
    }
}

impl<D: Deflate> Borrower<D> {
    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError> {
        let window = match D::KEEPS_WINDOW {
            true => self.window,
            false => WindowBits::MAX,
        };
        let mut slots = self.pool.slots.borrow_mut();
        let fits = |slot: &Slot<D>| slot.window == window && slot.level == self.level;
        let at = match slots.iter().position(fits) {
            Some(at) => at,
            None => {
                reserve(&mut *slots, 1)?;
                slots.push(Slot {
                    window,
                    level: self.level,
                    engine: D::new(window, self.level),
                    owner: None,
                    since: 0,
                });
                slots.len() - 1
            }
        };
        let slot = &mut slots[at];
        if slot.owner != Some(self.id) {
            let most = match D::KEEPS_WINDOW || self.window == WindowBits::MAX {
                true => self.keep,
                // The window is flushed when it is full: leave room for the input.
                false => self.window.len() - input.len().min(self.window.len()),
            };
            let history = &self.history[self.history.len().saturating_sub(most)..];
            let fresh = slot.owner.take().is_none();
            slot.since = 0;
            if !fresh || !history.is_empty() {
                // If this fails the engine refers to nothing, and has no owner.
                slot.engine.prime(history)?;
            }
            slot.since = history.len();
        }
        slot.owner = None;
        let (engine, since) = (&mut slot.engine, &mut slot.since);
        engine::deflate(engine, self.window, since, input, flush, out)?;
        if flush == Flush::Sync {
            slot.owner = Some(self.id);
        }
        drop(slots);
        match flush {
            Flush::Sync => self.remember(input),
            Flush::Full => self.history.clear(),
        }
        Ok(())
    }

    /// Keeps the last bytes that were sent. Without memory for them nothing is kept: a history may be
    /// any end of what was sent, an empty one too.
    fn remember(&mut self, input: &[u8]) {
        let input = &input[input.len().saturating_sub(self.keep)..];
        let len = self.history.len() + input.len();
        if len > self.keep {
            self.history.drain(..len - self.keep);
        }
        if self.history.capacity() < len.min(self.keep) {
            let room = len.next_power_of_two().min(self.keep);
            let missing = room - self.history.len();
            if reserve_exact(&mut self.history, missing).is_err() {
                return self.history.clear();
            }
        }
        self.history.extend_from_slice(input);
    }

    fn forget(&mut self) {
        self.history.clear();
        self.id = self.pool.identity();
    }
}

impl<D: Deflate> Deflate for PooledDeflate<D> {
    const KEEPS_WINDOW: bool = true;

    /// An engine of its own.
    fn new(window: WindowBits, level: u8) -> Self {
        Self(Way::Own {
            engine: D::new(window, level),
            window,
            since: 0,
        })
    }

    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError> {
        match &mut self.0 {
            Way::Own {
                engine,
                window,
                since,
            } => engine::deflate(engine, *window, since, input, flush, out),
            Way::Shared(shared) => shared.deflate(input, flush, out),
        }
    }

    fn forget(&mut self) {
        match &mut self.0 {
            Way::Own { engine, since, .. } => {
                engine.forget();
                *since = 0;
            }
            Way::Shared(shared) => shared.forget(),
        }
    }

    fn prime(&mut self, history: &[u8]) -> Result<(), LimitError> {
        match &mut self.0 {
            Way::Own { engine, since, .. } => {
                *since = 0;
                engine.prime(history)?;
                *since = history.len();
            }
            Way::Shared(shared) => {
                shared.forget();
                shared.remember(history);
            }
        }
        Ok(())
    }

    /// Shared, only what the history doesn't need: the next message can refer back to it.
    fn release(&mut self) {
        match &mut self.0 {
            Way::Own { engine, since, .. } => {
                engine.release();
                *since = 0;
            }
            Way::Shared(shared) => shared.history.shrink_to_fit(),
        }
    }

    fn memory(&self) -> usize {
        match &self.0 {
            Way::Own { engine, .. } => engine.memory(),
            Way::Shared(shared) => shared.history.capacity(),
        }
    }
}

impl<D> fmt::Debug for PooledDeflate<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = matches!(self.0, Way::Shared(_));
        f.debug_struct("PooledDeflate")
            .field("shared", &shared)
            .finish_non_exhaustive()
    }
}

/// The engine of decompressors that come from a [`DeflatePool`]: its tables are shared, or its own.
pub struct PooledInflate<I: Inflate = DefaultInflate> {
    engine: I,
    spare: Option<Rc<RefCell<Vec<I::Tables>>>>,
    /// It has borrowed tables.
    within: bool,
}

impl<I: Inflate> PooledInflate<I> {
    fn borrow_tables(&mut self) {
        if let Some(spare) = &self.spare
            && !self.within
        {
            self.engine.borrow(&mut spare.borrow_mut());
            self.within = true;
        }
    }

    fn give_tables_back(&mut self) {
        if let Some(spare) = &self.spare {
            let mut spare = spare.borrow_mut();
            self.engine.give_back(&mut spare);
            spare.truncate(SPARE);
            // The rest is a window, if there is takeover.
            self.engine.release();
            self.within = false;
        }
    }
}

impl<I: Inflate> Inflate for PooledInflate<I> {
    type Tables = I::Tables;

    /// An engine with tables of its own.
    fn new(window: WindowBits) -> Self {
        Self {
            engine: I::new(window),
            spare: None,
            within: false,
        }
    }

    fn inflate(&mut self, input: &[u8], output: &mut [u8]) -> Inflated {
        self.borrow_tables();
        self.engine.inflate(input, output)
    }

    fn finish(&mut self, fed: usize, output: &mut [u8]) -> Inflated {
        self.borrow_tables();
        self.engine.finish(fed, output)
    }

    fn restart(&mut self) {
        self.engine.restart();
        self.give_tables_back();
    }

    fn forget(&mut self) {
        self.engine.forget();
        self.give_tables_back();
    }

    fn borrow(&mut self, spare: &mut Vec<I::Tables>) {
        self.engine.borrow(spare);
    }

    fn give_back(&mut self, spare: &mut Vec<I::Tables>) {
        self.engine.give_back(spare);
    }

    fn release(&mut self) {
        self.engine.release();
        self.within = false;
    }

    fn memory(&self) -> usize {
        self.engine.memory()
    }

    fn memory_of(tables: &I::Tables) -> usize {
        I::memory_of(tables)
    }
}

impl<I: Inflate> fmt::Debug for PooledInflate<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledInflate")
            .field("shared", &self.spare.is_some())
            .finish_non_exhaustive()
    }
}
