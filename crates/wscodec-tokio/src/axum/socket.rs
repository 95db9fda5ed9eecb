//! The WebSocket of a handler.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use http::HeaderValue;

use crate::hyper::UpgradedStream;
use crate::message::Message;
use crate::names::Error;

/// The WebSocket of a handler: a `Stream` and a `Sink` of [`Message`]s. Its methods are those of
/// [`WebSocket`](crate::WebSocket), to which this dereferences. [`into_inner`](Self::into_inner) gives that,
/// for the methods that take it by value.
pub struct WebSocket {
    pub(super) inner: crate::WebSocket<UpgradedStream>,
    pub(super) protocol: Option<HeaderValue>,
}

impl WebSocket {
    /// The subprotocol that the handshake agreed on.
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// The same connection, which also splits, and becomes a stream of bytes.
    pub fn into_inner(self) -> crate::WebSocket<UpgradedStream> {
        self.inner
    }
}

impl From<WebSocket> for crate::WebSocket<UpgradedStream> {
    fn from(socket: WebSocket) -> Self {
        socket.inner
    }
}

impl Deref for WebSocket {
    type Target = crate::WebSocket<UpgradedStream>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for WebSocket {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.inner).poll_next(cx)
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.inner).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Pin::new(&mut self.inner).start_send(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_flush(Pin::new(&mut self.inner), cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_close(Pin::new(&mut self.inner), cx)
    }
}
