//! Readiness from the operating system, through mio: epoll, kqueue, IOCP.

#[cfg(feature = "tls")]
mod certificate;
mod input;
mod raw;
mod socket;
#[cfg(feature = "tls")]
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;

use mio::{Events, Poll, Token};

use super::contract::{ATTEMPTS, Listen, Net, Source, TlsFault};
use crate::address::Address;
#[cfg(feature = "tls")]
pub use certificate::{ServerTls, ServerTlsOptions};
pub use input::Input;
pub use socket::{Listener, Stream};

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
    type Listener = Listener;
    type Stream = Stream;
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

    fn listen(to: Listen) -> io::Result<(Listener, SocketAddr)> {
        let listener = Listener::listen(to)?;
        let address = listener.address().unwrap_or(to.address);
        Ok((listener, address))
    }

    fn watch(&mut self, listener: &mut Listener, index: u32) -> io::Result<()> {
        let token = Token(LISTENER - index as usize);
        listener.register(self.poll.registry(), token)
    }

    fn accept(&mut self, listener: &mut Listener) -> io::Result<Option<(Stream, Address)>> {
        for _ in 0..ATTEMPTS {
            match listener.accept() {
                Ok(accepted) => return Ok(Some(accepted)),
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

    fn connect(&mut self, address: SocketAddr, timeout: Duration) -> io::Result<Stream> {
        Stream::from_tcp(std::net::TcpStream::connect_timeout(&address, timeout)?)
    }

    fn watch_input(&mut self, input: &Input) -> io::Result<()> {
        let waker = self.waker()?;
        input.start(move || waker.wake())?;
        self.input = Some(input.clone());
        Ok(())
    }

    fn read_input(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match &self.input {
            Some(input) => input.read(into),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn add(&mut self, stream: &mut Stream, index: u32) -> io::Result<()> {
        stream.register(self.poll.registry(), Token(index as usize))
    }

    fn interest(&mut self, _: &mut Stream, _: u32, _: bool, _: bool) {
        // The system reports each change once, so a report that nobody needs costs little.
    }

    #[inline]
    fn read(&mut self, stream: &mut Stream, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match stream.read(into) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    #[inline]
    fn write(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match stream.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn shut_down(&mut self, stream: &mut Stream) {
        // It fails if the peer is gone, which shows when the stream is read.
        let _ = stream.shut_down();
    }

    fn remove(&mut self, mut stream: Stream, _: u32) {
        let _ = stream.deregister(self.poll.registry());
    }

    fn memory(stream: &Stream) -> usize {
        stream.memory()
    }

    fn tls_fault(stream: &Stream) -> Option<&TlsFault> {
        stream.tls_fault()
    }

    fn certificate(stream: &Stream) -> Option<&[u8]> {
        stream.certificate()
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
