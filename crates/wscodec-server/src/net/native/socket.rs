//! Listeners and streams of the operating system: TCP, and Unix sockets where there are some.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::net as unix;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Type};

#[cfg(feature = "tls")]
use super::certificate::ServerTls;
use super::raw::Socket;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::address::Address;
use crate::net::contract::{BACKLOG, Listen, TlsFault};

/// A socket that listens: one that the program has bound, or that it was handed, such as by
/// systemd (`LISTEN_FDS`). See [`Server::add_listener`](crate::Server::add_listener).
#[derive(Debug)]
pub struct Listener {
    listening: Listening,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A stream that was accepted elsewhere. See [`ServerHandle::serve`](crate::ServerHandle::serve).
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    #[cfg(feature = "tls")]
    tls: Option<Box<Tls>>,
}

/// Bytes that the kernel takes before it has sent them. Without a limit it takes several MiB, and
/// counts them as written: a close frame behind them has left long before a slow peer reads it, and
/// the time that the peer has to answer would be over. Connections inherit the limit from their
/// listener. WASI and the other systems have no such option.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn limit_unsent(socket: SockRef<'_>) {
    // It fails on kernels before 3.12 only, which then behave as the other systems.
    let _ = socket.set_tcp_notsent_lowat(128 << 10);
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn limit_unsent(_: SockRef<'_>) {}

impl Listener {
    fn new(listening: Listening) -> Self {
        Self {
            listening,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Has all connections of this listener speak TLS. With feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: &ServerTls) -> Self {
        self.set_tls(tls);
        self
    }

    #[cfg(feature = "tls")]
    pub(crate) fn set_tls(&mut self, tls: &ServerTls) {
        self.tls = Some(tls.clone());
    }

    /// Listens on an address. Port 0 takes one that is free.
    ///
    /// # Errors
    /// Those of the system: the address is in use, or not ours, or not allowed.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::listen(Listen {
            address,
            reuse_port: false,
        })
    }

    /// A TCP socket that listens already.
    ///
    /// # Errors
    /// Those of the system, if the socket's mode can't be changed.
    pub fn from_tcp(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        limit_unsent(SockRef::from(&listener));
        Ok(Self::new(Listening::Tcp(TcpListener::from_std(listener))))
    }

    /// A Unix socket that listens already. Its path is the caller's: the server does not remove it.
    ///
    /// # Errors
    /// Those of the system, if the socket's mode can't be changed.
    #[cfg(unix)]
    pub fn from_unix(listener: unix::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::new(Listening::Unix(UnixListener::from_std(listener))))
    }

    pub(crate) fn listen(to: Listen) -> io::Result<Self> {
        // As mio binds, with a longer backlog: its own is 128 where the system does not say more.
        let socket = socket2::Socket::new(Domain::for_address(to.address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // On Windows this would let others take the same port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        if to.reuse_port {
            reuse_port(&socket)?;
        }
        limit_unsent(SockRef::from(&socket));
        socket.bind(&to.address.into())?;
        socket.listen(BACKLOG.into())?;
        Ok(Self::new(Listening::Tcp(TcpListener::from_std(
            socket.into(),
        ))))
    }

    /// Where it listens; `None` for a Unix socket.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listening {
            Listening::Tcp(it) => it.local_addr().ok(),
            #[cfg(unix)]
            Listening::Unix(_) => None,
        }
    }

    pub(super) fn accept(&self) -> io::Result<(Stream, Address)> {
        let (socket, address) = match &self.listening {
            Listening::Tcp(it) => {
                let (stream, address) = it.accept()?;
                // Answers leave in one write each, so that Nagle's algorithm would only delay.
                let _ = stream.set_nodelay(true);
                (Socket::Tcp(stream), address.into())
            }
            #[cfg(unix)]
            Listening::Unix(it) => {
                let (stream, _) = it.accept()?;
                (Socket::Unix(stream), Address::Unix)
            }
        };
        let stream = Stream::new(socket);
        #[cfg(feature = "tls")]
        let stream = match &self.tls {
            // A failure concerns this connection only.
            Some(tls) => match stream.tls(tls) {
                Ok(stream) => stream,
                Err(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
            },
            None => stream,
        };
        Ok((stream, address))
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let source: &mut dyn Source = match &mut self.listening {
            Listening::Tcp(it) => it,
            #[cfg(unix)]
            Listening::Unix(it) => it,
        };
        source.register(registry, token, Interest::READABLE)
    }
}

/// Lets other sockets listen on the same address and port, those of other processes of the same
/// user too. The kernel deals the connections out among them.
#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
fn reuse_port(socket: &socket2::Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos")))))]
fn reuse_port(_: &socket2::Socket) -> io::Result<()> {
    let text = "this system has no SO_REUSEPORT";
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

impl Stream {
    fn new(socket: Socket) -> Self {
        Self {
            socket,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// Has the connection speak TLS, as a server. With feature `tls`.
    ///
    /// # Errors
    /// If the configuration can't be used.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: &ServerTls) -> io::Result<Self> {
        self.tls = Some(Box::new(tls.end()?));
        Ok(self)
    }

    /// Has the connection speak TLS, as a client of this host.
    #[cfg(feature = "tls")]
    pub(crate) fn client_tls(
        mut self,
        tls: &wscodec::io::ClientTls,
        host: &str,
    ) -> io::Result<Self> {
        self.tls = Some(Box::new(Tls::new(tls.connection(host)?)));
        Ok(self)
    }

    /// A TCP connection that was accepted.
    ///
    /// # Errors
    /// Those of the system, if the socket's mode can't be changed.
    pub fn from_tcp(stream: std::net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        limit_unsent(SockRef::from(&stream));
        Ok(Self::new(Socket::Tcp(TcpStream::from_std(stream))))
    }

    /// A connection of a Unix socket that was accepted.
    ///
    /// # Errors
    /// Those of the system, if the socket's mode can't be changed.
    #[cfg(unix)]
    pub fn from_unix(stream: unix::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self::new(Socket::Unix(UnixStream::from_std(stream))))
    }

    /// The peer's address.
    ///
    /// # Errors
    /// Those of the system: the connection is lost already.
    pub(crate) fn address(&self) -> io::Result<Address> {
        self.socket.address()
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // Both at once, for good: a change of interest is a call to the system.
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.socket.source().register(registry, token, interest)
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.source().deregister(registry)
    }

    #[inline]
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.read(&mut self.socket, into);
        }
        self.socket.read(into)
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.write(&mut self.socket, bytes);
        }
        self.socket.write(bytes)
    }

    /// Bytes held besides the socket.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.memory();
        }
        0
    }

    /// Why TLS ended, if it did.
    #[inline]
    pub(super) fn tls_fault(&self) -> Option<&TlsFault> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.fault();
        }
        None
    }

    /// The client's certificate, in DER.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.certificate();
        }
        None
    }

    pub(super) fn shut_down(&mut self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.shut_down(&mut self.socket);
        }
        self.socket.shut_down()
    }
}
