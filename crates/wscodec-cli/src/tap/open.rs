//! The connections that are open, to end them.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wscodec::io::ClientStream;

use super::copy::Shared;

/// The client's and the server's stream, and what their directions share.
type Pair = ([Arc<ClientStream>; 2], Arc<Shared>);

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Open {
    state: Mutex<State>,
    /// A thread has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pairs: HashMap<u64, Pair>,
    next: u64,
    /// Threads that serve a connection.
    threads: usize,
    stopping: bool,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more thread, if there are fewer than `most` of them.
    pub(super) fn begin(self: &Arc<Self>, most: usize) -> Option<Thread> {
        let mut state = self.lock();
        if state.stopping || state.threads >= most {
            return None;
        }
        state.threads += 1;
        Some(Thread(self.clone()))
    }

    /// A connection has both of its sides. It is ended at once if all are to end.
    pub(super) fn add(
        self: &Arc<Self>,
        [client, server]: [&Arc<ClientStream>; 2],
        shared: &Arc<Shared>,
    ) -> Entered {
        let mut state = self.lock();
        if state.stopping {
            shared.break_off([client, server]);
        }
        let number = state.next;
        state.next += 1;
        let pair = ([client.clone(), server.clone()], shared.clone());
        state.pairs.insert(number, pair);
        Entered(self.clone(), number)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stopping
    }

    /// Ends all connections, and waits until their threads have ended, for so long at most.
    pub(super) fn stop(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        state.stopping = true;
        for ([client, server], shared) in state.pairs.values() {
            shared.break_off([client, server]);
        }
        while state.threads > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.ended.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A thread that serves a connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Thread(Arc<Open>);

impl Drop for Thread {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
        self.0.ended.notify_all();
    }
}

/// A connection with both sides, until it is dropped.
#[derive(Debug)]
pub(super) struct Entered(Arc<Open>, u64);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.lock().pairs.remove(&self.1);
    }
}
