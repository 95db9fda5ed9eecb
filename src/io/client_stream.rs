//! The stream of a client that connects to a URL.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use super::tls::TlsStream;
use super::{ClientTls, Transport};

/// The stream of a client: TCP for a `ws:` URL, and TLS over TCP for a `wss:` URL.
///
/// ```no_run
/// let mut ws = wscodec::connect("ws://127.0.0.1:9001/")?;
/// let stream = ws.connection().stream();
/// println!("{} {}", stream.socket().peer_addr()?, stream.is_secure());
/// # Ok::<(), wscodec::Error>(())
/// ```
#[derive(Debug)]
pub struct ClientStream(Inner);

#[derive(Debug)]
enum Inner {
    Plain(TcpStream),
    Secure(TlsStream),
}

impl ClientStream {
    /// Creates TLS over a connected socket, for this host. The TLS handshake must be done by the
    /// deadline.
    pub(super) fn secure(
        socket: TcpStream,
        tls: &ClientTls,
        host: &str,
        until: Option<Instant>,
    ) -> io::Result<Self> {
        #[cfg(all(feature = "tls", not(target_family = "wasm")))]
        {
            Self::with_tls(socket, tls.connection(host)?, until)
        }
        #[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
        {
            let stream = TlsStream::begin(socket, tls, host, until)?;
            Ok(Self(Inner::Secure(stream)))
        }
    }

    /// TLS over a socket that is connected, by a connection of rustls: for sockets that the caller
    /// has connected, and for either side. A program that accepts a client gives a
    /// `rustls::ServerConnection`. The handshake of TLS is done when this returns. With feature `tls`.
    ///
    /// # Errors
    /// Those of the socket; [`TimedOut`](io::ErrorKind::TimedOut) or
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if the handshake is not done by `until`;
    /// [`InvalidData`](io::ErrorKind::InvalidData) if the peer breaks a rule of TLS or is not trusted.
    #[cfg(all(feature = "tls", not(target_family = "wasm")))]
    pub fn with_tls(
        socket: TcpStream,
        connection: impl Into<rustls::Connection>,
        until: Option<Instant>,
    ) -> io::Result<Self> {
        let stream = TlsStream::begin(socket, connection.into(), until)?;
        Ok(Self(Inner::Secure(stream)))
    }

    /// Whether the bytes are encrypted.
    pub fn is_secure(&self) -> bool {
        matches!(self.0, Inner::Secure(_))
    }

    /// The socket, for its addresses and options. A program that reads from it or writes to it breaks
    /// the connection.
    pub fn socket(&self) -> &TcpStream {
        match &self.0 {
            Inner::Plain(socket) => socket,
            Inner::Secure(stream) => stream.socket(),
        }
    }

    /// Another handle of the same stream. One thread may read while another thread writes.
    ///
    /// # Errors
    /// Fails if the system cannot duplicate the socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(match &self.0 {
            Inner::Plain(socket) => Inner::Plain(socket.try_clone()?),
            Inner::Secure(stream) => stream.handle().map(Inner::Secure)?,
        }))
    }

    /// Ends the output: after the announcement of TLS (RFC 8446 §6.1), if there is TLS, by a FIN. The
    /// peer may go on sending.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn shut_down(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Plain(socket) => socket.shutdown(Shutdown::Write),
            Inner::Secure(stream) => stream.shut_down(),
        }
    }
}

impl From<TcpStream> for ClientStream {
    fn from(socket: TcpStream) -> Self {
        Self(Inner::Plain(socket))
    }
}

impl Transport<ClientStream> {
    /// The stream of a client.
    pub const fn client() -> Self {
        Self {
            read_timeout: Some(|stream, time| stream.socket().set_read_timeout(time)),
            write_timeout: Some(|stream, time| stream.socket().set_write_timeout(time)),
            shutdown: Some(|stream| stream.shut_down()),
            secure: false,
        }
    }
}

impl Read for ClientStream {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        (&*self).read(into)
    }
}

impl Write for ClientStream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

/// As for a `&TcpStream`: one thread may read while another one writes.
impl Read for &ClientStream {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Plain(socket) => (&mut &*socket).read(into),
            Inner::Secure(stream) => (&mut &*stream).read(into),
        }
    }
}

impl Write for &ClientStream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Inner::Plain(socket) => (&mut &*socket).write(bytes),
            Inner::Secure(stream) => (&mut &*stream).write(bytes),
        }
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        match &self.0 {
            Inner::Plain(_) => Ok(()),
            Inner::Secure(stream) => (&mut &*stream).flush(),
        }
    }
}
