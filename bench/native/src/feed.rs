//! How a stream comes in: reads of at most 64 KiB, or one frame a read.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::workload::Workload;

/// Bytes that a read gives at most.
pub const READ: usize = 64 << 10;

/// A stream, and where its reads end.
pub struct Feed<'w> {
    pub workload: &'w Workload,
    /// One frame a read, instead of many.
    pub single: bool,
    reads: Vec<Range<usize>>,
}

impl<'w> Feed<'w> {
    /// Reads that are as full as they can be.
    pub fn full(workload: &'w Workload) -> Self {
        let len = workload.masked.len();
        let starts = (0..len).step_by(READ);
        Self {
            workload,
            single: false,
            reads: starts.map(|from| from..len.min(from + READ)).collect(),
        }
    }

    /// Reads that end where a frame does, as if the next had not been sent yet.
    pub fn single(workload: &'w Workload) -> Self {
        let mut reads = Vec::new();
        let mut from = 0;
        for frame in &workload.frames {
            while from < frame.payload.end {
                let end = frame.payload.end.min(from + READ);
                reads.push(from..end);
                from = end;
            }
        }
        Self {
            workload,
            single: true,
            reads,
        }
    }

    pub fn ranges(&self) -> &[Range<usize>] {
        &self.reads
    }

    pub fn reads(&self) -> impl Iterator<Item = &'w [u8]> {
        let bytes = &self.workload.masked;
        self.reads.iter().map(|range| &bytes[range.clone()])
    }

    pub fn stream(&self) -> Stream<'_> {
        Stream {
            feed: self,
            at: 0,
            read: 0,
        }
    }
}

/// A socket in memory. What is written to it is dropped. At its end it has nothing to read
/// yet: the peers look for more as at an open connection.
pub struct Stream<'f> {
    feed: &'f Feed<'f>,
    at: usize,
    read: usize,
}

impl Stream<'_> {
    /// The next bytes, within one read.
    #[inline]
    fn next(&mut self, max: usize) -> Option<&[u8]> {
        let read = self.feed.reads.get(self.read)?;
        let from = self.at;
        self.at = read.end.min(from + max);
        if self.at == read.end {
            self.read += 1;
        }
        Some(&self.feed.workload.masked[from..self.at])
    }
}

impl Read for Stream<'_> {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.next(buf.len()).ok_or(io::ErrorKind::WouldBlock)?;
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Stream<'_> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.next(buf.remaining()) {
            Some(bytes) => {
                buf.put_slice(bytes);
                Poll::Ready(Ok(()))
            }
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Stream<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
