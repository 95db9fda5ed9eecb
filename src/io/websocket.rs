//! The simplest connection: its messages own their bytes.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{
    Acceptor, ClientStream, Connection, ConnectionOptions, Connector, Error, IoSession, Keys,
    Message, Parts, ReadHalf, Transport, WriteHalf,
};
use crate::error::CloseCode;
use crate::frame::Role;
use crate::session::{Outcome, SessionState};

/// A WebSocket over a blocking stream.
///
/// Reading answers pings and close frames. If a copy of each message costs too much, or the program
/// needs more control, use the inner [`Connection`]: [`connection`](Self::connection).
///
/// This example has an echo server and a client:
///
/// ```
/// use std::net::TcpListener;
/// use std::thread;
/// use wscodec::{CloseCode, Error, Message};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let url = format!("ws://{}", listener.local_addr()?);
/// let server = thread::spawn(move || {
///     let mut ws = wscodec::accept(listener.accept()?.0)?;
///     while let Some(message) = ws.read()? {
///         ws.send(message)?;
///     }
///     Ok::<(), Error>(())
/// });
///
/// let mut ws = wscodec::connect(&url)?;
/// ws.send("Hello")?;
/// assert_eq!(ws.read()?, Some(Message::from("Hello")));
/// ws.close(CloseCode::NORMAL, "")?;
/// server.join().unwrap()?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct WebSocket<S = TcpStream> {
    connection: Connection<S>,
}

/// Accepts a client over TCP with the defaults of [`Acceptor`].
///
/// # Errors
/// The errors of [`Acceptor::accept`].
pub fn accept(stream: TcpStream) -> Result<WebSocket, Error> {
    Ok(Acceptor::default().accept(stream)?.into())
}

/// Connects to a `ws:` or `wss:` URL with the defaults of [`Connector`]. `wss:` needs the feature
/// `tls`.
///
/// # Errors
/// The errors of [`Connector::connect`].
pub fn connect(url: &str) -> Result<WebSocket<ClientStream>, Error> {
    Ok(Connector::DEFAULT.connect(url)?.into())
}

impl<S: Read + Write + 'static> WebSocket<S> {
    /// Creates a WebSocket over a stream whose opening handshake is done, without extensions. A
    /// `TcpStream` gets time-outs. For the time-outs of other streams, create a [`Connection`] with a
    /// [`Transport`].
    ///
    /// ```
    /// use std::io::Cursor;
    /// use wscodec::WebSocket;
    /// use wscodec::frame::Role;
    ///
    /// let stream = Cursor::new(b"\x81\x82\0\0\0\0Hi".to_vec());
    /// let mut ws = WebSocket::from_stream(stream, Role::Server)?;
    /// assert_eq!(ws.read()?, Some("Hi".into()));
    /// # Ok::<(), wscodec::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] if a client cannot read random numbers for its mask keys.
    pub fn from_stream(stream: S, role: Role) -> Result<Self, Error> {
        let options = ConnectionOptions::DEFAULT;
        let keys = match role {
            Role::Client => Keys::random()?,
            Role::Server => Keys::none(),
        };
        let session = IoSession::plain(role, keys, &options.session);
        let transport = Transport::of_stream();
        Ok(Connection::new(stream, transport, session, b"", &options).into())
    }
}

impl<S: Read + Write> WebSocket<S> {
    /// Waits for the next message. Returns `None` after both sides have closed;
    /// [`outcome`](Self::outcome) then says how the connection ended.
    ///
    /// # Errors
    /// The errors of [`Connection::read`].
    pub fn read(&mut self) -> Result<Option<Message>, Error> {
        Ok(self.connection.read()?.map(|(message, _)| message.into()))
    }

    /// Sends a message: a `String` or `&str` as text, bytes as a binary message.
    ///
    /// # Errors
    /// The errors of [`Outbox`](super::Outbox).
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        match message.into() {
            Message::Text(text) => self.connection.outbox().text(&text),
            Message::Binary(bytes) => self.connection.outbox().binary(&bytes),
        }
    }

    /// Sends a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// The errors of [`send`](Self::send), and [`Error::Misuse`] if the payload is too long.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.connection.outbox().ping(payload)
    }

    /// Sends a close frame and waits until the peer has closed too, like [`Connection::close`].
    ///
    /// # Errors
    /// The errors of [`Connection::close`].
    pub fn close(
        &mut self,
        code: impl Into<Option<CloseCode>>,
        reason: &str,
    ) -> Result<Outcome<'_>, Error> {
        self.connection.close(code, reason)
    }
}

impl<S> WebSocket<S> {
    /// The state of the connection.
    pub fn state(&self) -> SessionState {
        self.connection.state()
    }

    /// How the connection ended; `None` before its end.
    pub fn outcome(&self) -> Option<Outcome<'_>> {
        self.connection.outcome()
    }

    /// The agreed subprotocol.
    pub fn protocol(&self) -> Option<&str> {
        self.connection.protocol()
    }

    /// The inner connection. It has messages without a copy, messages in pieces and as streams,
    /// deadlines, queued output, and the stream itself.
    pub fn connection(&mut self) -> &mut Connection<S> {
        &mut self.connection
    }

    /// The connection below.
    pub fn into_connection(self) -> Connection<S> {
        self.connection
    }

    /// Takes the connection apart, like [`Connection::into_parts`]: the stream, the bytes that were
    /// received and not decoded, and the bytes that wait to be written.
    pub fn into_parts(self) -> Parts<S> {
        self.connection.into_parts()
    }
}

impl WebSocket {
    /// Splits the connection into a half that reads and a half that writes, for two threads.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no further handle.
    pub fn split(self) -> Result<(ReadHalf<TcpStream>, WriteHalf<TcpStream>), Error> {
        self.connection.split()
    }
}

impl WebSocket<ClientStream> {
    /// Splits a client's connection into a half that reads and a half that writes, for two threads.
    ///
    /// # Errors
    /// [`Error::Io`] if the system has no further handle.
    pub fn split(self) -> Result<(ReadHalf<ClientStream>, WriteHalf<ClientStream>), Error> {
        self.connection.split()
    }
}

impl<S> From<Connection<S>> for WebSocket<S> {
    fn from(connection: Connection<S>) -> Self {
        Self { connection }
    }
}
