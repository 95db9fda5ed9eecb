//! Sockets, readiness and the clock of WASI 0.2: `wasi:sockets`, `wasi:io/poll` and `wasi:clocks`.
//!
//! Three faults of wasmtime shape this module; `docs/wasi.md` lists the versions and the tests.
//!
//! - Once 128 operations have succeeded without a pause, no stream takes bytes, no listener gives
//!   connections, and a poll that does not wait reports nothing (up to version 48).
//!   [`pause`](pause::pause) ends that state. So a stream that takes nothing, a listener that has
//!   nothing and a poll without a wait are all asked once more after a pause. wasmtime 36 does not
//!   yield in a pause of no length, so [`watch`] also waits for a timer that has expired.
//! - A stream that is dropped while its last bytes have not left blocks the whole component until the
//!   peer reads them (48 and 49). Such a stream is kept until it can be written to
//!   ([`Net::closing`] counts them).
//! - A poll reports at most 128 streams, the first ones of its list: see `net/tiers.rs`.
//!
//! Resources must be dropped in the order children first: pollables, streams, socket. The structs
//! here have their fields in that order.
//!
//! WASI has no TCP_NODELAY: all output of a round leaves in one write, or it waits for the peer's
//! acknowledgement.

mod pause;
mod socket;
mod watch;

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::vec::Vec;

use wasi::cli::stdin;
use wasi::clocks::monotonic_clock;
use wasi::io::streams::StreamError;
use wasi::sockets::network::ErrorCode;
use wasi::sockets::tcp::ShutdownType;

use super::contract::{ATTEMPTS, Listen, Net, Source};
use crate::address::Address;
use pause::pause;
use socket::Refused;
pub(crate) use socket::{Listener, Stream};
use watch::Watch;

/// The most bytes that a host takes or gives in one call.
const MOST: usize = 64 << 10;

/// The least that is asked for: the host clears as much as it is asked for.
const LEAST: usize = 4 << 10;

pub(crate) struct Wasi {
    watch: Watch,
    waker: Waker,
    /// The time when it was last asked for.
    now: Cell<u64>,
}

/// Says that there is something in the mailbox. Nobody but the loop itself can have put it there:
/// there are no threads.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<AtomicBool>);

impl Waker {
    pub(crate) fn wake(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn failed(error: StreamError) -> io::Error {
    match error {
        StreamError::Closed => io::ErrorKind::BrokenPipe.into(),
        StreamError::LastOperationFailed(error) => io::Error::other(error.to_debug_string()),
    }
}

/// A source of input, beside a connection.
#[derive(Clone, Debug)]
pub struct Input(());

impl Input {
    /// Standard input.
    pub fn standard() -> Self {
        Self(())
    }
}

impl Net for Wasi {
    type Listener = Listener;
    type Stream = Stream;
    type Waker = Waker;

    /// wasmtime learns of arrived bytes in another thread, which has to run first.
    const CATCH_UP: Duration = Duration::from_millis(500);

    fn new() -> io::Result<Self> {
        Ok(Self {
            watch: Watch::default(),
            waker: Waker(Arc::default()),
            now: Cell::default(),
        })
    }

    fn waker(&self) -> io::Result<Waker> {
        Ok(self.waker.clone())
    }

    fn now(&self) -> Duration {
        self.now.set(monotonic_clock::now());
        Duration::from_nanos(self.now.get())
    }

    fn listen(to: Listen) -> io::Result<(Listener, SocketAddr)> {
        if to.reuse_port {
            let text = "WASI has no SO_REUSEPORT";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        socket::listen(to.address)
    }

    fn watch(&mut self, listener: &mut Listener, index: u32) -> io::Result<()> {
        self.watch.listen(listener, index);
        Ok(())
    }

    fn accept(&mut self, listener: &mut Listener) -> io::Result<Option<(Stream, Address)>> {
        let mut paused = false;
        for _ in 0..ATTEMPTS {
            match listener.accept() {
                Ok((stream, address)) => return Ok(Some((stream, address.into()))),
                Err(Refused::Listener(ErrorCode::WouldBlock)) if paused => return Ok(None),
                Err(Refused::Listener(ErrorCode::WouldBlock)) => {
                    pause();
                    paused = true;
                }
                Err(Refused::Listener(code)) => return Err(socket::error(code)),
                Err(Refused::Connection) => {}
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    fn rest(&mut self, rests: bool) {
        self.watch.rests = rests;
    }

    fn connect(&mut self, address: SocketAddr, timeout: Duration) -> io::Result<Stream> {
        socket::connect(address, timeout)
    }

    fn watch_input(&mut self, _: &Input) -> io::Result<()> {
        self.watch.input = Some(watch::Input::new(stdin::get_stdin()));
        Ok(())
    }

    fn read_input(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(input) = &self.watch.input else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        match input.stream.read(into.len().min(MOST) as u64) {
            Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            Ok(bytes) => Ok(copy(&bytes, into)),
            Err(StreamError::Closed) => {
                // It would be reported for ever.
                self.watch.input = None;
                Ok(0)
            }
            Err(error) => {
                self.watch.input = None;
                Err(failed(error))
            }
        }
    }

    fn add(&mut self, stream: &mut Stream, index: u32) -> io::Result<()> {
        self.watch.add(stream, index, self.now.get());
        Ok(())
    }

    fn interest(&mut self, stream: &mut Stream, index: u32, read: bool, write: bool) {
        self.watch.interest(stream, index, read, write);
    }

    #[inline]
    fn read(&mut self, stream: &mut Stream, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(MOST);
        let ask = most.min(stream.expected.max(LEAST));
        let mut n = receive(stream, &mut into[..ask])?;
        if n == ask && ask < most {
            // There is more, and all of it should be answered in one write. An error shows in the next
            // read.
            n += receive(stream, &mut into[ask..most]).unwrap_or(0);
        }
        stream.expected = (n + n / 2).next_power_of_two();
        Ok(n)
    }

    #[inline]
    fn write(&mut self, stream: &mut Stream, bytes: &[u8]) -> io::Result<usize> {
        let room = stream.room().map_err(failed)?;
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = bytes.len().min(room);
        stream.output.write(&bytes[..len]).map_err(failed)?;
        Ok(len)
    }

    fn shut_down(&mut self, stream: &mut Stream) {
        // It fails if the peer is gone, which shows when the stream is read.
        let _ = stream.socket.shutdown(ShutdownType::Send);
    }

    fn remove(&mut self, stream: Stream, index: u32) {
        self.watch.remove(stream, index);
    }

    fn closing(&self) -> usize {
        self.watch.closing()
    }

    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Source>) -> io::Result<()> {
        // The time-out is from when the time was asked for.
        let now = self.now.get();
        let woken = self.waker.0.swap(false, Ordering::Relaxed);
        let until = match timeout {
            _ if woken => Some(now),
            None => None,
            Some(time) => {
                Some(now.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)))
            }
        };
        self.watch.wait(now, until, ready);
        Ok(())
    }
}

#[inline]
fn receive(stream: &Stream, into: &mut [u8]) -> io::Result<usize> {
    match stream.input.read(into.len() as u64) {
        Ok(bytes) if bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
        Ok(bytes) => Ok(copy(&bytes, into)),
        Err(StreamError::Closed) => Ok(0),
        Err(error) => Err(failed(error)),
    }
}

#[inline]
fn copy(bytes: &[u8], into: &mut [u8]) -> usize {
    let len = bytes.len().min(into.len());
    into[..len].copy_from_slice(&bytes[..len]);
    len
}
