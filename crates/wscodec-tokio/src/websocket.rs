//! A WebSocket over an asynchronous stream.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::frame::Role;
use wscodec::handshake::UpgradeResponse;
use wscodec::message::Prepared;
use wscodec::{CloseCode, Limits};

use crate::byte_stream::ByteStream;
use crate::connection::{Connection, SharedSession};
use crate::message::Message;
use crate::names::{AgreedDeflate, Error, Keys, Kind, MessageRef, SessionState};
use crate::options::ConnectionOptions;
use crate::outbox::Outbox;
use crate::outcome::{Agreed, Outcome};
use crate::pieces::{Piece, poll_piece};
use crate::polls::{poll_close, poll_lend, sink_close};
use crate::shared::Shared;

/// A WebSocket over any asynchronous stream: a `Stream` and a `Sink` of [`Message`]s.
///
/// Pongs and the answer to a close frame are sent by the connection itself, while the caller receives.
/// Heartbeat, idle time and close time-outs run while the caller receives too.
///
/// # The end
/// When both sides have closed, [`recv`](Self::recv) gives `None`, and [`outcome`](Self::outcome)
/// tells how. After an error it gives the error once, and then `None`. By then all that was queued has
/// been written, and our side of the stream is shut down.
///
/// # Cancel safety
/// Every future of this type may be dropped at any time, as `tokio::select!` does. No byte of a message
/// is lost or sent twice. What a dropped future has done:
///
/// | future | dropped before it was ready |
/// |---|---|
/// | [`recv`](Self::recv), [`recv_piece`](Self::recv_piece), [`lend`](Self::lend), `next` | has given no message away |
/// | [`feed`](Self::feed), [`begin`](Self::begin), [`more`](Self::more), [`finish`](Self::finish) | has queued nothing |
/// | [`send`](Self::send), [`prepared`](Self::prepared), [`ping`](Self::ping) | has queued the whole message or nothing; a queued message leaves with the next call that receives, sends or flushes |
/// | [`flush`](Self::flush) | has written a part of the queue; the rest leaves with the next call |
/// | [`close`](Self::close) | may have begun the close; call it again, or receive to the end |
///
/// # Memory
/// An idle connection holds no buffer. While the stream is ready, a connection uses a buffer that it
/// shares with the other connections of its thread.
///
/// ```
/// use wscodec::{CloseCode, frame::Role};
/// use wscodec_tokio::{Message, WebSocket};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// // Two ends whose handshake is done.
/// let (here, there) = tokio::io::duplex(1024);
/// let mut server = WebSocket::from_stream(here, Role::Server)?;
/// let mut client = WebSocket::from_stream(there, Role::Client)?;
///
/// client.send("Hello").await?;
/// assert_eq!(server.recv().await.unwrap()?, Message::text("Hello"));
/// let serving = tokio::spawn(async move { while server.recv().await.is_some() {} });
/// let outcome = client.close(CloseCode::NORMAL, "").await?;
/// assert!(outcome.clean);
/// serving.await.unwrap();
/// # Ok::<(), wscodec_tokio::Error>(())
/// # })?;
/// # Ok::<(), wscodec_tokio::Error>(())
/// ```
pub struct WebSocket<S> {
    pub(crate) shared: Arc<Shared<S>>,
    pub(crate) agreed: Option<Box<Agreed>>,
}

impl<S> fmt::Debug for WebSocket<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe(f.debug_struct("WebSocket"))
    }
}

impl<S> WebSocket<S> {
    /// How far the connection is.
    pub fn state(&self) -> SessionState {
        self.shared.lock().session.state()
    }

