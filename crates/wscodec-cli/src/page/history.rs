//! The capture that every viewer of a live stream gets from its beginning, as far as memory permits.
//!
//! The history holds at most [`LIMIT`] bytes. Past it, the oldest packets are dropped, but not those of the
//! beginnings of connections, of which [`EARLY_LIMIT`] bytes are kept: with their handshakes, a viewer that
//! comes later still reads the frames that follow a hole.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that are held.
pub(crate) const LIMIT: usize = 64 << 20;

/// Bytes of beginnings among them.
const EARLY_LIMIT: usize = 8 << 20;

/// Packets.
#[derive(Clone, Debug)]
struct Block {
    bytes: Arc<[u8]>,
    /// Whether they belong to the beginning of a connection.
    early: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The packets at the front: the section header of the file, and the beginnings of connections whose
    /// blocks were dropped.
    kept: Vec<Arc<[u8]>>,
    kept_bytes: usize,
    blocks: VecDeque<Block>,
    bytes: usize,
    /// The number of the first block.
    first: u64,
    closed: bool,
}

/// The history, which one thread writes and viewers read.
#[derive(Debug, Default)]
pub(crate) struct History {
    state: Mutex<State>,
    changed: Condvar,
}

/// The place of a viewer; a new one has seen nothing.
#[derive(Debug, Default)]
pub(crate) struct Place(Option<u64>);

impl History {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first bytes of the capture, which are always kept.
    pub(crate) fn begin(&self, bytes: &[u8]) {
        let mut state = self.lock();
        state.kept_bytes += bytes.len();
        state.kept.push(bytes.into());
    }

    /// Adds whole packets.
    pub(crate) fn push(&self, bytes: &[u8], early: bool) {
        let mut state = self.lock();
        state.bytes += bytes.len();
        let bytes = bytes.into();
        state.blocks.push_back(Block { bytes, early });
        while state.bytes > LIMIT
            && let Some(oldest) = state.blocks.pop_front()
        {
            state.first += 1;
            state.bytes -= oldest.bytes.len();
            if oldest.early && state.kept_bytes + oldest.bytes.len() <= EARLY_LIMIT {
                state.kept_bytes += oldest.bytes.len();
                state.kept.push(oldest.bytes);
            }
        }
        self.changed.notify_all();
    }

    /// Nothing more is added.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for packets behind a place, and moves the place; `None` at the end. A viewer that was too slow
    /// goes on with the oldest packets that are held.
    pub(crate) fn next(&self, place: &mut Place) -> Option<Vec<Arc<[u8]>>> {
        let mut state = self.lock();
        loop {
            let end = state.first + state.blocks.len() as u64;
            let (mut out, from) = match place.0 {
                None => (state.kept.clone(), state.first),
                Some(from) => (Vec::new(), from.max(state.first)),
            };
            let skipped = (from - state.first) as usize;
            out.extend(state.blocks.iter().skip(skipped).map(|it| it.bytes.clone()));
            if !out.is_empty() {
                place.0 = Some(end);
                return Some(out);
            }
            if state.closed {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_viewer_gets_the_beginnings_and_the_newest_packets() {
        let history = History::default();
        history.begin(b"section");
        history.push(b"handshake", true);
        let block = vec![7; 1 << 20];
        for _ in 0..100 {
            history.push(&block, false);
        }
        let mut place = Place::default();
        let all = history.next(&mut place).unwrap();
        assert_eq!(&all[0][..], b"section");
        assert_eq!(&all[1][..], b"handshake");
        assert_eq!(all.len(), 2 + 64);
        history.push(b"new", false);
        assert_eq!(history.next(&mut place).unwrap(), [b"new"[..].into()]);
        // It is overtaken.
        for _ in 0..100 {
            history.push(&block, false);
        }
        assert_eq!(history.next(&mut place).unwrap().len(), 64);
        history.close();
        assert!(history.next(&mut place).is_none());
    }
}
