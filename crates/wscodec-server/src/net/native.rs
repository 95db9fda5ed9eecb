//! Readiness from the operating system, through mio: epoll, kqueue, IOCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::input::Input;
use super::{Net, Source};

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

impl Net for Native {
    type Listener = TcpListener;
    type Stream = TcpStream;

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
        let listener = TcpListener::bind(address)?;
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
        loop {
            match listener.accept() {
                Ok((stream, address)) => {
                    // Answers leave in one write each: waiting for more gains nothing.
                    let _ = stream.set_nodelay(true);
                    return Ok(Some((stream, address)));
                }
                Err(e) => match e.kind() {
                    io::ErrorKind::WouldBlock => return Ok(None),
                    io::ErrorKind::Interrupted
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::ConnectionReset => {}
                    _ => return Err(e),
                },
            }
        }
    }

    fn connect(&mut self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        let stream = std::net::TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(TcpStream::from_std(stream))
    }

    fn watch_input(&mut self) -> io::Result<()> {
        self.input = Some(Input::start(self.waker()?)?);
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
        // Each change is reported once: nobody is bothered by one that is of no interest.
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
