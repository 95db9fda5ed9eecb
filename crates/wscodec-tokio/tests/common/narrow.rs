//! A stream that gives and takes few bytes at a time, for the tests of cancel safety.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Gives and takes at most one byte at a time, or `most`, and is not ready every second time; or is a
/// plain pipe.
pub(crate) struct Narrow {
    inner: DuplexStream,
    reads: bool,
    writes: bool,
    pub(crate) most: usize,
    pub(crate) plain: bool,
}

impl Narrow {
    /// Two ends of a pipe that holds so many bytes.
    pub(crate) fn pair(pipe: usize) -> (Self, Self) {
        let (here, there) = tokio::io::duplex(pipe);
        let new = |inner| Self {
            inner,
            reads: false,
            writes: false,
            most: 1,
            plain: false,
        };
        (new(here), new(there))
    }
}

/// Whether this call is not ready; then the task is woken at once.
fn refuses(turn: &mut bool, cx: &Context<'_>) -> bool {
    *turn = !*turn;
    if *turn {
        cx.waker().wake_by_ref();
    }
    *turn
}

impl AsyncRead for Narrow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.plain {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        if refuses(&mut self.reads, cx) {
            return Poll::Pending;
        }
        let mut bytes = vec![0; self.most.min(buf.remaining())];
        let mut few = ReadBuf::new(&mut bytes);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut few);
        buf.put_slice(few.filled());
        polled
    }
}

impl AsyncWrite for Narrow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.plain {
            return Pin::new(&mut self.inner).poll_write(cx, bytes);
        }
        if refuses(&mut self.writes, cx) {
            return Poll::Pending;
        }
        let few = &bytes[..bytes.len().min(self.most)];
        Pin::new(&mut self.inner).poll_write(cx, few)
    }

    /// A write may end anywhere in any of the parts.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
        self.poll_write(cx, &parts.concat())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if refuses(&mut self.writes, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if refuses(&mut self.writes, cx) {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
