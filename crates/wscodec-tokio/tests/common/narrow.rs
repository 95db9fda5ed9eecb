//! A stream that gives and takes few bytes at a time, for the tests of cancel safety.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

/// Gives and takes at most one byte at a time, and is not ready every second time; or is a plain pipe.
pub(crate) struct Narrow {
    inner: DuplexStream,
    reads: bool,
    writes: bool,
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
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut self.inner).poll_read(cx, &mut one);
        buf.put_slice(one.filled());
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
        let one = &bytes[..bytes.len().min(1)];
        Pin::new(&mut self.inner).poll_write(cx, one)
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
