//! Sockets: made, bound, connected.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use wasi::clocks::monotonic_clock;
use wasi::io::poll::{Pollable, poll};
use wasi::io::streams::{InputStream, OutputStream, StreamError};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasi::sockets::tcp::TcpSocket;
use wasi::sockets::tcp_create_socket::create_tcp_socket;

use super::super::contract::BACKLOG;
use super::pause::pause;

// In these, the fields are in the order in which they must be dropped: what waits for a stream or
// socket, the streams, their socket.

/// A socket that listens. What polls it shares it, so that it goes before the socket does.
#[derive(Clone, Debug)]
pub(crate) struct Listener(pub(super) Arc<Listening>);

#[derive(Debug)]
pub(super) struct Listening {
    pub(super) pollable: Pollable,
    socket: TcpSocket,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) input: InputStream,
    pub(super) output: OutputStream,
    pub(super) socket: TcpSocket,
    /// How many bytes to ask for, estimated from the last reads.
    pub(super) expected: usize,
}

/// Why there is no connection.
pub(super) enum Refused {
    /// The listener can't give one now.
    Listener(ErrorCode),
    /// The one that was to be accepted is gone.
    Connection,
}

impl Listener {
    pub(super) fn accept(&self) -> Result<(Stream, SocketAddr), Refused> {
        let (socket, input, output) = self.0.socket.accept().map_err(|code| match code {
            // The host gives this for all errors of the network.
            ErrorCode::ConnectionAborted
            | ErrorCode::ConnectionReset
            | ErrorCode::RemoteUnreachable
            | ErrorCode::Timeout => Refused::Connection,
            code => Refused::Listener(code),
        })?;
        let stream = Stream {
            input,
            output,
            socket,
            expected: 0,
        };
        // A connection that was reset before it was accepted has no remote address any more.
        let address = stream.socket.remote_address();
        let address = address.map_err(|_| Refused::Connection)?;
        Ok((stream, from_wasi(address)))
    }
}

impl Stream {
    /// How many bytes may be written. If the host answers 0, it is asked once more after a pause: see
    /// the fault in the head of `wasi/mod.rs`.
    #[inline]
    pub(super) fn room(&self) -> Result<usize, StreamError> {
        let mut room = self.output.check_write()?;
        if room == 0 {
            pause();
            room = self.output.check_write()?;
        }
        Ok(room as usize)
    }
}

pub(super) fn listen(address: SocketAddr) -> io::Result<(Listener, SocketAddr)> {
    listening(address).map_err(error)
}

fn listening(address: SocketAddr) -> Result<(Listener, SocketAddr), ErrorCode> {
    let network = instance_network();
    let socket = create_tcp_socket(family(address))?;
    let pollable = socket.subscribe();
    let listener = Listener(Arc::new(Listening { pollable, socket }));
    let Listening { pollable, socket } = &*listener.0;
    socket.start_bind(&network, to_wasi(address))?;
    finish(pollable, || socket.finish_bind())?;
    // A host may know better.
    let _ = socket.set_listen_backlog_size(BACKLOG.into());
    socket.start_listen()?;
    finish(pollable, || socket.finish_listen())?;
    let address = from_wasi(socket.local_address()?);
    Ok((listener, address))
}

fn finish(pollable: &Pollable, f: impl Fn() -> Result<(), ErrorCode>) -> Result<(), ErrorCode> {
    loop {
        match f() {
            Err(ErrorCode::WouldBlock) => pollable.block(),
            result => return result,
        }
    }
}

pub(super) fn connect(address: SocketAddr, timeout: Duration) -> io::Result<Stream> {
    connecting(address, timeout).map_err(error)
}

fn connecting(address: SocketAddr, timeout: Duration) -> Result<Stream, ErrorCode> {
    let network = instance_network();
    let socket = create_tcp_socket(family(address))?;
    socket.start_connect(&network, to_wasi(address))?;
    let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    let end = monotonic_clock::now().saturating_add(timeout);
    let timer = monotonic_clock::subscribe_instant(end);
    let pollable = socket.subscribe();
    let (input, output) = loop {
        match socket.finish_connect() {
            Err(ErrorCode::WouldBlock) if timer.ready() => return Err(ErrorCode::Timeout),
            Err(ErrorCode::WouldBlock) => drop(poll(&[&pollable, &timer])),
            result => break result?,
        }
    };
    drop(pollable);
    Ok(Stream {
        input,
        output,
        socket,
        expected: 0,
    })
}

/// The error with the kind by which callers distinguish it.
pub(super) fn error(code: ErrorCode) -> io::Error {
    use io::ErrorKind;
    let kind = match code {
        ErrorCode::AccessDenied => ErrorKind::PermissionDenied,
        ErrorCode::AddressInUse => ErrorKind::AddrInUse,
        ErrorCode::AddressNotBindable => ErrorKind::AddrNotAvailable,
        ErrorCode::ConnectionAborted => ErrorKind::ConnectionAborted,
        ErrorCode::ConnectionRefused => ErrorKind::ConnectionRefused,
        ErrorCode::ConnectionReset => ErrorKind::ConnectionReset,
        ErrorCode::InvalidArgument => ErrorKind::InvalidInput,
        ErrorCode::NotSupported => ErrorKind::Unsupported,
        ErrorCode::OutOfMemory => ErrorKind::OutOfMemory,
        ErrorCode::RemoteUnreachable => ErrorKind::HostUnreachable,
        ErrorCode::Timeout => ErrorKind::TimedOut,
        ErrorCode::WouldBlock => ErrorKind::WouldBlock,
        ErrorCode::NewSocketLimit => return io::Error::other("too many open files or sockets"),
        _ => return io::Error::other(code.message()),
    };
    kind.into()
}

fn family(address: SocketAddr) -> IpAddressFamily {
    match address {
        SocketAddr::V4(_) => IpAddressFamily::Ipv4,
        SocketAddr::V6(_) => IpAddressFamily::Ipv6,
    }
}

fn to_wasi(address: SocketAddr) -> IpSocketAddress {
    let port = address.port();
    match address.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            let address = (a, b, c, d);
            IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            let (flow_info, scope_id) = match address {
                SocketAddr::V6(address) => (address.flowinfo(), address.scope_id()),
                SocketAddr::V4(_) => (0, 0),
            };
            IpSocketAddress::Ipv6(Ipv6SocketAddress {
                port,
                flow_info,
                address: (a, b, c, d, e, f, g, h),
                scope_id,
            })
        }
    }
}

fn from_wasi(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(it) => {
            let (a, b, c, d) = it.address;
            SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), it.port).into()
        }
        IpSocketAddress::Ipv6(it) => {
            let (a, b, c, d, e, f, g, h) = it.address;
            let ip = Ipv6Addr::new(a, b, c, d, e, f, g, h);
            SocketAddrV6::new(ip, it.port, it.flow_info, it.scope_id).into()
        }
    }
}
