//! The bytes of one direction, from one side to the other.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use socket2::SockRef;
use wscodec::io::ClientStream;

use super::watch::Side;

/// Bytes that are read at once.
pub(super) const PIECE: usize = 64 << 10;

/// The state that both directions of a connection share.
#[derive(Debug)]
pub(super) struct Shared {
    began: Instant,
    /// How long both directions may be silent.
    idle: Option<Duration>,
    /// Milliseconds from the beginning to the last bytes.
    last: AtomicU64,
    /// The connection is to end, and this is not the end of the bytes.
    broken: AtomicBool,
}

impl Shared {
    pub(super) fn new(idle: Option<Duration>) -> Self {
        Self {
            began: Instant::now(),
            idle,
            last: AtomicU64::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// Bytes have passed.
    fn passed(&self) {
        if self.idle.is_some() {
            let now = self.began.elapsed().as_millis() as u64;
            self.last.store(now, Ordering::Relaxed);
        }
    }

    /// How long a read or a write may still block; zero if both directions were silent for too long.
    fn left(&self) -> Option<Duration> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        let silent = self.began.elapsed().saturating_sub(last);
        Some(self.idle?.saturating_sub(silent))
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Ends both directions.
    pub(super) fn break_off(&self, streams: [&ClientStream; 2]) {
        self.broken.store(true, Ordering::Release);
        for stream in streams {
            // It fails if the connection is gone already.
            let _ = stream.socket().shutdown(Shutdown::Both);
        }
    }
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its sender has ended it, which was passed on.
    Fin,
    /// Its sender has reset the connection, or broken TLS.
    Reset,
    /// Its receiver takes no more.
    Refused,
    /// Both directions were silent for too long.
    Idle,
    /// The other direction, or the end of the run, has ended it.
    Broken,
    /// The first bytes have not come in time.
    Late,
}

/// One direction.
pub(super) struct Pipe<'a> {
    pub(super) from: &'a ClientStream,
    pub(super) to: &'a ClientStream,
    pub(super) shared: &'a Shared,
    /// Where the bytes are shown.
    pub(super) side: Option<Side>,
    /// When the first bytes must have come.
    pub(super) until: Option<Instant>,
    /// Bytes that have passed.
    pub(super) count: u64,
}

impl Pipe<'_> {
    /// Reads once. `Ok(0)` is the end.
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, End> {
        loop {
            let wait = self.shared.left();
            let until = self.until;
            let first = until.map(|it| it.saturating_duration_since(Instant::now()));
            if wait == Some(Duration::ZERO) {
                return Err(End::Idle);
            }
            if first == Some(Duration::ZERO) {
                return Err(End::Late);
            }
            if wait.or(first).is_some() {
                let time = [wait, first].into_iter().flatten().min();
                if self.from.socket().set_read_timeout(time).is_err() {
                    return Err(End::Reset);
                }
            }
            let mut from = self.from;
            match from.read(into) {
                Ok(n) => {
                    if self.until.take().is_some() {
                        // It fails if the connection is gone already.
                        let _ = self.from.socket().set_read_timeout(None);
                    }
                    if self.shared.is_broken() {
                        return Err(End::Broken);
                    }
                    self.shared.passed();
                    return Ok(n);
                }
                Err(e) if is_pause(&e) => {}
                Err(_) if self.shared.is_broken() => return Err(End::Broken),
                Err(_) => return Err(End::Reset),
            }
        }
    }

    /// Shows bytes and passes them on.
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        if let Some(side) = &mut self.side {
            side.data(bytes);
        }
        self.count += bytes.len() as u64;
        let mut to = self.to;
        while !bytes.is_empty() {
            if let Some(wait) = self.shared.left() {
                if wait.is_zero() {
                    return Err(End::Idle);
                }
                if self.to.socket().set_write_timeout(Some(wait)).is_err() {
                    return Err(End::Refused);
                }
            }
            match to.write(bytes) {
                Ok(0) => return Err(End::Refused),
                Ok(n) => {
                    self.shared.passed();
                    bytes = &bytes[n..];
                }
                Err(e) if is_pause(&e) => {}
                Err(_) => return Err(End::Refused),
            }
        }
        loop {
            match to.flush() {
                Err(e) if is_pause(&e) && self.shared.left() != Some(Duration::ZERO) => {}
                Err(_) => return Err(End::Refused),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Passes on everything until the end.
    pub(super) fn copy(&mut self, buffer: &mut [u8]) -> End {
        loop {
            let step = match self.read(buffer) {
                Ok(0) => return End::Fin,
                Ok(n) => self.write(&buffer[..n]),
                Err(end) => Err(end),
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// Passes on how the direction has ended.
    pub(super) fn end(mut self, end: End) -> u64 {
        match end {
            End::Fin => {
                // It fails if the connection is gone already.
                let _ = self.to.shut_down();
            }
            End::Reset => {
                if let Some(side) = &mut self.side {
                    side.reset();
                }
                self.shared.broken.store(true, Ordering::Release);
                // The last handle of the socket then sends a reset. Until that, the thread of the
                // other direction is woken without a FIN.
                let socket = self.to.socket();
                let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
                let _ = socket.shutdown(Shutdown::Read);
            }
            // The bytes of the other direction may still be on their way.
            End::Refused | End::Broken => {}
            End::Idle | End::Late => self.shared.break_off([self.from, self.to]),
        }
        if let Some(side) = &mut self.side {
            side.fin();
        }
        self.count
    }
}

/// Whether a read or a write may be tried again.
pub(super) fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
