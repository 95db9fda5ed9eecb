//! Readiness from the operating system, through mio: epoll, kqueue, IOCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

use super::contract::{ATTEMPTS, BACKLOG, Net, Source};
use super::input::Input;

const MAILBOX: Token = Token(usize::MAX);
/// Listeners count down from here; streams count up from 0.
const LISTENER: usize = usize::MAX - 1;
const MOST_LISTENERS: usize = 1024;
/// A longer wait than this may not fit what the system counts in.
const LONGEST: Duration = Duration::from_secs(1 << 20);

pub(crate) struct Native {
    poll: Poll,
    events: Events,
    start: Instant,
    waker: Arc<mio::Waker>,
    input: Option<Input>,
}

/// Wakes a loop from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<mio::Waker>);

impl Waker {
    pub(crate) fn wake(&self) {
        // It fails only if the loop is gone.
        let _ = self.0.wake();
    }
}

/// Bytes that the kernel takes before it has sent them. Without a limit it takes several MiB, and
/// counts them as written: a close frame behind them has left long before a slow peer reads it, and
/// the time that the peer has to answer would be over. Connections inherit the limit from their
/// listener. WASI and the other systems have no such option.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn limit_unsent(listener: &Socket) {
    // It fails on kernels before 3.12 only, which then behave as the other systems.
    let _ = listener.set_tcp_notsent_lowat(128 << 10);
}

#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn limit_unsent(_: &Socket) {}

/// Whether a failure to accept concerns the connection that was to be accepted, which is gone.
/// Linux reports the network's errors on the new connection this way (accept(2)), and firewalls
/// forbid single connections.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind;
    // ENONET, EPROTO, ENOPROTOOPT, EOPNOTSUPP, EHOSTDOWN
    const LINUX: [i32; 5] = [64, 71, 92, 95, 112];
    let kind = matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::PermissionDenied
            | ErrorKind::TimedOut
    );
    let linux = cfg!(any(target_os = "linux", target_os = "android"));
    kind || linux && error.raw_os_error().is_some_and(|it| LINUX.contains(&it))
}

impl Net for Native {
    type Listener = TcpListener;
    type Stream = TcpStream;
    type Waker = Waker;

    const CATCH_UP: Duration = Duration::ZERO;

    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), MAILBOX)?);
        Ok(Self {
            poll,
            events: Events::with_capacity(1024),
            start: Instant::now(),
            waker,
            input: None,
        })
    }

    fn waker(&self) -> io::Result<Waker> {
        Ok(Waker(self.waker.clone()))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
        // As mio binds, with a longer backlog: its own is 128 where the system does not say more.
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // On Windows this would let others take the same port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        limit_unsent(&socket);
        socket.bind(&address.into())?;
        socket.listen(BACKLOG.into())?;
        let listener = TcpListener::from_std(socket.into());
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    fn watch(&mut self, listener: &mut TcpListener, index: u32) -> io::Result<()> {
        let token = Token(LISTENER - index as usize);
        let registry = self.poll.registry();
        registry.register(listener, token, Interest::READABLE)
    }

    fn accept(
        &mut self,
        listener: &mut TcpListener,
    ) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        for _ in 0..ATTEMPTS {
            match listener.accept() {
                Ok((stream, address)) => {
                    // Answers leave in one write each, so that Nagle's algorithm would only delay.
                    let _ = stream.set_nodelay(true);
                    return Ok(Some((stream, address)));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if is_of_one_connection(&e) => {}
                Err(e) => return Err(e),
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn rest(&mut self, _: bool) {
        // A listener is reported once for each change, so it does not disturb.
    }

    fn connect(&mut self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        let stream = std::net::TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(TcpStream::from_std(stream))
    }

    fn watch_input(&mut self) -> io::Result<()> {
        let waker = self.waker()?;
        self.input = Some(Input::start(move || waker.wake())?);
        Ok(())
    }

    fn read_input(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &self.input {
            Some(input) => input.read(into),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn add(&mut self, stream: &mut TcpStream, index: u32) -> io::Result<()> {
        // Both at once, for good: a change of interest is a call to the system.
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(stream, Token(index as usize), interest)
    }

    fn interest(&mut self, _: &mut TcpStream, _: u32, _: bool, _: bool) {
        // The system reports each change once, so a report that nobody needs costs little.
    }

    fn read(&mut self, stream: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match stream.read(into) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write(&mut self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match stream.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn shut_down(&mut self, stream: &mut TcpStream) {
        // It fails if the peer is gone, which shows when the stream is read.
        let _ = stream.shutdown(Shutdown::Write);
    }

    fn remove(&mut self, mut stream: TcpStream, _: u32) {
        let _ = self.poll.registry().deregister(&mut stream);
    }

    fn closing(&self) -> usize {
        0
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Source>) -> io::Result<()> {
        let timeout = timeout.map(|timeout| timeout.min(LONGEST));
        match self.poll.poll(&mut self.events, timeout) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            Err(_) => return Ok(()),
            Ok(()) => {}
        }
        ready.extend(self.events.iter().map(|event| match event.token() {
            MAILBOX => Source::Mailbox,
            Token(token) if token > LISTENER - MOST_LISTENERS => {
                Source::Listener((LISTENER - token) as u32)
            }
            Token(token) => {
                let ended = event.is_read_closed() || event.is_error();
                Source::Stream(token as u32, ended)
            }
        }));
        Ok(())
    }
}