    /// How the connection ended; `None` as long as it has not.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::of(&self.shared.lock().session)
    }

    /// The subprotocol that the handshake agreed on.
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.as_ref()?.protocol.as_deref()
    }

    /// The parameters of permessage-deflate, if the handshake agreed on it.
    pub fn deflate(&self) -> Option<AgreedDeflate> {
        self.agreed.as_ref()?.deflate
    }

    /// The server's answer to the handshake, at a client: its headers, such as `Set-Cookie`.
    pub fn response(&self) -> Option<UpgradeResponse<'_>> {
        let mut limits = Limits::DEFAULT;
        (limits.head, limits.headers) = (usize::MAX, Limits::MAX_HEADERS);
        let head = &self.agreed.as_ref()?.response;
        UpgradeResponse::parse(head, &limits).ok().flatten()
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.shared.lock().queued()
    }

    /// Lets `f` look at the stream, for its addresses or options. It must not read or write.
    pub fn with_stream<R>(&self, f: impl FnOnce(&mut S) -> R) -> R {
        f(&mut self.shared.lock().stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocket<S> {
    /// A connection whose handshake somebody else did, without extensions and with the defaults of
    /// [`ConnectionOptions`].
    ///
    /// # Errors
    /// [`Error::Io`] if a client finds no source of random numbers for its mask keys.
    pub fn from_stream(stream: S, role: Role) -> Result<Self, Error> {
        let options = ConnectionOptions::DEFAULT;
        let keys = match role {
            Role::Client => Keys::random()?,
            Role::Server => Keys::none(),
        };
        let session = SharedSession::new(role, keys, None, None, &options.session);
        Ok(Self::from_session(stream, session, role, b"", &options))
    }

    /// A connection around a session; `rest` are bytes that came behind the head of the handshake. Of
    /// the options, those of the session itself have no effect here.
    pub fn from_session(
        stream: S,
        session: SharedSession,
        role: Role,
        rest: &[u8],
        options: &ConnectionOptions,
    ) -> Self {
        let connection = Connection::new(stream, session, role, rest, options);
        Self {
            shared: Shared::new(connection),
            agreed: None,
        }
    }

    pub(crate) fn agreed(mut self, agreed: Agreed) -> Self {
        self.agreed = agreed.boxed();
        self
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// As [`from_session`](Self::from_session), for a stream that can't move between threads. Then
    /// [`send`](Self::send) always writes at once, while it otherwise leaves the write to the end of a
    /// batch of messages that arrived together.
    pub fn from_session_local(
        stream: S,
        session: SharedSession,
        role: Role,
        rest: &[u8],
        options: &ConnectionOptions,
    ) -> Self {
        let connection = Connection::new(stream, session, role, rest, options);
        Self {
            shared: Shared::local(connection),
            agreed: None,
        }
    }

    /// Waits for the next message or control frame. `None` is the end.
    ///
    /// A payload of less than 16 KiB is copied out of the read buffer. A larger one that was read at
    /// once may keep that buffer of 64 KiB until it is dropped; `Bytes::copy_from_slice` makes a payload
    /// that is kept for long independent of it. A message of 16 KiB or more that came in parts keeps the
    /// memory that it was put together in.
    ///
    /// Cancel safe: a future that is dropped has given no message away.
    ///
    /// # Errors
    /// The error that ended the connection, once.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.shared.poll_recv(cx)).await
    }

    /// Waits for the next message and shows it to `f` where it lies, without a copy. `f` may queue
    /// answers; they are written when no more messages are at hand. Pings, pongs and close frames are
    /// not shown. `None` is the end.
    ///
    /// Waits first until fewer than [`ConnectionOptions::queue`] bytes wait to be sent, so that a peer that does
    /// not read can't make the queue grow.
    ///
    /// `f` must not use the other half of this connection: both are locked meanwhile.
    ///
    /// Cancel safe: a future that is dropped has shown no message to `f`.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv).
    pub async fn lend<R>(
        &mut self,
        f: impl FnOnce(MessageRef<'_>, &mut Outbox<'_>) -> R,
    ) -> Option<Result<R, Error>> {
        let mut f = Some(f);
        poll_fn(|cx| poll_lend(&self.shared, cx, &mut f)).await
    }

    /// Sends a message, and waits until it is written: a `String` or `&str` as text, bytes as binary.
    ///
    /// While messages that arrived together with the last one are not received yet, the message is
    /// only queued. It is written together with the answers to those, at the latest when the task
    /// yields.
    ///
    /// Cancel safe: a future that is dropped has queued the whole message or nothing. To know which, use
    /// [`feed`](Self::feed) and [`flush`](Self::flush).
    ///
    /// # Errors
    /// [`Error::Misuse`] if the message breaks a rule, or the connection is closing: nothing is queued
    /// then. [`Error::Io`] and [`Error::Fault`] if the connection has failed.
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        poll_fn(|cx| self.shared.poll_send(cx, &mut message)).await
    }

    /// Queues a message: it leaves when the caller next receives and finds nothing, flushes, or sends.
    /// Waits while [`ConnectionOptions::queue`] bytes or more wait to be sent.
    ///
    /// Cancel safe: a future that is dropped has queued nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        poll_fn(|cx| self.shared.poll_feed(cx, &mut message)).await
    }

    /// Sends a message that was framed once for many connections.
    ///
    /// Cancel safe: a future that is dropped has queued the whole message or nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn prepared(&mut self, message: &Prepared) -> Result<(), Error> {
        let mut message = Some(message);
        poll_fn(|cx| self.shared.poll_prepared(cx, &mut message)).await
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// Cancel safe: a future that is dropped has queued the whole ping or nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        self.send(Message::Ping(payload.into())).await
    }

    /// Writes all that is queued.
    ///
    /// Cancel safe: what a future that is dropped has not written stays in the queue.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Fault`] if the connection has failed.
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.lock().poll_push_or_stall(cx)).await
    }

    /// Closes the connection with a code and a reason, and waits until the peer has closed too; with
    /// `None` for the code the close frame is empty. Messages that arrive meanwhile
    /// are dropped; to see them, send a [`Message::Close`] and receive to the end.
    ///
    /// Cancel safe: call it again, or receive to the end. Messages that arrived are dropped.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the code or the reason can't be sent. The error that ended the connection.
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<Outcome, Error> {
        let mut message = Some(Message::close(code, reason)?);
        poll_fn(|cx| poll_close(&self.shared, cx, &mut message)).await
    }

    /// Waits for the next piece of a message, of any length, or for a control frame. A message that was
    /// begun in pieces is received in pieces to its end; before and after it, messages may be received
    /// whole. `None` is the end.
    ///
    /// Cancel safe: a future that is dropped has given no piece away.
    ///
    /// # Errors
    /// As for [`recv`](Self::recv); [`Error::Misuse`] inside a message that was begun whole.
    pub async fn recv_piece(&mut self) -> Option<Result<Piece, Error>> {
        poll_fn(|cx| poll_piece(&self.shared, cx)).await
    }

    /// Queues the first fragment of a message, and writes as much of it as the stream takes at once; text
    /// may be cut within a character. Waits while [`ConnectionOptions::queue`] bytes or more wait to be
    /// sent; [`flush`](Self::flush) waits until all is written. Control frames may be sent before the
    /// next fragment, other messages only after the last (RFC 6455 §5.4).
    ///
    /// Cancel safe: a future that is dropped has queued nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn begin(&mut self, kind: Kind, part: &[u8]) -> Result<(), Error> {
        self.shared.begin(kind, part).await
    }

    /// Queues the next fragment of a message, not its last, as [`begin`](Self::begin) does.
    ///
    /// Cancel safe: a future that is dropped has queued nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn more(&mut self, part: &[u8]) -> Result<(), Error> {
        self.shared.more(part).await
    }

    /// Queues the last fragment of a message, which may be empty, as [`begin`](Self::begin) does.
    ///
    /// Cancel safe: a future that is dropped has queued nothing.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish(&mut self, part: &[u8]) -> Result<(), Error> {
        self.shared.finish(part).await
    }

    /// The connection as a stream of bytes over binary messages, for tunnels.
    pub fn into_byte_stream(self) -> ByteStream<S> {
        ByteStream::new(self.shared)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocket<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_recv(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FusedStream for WebSocket<S> {
    fn is_terminated(&self) -> bool {
        self.shared.lock().is_done()
    }
}

/// `start_send` queues, `poll_flush` writes, and `poll_close` sends a close frame and writes it: to
/// wait for the peer's, receive to the end.
impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocket<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let mut connection = self.shared.lock();
        // `StreamExt::split` of the crate `futures` makes two halves for two tasks, and does not say so.
        connection.share();
        connection.poll_room(cx)
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        let mut connection = self.shared.lock();
        connection.queue_message(message)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.poll_send(cx, &mut None)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        sink_close(&self.shared, cx)
    }
}
