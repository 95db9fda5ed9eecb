//! How an event loop handles the contents of its mailbox.

use core::sync::atomic::Ordering;
use std::vec::Vec;

use super::conn::{Conn, KEPT, Next};
use super::event_loop::EventLoop;
use super::handler::Handler;
use super::mailbox::{Action, Mail};
use super::recipients::Recipients;
use super::table::Key;
use wscodec::error::LimitError;
use wscodec::message::Prepared;

impl<H: Handler> EventLoop<'_, H> {
    pub(super) fn read_mail(&mut self, mail: &mut Vec<Mail>) {
        self.context.handle.shared.mailboxes[self.context.index as usize].take(mail);
        if mail.is_empty() {
            return;
        }
        let (mut touched, mut targets) = (Vec::new(), Vec::new());
        for mail in mail.drain(..) {
            let held = &self.context.handle.shared.held;
            held.fetch_sub(mail.weight(), Ordering::Relaxed);
            match mail {
                Mail::Stream(stream, address) => self.register(stream, address),
                Mail::To(recipients, action) => {
                    targets.clear();
                    self.find(&recipients, &mut targets);
                    for &key in &targets {
                        self.act(key, &action, &mut touched);
                    }
                }
                Mail::Room(key, room, membership) => {
                    let Some(conn) = self.conns.get(key).filter(|conn| conn.is_open()) else {
                        continue;
                    };
                    let changed = self.rooms.change(key, &mut conn.rooms, room, membership);
                    if changed.is_err() {
                        self.step(key, |conn, _, _| {
                            conn.abandon(LimitError::OutOfMemory.into())
                        });
                    }
                }
                Mail::Decision(key, event) => {
                    self.step(key, |conn, key, cx| conn.decided(key, event, cx));
                }
                Mail::Stop => self.stop(),
            }
        }
        // All messages for one connection leave in one write.
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            self.step(key, Conn::flush);
        }
    }

    /// The connections of this loop that are meant; some of them may be gone.
    fn find(&mut self, recipients: &Recipients, found: &mut Vec<Key>) {
        match recipients {
            Recipients::All => {
                for index in self.conns.indices() {
                    found.extend(self.conns.at(index).map(|(key, _)| key));
                }
            }
            Recipients::One(id) => found.push(id.key),
            Recipients::Some(ids) => {
                let here = ids.iter().filter(|id| id.event_loop == self.context.index);
                found.extend(here.map(|id| id.key));
            }
            Recipients::Room(room) => found.extend(self.rooms.members(room)),
        }
    }

    fn act(&mut self, key: Key, action: &Action, touched: &mut Vec<Key>) {
        match action {
            Action::Message(message) => self.deliver(key, message, touched),
            Action::Event(event) => {
                self.step(key, |conn, key, cx| conn.user_event(&**event, key, cx));
            }
            Action::Close(code, reason) => {
                self.step(key, |conn, key, cx| conn.close_with(*code, reason, key, cx));
            }
        }
    }

    fn deliver(&mut self, key: Key, message: &Prepared, touched: &mut Vec<Key>) {
        let Some(conn) = self.conns.get(key) else {
            return;
        };
        match conn.deliver(message, &mut self.context) {
            Next::Drop => self.remove(key),
            // Copies for all of them at once might be more than there is memory for.
            _ if self.context.options.max_memory.is_some() && conn.queue.len() > KEPT => {
                self.step(key, Conn::flush);
            }
            _ => touched.push(key),
        }
    }
}
