//! A WebSocket with the methods of tokio-tungstenite.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::frame::Role;

use super::config::{WebSocketConfig, options};
use super::error::Error;
use crate::accept::session;
use crate::message::{CloseFrame, Message};
use crate::names::Keys;
use crate::websocket::WebSocket;

/// A WebSocket: a `Stream` and a `Sink` of [`Message`]s, with the methods of tokio-tungstenite where those
/// of [`WebSocket`] have other arguments. All others are those of [`WebSocket`], to which this dereferences.
pub struct WebSocketStream<S>(WebSocket<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> WebSocketStream<S> {
    /// A connection whose handshake somebody else did.
    ///
    /// # Panics
    /// If a client finds no source of random numbers for its mask keys.
    pub async fn from_raw_socket(stream: S, role: Role, config: Option<WebSocketConfig>) -> Self {
        Self::from_partially_read(stream, Vec::new(), role, config).await
    }

    /// The same, with bytes that were read already.
    ///
    /// # Panics
    /// As [`from_raw_socket`](Self::from_raw_socket).
    pub async fn from_partially_read(
        stream: S,
        part: Vec<u8>,
        role: Role,
        config: Option<WebSocketConfig>,
    ) -> Self {
        let options = options(config);
        let keys = match role {
            Role::Client => Keys::random().expect("the system has a source of random numbers"),
            Role::Server => Keys::none(),
        };
        let session = session(role, keys, None, &options);
        WebSocket::from_session(stream, session, role, &part, &options).into()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocketStream<S> {
    /// Sends a close frame, or an empty one. Receive to the end then, to wait for the peer's.
    ///
    /// # Errors
    /// [`Error::AlreadyClosed`] if the connection is closing; those of the transport.
    pub async fn close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        Ok(self.0.send(Message::Close(frame)).await?)
    }
}

impl<S> WebSocketStream<S> {
    /// The same connection with the methods of this crate.
    pub fn into_inner(self) -> WebSocket<S> {
        self.0
    }
}

impl<S> From<WebSocket<S>> for WebSocketStream<S> {
    fn from(ws: WebSocket<S>) -> Self {
        Self(ws)
    }
}

impl<S> Deref for WebSocketStream<S> {
    type Target = WebSocket<S>;

    fn deref(&self) -> &WebSocket<S> {
        &self.0
    }
}

impl<S> DerefMut for WebSocketStream<S> {
    fn deref_mut(&mut self) -> &mut WebSocket<S> {
        &mut self.0
    }
}

impl<S> fmt::Debug for WebSocketStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for WebSocketStream<S> {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = Pin::new(&mut self.0).poll_next(cx);
        polled.map(|next| next.map(|result| result.map_err(Error::from)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> FusedStream for WebSocketStream<S> {
    fn is_terminated(&self) -> bool {
        self.0.is_terminated()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sink<Message> for WebSocketStream<S> {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(Error::from)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        Ok(Pin::new(&mut self.0).start_send(message)?)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_flush(Pin::new(&mut self.0), cx).map_err(Error::from)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Sink::poll_close(Pin::new(&mut self.0), cx).map_err(Error::from)
    }
}
