//! The sending end of a stream: the bytes that wait to be written, and the time-outs.
//!
//! A write to a blocking stream may wait for as long as the peer does not read. A connection must do
//! other things meanwhile: read (the peer may be waiting for us to read, and its close frame may have
//! arrived), and look at the clock. So where a stream has time-outs, a write waits for one
//! [`SLICE`] at most, and this file decides what a slice without progress means:
//!
//! - [`push`](Line::push) gives control back after it: for whoever can read in between.
//! - [`flush`](Line::flush) goes on, and gives up after `stall` without any progress: for whoever has
//!   nothing but the sending side.
//!
//! Where the stream's time-outs are its owner's, or it does not block at all, an attempt that was in
//! vain is the caller's error, who repeats it.
//!
//! A write that fails for good does not end the connection: the peer's last messages and its close
//! frame may lie in the socket (RFC 6455 §7.1.5). It is remembered, and nothing waits any more.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::time::Instant;

use super::error::is_timeout;
use super::{Buffers, ConnectionOptions, Transport};

/// The most bytes that are read and dropped after the end of a connection that the peer has not
/// noticed yet.
pub(super) const DRAIN: u64 = 64 << 20;

/// The longest that one write waits for the peer.
const SLICE: Duration = Duration::from_millis(20);
/// By how much a wait may end before its time.
pub(super) const GRAIN: Duration = Duration::from_millis(10);
/// Systems refuse or misread longer time-outs.
const LONGEST: Duration = Duration::from_secs(1 << 30);

/// The result of an attempt to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Nothing waits any more.
    All,
    /// Another thread is writing.
    Busy,
    /// The stream takes no more now.
    Stuck,
}

/// A stream with the bytes that wait to be written to it.
///
/// Invariant: `written <= out.len()`; the bytes before `written` have left.
#[derive(Debug)]
pub(super) struct Line<S> {
    pub(super) stream: S,
    pub(super) out: Vec<u8>,
    written: usize,
    /// Bytes that have left, since [`take_sent`](Self::take_sent) was last called.
    sent: usize,
    pub(super) transport: Transport<S>,
    /// The time-out for reads that is set.
    read_timeout: Option<Duration>,
    /// Writes wait for a slice at most; unset before the first write.
    sliced: bool,
    /// How long writing may make no progress.
    pub(super) stall: Option<Duration>,
    /// Since when it has made none.
    stuck: Option<Instant>,
    /// How writing has failed for good.
    lost: Option<io::ErrorKind>,
    /// How many bytes may wait before they are written without being asked for.
    pub(super) queue: usize,
    /// The part of a message that makes up its next fragment.
    pub(super) part: Vec<u8>,
    pub(super) fragment: usize,
}

impl<S> Line<S> {
    pub(super) fn new(stream: S, transport: Transport<S>, options: &ConnectionOptions) -> Self {
        Self {
            stream,
            out: Vec::new(),
            written: 0,
            sent: 0,
            transport,
            read_timeout: None,
            sliced: false,
            stall: options.write_timeout,
            stuck: None,
            lost: None,
            queue: options.queue,
            part: Vec::new(),
            fragment: options.fragment.max(1),
        }
    }

    /// Takes the memory for output out of `buffers`.
    pub(super) fn use_buffers(&mut self, buffers: &mut Buffers) {
        (self.out, self.part) = (
            mem::take(&mut buffers.output),
            mem::take(&mut buffers.fragment),
        );
        self.out.clear();
        self.part.clear();
    }

    /// The stream without time-outs of ours, the bytes that wait, and the memory for a fragment.
    pub(super) fn into_parts(mut self) -> (S, Vec<u8>, Vec<u8>) {
        if self.read_timeout.is_some() {
            let _ = self.set_read_timeout(None);
        }
        if self.sliced
            && let Some(set) = self.transport.write_timeout
        {
            let _ = set(&mut self.stream, None);
        }
        self.out.drain(..self.written);
        (self.stream, self.out, self.part)
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.out.len() - self.written
    }

    /// Bytes that have left since this was last asked.
    pub(super) fn take_sent(&mut self) -> usize {
        mem::take(&mut self.sent)
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
        if time.is_some() || self.read_timeout.is_some() {
            set(&mut self.stream, time.map(settable))?;
            self.read_timeout = time;
        }
        Ok(true)
    }

