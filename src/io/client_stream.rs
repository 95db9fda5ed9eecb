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
        let stream = TlsStream::begin(socket, tls, host, until)?;
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

    fn shut_down(&mut self) -> io::Result<()> {
        match &mut self.0 {
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
            shutdown: Some(ClientStream::shut_down),
            secure: false,
        }
    }
}

impl Read for ClientStream {
    #[inline]
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(socket) => socket.read(into),
            Inner::Secure(stream) => stream.read(into),
        }
    }
}

impl Write for ClientStream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(socket) => socket.write(bytes),
            Inner::Secure(stream) => stream.write(bytes),
        }
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Plain(_) => Ok(()),
            Inner::Secure(stream) => stream.flush(),
        }
    }
}
