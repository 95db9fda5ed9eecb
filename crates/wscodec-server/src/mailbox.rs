//! The mailboxes of the event loops, and what all loops of a server share.
//!
//! Problem: other threads send messages to connections, and loops pass accepted connections to each
//! other. A loop waits in the kernel meanwhile. Waking it costs a system call, and a broadcast to all
//! loops is often followed by the next one before a loop has run.
//!
//! Choice: each loop has a vector behind a lock and a waker. Only the thread that puts the first
//! command into an empty mailbox wakes the loop. The loop swaps the vector for an empty one, so the
//! lock is held for a few instructions and the capacities of both vectors are used again.
//!
//! Invariants: if the mailbox is not empty, the loop was woken and has not emptied it since. A command
//! for a loop that has ended goes back to the caller (`closed`), so none is lost silently. Messages in
//! mailboxes count in `held`, so `ServerOptions::max_memory` also limits a thread that sends faster
//! than the loops write. The counters are relaxed: they are limits, and no data depends on their order.

use core::any::Any;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::boxed::Box;
use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use super::address::Address;
use super::addresses::Addresses;
use super::figures::Figures;
use super::net::{Net, Platform, Waker};
use super::options::ServerOptions;
use super::recipients::Recipients;
use super::table::Key;
use wscodec::error::CloseCode;
use wscodec::message::Prepared;

/// A value of the program's own that is carried to a handler.
pub type UserEvent = Box<dyn Any + Send>;

/// The same for several connections.
pub(super) type SharedEvent = Arc<dyn Any + Send + Sync>;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) mailboxes: Vec<Mailbox>,
    /// Connections now, all loops together.
    pub(super) connections: AtomicUsize,
    /// Bytes that they hold, as far as they are counted, and bytes of messages in mailboxes.
    pub(super) held: AtomicUsize,
    pub(super) addresses: Addresses,
    /// Bytes in a connection's queue from which on it is full.
    pub(super) high_water: usize,
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
    pub(super) waker: Waker,
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
    /// Something for open connections.
    To(Recipients, Action),
    /// A connection joins a room, or leaves it.
    Room(Key, Arc<str>, Membership),
    /// A deferred decision on a request, or `None` if it was given up.
    Decision(Key, Option<UserEvent>),
    Stop,
}

/// An action on open connections.
#[derive(Clone)]
pub(super) enum Action {
    Message(Prepared),
    Event(SharedEvent),
    Close(CloseCode, Arc<str>),
}

/// A change of a membership in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    Begins,
    Ends,
}

impl core::fmt::Debug for Mail {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Stream(..) => "Stream",
            Self::To(..) => "To",
            Self::Room(..) => "Room",
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
            addresses: Addresses::new(options),
            high_water: options.high_water,
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
            Self::To(_, Action::Message(message)) => size_of::<Self>() + message.payload().len(),
            Self::To(_, Action::Event(event)) => size_of::<Self>() + size_of_val(&**event),
            Self::To(_, Action::Close(_, reason)) => size_of::<Self>() + reason.len(),
            Self::Room(_, room, _) => size_of::<Self>() + room.len(),
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
