//! A client that does nothing wrong, while others do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::wire::{LONG, Open, connect, request, text};

/// Sends a short text again and again, each when the one before came back.
pub(crate) struct Good {
    stop: Arc<AtomicBool>,
    beats: Arc<AtomicU64>,
    /// The longest wait for an answer since it was last looked at, in microseconds.
    worst: Arc<AtomicU64>,
    thread: Option<JoinHandle<Duration>>,
}

impl Good {
    /// Returns when it was answered once.
    pub(crate) fn start(address: SocketAddr) -> Self {
        Self::with(move || {
            let mut open = Open::new(address, &request(""));
            move |beat| {
                let line = format!("beat {beat}");
                open.send(&text(&line));
                assert_eq!(open.next(), Some((0x81, line.into_bytes())));
            }
        })
    }

    /// The same to a socket that returns all bytes, in this process: what it waits for is not the
    /// server, but the machine.
    pub(crate) fn control() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_nodelay(true).unwrap();
            let mut bytes = [0; 1024];
            while let Ok(n @ 1..) = stream.read(&mut bytes) {
                if stream.write_all(&bytes[..n]).is_err() {
                    return;
                }
            }
        });
        Self::with(move || {
            let mut stream = connect(address);
            move |beat| {
                let bytes = text(&format!("beat {beat}"));
                stream.write_all(&bytes).unwrap();
                let mut back = vec![0; bytes.len()];
                stream.read_exact(&mut back).unwrap();
                assert_eq!(back, bytes);
            }
        })
    }

    /// `open` makes what sends the beat of a number, and returns when it came back.
    fn with<B: FnMut(u64)>(open: impl FnOnce() -> B + Send + 'static) -> Self {
        let (stop, beats) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let worst = Arc::<AtomicU64>::default();
        let (told, counted, noted) = (stop.clone(), beats.clone(), worst.clone());
        let thread = thread::spawn(move || {
            let mut send = open();
            let mut most = Duration::ZERO;
            while !told.load(Ordering::Relaxed) {
                let beat = counted.load(Ordering::Relaxed);
                let sent = Instant::now();
                send(beat);
                let waited = sent.elapsed();
                most = most.max(waited);
                noted.fetch_max(waited.as_micros() as u64, Ordering::Relaxed);
                counted.store(beat + 1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let this = Self {
            stop,
            beats,
            worst,
            thread: Some(thread),
        };
        this.lives();
        this
    }

    /// The longest wait for an answer since this was last called.
    pub(crate) fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.swap(0, Ordering::Relaxed))
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
