//! The two halves of a connection.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::CloseCode;
use wscodec::message::Prepared;

use crate::message::Message;
use crate::names::{Error, Kind, MessageRef, SessionState};
use crate::outbox::Outbox;
use crate::outcome::{Agreed, Outcome};
use crate::pieces::{Piece, poll_piece};
use crate::polls::{poll_lend, sink_close};
use crate::shared::Shared;
use crate::websocket::WebSocket;

/// The half of a [`WebSocket`] that receives. It answers pings and close frames and runs the timers by
/// itself, whether or not the other half is used. Its futures are as
/// [cancel safe](WebSocket#cancel-safety) as those of the whole.
pub struct ReadHalf<S> {
    shared: Arc<Shared<S>>,
}

/// The half of a [`WebSocket`] that sends. Clones send over the same connection; whole messages never
/// mix. Its futures are as [cancel safe](WebSocket#cancel-safety) as those of the whole; bytes that a
/// dropped future has queued also leave while the other half receives.
pub struct WriteHalf<S> {
    shared: Arc<Shared<S>>,
    agreed: Option<Box<Agreed>>,
}

impl<S> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe(f.debug_struct("ReadHalf"))
    }
}

impl<S> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.describe(f.debug_struct("WriteHalf"))
    }
}

impl<S> Clone for WriteHalf<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            agreed: self.agreed.clone(),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Takes the connection apart, for a task that sends and one that receives. The half that receives
    /// also sends pongs and close answers, and runs the timers. In the order of `futures`' `split`.
    pub fn split(self) -> (WriteHalf<S>, ReadHalf<S>) {
        self.shared.lock().share();
        WriteHalf::pair(self.shared, self.agreed)
    }
}

impl<S> ReadHalf<S> {
    /// How far the connection is.
    pub fn state(&self) -> SessionState {
        self.shared.lock().session.state()
    }

    /// How the connection ended; `None` as long as it has not.
    pub fn outcome(&self) -> Option<Outcome> {
        Outcome::of(&self.shared.lock().session)
    }

    /// Puts the two halves of a connection together again.
    ///
    /// # Errors
    /// The halves, if they are of two connections.
    pub fn reunite(self, writer: WriteHalf<S>) -> Result<WebSocket<S>, (Self, WriteHalf<S>)> {
        if !Arc::ptr_eq(&self.shared, &writer.shared) {
            return Err((self, writer));
        }
        Ok(WebSocket {
            shared: self.shared,
            agreed: writer.agreed,
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ReadHalf<S> {
    /// As [`WebSocket::recv`].
    ///
    /// # Errors
    /// As for [`WebSocket::recv`].
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.shared.poll_recv(cx)).await
    }

    /// As [`WebSocket::lend`].
    ///
    /// # Errors
    /// As for [`WebSocket::recv`].
    pub async fn lend<R>(
        &mut self,
        f: impl FnOnce(MessageRef<'_>, &mut Outbox<'_>) -> R,
    ) -> Option<Result<R, Error>> {
        let mut f = Some(f);
        poll_fn(|cx| poll_lend(&self.shared, cx, &mut f)).await
    }

    /// As [`WebSocket::recv_piece`].
    ///
    /// # Errors
    /// As for [`WebSocket::recv_piece`].
    pub async fn recv_piece(&mut self) -> Option<Result<Piece, Error>> {
        poll_fn(|cx| poll_piece(&self.shared, cx)).await
    }
}

impl<S> WriteHalf<S> {
    pub(crate) fn pair(shared: Arc<Shared<S>>, agreed: Option<Box<Agreed>>) -> (Self, ReadHalf<S>) {
        let reader = ReadHalf {
            shared: Arc::clone(&shared),
        };
        (Self { shared, agreed }, reader)
    }

    /// How far the connection is.
    pub fn state(&self) -> SessionState {
        self.shared.lock().session.state()
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.shared.lock().queued()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WriteHalf<S> {
    /// As [`WebSocket::send`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        poll_fn(|cx| self.shared.poll_send(cx, &mut message)).await
    }

    /// As [`WebSocket::feed`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn feed(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        let mut message = Some(message.into());
        poll_fn(|cx| self.shared.poll_feed(cx, &mut message)).await
    }

    /// As [`WebSocket::prepared`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn prepared(&mut self, message: &Prepared) -> Result<(), Error> {
        let mut message = Some(message);
        poll_fn(|cx| self.shared.poll_prepared(cx, &mut message)).await
    }

    /// As [`WebSocket::ping`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn ping(&mut self, payload: impl Into<Bytes>) -> Result<(), Error> {
        self.send(Message::Ping(payload.into())).await
    }

    /// As [`WebSocket::begin`]. Until the message is finished, a clone of this half can send nothing
    /// but control frames.
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn begin(&mut self, kind: Kind, part: &[u8]) -> Result<(), Error> {
        self.shared.begin(kind, part).await
    }

    /// As [`WebSocket::more`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn more(&mut self, part: &[u8]) -> Result<(), Error> {
        self.shared.more(part).await
    }

    /// As [`WebSocket::finish`].
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn finish(&mut self, part: &[u8]) -> Result<(), Error> {
        self.shared.finish(part).await
    }

    /// As [`WebSocket::flush`].
    ///
    /// # Errors
    /// As for [`WebSocket::flush`].
    pub async fn flush(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.shared.lock().poll_push_or_stall(cx)).await
    }

    /// Sends a close frame, and is ready when it is written. The other half receives the peer's, and
    /// brings the connection to its end. A future that is dropped has queued the close frame or nothing;
    /// it may be called again.
    ///
    /// # Errors
    /// As for [`WebSocket::send`].
    pub async fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<(), Error> {
        self.send(Message::close(code, reason)?).await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for ReadHalf<S> {
    type Item = Result<Message, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.shared.poll_recv(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FusedStream for ReadHalf<S> {
    fn is_terminated(&self) -> bool {
        self.shared.lock().is_done()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WriteHalf<S> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.shared.lock().poll_room(cx)
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
