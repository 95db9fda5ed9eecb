//! A stream of bytes over binary messages.
//!
//! Both directions end by themselves, as those of TCP do. A close frame says that its sender sends
//! nothing more (RFC 6455 §5.5.1), so [`shutdown`](tokio::io::AsyncWriteExt::shutdown) sends one, and
//! one that is received is the end of what can be read. The session must not answer the peer's close
//! frame by itself then, because more may be written. The WebSocket ends when both have gone.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wscodec::{CloseCode, MisuseError};

use crate::names::{Error, Kind, SessionState};
use crate::outcome::Outcome;
use crate::pieces::{Piece, poll_piece};
use crate::shared::Shared;

/// The most bytes of one message.
const MESSAGE: usize = 64 << 10;

/// A WebSocket as a stream of bytes: what is written goes in binary messages, and the payloads of binary
/// messages are read one after the other. Their boundaries have no meaning.
///
/// A text message is an error. Shutting down closes this direction only; the peer may go on writing. A
/// peer that is no tunnel, and answers a close frame at once, ends both.
///
/// As the connection answers pings and runs its timers while it is read, read until the end.
///
/// Cancel safe, as TCP is: a `read` or `write` that is dropped has read or written nothing, and a `flush`
/// or `shutdown` that is dropped can be called again. Like on any stream, `read_exact`, `write_all` and
/// `read_to_end` are not cancel safe.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use wscodec::frame::Role;
/// use wscodec_tokio::WebSocket;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let (here, there) = tokio::io::duplex(1024);
/// let mut server = WebSocket::from_stream(here, Role::Server)?.into_byte_stream();
/// let mut client = WebSocket::from_stream(there, Role::Client)?.into_byte_stream();
///
/// client.write_all(b"request").await?;
/// client.shutdown().await?;
/// let mut request = Vec::new();
/// server.read_to_end(&mut request).await?;
/// server.write_all(b"answer to ").await?;
/// server.write_all(&request).await?;
/// let answering = tokio::spawn(async move { server.shutdown().await });
/// let mut answer = Vec::new();
/// client.read_to_end(&mut answer).await?;
/// assert_eq!(answer, b"answer to request");
/// answering.await.unwrap()?;
/// # std::io::Result::Ok(())
/// # })?;
/// # std::io::Result::Ok(())
/// ```
pub struct ByteStream<S> {
    shared: Arc<Shared<S>>,
    /// Bytes that were received and not read yet.
    rest: Bytes,
    ended: bool,
}

impl<S> fmt::Debug for ByteStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe(f.debug_struct("ByteStream"))
    }
}

impl<S> ByteStream<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        {
            let mut connection = shared.lock();
            // The two directions may be used by two tasks.
            connection.share();
            connection.session.set_auto_close(false);
        }
        Self {
            shared,
            rest: Bytes::new(),
            ended: false,
        }
    }

    /// How the connection ended; `None` as long as it has not.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::of(&self.shared.lock().session)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for ByteStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.rest.is_empty() && !this.ended {
            match ready!(poll_piece(&this.shared, cx)) {
                Some(Ok(Piece::Data(data))) => this.rest = data,
                Some(Ok(Piece::Begin(Kind::Text))) => {
                    let message = "a text message in a stream of bytes";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
                }
                Some(Ok(Piece::Close(_))) | None => this.ended = true,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
        if this.ended && this.rest.is_empty() {
            // If both sides have closed, the transport is closed too.
            ready!(this.shared.lock().poll_end(cx));
            return Poll::Ready(Ok(()));
        }
        let len = this.rest.len().min(buf.remaining());
        buf.put_slice(&this.rest[..len]);
        this.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

/// An error of the connection for those who write bytes.
fn broken(error: Error) -> io::Error {
    match error {
        Error::Misuse(MisuseError::Closing) => io::ErrorKind::BrokenPipe.into(),
        error => error.into(),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ByteStream<S> {
    /// Queues the bytes when there is room, and writes as much as can be written at once. The rest
    /// leaves while the stream is flushed or read.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(MESSAGE)];
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let mut connection = self.shared.lock();
        ready!(connection.poll_room(cx)).map_err(broken)?;
        let queued = connection.queue(|sending, out| Ok(sending.binary(bytes, out)?));
        queued.map_err(broken)?;
        // An error is told by the next call.
        let _ = connection.poll_push(cx);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = self.shared.lock();
        connection.poll_push_or_stall(cx).map_err(broken)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut connection = self.shared.lock();
        if matches!(
            connection.session.state(),
            SessionState::Open | SessionState::PeerClosed
        ) {
            let queued =
                connection.queue(|sending, out| Ok(sending.close(CloseCode::NORMAL, "", out)?));
            queued.map_err(broken)?;
        }
        connection.begin_end_if_closed();
        let pushed = ready!(connection.poll_push_or_stall(cx));
        ready!(connection.poll_end(cx));
        Poll::Ready(pushed.map_err(broken))
    }
}
