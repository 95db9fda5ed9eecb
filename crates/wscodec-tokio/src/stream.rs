//! The streams that a client may get.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Any asynchronous stream that can move between threads.
pub trait AsyncStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> AsyncStream for S {}

/// Any asynchronous stream, boxed.
pub type BoxStream = Box<dyn AsyncStream>;

/// The stream of a client: TCP, or whatever stands on it, such as TLS.
#[non_exhaustive]
pub enum ClientStream<S = TcpStream> {
    /// TCP.
    Plain(S),
    /// TLS over TCP.
    Boxed(BoxStream),
}

impl<S: AsyncStream> ClientStream<S> {
    fn inner(self: Pin<&mut Self>) -> Pin<&mut dyn AsyncStream> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream),
            Self::Boxed(stream) => Pin::new(&mut **stream),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for ClientStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(stream) => stream.fmt(f),
            Self::Boxed(_) => f.write_str("ClientStream::Boxed"),
        }
    }
}

impl<S: AsyncStream> AsyncRead for ClientStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner().poll_read(cx, buf)
    }
}

impl<S: AsyncStream> AsyncWrite for ClientStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }
}
