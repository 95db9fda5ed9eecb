//! The listeners of an event loop, and the connections that it accepts and deals out.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::io;

use super::address::Address;
use super::addresses::Entry;
use super::conn::{Conn, Next, Surplus};
use super::event_loop::{EventLoop, Listener};
use super::handler::Handler;
use super::mailbox::Mail;
use super::net::{Net, Platform};
use wscodec::error::LimitError;

/// Connections accepted in a row.
const ACCEPTS: usize = 256;
/// After a failure to accept, such as too many open files: nothing is accepted for this long, or
/// until a connection has ended.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Stream = <Platform as Net>::Stream;

impl<H: Handler> EventLoop<'_, H> {
    pub(super) fn accept(&mut self) {
        self.accept_at = None;
        let mut listeners = core::mem::take(&mut self.listeners);
        for listener in &mut listeners {
            self.accept_from(listener, ACCEPTS);
        }
        self.listeners = listeners;
    }

    /// Accepts in a batch, so that thousands that connect at once wait for few rounds.
    pub(super) fn accept_from(&mut self, listener: &mut Listener, most: usize) {
        for _ in 0..most {
            match self.context.net.accept(listener) {
                Ok(Some((stream, address))) => {
                    self.rest(false);
                    self.distribute(stream, address);
                }
                Ok(None) => return self.rest(false),
                // Of one connection only: the next one is accepted in the next round.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => break,
                Err(e) => {
                    if !self.resting {
                        log::error!("can't accept connections, and tries again: {e}");
                    }
                    self.rest(true);
                    self.accept_at = Some(self.context.now + ACCEPT_PAUSE);
                    return;
                }
            }
        }
        self.accept_at = Some(self.context.now);
    }

    /// Begins or ends a rest of the listeners: an event loop that polled them meanwhile would not
    /// wait at all.
    fn rest(&mut self, rests: bool) {
        if self.resting != rests {
            self.resting = rests;
            self.context.net.rest(rests);
        }
    }

    /// Gives a new connection to the next loop in turn.
    fn distribute(&mut self, stream: Stream, address: Address) {
        let shared = self.context.handle.shared.clone();
        if shared.enter(self.context.net.closing()).is_none() {
            return; // Closed as it is dropped.
        }
        self.turn = (self.turn + 1) % shared.mailboxes.len();
        // Another loop may have ended already while the server stops; then the mailbox gives the
        // connection back.
        if self.turn != self.context.index as usize && self.end.is_none() {
            let back = shared.mailboxes[self.turn].put(Mail::Stream(stream, address));
            if let Some(Mail::Stream(stream, address)) = back {
                self.register(stream, address);
            }
        } else {
            self.register(stream, address);
        }
    }

    pub(super) fn register(&mut self, mut stream: Stream, address: Address) {
        let shared = &self.context.handle.shared;
        let open = shared.connections.load(Ordering::Relaxed) + self.context.net.closing();
        let surplus = match shared.addresses.enter(address) {
            Entry::Refused => {
                self.context.stats.rejected += 1;
                self.context.figures.rejected(429, "ADDRESS");
                return shared.leave(); // Closed as it is dropped.
            }
            _ if open > self.context.options.max_connections => Surplus::OfServer,
            Entry::Surplus => Surplus::OfAddress,
            Entry::Granted => Surplus::None,
        };
        let key = self.conns.next_key();
        if let Err(e) = self.context.net.add(&mut stream, key.index) {
            log::error!("{address}: {e}");
            shared.addresses.leave(address, true);
            shared.leave();
            return;
        }
        let conn = Conn::new(stream, address, surplus);
        let key = match self.conns.insert(conn) {
            Ok(key) => key,
            Err(conn) => {
                log::warn!("{address} is dropped: {}", LimitError::OutOfMemory);
                shared.addresses.leave(address, true);
                shared.leave();
                return conn.end(key, &mut self.context);
            }
        };
        let stopping = self.end.is_some();
        self.step(key, |conn, key, cx| {
            conn.begin(cx);
            match stopping {
                true => conn.stop(key, cx),
                false => Next::Keep,
            }
        });
    }
}
