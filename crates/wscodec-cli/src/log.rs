//! Log lines on standard error, written by a thread of their own.
//!
//! Standard error is often a pipe, and its reader may be slow or gone. A write to a full pipe
//! blocks, and an event loop that blocks serves nobody. Standard error can't be made non-blocking:
//! that would hold for every process that shares it, the user's shell among them. So the event
//! loops put lines into a queue of bounded length, and a thread writes them. A line that finds the
//! queue full is dropped and counted; when there is room again, one line tells how many were
//! dropped.
//!
//! WASI has no threads. `wasi:io/streams` has `check-write`, which says how much a stream takes
//! without blocking; but wasmtime answers with 1 MiB for standard error, whatever it is, and then
//! blocks in the write. The component can't find out whether somebody reads. So lines that nobody
//! asked for, those of the default level, come to at most 12 KiB, which every pipe holds. Who asks for lines (`--log`, `--stats`) has to read them.

use log::{LevelFilter, Log, Metadata, Record};

struct Lines;

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        line(format!("{} {}\n", record.level(), record.args()));
    }

    fn flush(&self) {}
}

/// Starts logging. `asked` says that the user wants to read lines. Panics are logged too, because
/// the standard hook writes to standard error.
pub(crate) fn start(level: LevelFilter, asked: bool) {
    writer::start(asked);
    log::set_max_level(level);
    // It is set once.
    let _ = log::set_logger(&Lines);
    #[cfg(not(target_os = "wasi"))]
    std::panic::set_hook(Box::new(|panic| log::error!("{panic}")));
}

/// Writes a line to standard error, or drops and counts it. Never blocks.
pub(crate) fn line(line: String) {
    writer::put(line);
}

/// Waits until the queued lines are written, but only for a short time.
pub(crate) fn finish() {
    writer::finish();
}

#[cfg(not(target_os = "wasi"))]
mod writer {
    use std::io::{self, Write};
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::{SyncSender, sync_channel};
    use std::thread;
    use std::time::{Duration, Instant};

    /// Lines that wait to be written.
    const MOST: usize = 1024;
    /// How long the end of the process may wait for them.
    const FINISH: Duration = Duration::from_millis(500);

    static DROPPED: AtomicU64 = AtomicU64::new(0);
    /// Lines put into the queue, and lines written.
    static PUT: AtomicU64 = AtomicU64::new(0);
    static WRITTEN: AtomicU64 = AtomicU64::new(0);

    static QUEUE: LazyLock<Option<SyncSender<String>>> = LazyLock::new(|| {
        let (sender, lines) = sync_channel::<String>(MOST);
        let write = move || {
            for line in lines {
                let dropped = DROPPED.swap(0, Ordering::Relaxed);
                if dropped > 0 {
                    let line = format!("WARN {dropped} log lines were dropped\n");
                    let _ = io::stderr().write_all(line.as_bytes());
                }
                // One write a line, so that lines stay whole. Nobody may be there to read it.
                let _ = io::stderr().write_all(line.as_bytes());
                WRITTEN.fetch_add(1, Ordering::Release);
            }
        };
        let writer = thread::Builder::new().name("log".into()).spawn(write);
        writer.is_ok().then_some(sender)
    });

    pub(super) fn start(_: bool) {}

    pub(super) fn put(line: String) {
        let sent = QUEUE.as_ref().is_some_and(|it| it.try_send(line).is_ok());
        match sent {
            true => PUT.fetch_add(1, Ordering::Relaxed),
            false => DROPPED.fetch_add(1, Ordering::Relaxed),
        };
    }

    pub(super) fn finish() {
        let start = Instant::now();
        while WRITTEN.load(Ordering::Acquire) < PUT.load(Ordering::Relaxed)
            && start.elapsed() < FINISH
        {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(target_os = "wasi")]
mod writer {
    use std::cell::Cell;

    use wasi::cli::stderr::get_stderr;
    use wasi::cli::terminal_stderr::get_terminal_stderr;

    /// The most that is written to standard error although nobody asked for it; see the head of
    /// this file. The smallest pipe of a common system holds 16 KiB.
    const UNASKED: usize = 12 << 10;

    thread_local! {
        static DROPPED: Cell<u64> = const { Cell::new(0) };
        /// Bytes that may still be written.
        static LEFT: Cell<usize> = const { Cell::new(UNASKED) };
    }

    pub(super) fn start(asked: bool) {
        if asked || get_terminal_stderr().is_some() {
            LEFT.set(usize::MAX);
        }
    }

    pub(super) fn put(line: String) {
        let dropped = DROPPED.get();
        let text = match dropped {
            0 => line,
            _ => format!("WARN {dropped} log lines were dropped\n{line}"),
        };
        let stream = get_stderr();
        let room = stream.check_write().unwrap_or(0);
        let left = LEFT.get();
        let fits = text.len() as u64 <= room && text.len() <= left;
        match fits && stream.write(text.as_bytes()).is_ok() {
            true => DROPPED.set(0),
            false => DROPPED.set(dropped + 1),
        }
        if fits && left < usize::MAX {
            LEFT.set(left - text.len());
        }
    }

    pub(super) fn finish() {}
}
