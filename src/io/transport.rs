//! The operations of a stream besides reading and writing.

use core::any::{Any, TypeId};
use core::fmt;
use core::time::Duration;
use std::io;
use std::net::{Shutdown, TcpStream};

/// A function of a stream that sets a time-out; `None` means no limit.
pub type SetTimeout<S> = fn(&mut S, Option<Duration>) -> io::Result<()>;

/// The operations of a stream that [`Read`](std::io::Read) and [`Write`](std::io::Write) do not have:
/// time-outs, and the end of the output. [`tcp`](Self::tcp) is for TCP, and [`plain`](Self::plain) is
/// for streams without such operations. For other streams, such as TLS over TCP, fill in the
/// operations that they have:
///
/// ```
/// use std::net::{Shutdown, TcpStream};
/// use wscodec::io::Transport;
///
/// struct Tls { socket: TcpStream }
///
/// let transport = Transport::<Tls> {
///     read_timeout: Some(|tls, time| tls.socket.set_read_timeout(time)),
///     write_timeout: Some(|tls, time| tls.socket.set_write_timeout(time)),
///     shutdown: Some(|tls| tls.socket.shutdown(Shutdown::Write)),
///     secure: true,
/// };
/// assert!(transport.read_timeout.is_some());
/// ```
pub struct Transport<S> {
    /// Sets how long a read may block. After this time it fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut). The time
    /// is never zero. Without this function, the connection checks deadlines and timers only when a
    /// read returns, and does not wait for the end of the stream.
    pub read_timeout: Option<SetTimeout<S>>,
    /// Sets how long a write may block.
    pub write_timeout: Option<SetTimeout<S>>,
    /// Ends the output of the stream.
    pub shutdown: Option<fn(&mut S) -> io::Result<()>>,
    /// Whether the stream is encrypted. Otherwise
    /// [`Connector::connect_over`](super::Connector::connect_over) rejects a `wss:` URL. For an
    /// encrypted stream without other operations, write `Transport { secure: true,
    /// ..Transport::plain() }`.
    pub secure: bool,
}

impl<S> Transport<S> {
    /// The operations of a stream that can only read and write. Its owner sets the time-outs.
    pub const fn plain() -> Self {
        Self {
            read_timeout: None,
            write_timeout: None,
            shutdown: None,
            secure: false,
        }
    }
}

impl<S: 'static> Transport<S> {
    /// Returns [`tcp`](Transport::tcp) if the stream is a `TcpStream`, and [`plain`](Self::plain)
    /// otherwise.
    pub fn of_stream() -> Self {
        if TypeId::of::<S>() != TypeId::of::<TcpStream>() {
            return Self::plain();
        }
        fn tcp(stream: &mut dyn Any) -> io::Result<&mut TcpStream> {
            stream
                .downcast_mut()
                .ok_or(io::ErrorKind::Unsupported.into())
        }
        Self {
            read_timeout: Some(|stream, time| tcp(stream)?.set_read_timeout(time)),
            write_timeout: Some(|stream, time| tcp(stream)?.set_write_timeout(time)),
            shutdown: Some(|stream| tcp(stream)?.shutdown(Shutdown::Write)),
            secure: false,
        }
    }
}

impl Transport<TcpStream> {
    /// The operations of a `TcpStream`.
    pub const fn tcp() -> Self {
        Self {
            read_timeout: Some(|tcp, time| tcp.set_read_timeout(time)),
            write_timeout: Some(|tcp, time| tcp.set_write_timeout(time)),
            shutdown: Some(|tcp| tcp.shutdown(Shutdown::Write)),
            secure: false,
        }
    }
}

impl<S> Clone for Transport<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Transport<S> {}

impl<S> fmt::Debug for Transport<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport")
            .field("read_timeout", &self.read_timeout.is_some())
            .field("write_timeout", &self.write_timeout.is_some())
            .field("shutdown", &self.shutdown.is_some())
            .field("secure", &self.secure)
            .finish()
    }
}
