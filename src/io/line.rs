//! The sending end of a stream: what waits to be written, and the time-outs.

use alloc::vec::Vec;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::time::Instant;

use super::{Options, Transport};

/// What is read at the most, and dropped, after the end of a connection that the peer has not
/// noticed yet.
pub(super) const DRAIN: u64 = 64 << 20;

/// A stream with what waits to be written to it.
///
/// Invariant: `written <= out.len()`; what lies before `written` has been.
#[derive(Debug)]
pub(super) struct Line<S> {
    pub(super) stream: S,
    pub(super) out: Vec<u8>,
    written: usize,
    pub(super) transport: Transport<S>,
    /// The time-out for reads that is set.
    armed: Option<Duration>,
    /// When writing is given up, however much of it goes on.
    until: Option<Instant>,
    /// What may wait.
    pub(super) queue: usize,
    /// The part of a message that makes up its next fragment.
    pub(super) part: Vec<u8>,
    pub(super) fragment: usize,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, transport: Transport<S>, options: &Options) -> Self {
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            transport,
            armed: None,
            until: None,
            queue: options.queue,
            part: Vec::new(),
            fragment: options.fragment.max(1),
        }
    }

    /// The stream, what waits, and the length of fragments.
    pub(super) fn into_parts(mut self) -> (S, Vec<u8>, usize) {
        self.out.drain(..self.written);
        (self.stream, self.out, self.fragment)
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.out.len() - self.written
    }

    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        self.out.capacity() + self.part.capacity()
    }

    pub(super) fn release(&mut self) {
        self.out.shrink_to_fit();
        self.part.shrink_to_fit();
    }

    /// Lets reads block for that long; whether the stream can.
    pub(super) fn set_read_timeout(&mut self, time: Option<Duration>) -> io::Result<bool> {
        let Some(set) = self.transport.read_timeout else {
            return Ok(false);
        };
        // A time that was set before is not what is left of it now.
        if time.is_some() || self.armed.is_some() {
            set(&mut self.stream, time.map(at_least))?;
            self.armed = time;
        }
        Ok(true)
    }

    /// Lets a write block for that long; whether the stream can.
    pub(super) fn set_write_timeout(&mut self, time: Option<Duration>) -> io::Result<bool> {
        match self.transport.write_timeout {
            Some(set) => set(&mut self.stream, time.map(at_least)).map(|()| true),
            None => Ok(false),
        }
    }

    /// Lets all that is still to be written take no longer than that, on a stream with time-outs;
    /// whether it is one.
    pub(super) fn limit_writing(&mut self, time: Duration) -> io::Result<bool> {
        self.until = Instant::now().checked_add(time);
        self.set_write_timeout(Some(time))
    }

    pub(super) fn shutdown(&mut self) -> io::Result<()> {
        match self.transport.shutdown {
            Some(shutdown) => shutdown(&mut self.stream),
            None => Ok(()),
        }
    }
}

impl<S: Write> Line<S> {
    /// Writes `bytes` from `written` on, and counts there what was written.
    pub(super) fn write(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<()> {
        write(&mut self.stream, bytes, written, self.until)
    }

    /// Writes what waits. After a time-out, called again, it goes on where it was.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        write(&mut self.stream, &self.out, &mut self.written, self.until)?;
        self.out.clear();
        self.written = 0;
        Ok(())
    }
}

impl<S: Read + Write> Line<S> {
    /// After the last write: reads until the peer closes, so that it gets what was written. For
    /// `time` at the most, and not at all on a stream without time-outs.
    pub(super) fn linger(&mut self, time: Duration) {
        let _ = self.shutdown();
        let until = Instant::now() + time;
        let mut drained = 0;
        let mut buffer = [0; 1024];
        while drained < DRAIN {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !matches!(self.set_read_timeout(Some(left)), Ok(true)) {
                return;
            }
            match read(&mut self.stream, &mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(n) => drained += n as u64,
            }
        }
    }
}

/// Writes `bytes` from `written` on, and counts there what was written.
fn write(
    stream: &mut impl Write,
    bytes: &[u8],
    written: &mut usize,
    until: Option<Instant>,
) -> io::Result<()> {
    let start = *written;
    while *written < bytes.len() {
        if *written > start && until.is_some_and(|until| Instant::now() >= until) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match stream.write(&bytes[*written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *written += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // For a stream with a buffer of its own, such as TLS; sockets have none.
    loop {
        match stream.flush() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Reads, however often a signal comes in between.
pub(super) fn read(stream: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Zero would be refused, and less than the clock's grain be for ever.
fn at_least(time: Duration) -> Duration {
    time.max(Duration::from_millis(1))
}
