//! The way to a running server from other threads: its mailboxes and its counters.

use core::any::Any;
use core::sync::atomic::{AtomicUsize, Ordering};

use std::boxed::Box;
#[cfg(not(target_os = "wasi"))]
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use super::address::Address;
use super::figures::Figures;
use super::metrics::{Metrics, Stats};
use super::net::{Net, Platform, Waker};
use super::options::ServerOptions;
use super::table::Key;
use wscodec::error::LimitError;
use wscodec::message::Prepared;

/// The name of a connection: no other has it while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub(super) event_loop: u32,
    pub(super) key: Key,
}

/// A value of the program's own that is carried to a handler.
pub type UserEvent = Box<dyn Any + Send>;

/// The receivers of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// All open connections.
    All,
    /// One connection, if it still exists.
    One(Id),
    /// Some; those of them that are not gone.
    Some(Arc<[Id]>),
}

/// A running server, to be had from any thread. Clones are the same server.
///
/// [`send`](Self::send) puts a message into the mailboxes of the event loops, which send messages in the
/// order of the calls. A busy loop does not make the caller wait.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mailboxes: Vec<Mailbox>,
    /// Connections now, all loops together.
    pub(super) connections: AtomicUsize,
    /// Bytes that they hold, as far as they are counted, and bytes of messages in mailboxes.
    pub(super) held: AtomicUsize,
    /// The limit for `held`.
    max_memory: Option<usize>,
    /// The limit for `connections`. A few more get status 503.
    max_connections: usize,
}

/// Connections beyond the limit that may wait for their rejection.
pub(super) const SURPLUS: usize = 64;

/// One event loop, as other threads reach it.
#[derive(Debug)]
pub(super) struct Mailbox {
    inbox: Mutex<Inbox>,
    waker: Waker,
    pub(super) figures: Arc<Figures>,
}

/// The commands in a mailbox.
#[derive(Debug, Default)]
struct Inbox {
    mail: Vec<Mail>,
    /// The loop has ended and reads no more.
    closed: bool,
}

/// A command for an event loop.
pub(super) enum Mail {
    /// A connection that another loop accepted.
    Stream(<Platform as Net>::Stream, Address),
    Message(Recipients, Prepared),
    /// A deferred decision on a request, or `None` if it was given up.
    Decision(Key, Option<UserEvent>),
    Stop,
}

impl core::fmt::Debug for Mail {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Stream(..) => "Stream",
            Self::Message(..) => "Message",
            Self::Decision(..) => "Decision",
            Self::Stop => "Stop",
        })
    }
}

impl Shared {
    pub(super) fn new(wakers: Vec<Waker>, options: &ServerOptions<'_>) -> Self {
        let mailbox = |waker| Mailbox {
            inbox: Mutex::default(),
            waker,
            figures: Arc::default(),
        };
        Self {
            mailboxes: wakers.into_iter().map(mailbox).collect(),
            connections: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            max_memory: options.max_memory,
            max_connections: options.max_connections,
        }
    }

    /// Counts a connection that is to be served, and says how many there were. `None` if there are
    /// so many that the request can't even be rejected; `closing` more are not closed yet.
    pub(super) fn enter(&self, closing: usize) -> Option<usize> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        if before + closing >= self.max_connections + SURPLUS {
            self.leave();
            return None;
        }
        Some(before)
    }

    /// Counts a connection that has ended.
    pub(super) fn leave(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether connections and mailboxes hold more than they may.
    pub(super) fn is_full(&self) -> bool {
        let held = self.held.load(Ordering::Relaxed);
        self.max_memory.is_some_and(|limit| held > limit)
    }
}

impl Mail {
    /// Bytes that this holds in a mailbox.
    pub(super) fn weight(&self) -> usize {
        match self {
            // The payload of a message to all is shared by the mailboxes, and counted in each.
            Self::Message(_, message) => size_of::<Self>() + message.payload().len(),
            Self::Stream(..) | Self::Decision(..) | Self::Stop => 0,
        }
    }
}

impl Mailbox {
    /// Puts something into the mailbox, and wakes the loop. Gives it back if the loop has ended.
    pub(super) fn put(&self, mail: Mail) -> Option<Mail> {
        let first = {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            if inbox.closed {
                return Some(mail);
            }
            inbox.mail.push(mail);
            inbox.mail.len() == 1
        };
        // If the mailbox was not empty, the loop was woken for the mail before this and has not
        // emptied the mailbox since.
        if first {
            self.waker.wake();
        }
        None
    }

    /// Moves all commands into `into`, which is empty; the mailbox gets its capacity.
    pub(super) fn take(&self, into: &mut Vec<Mail>) {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        core::mem::swap(&mut inbox.mail, into);
    }

    /// The loop has ended. What its mailbox holds is dropped: connections among it are closed.
    pub(super) fn close(&self) {
        let left = {
            let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
            inbox.closed = true;
            core::mem::take(&mut inbox.mail)
        };
        drop(left);
    }
}

