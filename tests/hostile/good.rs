//! A client that does nothing wrong, while others do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wire::{LONG, Open, request, text};

/// Sends a short text again and again, each when the one before came back.
pub(crate) struct Good {
    stop: Arc<AtomicBool>,
    beats: Arc<AtomicU64>,
    thread: Option<JoinHandle<Duration>>,
}

impl Good {
    /// Returns when it was answered once.
    pub(crate) fn start(address: SocketAddr) -> Self {
        let (stop, beats) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (told, counted) = (stop.clone(), beats.clone());
        let thread = thread::spawn(move || {
            let mut open = Open::new(address, &request(""));
            let mut worst = Duration::ZERO;
            while !told.load(Ordering::Relaxed) {
                let beat = counted.load(Ordering::Relaxed);
                let line = format!("beat {beat}");
                let sent = Instant::now();
                open.send(&text(&line));
                assert_eq!(open.next(), Some((0x81, line.into_bytes())));
                worst = worst.max(sent.elapsed());
                counted.store(beat + 1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
            worst
        });
        let this = Self {
            stop,
            beats,
            thread: Some(thread),
        };
        this.lives();
        this
    }

    /// Waits until it is answered once more.
    fn lives(&self) {
        let before = self.beats.load(Ordering::Relaxed);
        let start = Instant::now();
        // The one under way may have been answered before.
        while self.beats.load(Ordering::Relaxed) < before + 2 {
            assert!(start.elapsed() < LONG, "the good client is not answered");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sees that it is still served, and stops it: how long it waited for an answer at most.
    pub(crate) fn finish(mut self) -> Duration {
        self.lives();
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Good {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