    /// Whether nothing has left for as long as that may be.
    pub(super) fn is_stalled(&self) -> bool {
        match (self.stuck, self.stall) {
            (Some(since), Some(stall)) => since.elapsed() >= stall,
            _ => false,
        }
    }

    pub(super) fn shutdown(&mut self) -> io::Result<()> {
        match self.transport.shutdown {
            Some(shutdown) => shutdown(&mut self.stream),
            None => Ok(()),
        }
    }
}

impl<S: Write> Line<S> {
    /// Writes as much as the stream takes within a slice.
    ///
    /// An error that [is a time-out](is_timeout) is the owner's, to be repeated; after any other one
    /// nothing can be written any more.
    pub(super) fn push(&mut self) -> io::Result<Pushed> {
        if self.out.is_empty() {
            return Ok(Pushed::All);
        }
        let (out, mut written) = (mem::take(&mut self.out), self.written);
        let result = self.write_slice(&out, &mut written);
        self.sent += written - self.written;
        (self.out, self.written) = (out, written);
        if matches!(result, Ok(Pushed::All)) || self.lost.is_some() {
            self.out.clear();
            self.written = 0;
        }
        result
    }

    /// Writes all that waits. After a time-out, called again, it goes on where it was.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        loop {
            match self.push()? {
                Pushed::Stuck => self.check_stall()?,
                Pushed::All | Pushed::Busy => return Ok(()),
            }
        }
    }

    /// Refuses to go on if nothing has left for too long.
    pub(super) fn check_stall(&mut self) -> io::Result<()> {
        if !self.is_stalled() {
            return Ok(());
        }
        // A caller that tries again waits as long again.
        self.stuck = None;
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Writes `bytes` from `written` on, and counts there how many have left.
    pub(super) fn write_slice(&mut self, bytes: &[u8], written: &mut usize) -> io::Result<Pushed> {
        if let Some(kind) = self.lost {
            return Err(kind.into());
        }
        if !self.sliced
            && let Some(set) = self.transport.write_timeout
        {
            set(&mut self.stream, Some(SLICE))?;
            self.sliced = true;
        }
        let start = *written;
        let mut since = None;
        loop {
            let error = match write(&mut self.stream, bytes, written) {
                Ok(true) => {
                    self.stuck = None;
                    return Ok(Pushed::All);
                }
                Ok(false) if !self.sliced => continue,
                Ok(false) => None,
                Err(error) if is_timeout(&error) => Some(error),
                Err(error) => {
                    self.lost = Some(error.kind());
                    return Err(error);
                }
            };
            let first = since.is_none();
            let since = *since.get_or_insert_with(Instant::now);
            // Less than a slice is no time-out of ours: the stream does not block.
            if since.elapsed() + GRAIN >= SLICE {
                if *written > start {
                    self.stuck = None;
                }
                self.stuck.get_or_insert(since);
                return Ok(Pushed::Stuck);
            }
            match error {
                Some(error) if !self.sliced || !first => return Err(error),
                _ => {}
            }
        }
    }
}

impl<S: Read + Write> Line<S> {
    /// After the last write: reads until the peer closes, so that it gets what was written. For
    /// `time` at the most, and not at all on a stream without time-outs.
    pub(super) fn linger(&mut self, time: Duration) {
        let _ = self.shutdown();
        let begun = Instant::now();
        let mut drained = 0;
        let mut buffer = [0; 1024];
        while drained < DRAIN {
            let left = time.saturating_sub(begun.elapsed());
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

/// Writes once, from `written` on, and counts there how many bytes have left; whether that was all.
fn write(stream: &mut impl Write, bytes: &[u8], written: &mut usize) -> io::Result<bool> {
    while *written < bytes.len() {
        match stream.write(&bytes[*written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                *written += n;
                if *written < bytes.len() {
                    return Ok(false);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // For a stream with a buffer of its own, such as TLS; sockets have none.
    loop {
        match stream.flush() {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
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

/// Zero would be refused, and less than the clock's grain would mean for ever.
fn settable(time: Duration) -> Duration {
    time.clamp(Duration::from_millis(1), LONGEST)
}
