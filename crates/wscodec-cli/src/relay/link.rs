//! The state that a connection and its backend share: a queue of bytes for each direction.

use std::collections::{TryReserveError, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A queue with so many bytes is full: its source stops until half of them have left. The source may
/// add the bytes of one read or one message's piece beyond that.
pub(super) const FULL: usize = 64 << 10;

/// Bytes on their way in one direction.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) bytes: VecDeque<u8>,
    /// No more bytes are added.
    pub(super) ended: bool,
    /// Nobody takes the bytes any more: they are dropped.
    pub(super) closed: bool,
    /// The source waits for room.
    source_waits: bool,
}

impl Flow {
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL
    }

    /// Adds bytes, unless nobody takes them. It fails if the system has no memory for them.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<(), TryReserveError> {
        if !self.closed && !self.ended {
            self.bytes.try_reserve(bytes.len())?;
            self.bytes.extend(bytes);
        }
        Ok(())
    }

    /// The source stops until there is room.
    pub(super) fn wait(&mut self) {
        self.source_waits = true;
    }

    /// Removes bytes that have left. Whether a source that waits has room again.
    pub(super) fn left(&mut self, len: usize) -> bool {
        self.bytes.drain(..len);
        if self.bytes.is_empty() {
            // An idle connection holds no buffers.
            self.bytes = VecDeque::new();
        }
        self.has_room()
    }

    fn has_room(&mut self) -> bool {
        self.bytes.len() < FULL / 2 && std::mem::take(&mut self.source_waits)
    }

    /// Drops the bytes, and those that are still added.
    pub(super) fn close(&mut self) -> bool {
        self.bytes = VecDeque::new();
        self.closed = true;
        self.has_room()
    }
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Bytes for the backend.
    input: Mutex<Flow>,
    /// Bytes of the backend, for the client.
    output: Mutex<Flow>,
    /// The connection has ended.
    pub(super) gone: AtomicBool,
    /// The backend has ended in a way that is no success.
    pub(super) failed: AtomicBool,
    /// The relay has been told to look at the link, and has not done so yet.
    pub(super) relay_told: AtomicBool,
    /// The same for the handler.
    pub(super) handler_told: AtomicBool,
}

impl Link {
    pub(super) fn input(&self) -> MutexGuard<'_, Flow> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn output(&self) -> MutexGuard<'_, Flow> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}
