//! The parts of an event loop that a handler reaches through a peer.
//!
//! A peer is made for each message. All of its parts that do not differ from connection to connection
//! stand here, so that a peer has one pointer to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::figures::Figures;
use super::handle::ServerHandle;
use super::table::Key;
use wscodec::session::Appended;

/// The state that all peers of a loop share.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) handle: ServerHandle,
    /// The loop's number.
    pub(super) event_loop: u32,
    figures: Arc<Figures>,
    /// Bytes of messages that are sent in fragments and are not finished. There are few of them, so
    /// that it is not worth a field in each connection.
    unfinished: BTreeMap<Key, usize>,
    /// There was no memory for a message of the connection whose turn it is.
    pub(super) starved: bool,
    /// The handler wants to pause or to resume reading from that connection.
    pub(super) pauses: Option<bool>,
    /// Whether the event loop answers the close frame of that connection when the handler returns.
    pub(super) answers_close: bool,
}

impl Reach {
    pub(super) fn new(handle: ServerHandle, event_loop: u32, figures: Arc<Figures>) -> Self {
        Self {
            handle,
            event_loop,
            figures,
            unfinished: BTreeMap::new(),
            starved: false,
            pauses: None,
            answers_close: true,
        }
    }

    /// A message was sent.
    #[inline]
    pub(super) fn message(&self, len: usize) {
        self.figures.sent(len);
    }

    /// Something else than a whole message was sent.
    #[cold]
    pub(super) fn part(&mut self, key: Key, part: Appended) {
        match part {
            Appended::Fragment(len) => *self.unfinished.entry(key).or_default() += len,
            Appended::Message(len) | Appended::Last(len) => {
                let before = self.unfinished.remove(&key).unwrap_or(0);
                self.message(before + len);
            }
            Appended::Control => {}
        }
    }

    /// A connection has ended.
    pub(super) fn forget(&mut self, key: Key) {
        if !self.unfinished.is_empty() {
            self.unfinished.remove(&key);
        }
    }
}
