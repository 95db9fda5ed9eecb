//! Cancels an attempt to connect from another thread.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Instant;

use super::Error;
use super::head::Head;
use super::line::Line;

/// The longest time between two checks whether the attempt was cancelled.
const SLICE: Duration = Duration::from_millis(20);

/// Cancels the attempts of a [`Connector`](super::Connector) to open a connection, from another
/// thread. Clones cancel the same attempts. An open connection is not affected.
///
/// ```no_run
/// use std::thread;
/// use std::time::Duration;
/// use wscodec::io::{Cancel, Connector, Error};
///
/// let cancel = Cancel::new();
/// let other = cancel.clone();
/// thread::spawn(move || {
///     thread::sleep(Duration::from_millis(100)); // or: the user closes the window
///     other.cancel();
/// });
/// let connector = Connector { cancel: Some(&cancel), ..Connector::DEFAULT };
/// match connector.connect("ws://192.0.2.1/") {
///     Err(Error::Cancelled) => println!("never mind"),
///     result => drop(result?),
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// An attempt ends within 20 milliseconds, whether it waits for the look-up of the name, for the TCP
/// connection or for the server's response. The system's calls for the look-up and the connection
/// cannot be interrupted. A connector with a `Cancel` therefore makes them in a thread of its own,
/// which ends when they return. A connection that opens too late is closed at once. On systems
/// without threads, such as WASI, such a connector fails with [`Error::Io`].
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Creates a value that has cancelled nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the current attempts and all later ones.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the attempts are cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn check(&self) -> Result<(), Error> {
        match self.is_cancelled() {
            true => Err(Error::Cancelled),
            false => Ok(()),
        }
    }

    /// Runs a call that cannot be interrupted in a thread of its own, and waits for its result.
    pub(super) fn wait_for<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.check()?;
        let (sender, receiver) = sync_channel(1);
        thread::Builder::new()
            .name("wscodec connect".into())
            .spawn(move || {
                // If the attempt was cancelled, nobody receives the result.
                let _ = sender.send(work());
            })?;
        loop {
            match receiver.recv_timeout(SLICE) {
                Ok(result) => {
                    self.check()?;
                    return Ok(result?);
                }
                Err(RecvTimeoutError::Timeout) => self.check()?,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("the thread that connects has panicked").into());
                }
            }
        }
    }

    /// Reads once, like [`Head::read`].
    pub(super) fn read_head<S: io::Read + io::Write>(
        &self,
        head: &mut Head,
        line: &mut Line<S>,
        until: Option<Instant>,
    ) -> Result<(), Error> {
        loop {
            self.check()?;
            let soon = Instant::now().checked_add(SLICE);
            match head.read(line, until.into_iter().chain(soon).min()) {
                Err(error)
                    if error.is_timeout()
                        && line.transport.read_timeout.is_some()
                        && until.is_none_or(|until| Instant::now() < until) => {}
                result => return result,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn work_that_does_not_end_is_left_behind() {
        let cancel = Cancel::new();
        let (begun, has_begun) = channel();
        let (ends, end) = channel::<()>();
        let (tells, told) = channel();
        let other = cancel.clone();
        let canceller = thread::spawn(move || {
            has_begun.recv().unwrap();
            other.cancel();
        });
        let result = cancel.wait_for(move || {
            begun.send(()).unwrap();
            let _ = end.recv();
            // The attempt was cancelled, so this result is dropped.
            tells.send(()).unwrap();
            Ok(())
        });
        assert!(matches!(result, Err(Error::Cancelled)));
        canceller.join().unwrap();
        drop(ends);
        told.recv().unwrap();
    }

    #[test]
    fn the_result_of_the_work_is_that_of_the_attempt() {
        let cancel = Cancel::new();
        assert!(matches!(cancel.wait_for(|| Ok(7)), Ok(7)));
        let refused = || Err::<(), _>(io::ErrorKind::ConnectionRefused.into());
        assert!(matches!(cancel.wait_for(refused), Err(Error::Io(_))));
        cancel.cancel();
        assert!(matches!(cancel.wait_for(|| Ok(7)), Err(Error::Cancelled)));
    }
}
