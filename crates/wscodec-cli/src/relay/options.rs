//! The options of the relay, and the number of processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::args::Target;

/// How backends are opened.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) target: Target,
    /// Processes at a time.
    pub(super) max_processes: usize,
    /// How long opening a backend may take.
    pub(super) timeout: Duration,
    /// Whether clients speak TLS.
    pub(super) secure: bool,
}

/// Counts a process until it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<AtomicUsize>);

impl Permit {
    /// One more process, if there may be one.
    pub(super) fn new(count: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let permit = Self(count.clone());
        match count.fetch_add(1, Ordering::Relaxed) < most {
            true => Some(permit),
            // The permit is given back.
            false => None,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
