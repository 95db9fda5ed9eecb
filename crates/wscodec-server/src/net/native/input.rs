//! Input beside sockets, where the system can't wait for both: read by a thread.
//!
//! There is one such thread for each input, because a read can't be cancelled: a second thread would
//! take bytes that the first one is waiting for. A client that connects again takes the thread over,
//! with the bytes that it has read ahead.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Bytes that are read ahead.
const AHEAD: usize = 64 << 10;

/// A source of input, beside a connection. Clones are the same source.
#[derive(Clone)]
pub struct Input(Arc<(Mutex<Ahead>, Condvar)>);

type Source = Box<dyn Read + Send>;

/// The bytes that were read ahead.
struct Ahead {
    bytes: VecDeque<u8>,
    ended: bool,
    /// Why it can't be read any more.
    failed: Option<io::Error>,
    /// The source, until the thread has started.
    source: Option<Source>,
    /// Wakes who waits for it.
    wake: Option<Box<dyn Fn() + Send>>,
}

static STANDARD: LazyLock<Input> = LazyLock::new(|| Input::from_reader(io::stdin()));

impl Input {
    /// Standard input, of which there is one in a process: all inputs that this gives are the same.
    pub fn standard() -> Self {
        STANDARD.clone()
    }

    /// A source of the caller's own, such as a line editor. A thread reads it, which ends with the
    /// source, or with the process. Not on WASI.
    pub fn from_reader(source: impl Read + Send + 'static) -> Self {
        let ahead = Ahead {
            bytes: VecDeque::new(),
            ended: false,
            failed: None,
            source: Some(Box::new(source)),
            wake: None,
        };
        Self(Arc::new((Mutex::new(ahead), Condvar::new())))
    }

    /// Starts the thread, or takes it over. It calls `wake` when there is something to take.
    pub(super) fn start(&self, wake: impl Fn() + Send + 'static) -> io::Result<()> {
        let mut ahead = self.ahead();
        if ahead.ended || !ahead.bytes.is_empty() {
            wake();
        }
        ahead.wake = Some(Box::new(wake));
        if let Some(source) = ahead.source.take() {
            let this = self.clone();
            let name = "input".to_owned();
            thread::Builder::new()
                .name(name)
                .spawn(move || this.read_ahead(source))?;
        }
        Ok(())
    }

    fn ahead(&self) -> MutexGuard<'_, Ahead> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_ahead(&self, mut source: Source) {
        let mut bytes = [0; 8 << 10];
        loop {
            let read = match source.read(&mut bytes) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                read => read,
            };
            let mut ahead = (self.0.1)
                .wait_while(self.ahead(), |ahead| ahead.bytes.len() >= AHEAD)
                .unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(n) => {
                    ahead.bytes.extend(&bytes[..n]);
                    ahead.ended = n == 0;
                }
                Err(e) => (ahead.ended, ahead.failed) = (true, Some(e)),
            }
            if let Some(wake) = &ahead.wake {
                wake();
            }
            if ahead.ended {
                return;
            }
        }
    }

    pub(super) fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut ahead = self.ahead();
        if ahead.bytes.is_empty() {
            if let Some(error) = ahead.failed.take() {
                return Err(error);
            }
            if !ahead.ended {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        let read = ahead.bytes.read(into)?;
        self.0.1.notify_one();
        Ok(read)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").finish_non_exhaustive()
    }
}
