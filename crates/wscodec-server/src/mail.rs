//! The mailbox of an event loop: connections that another loop accepted, messages and commands.

use core::sync::atomic::Ordering;
use std::vec::Vec;

use super::conn::{Conn, KEPT, Next};
use super::event_loop::EventLoop;
use super::handle::{Mail, Recipients};
use super::handler::Handler;
use super::table::Key;

impl<H: Handler> EventLoop<'_, H> {
    pub(super) fn read_mail(&mut self, mail: &mut Vec<Mail>) {
        self.context.handle.shared.mailboxes[self.context.index as usize].take(mail);
        if mail.is_empty() {
            return;
        }
        let mut touched = Vec::new();
        for mail in mail.drain(..) {
            let held = &self.context.handle.shared.held;
            held.fetch_sub(mail.weight(), Ordering::Relaxed);
            match mail {
                Mail::Stream(stream, address) => self.register(stream, address),
                Mail::Message(target, message) => match target {
                    Recipients::All => {
                        for index in self.conns.indices() {
                            self.deliver(index, None, &message, &mut touched);
                        }
                    }
                    Recipients::One(id) => {
                        self.deliver(id.key.index, Some(id.key), &message, &mut touched);
                    }
                    Recipients::Some(ids) => {
                        let index = self.context.index;
                        for id in ids.iter().filter(|id| id.event_loop == index) {
                            self.deliver(id.key.index, Some(id.key), &message, &mut touched);
                        }
                    }
                },
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

    fn deliver(
        &mut self,
        index: u32,
        expected: Option<Key>,
        message: &wscodec::message::Prepared,
        touched: &mut Vec<Key>,
    ) {
        let Some((key, conn)) = self.conns.at(index) else {
            return;
        };
        if expected.is_some_and(|expected| expected != key) {
            return;
        }
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
