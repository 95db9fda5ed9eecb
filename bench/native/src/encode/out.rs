//! Where the frames go.

use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As much as a server gathers before it writes.
const FULL: usize = 64 << 10;

/// A socket in memory to write to; it never has anything to read.
pub struct Out {
    pub bytes: Vec<u8>,
    keep: bool,
}

impl Out {
    /// Keeps all that is written, to be read back.
    pub fn keeping() -> Self {
        Self {
            bytes: Vec::new(),
            keep: true,
        }
    }

    /// Starts over at the front whenever it is full.
    pub fn recycling() -> Self {
        Self {
            bytes: Vec::with_capacity((2 << 20) + FULL),
            keep: false,
        }
    }

    /// Whether all is kept.
    pub fn keeps(&self) -> bool {
        self.keep
    }

    /// The memory to append to.
    #[inline]
    pub fn room(&mut self) -> &mut Vec<u8> {
        if self.bytes.len() >= FULL && !self.keep {
            self.bytes.clear();
        }
        &mut self.bytes
    }
}

impl Write for Out {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.room().extend_from_slice(buf);
        Ok(buf.len())
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let room = self.room();
        let mut len = 0;
        for slice in slices {
            room.extend_from_slice(slice);
            len += slice.len();
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Out {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl AsyncWrite for Out {
    #[inline]
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(buf))
    }

    #[inline]
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Out {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}
