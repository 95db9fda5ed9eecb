//! Standard input beside sockets, where the system can't wait for both: read by a thread.
//!
//! There is one such thread in a process, because a read of standard input can't be cancelled: a
//! second thread would take bytes that the first one is waiting for. A client that connects again
//! takes the thread over, with the bytes that it has read ahead.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Bytes that are read ahead.
const AHEAD: usize = 64 << 10;

/// The bytes that were read ahead.
#[derive(Clone)]
pub(super) struct Input(Arc<(Mutex<Ahead>, Condvar)>);

struct Ahead {
    bytes: VecDeque<u8>,
    ended: bool,
    /// Why it can't be read any more.
    failed: Option<io::Error>,
    /// Wakes who waits for it.
    wake: Box<dyn Fn() + Send>,
}

/// The input whose thread has started.
static STARTED: Mutex<Option<Input>> = Mutex::new(None);

impl Input {
    /// Starts the thread, or takes it over. It calls `wake` when there is something to take, and
    /// ends with standard input, or with the process.
    pub(super) fn start(wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(input) = &*started {
            let mut ahead = input.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            if ahead.ended || !ahead.bytes.is_empty() {
                wake();
            }
            ahead.wake = Box::new(wake);
            return Ok(input.clone());
        }
        let ahead = Ahead {
            bytes: VecDeque::new(),
            ended: false,
            failed: None,
            wake: Box::new(wake),
        };
        let this = Self(Arc::new((Mutex::new(ahead), Condvar::new())));
        let other = this.clone();
        thread::Builder::new().spawn(move || {
            let mut bytes = [0; 8 << 10];
            loop {
                let read = match io::stdin().read(&mut bytes) {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                    read => read,
                };
                let (ahead, room) = &*other.0;
                let lock = ahead.lock().unwrap_or_else(PoisonError::into_inner);
                let mut ahead = room
                    .wait_while(lock, |ahead| ahead.bytes.len() >= AHEAD)
                    .unwrap_or_else(PoisonError::into_inner);
                match read {
                    Ok(n) => {
                        ahead.bytes.extend(&bytes[..n]);
                        ahead.ended = n == 0;
                    }
                    Err(e) => (ahead.ended, ahead.failed) = (true, Some(e)),
                }
                let ended = ahead.ended;
                (ahead.wake)();
                drop(ahead);
                if ended {
                    return;
                }
            }
        })?;
        *started = Some(this.clone());
        Ok(this)
    }

    pub(super) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let (ahead, room) = &*self.0;
        let mut ahead = ahead.lock().unwrap_or_else(PoisonError::into_inner);
        if ahead.bytes.is_empty() {
            if let Some(error) = ahead.failed.take() {
                return Err(error);
            }
            if !ahead.ended {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let read = ahead.bytes.read(into)?;
        room.notify_one();
        Ok(read)
    }
}
