//! Compression engines that the connections of a thread share.
//!
//! An engine that deflates takes some 300 KiB, and tables for inflating take 10 KiB and more. Between
//! messages a connection keeps only the bytes that the next message may refer back to. When a message
//! is sent, the thread's engine is primed with them, unless it has just served the same connection.
//!
//! A connection may be polled on any thread. So the identity of a connection does not tell whether an
//! engine knows its last bytes: a connection that sends on thread A, then on B, then on A again finds
//! that A's engine has served it last, but that engine lacks the bytes that went through B. Therefore
//! each use of an engine draws a new stamp from a counter of the process, and both keep it. The engine
//! knows the connection's last bytes exactly if the two stamps are equal.
//!
//! `deflate::Pool` of the core does the same within one thread, without the counter; its handles are
//! not `Send`.

use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use wscodec::LimitError;
use wscodec::deflate::{Deflate, Flush, Inflate, Inflated};
#[cfg(not(feature = "zlib-rs"))]
use wscodec::deflate::{MinizDeflate as Deflater, MinizInflate as Inflater};
#[cfg(feature = "zlib-rs")]
use wscodec::deflate::{ZlibDeflate as Deflater, ZlibInflate as Inflater};

use crate::names::WindowBits;

/// Bytes of what was sent that a connection keeps, at most.
const HISTORY: usize = 4 << 10;
/// Spare tables that a thread keeps.
const SPARE: usize = 16;

type Tables = <Inflater as Inflate>::Tables;

static STAMPS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static DEFLATERS: RefCell<Vec<Slot>> = const { RefCell::new(Vec::new()) };
    static TABLES: RefCell<Vec<Tables>> = const { RefCell::new(Vec::new()) };
}

/// An engine of this thread, and the stamp of its last use; 0 if it knows nothing.
struct Slot {
    window: WindowBits,
    level: u8,
    stamp: u64,
    engine: Deflater,
}

/// Deflates with an engine of the thread it is called on.
pub struct SharedDeflate {
    window: WindowBits,
    level: u8,
    /// Of the last use of an engine; 0 if the next message refers to nothing.
    stamp: u64,
    /// The last bytes that were sent, at most [`HISTORY`] and the window.
    history: Vec<u8>,
}

impl SharedDeflate {
    fn run(
        &mut self,
        slots: &mut Vec<Slot>,
        input: &[u8],
        flush: Flush,
        out: &mut Vec<u8>,
    ) -> Result<(), LimitError> {
        let window = match Deflater::KEEPS_WINDOW {
            true => self.window,
            false => WindowBits::MAX,
        };
        let fits = |slot: &Slot| slot.window == window && slot.level == self.level;
        let at = match slots.iter().position(fits) {
            Some(at) => at,
            None => {
                slots.try_reserve(1).map_err(|_| LimitError::OutOfMemory)?;
                slots.push(Slot {
                    window,
                    level: self.level,
                    stamp: 0,
                    engine: Deflater::new(window, self.level),
                });
                slots.len() - 1
            }
        };
        let slot = &mut slots[at];
        if slot.stamp == 0 || slot.stamp != self.stamp {
            let knows_nothing = std::mem::take(&mut slot.stamp) == 0;
            if !knows_nothing || !self.history.is_empty() {
                slot.engine.prime(&self.history)?;
            }
        }
        // If the engine fails it has forgotten everything, which a stamp of 0 says.
        (slot.stamp, self.stamp) = (0, 0);
        slot.engine.deflate(input, flush, out)?;
        if flush == Flush::Sync {
            let stamp = STAMPS.fetch_add(1, Ordering::Relaxed);
            (slot.stamp, self.stamp) = (stamp, stamp);
        }
        Ok(())
    }

    /// Keeps the last bytes that were sent. Without memory for them it keeps none: the history may be
    /// any end of what was sent.
    fn remember(&mut self, input: &[u8]) {
        let most = self.window.len().min(HISTORY);
        let input = &input[input.len().saturating_sub(most)..];
        let over = (self.history.len() + input.len()).saturating_sub(most);
        self.history.drain(..over);
        let len = self.history.len() + input.len();
        if self.history.capacity() < len {
            let room = len.next_power_of_two().min(most);
            let missing = room - self.history.len();
            if self.history.try_reserve_exact(missing).is_err() {
                self.history.clear();
                return;
            }
        }
        self.history.extend_from_slice(input);
    }
}

impl Deflate for SharedDeflate {
    const KEEPS_WINDOW: bool = Deflater::KEEPS_WINDOW;

    fn new(window: WindowBits, level: u8) -> Self {
        Self {
            window,
            level,
            stamp: 0,
            history: Vec::new(),
        }
    }

    fn deflate(&mut self, input: &[u8], flush: Flush, out: &mut Vec<u8>) -> Result<(), LimitError> {
        let used = DEFLATERS.try_with(|slots| {
            let mut slots = slots.borrow_mut();
            self.run(&mut slots, input, flush, out)
        });
        // The thread ends, and its engines are gone.
        let used = used.unwrap_or(Err(LimitError::OutOfMemory));
        match (used, flush) {
            (Ok(()), Flush::Sync) => self.remember(input),
            _ => self.history.clear(),
        }
        used
    }

