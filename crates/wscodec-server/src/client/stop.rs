//! Stopping a call from another thread.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::net::Waker;

/// Stops a [`call`](super::call) from another thread, such as one that waits for signals. Clones stop the same
/// call.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    asked: AtomicBool,
    /// Of the call, while the connection is open.
    waker: Mutex<Option<Waker>>,
}

impl Stop {
    /// Has the call invoke [`Talk::stop`](super::Talk::stop). Gives `false`, and does nothing, unless the connection
    /// is open: there is nothing to close then.
    pub fn stop(&self) -> bool {
        let waker = self.0.waker.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waker) = &*waker else {
            return false;
        };
        self.0.asked.store(true, Ordering::Release);
        waker.wake();
        true
    }

    pub(super) fn set(&self, waker: Option<Waker>) {
        *self.0.waker.lock().unwrap_or_else(PoisonError::into_inner) = waker;
    }

    pub(super) fn take(&self) -> bool {
        self.0.asked.swap(false, Ordering::Acquire)
    }
}