impl ServerHandle {
    /// Sends a message that was framed once. An event loop that has ended has no connections, so
    /// the message for it is dropped.
    ///
    /// # Errors
    /// [`LimitError::OutOfMemory`], if the server holds more than
    /// [`ServerOptions::max_memory`](super::ServerOptions::max_memory). Nothing is sent then. A caller that is
    /// faster than the event loops meets this limit.
    pub fn send(&self, target: Recipients, message: &Prepared) -> Result<(), LimitError> {
        if self.shared.is_full() {
            return Err(LimitError::OutOfMemory);
        }
        let mailboxes = &self.shared.mailboxes;
        match &target {
            Recipients::One(id) => {
                if let Some(mailbox) = mailboxes.get(id.event_loop as usize) {
                    self.put(mailbox, Mail::Message(target, message.clone()));
                }
            }
            Recipients::All | Recipients::Some(_) => {
                for mailbox in mailboxes {
                    self.put(mailbox, Mail::Message(target.clone(), message.clone()));
                }
            }
        }
        Ok(())
    }

    fn put(&self, mailbox: &Mailbox, mail: Mail) {
        let weight = mail.weight();
        let held = &self.shared.held;
        held.fetch_add(weight, Ordering::Relaxed);
        if mailbox.put(mail).is_some() {
            held.fetch_sub(weight, Ordering::Relaxed);
        }
    }

    /// Serves a stream that was accepted elsewhere, as if the server had accepted it. The server may
    /// not run yet: then the stream waits.
    ///
    /// # Errors
    /// [`QuotaExceeded`](io::ErrorKind::QuotaExceeded), if the server has too many connections to
    /// answer even with status 503; [`NotConnected`](io::ErrorKind::NotConnected), if it has
    /// stopped; those of the system, if the connection is lost already. The stream is closed then.
    #[cfg(not(target_os = "wasi"))]
    pub fn serve(&self, stream: super::net::Stream) -> io::Result<()> {
        let address = stream.address()?;
        let Some(before) = self.shared.enter(0) else {
            return Err(io::ErrorKind::QuotaExceeded.into());
        };
        let mailbox = &self.shared.mailboxes[before % self.shared.mailboxes.len()];
        if mailbox.put(Mail::Stream(stream, address)).is_some() {
            self.shared.leave();
            return Err(io::ErrorKind::NotConnected.into());
        }
        Ok(())
    }

    /// Stops the server. Connections that wait to be accepted and requests that are not answered yet
    /// get status 503. Messages that have arrived, or arrive within a tenth of a second, are handed to
    /// the handler and answered, and a message that has arrived in part may complete. Then each
    /// connection is closed with 1001. A connection that is still there after [`ServerOptions::grace`](super::ServerOptions::grace) is dropped.
    pub fn stop(&self) {
        for mailbox in &self.shared.mailboxes {
            // A loop that has ended has stopped.
            mailbox.put(Mail::Stop);
        }
    }

    /// The figures, as each loop gave them when it was last at work; of the memory, as of the call
    /// before this.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        for mailbox in &self.shared.mailboxes {
            mailbox.figures.ask();
            mailbox.figures.add_to(&mut stats);
        }
        stats
    }

    /// All that the server counts: see [`Metrics`]. The figures that cost a loop time to add up
    /// (memory and queues) are those of the call before this.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics {
            stats: self.stats(),
            ..Metrics::default()
        };
        for mailbox in &self.shared.mailboxes {
            mailbox.figures.add_metrics_to(&mut metrics);
            // It publishes fresh figures for the next call.
            mailbox.waker.wake();
        }
        metrics
    }
}

/// A request whose decision is deferred: see [`AcceptOptions::defer`](super::AcceptOptions::defer).
/// If it is dropped without a decision, such as by a panic, the request is rejected with 500.
#[derive(Debug)]
#[must_use = "without a decision the request is rejected"]
pub struct DeferredAccept {
    handle: ServerHandle,
    id: Id,
    resumed: bool,
}

impl DeferredAccept {
    pub(super) fn new(handle: ServerHandle, id: Id) -> Self {
        Self {
            handle,
            id,
            resumed: false,
        }
    }

    /// Has [`accept`](super::Handler::accept) called again, with this event. Nothing happens if the
    /// client has gone or the handshake timeout has passed.
    pub fn resume(mut self, event: impl Any + Send) {
        self.resumed = true;
        self.put(Some(Box::new(event)));
    }

    fn put(&self, event: Option<UserEvent>) {
        if let Some(mailbox) = self
            .handle
            .shared
            .mailboxes
            .get(self.id.event_loop as usize)
        {
            // A loop that has ended has no connections.
            mailbox.put(Mail::Decision(self.id.key, event));
        }
    }
}

impl Drop for DeferredAccept {
    fn drop(&mut self) {
        if !self.resumed {
            self.put(None);
        }
    }
}