    fn forget(&mut self) {
        self.stamp = 0;
        self.history.clear();
    }

    fn prime(&mut self, history: &[u8]) -> Result<(), LimitError> {
        self.forget();
        self.remember(history);
        Ok(())
    }

    fn release(&mut self) {
        self.history.shrink_to_fit();
    }

    fn memory(&self) -> usize {
        self.history.capacity()
    }
}

impl fmt::Debug for SharedDeflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedDeflate").finish_non_exhaustive()
    }
}

/// Inflates with tables that it borrows, for a message, from the thread it is called on.
pub struct SharedInflate {
    engine: Inflater,
    /// It has borrowed tables.
    within: bool,
}

impl SharedInflate {
    fn borrow_tables(&mut self) {
        if !self.within {
            let _ = TABLES.try_with(|spare| self.engine.borrow(&mut spare.borrow_mut()));
            self.within = true;
        }
    }

    fn give_tables_back(&mut self) {
        let _ = TABLES.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            self.engine.give_back(&mut spare);
            spare.truncate(SPARE);
        });
        // The window stays, if there is context takeover.
        self.engine.release();
        self.within = false;
    }
}

impl Inflate for SharedInflate {
    type Tables = Tables;

    fn new(window: WindowBits) -> Self {
        Self {
            engine: Inflater::new(window),
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

    fn borrow(&mut self, spare: &mut Vec<Tables>) {
        self.engine.borrow(spare);
    }

    fn give_back(&mut self, spare: &mut Vec<Tables>) {
        self.engine.give_back(spare);
    }

    fn release(&mut self) {
        self.engine.release();
        self.within = false;
    }

    fn memory(&self) -> usize {
        self.engine.memory()
    }

    fn memory_of(tables: &Tables) -> usize {
        Inflater::memory_of(tables)
    }
}

impl fmt::Debug for SharedInflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedInflate").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use wscodec::Limits;
    use wscodec::deflate::{Compressor, Decompressor};

    use super::*;
    use crate::names::{AgreedDeflate, DeflateOptions};

    /// A thread that compresses the messages it gets, each with the compressor that comes with it.
    type Job = (Compressor<SharedDeflate>, Vec<u8>, mpsc::Sender<Done>);
    type Done = (Compressor<SharedDeflate>, Vec<u8>);

    fn worker() -> mpsc::Sender<Job> {
        let (jobs, taken) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut compressor, text, done) in taken {
                let mut out = Vec::new();
                compressor.message(&text, &mut out).unwrap();
                done.send((compressor, out)).unwrap();
            }
        });
        jobs
    }

    /// A connection that sends on thread A, on B, and on A again: A's engine has served it last, and
    /// lacks the second message. The messages are such that the third would be found in the first.
    #[test]
    fn an_engine_that_missed_a_message_is_primed_anew() {
        let agreed = AgreedDeflate::default();
        let (a, b) = (worker(), worker());
        let options = DeflateOptions::default();
        let mut compressor = Compressor::<SharedDeflate>::with_engine(agreed.send, &options);
        let mut inflate = Decompressor::new(&agreed, &Limits::default());
        for round in 0..50 {
            for (thread, word) in [
                (&a, "apple pie "),
                (&b, "banana split "),
                (&a, "apple pie "),
            ] {
                let text = format!("{round} {}", word.repeat(20)).into_bytes();
                let (done, result) = mpsc::channel();
                thread.send((compressor, text.clone(), done)).unwrap();
                let (back, coded) = result.recv().unwrap();
                compressor = back;
                let mut plain = Vec::new();
                inflate.message(&coded, &mut plain).unwrap();
                assert_eq!(plain, text);
            }
        }
    }

    #[test]
    fn connections_in_turns_keep_their_contexts() {
        let mut agreed = AgreedDeflate::default();
        for bits in [9, 15] {
            agreed.send.window = WindowBits::new(bits).unwrap();
            agreed.receive.window = agreed.send.window;
            let options = DeflateOptions::default();
            let new = || {
                (
                    Compressor::<SharedDeflate>::with_engine(agreed.send, &options),
                    Decompressor::<SharedInflate>::with_engine(agreed.receive, &Limits::default()),
                )
            };
            let mut pairs = [new(), new(), new()];
            for round in 0..100_usize {
                for (i, (compressor, decompressor)) in pairs.iter_mut().enumerate() {
                    let text = format!("{i}-{round} ").repeat(round * 7 % 60 + 1);
                    let (mut coded, mut plain) = (Vec::new(), Vec::new());
                    compressor.message(text.as_bytes(), &mut coded).unwrap();
                    decompressor.message(&coded, &mut plain).unwrap();
                    assert_eq!(plain, text.as_bytes());
                    assert!(compressor.memory() <= HISTORY);
                }
            }
        }
    }

    #[test]
    fn both_can_move_between_threads() {
        fn is_send<T: Send>() {}
        is_send::<Compressor<SharedDeflate>>();
        is_send::<Decompressor<SharedInflate>>();
    }
}
