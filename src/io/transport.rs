//! The operations of a stream besides reading and writing.

use core::any::{Any, TypeId};
use core::fmt;
use core::time::Duration;
use std::io;
use std::net::{Shutdown, TcpStream};

/// A function of a stream that takes a time-out; `None` is for ever.
pub type SetTimeout<S> = fn(&mut S, Option<Duration>) -> io::Result<()>;

/// How a stream's time-outs are set and its sending side is ended: what [`Read`](std::io::Read) and
/// [`Write`](std::io::Write) have no word for. [`tcp`](Self::tcp) is for TCP, [`plain`](Self::plain)
/// for streams that have no such things. For others, such as TLS over TCP, fill in what they have:
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
    /// Sets how long a read may block; after that it fails with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut). The time
    /// is never zero. Without it, deadlines and timers are looked at only when a read returns, and
    /// the end of the connection is not waited for.
    pub read_timeout: Option<SetTimeout<S>>,
    /// Likewise for writing.
    pub write_timeout: Option<SetTimeout<S>>,
    /// Says that nothing more will be written.
    pub shutdown: Option<fn(&mut S) -> io::Result<()>>,
    /// Whether the stream is encrypted. [`Connector::connect_over`](super::Connector::connect_over)
    /// refuses a `wss:` URL otherwise. A stream without anything else is written
    /// `Transport { secure: true, ..Transport::plain() }`.
    pub secure: bool,
}

impl<S> Transport<S> {
    /// A stream that can read and write and nothing else; time-outs are its owner's.
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
    /// [`tcp`](Transport::tcp) if the stream is a `TcpStream`, and otherwise [`plain`](Self::plain).
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
    /// TCP.
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
