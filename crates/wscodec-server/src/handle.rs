//! The way to a running server from other threads: its mailboxes and its counters.

use core::any::Any;
use core::sync::atomic::Ordering;
use std::boxed::Box;
#[cfg(not(target_os = "wasi"))]
use std::io;
use std::sync::Arc;

use super::mailbox::{Action, Mail, Mailbox, Membership, Shared, UserEvent};
use super::metrics::{Metrics, Stats};
use super::recipients::{Id, Recipients};
use wscodec::error::{CloseCode, LimitError, MisuseError};
use wscodec::message::Prepared;

/// Bytes of the longest close reason (RFC 6455 §5.5).
const MOST_REASON: usize = 123;

/// A running server, to be had from any thread. Clones are the same server.
///
/// [`send`](Self::send) puts a message into the mailboxes of the event loops, which send messages in the
/// order of the calls. A busy loop does not make the caller wait.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    pub(super) shared: Arc<Shared>,
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
        self.check_room()?;
        self.put_to(target, Action::Message(message.clone()));
        Ok(())
    }

    /// Carries a value of the program's own, such as an answer of a database, to the handlers of these
    /// connections: [`Handler::user_event`](super::Handler::user_event) is called for each one that is
    /// open. Events and messages of one caller arrive in the order of its calls.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_event(
        &self,
        target: Recipients,
        event: impl Any + Send + Sync,
    ) -> Result<(), LimitError> {
        self.check_room()?;
        self.put_to(target, Action::Event(Arc::new(event)));
        Ok(())
    }

    /// Closes connections with a code and a reason. Messages that are queued for them leave before the
    /// close frame.
    ///
    /// # Errors
    /// [`MisuseError::CloseCodeNotSendable`], [`MisuseError::CloseReasonTooLong`] (more than 123
    /// bytes). Nothing is closed then.
    pub fn close(
        &self,
        target: Recipients,
        code: CloseCode,
        reason: &str,
    ) -> Result<(), MisuseError> {
        if !code.is_sendable() {
            return Err(MisuseError::CloseCodeNotSendable);
        }
        if reason.len() > MOST_REASON {
            return Err(MisuseError::CloseReasonTooLong);
        }
        self.put_to(target, Action::Close(code, reason.into()));
        Ok(())
    }

    /// Makes a connection a member of a room. A message to the room
    /// ([`publish`](Self::publish)) reaches all of its members. A room exists while it has members. A
    /// connection that ends leaves its rooms. Nothing happens if the connection is not open.
    pub fn subscribe(&self, id: Id, room: impl Into<Arc<str>>) {
        self.put_room(id, room.into(), Membership::Begins);
    }

    /// Ends the membership of a connection in a room.
    pub fn unsubscribe(&self, id: Id, room: impl Into<Arc<str>>) {
        self.put_room(id, room.into(), Membership::Ends);
    }

    /// Sends a message to the members of a room: the same as [`send`](Self::send) with
    /// [`Recipients::Room`].
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn publish(&self, room: impl Into<Arc<str>>, message: &Prepared) -> Result<(), LimitError> {
        self.send(Recipients::Room(room.into()), message)
    }

    fn check_room(&self) -> Result<(), LimitError> {
        match self.shared.is_full() {
            true => Err(LimitError::OutOfMemory),
            false => Ok(()),
        }
    }

    fn put_to(&self, target: Recipients, action: Action) {
        let mailboxes = &self.shared.mailboxes;
        match &target {
            Recipients::One(id) => {
                if let Some(mailbox) = mailboxes.get(id.event_loop as usize) {
                    self.put(mailbox, Mail::To(target, action));
                }
            }
            Recipients::All | Recipients::Some(_) | Recipients::Room(_) => {
                for mailbox in mailboxes {
                    self.put(mailbox, Mail::To(target.clone(), action.clone()));
                }
            }
        }
    }

    fn put_room(&self, id: Id, room: Arc<str>, membership: Membership) {
        if let Some(mailbox) = self.shared.mailboxes.get(id.event_loop as usize) {
            self.put(mailbox, Mail::Room(id.key, room, membership));
        }
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
