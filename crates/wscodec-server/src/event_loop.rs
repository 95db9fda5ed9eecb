//! The event loop: wait for readiness, read, call the handler, write once, apply deadlines.
//!
//! The order within a round is an invariant, not a habit:
//!
//! 1. Sockets that are ready are read before deadlines are applied, so that bytes that have arrived
//!    count even if the process did not run for a while. `Conn::expire` reads once more.
//! 2. All messages of one read are handled before anything is written, so that their answers leave in
//!    one write (without TCP_NODELAY, as on WASI, a second small write would wait for 40 ms).
//! 3. A connection that has more to read waits in the ready queue (`again`) until the others had their
//!    turn. The loop does not wait while that queue has entries.
//! 4. The mailbox comes after the sockets: a message to all does not overtake answers.
//!
//! A handler that panics ends one connection (`unwind.rs`). A panic anywhere else ends the loop, and
//! with it the server, because the state of the loop is unknown then.

use core::time::Duration;
use std::io;
use std::vec;
use std::vec::Vec;

use super::conn::{Conn, Next};
use super::context::Context;
use super::deadlines::Deadlines;
use super::figures::Queues;
use super::handle::ServerHandle;
use super::handler::Handler;
use super::mailbox::SURPLUS;
use super::metrics::Stats;
use super::net::{BACKLOG, Input, Net, Platform, Source};
use super::options::{Memory, ServerOptions};
use super::reach::Reach;
use super::rooms::Rooms;
use super::table::{Key, Table};
use super::unwind::guard;
use wscodec::deflate::DeflatePool;
use wscodec::error::{LimitError, MisuseError};

/// Bytes read at a time.
const READ: usize = 64 << 10;
/// Connections that are accepted and refused when the server stops, at most: the backlog, and those
/// that come meanwhile.
const MOST_WAITING: usize = 2 * BACKLOG as usize;
/// Deadlines of connections that are gone, before they are looked for.
const MOST_STALE: usize = 4096;
/// When the server stops, messages that were sent before may still be on their way, or in the
/// client's kernel, which waits for an acknowledgement before it sends a second small segment. So
/// connections are closed after this time, or a quarter of the time to stop if that is less.
const ON_THE_WAY: Duration = Duration::from_millis(100);
/// A wait that takes so much longer than asked for shows that the process did not run.
const LATE: Duration = Duration::from_millis(100);

pub(super) type Listener = <Platform as Net>::Listener;

pub(super) struct EventLoop<'a, H: Handler> {
    pub(super) context: Context<'a, H>,
    pub(super) conns: Table<Conn<H::State>>,
    pub(super) rooms: Rooms,
    deadlines: Deadlines,
    /// No deadline is applied before this time.
    deadlines_from: Duration,
    pub(super) listeners: Vec<Listener>,
    /// When to accept connections again.
    pub(super) accept_at: Option<Duration>,
    /// The last try to accept failed, which was logged. Until `accept_at` the listeners rest.
    pub(super) resting: bool,
    /// The ready queue: connections that have more to read.
    again: Vec<Key>,
    /// Whether standard input is of interest.
    watches_input: bool,
    /// When the handler is called for the time that has passed.
    tick: Option<Duration>,
    /// When connections begin to be closed, once the server stops.
    close_at: Option<Duration>,
    /// When all must be gone, once the server stops.
    pub(super) end: Option<Duration>,
    /// The loop that gets the next connection.
    pub(super) turn: usize,
}

impl<'a, H: Handler> EventLoop<'a, H> {
    pub(super) fn new(
        net: Platform,
        handler: H,
        options: &'a ServerOptions<'a>,
        handle: ServerHandle,
        index: u32,
        listeners: Vec<Listener>,
    ) -> io::Result<Self> {
        let pool = match options.memory {
            Memory::Shared { history } => DeflatePool::new().history(history),
            Memory::Dedicated => DeflatePool::new().dedicated(),
        };
        let figures = handle.shared.mailboxes[index as usize].figures.clone();
        let most = options.max_connections.saturating_add(SURPLUS);
        let mut this = Self {
            context: Context {
                now: net.now(),
                net,
                handler,
                options,
                reach: Reach::new(handle.clone(), index, figures.clone()),
                handle,
                index,
                pool,
                buf: vec![0; READ].into_boxed_slice(),
                out: Vec::new(),
                stats: Stats::default(),
                figures,
                stopping: false,
            },
            conns: Table::with_capacity(most),
            rooms: Rooms::default(),
            deadlines: Deadlines::default(),
            deadlines_from: Duration::ZERO,
            listeners,
            accept_at: None,
            resting: false,
            again: Vec::new(),
            watches_input: index == 0 && options.stop_on_eof,
            tick: None,
            close_at: None,
            end: None,
            turn: 0,
        };
        this.tick = options
            .tick
            .map(|every| this.context.now.saturating_add(every));
        if this.watches_input {
            this.context.net.watch_input(&Input::standard())?;
        }
        for (i, listener) in this.listeners.iter_mut().enumerate() {
            this.context.net.watch(listener, i as u32)?;
        }
        Ok(this)
    }

    /// Runs until the server stops, or the system fails. Afterwards there are no connections, and
    /// the handler was told the end of each.
    pub(super) fn run(mut self) -> io::Result<()> {
        let result = self.rounds();
        self.drop_all();
        self.publish();
        self.context.handle.shared.mailboxes[self.context.index as usize].close();
        result
    }

    fn rounds(&mut self) -> io::Result<()> {
        let mut ready = Vec::new();
        let mut mail = Vec::new();
        let mut again = Vec::new();
        loop {
            if let Some(end) = self.end
                && (self.context.now >= end || self.conns.len() == 0)
            {
                return Ok(());
            }
            let until = self.next_time();
            let timeout = until.map(|at| at.saturating_sub(self.context.now));
            self.context.net.wait(timeout, &mut ready)?;
            self.context.now = self.context.net.now();
            if until.is_some_and(|at| at.saturating_add(LATE) < self.context.now) {
                self.defer_deadlines();
            }
            core::mem::swap(&mut self.again, &mut again);
            for source in ready.drain(..) {
                match source {
                    Source::Stream(index, ended) => self.ready(index, ended),
                    Source::Listener(_) if self.resting => {}
                    Source::Listener(_) => self.accept_at = Some(self.context.now),
                    Source::Mailbox => self.read_input(),
                }
            }
            for key in again.drain(..) {
                self.step(key, |conn, key, cx| {
                    conn.queued = false;
                    conn.readable(key, cx)
                });
            }
            if self.accept_at.is_some_and(|at| at <= self.context.now) {
                self.accept();
            }
            self.read_mail(&mut mail);
            self.close_all();
            self.expire();
            self.tick();
            self.publish();
        }
    }

    /// When the loop has something to do although no socket is ready. Most of these times are not set,
    /// which costs a comparison each: an iterator over all of them took a hundred instructions a round.
    fn next_time(&self) -> Option<Duration> {
        if !self.again.is_empty() {
            return Some(self.context.now);
        }
        let mut next = self.deadlines.next();
        if let Some(at) = &mut next
            && *at < self.deadlines_from
        {
            *at = self.deadlines_from;
        }
        let mut also = |time: Option<Duration>| {
            if let Some(time) = time {
                next = Some(next.map_or(time, |at| at.min(time)));
            }
        };
        also(self.accept_at);
        also(self.tick);
        if let Some(end) = self.end {
            also(self.close_at);
            also(Some(end));
        }
        next
    }

    /// The system reported a connection. It may be ready to read, to write, or both.
    #[inline]
    fn ready(&mut self, index: u32, ended: bool) {
        let Some((key, conn)) = self.conns.at(index) else {
            return;
        };
        conn.ended |= ended;
        let mut next = conn.writable(key, &mut self.context);
        // A connection in the ready queue is read when its turn comes.
        if next != Next::Drop && !conn.queued {
            next = conn.readable(key, &mut self.context);
        }
        self.after(key, next);
    }

    /// Runs a step of a connection, if it still exists.
    pub(super) fn step(
        &mut self,
        key: Key,
        f: impl FnOnce(&mut Conn<H::State>, Key, &mut Context<'a, H>) -> Next,
    ) {
        if let Some(conn) = self.conns.get(key) {
            let next = f(conn, key, &mut self.context);
            self.after(key, next);
        }
    }

    #[inline]
    fn after(&mut self, key: Key, mut next: Next) {
        if let Some(conn) = self.conns.get(key) {
            if conn.drained || conn.stopping.is_some() {
                next = conn.after_step(key, next, &mut self.context);
            }
            next = conn.count(key, next, &mut self.context);
            if next == Next::Drop {
                self.remove(key);
                return;
            }
            let mut room = Ok(());
            if next == Next::Again && !conn.queued {
                room = self.again.try_reserve(1);
                if room.is_ok() {
                    conn.queued = true;
                    self.again.push(key);
                }
            }
            let deadline = conn.deadline(&self.context);
            let room = room.and_then(|()| self.deadlines.arm(key, &mut conn.armed, deadline));
            if room.is_err() {
                conn.abandon(LimitError::OutOfMemory.into());
                self.remove(key);
            }
        }
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(mut conn) = self.conns.remove(key) {
            conn.uncount(&self.context);
            self.rooms.leave(key, conn.rooms.take());
            let shared = &self.context.handle.shared;
            shared.addresses.leave(conn.address, conn.opening);
            shared.leave();
            conn.end(key, &mut self.context);
            self.context.reach.forget(key);
            if self.resting {
                // Its descriptor is free.
                self.accept_at = Some(self.context.now);
            }
            // Entries of those that are gone stay until their time, which may be long.
            if self.deadlines.len() > 4 * self.conns.len() + MOST_STALE {
                let conns = &mut self.conns;
                let counts = |key, at| conns.get(key).is_some_and(|it| it.armed.counts(at));
                self.deadlines.retain(counts);
            }
        }
    }

    /// Ends all connections that are left: the time to stop is over.
    fn drop_all(&mut self) {
        for index in self.conns.indices() {
            if let Some((key, conn)) = self.conns.at(index) {
                conn.time_is_up(key, &mut self.context);
                self.remove(key);
            }
        }
    }

    /// Reads standard input, of which only the end matters.
    fn read_input(&mut self) {
        while self.watches_input {
            match self.context.net.read_input(&mut self.context.buf) {
                Ok(1..) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Ok(0) | Err(_) => {
                    self.watches_input = false;
                    self.context.handle.stop();
                }
            }
        }
    }

    pub(super) fn stop(&mut self) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(self.context.now.saturating_add(self.context.options.grace));
        self.context.stopping = true;
        // Requests in the backlog get status 503. Then the listeners are closed.
        for mut listener in core::mem::take(&mut self.listeners) {
            self.accept_from(&mut listener, MOST_WAITING);
        }
        self.accept_at = None;
        for index in self.conns.indices() {
            if let Some((key, _)) = self.conns.at(index) {
                self.step(key, Conn::stop);
            }
        }
        let on_the_way = ON_THE_WAY.min(self.context.options.grace / 4);
        self.close_at = Some(self.context.now.saturating_add(on_the_way));
    }

    /// Begins to close the connections, once the server stops and the time for it has come.
    fn close_all(&mut self) {
        if self.close_at.is_none_or(|at| self.context.now < at) {
            return;
        }
        self.close_at = None;
        for index in self.conns.indices() {
            if let Some((key, _)) = self.conns.at(index) {
                self.step(key, Conn::begin_to_close);
            }
        }
    }

    /// The process did not run for a while. Deadlines wait until the bytes that have arrived
    /// meanwhile can be read. They wait for at most a ninth of the time, so that an event loop that is
    /// always late applies them too.
    fn defer_deadlines(&mut self) {
        let (now, time) = (self.context.now, Platform::CATCH_UP);
        if now >= self.deadlines_from + 8 * time {
            self.deadlines_from = now + time;
        }
    }

    fn expire(&mut self) {
        if self.context.now < self.deadlines_from {
            return;
        }
        while let Some((key, at)) = self.deadlines.pop(self.context.now) {
            self.step(key, |conn, key, cx| match conn.armed.take(at) {
                true => conn.expire(key, cx),
                false => Next::Keep,
            });
        }
    }

    fn tick(&mut self) {
        if self.tick.is_some_and(|at| at <= self.context.now) {
            self.tick = self
                .context
                .options
                .tick
                .map(|every| self.context.now.saturating_add(every));
            let Context {
                handler, handle, ..
            } = &mut self.context;
            if guard(|| handler.tick(handle)).is_none() {
                self.context.stats.panics += 1;
                log::error!("tick: {}", MisuseError::HandlerFailed);
            }
        }
    }

    fn publish(&mut self) {
        self.context.stats.open = self.conns.len() as u64;
        if self.context.figures.asked() {
            self.add_up();
        }
        let Context { figures, stats, .. } = &mut self.context;
        figures.publish(stats);
    }

    /// Adds up what is not counted as it changes.
    #[cold]
    fn add_up(&mut self) {
        let each = size_of::<Conn<H::State>>();
        let mut memory = self.context.pool.memory() + self.context.out.capacity() + READ;
        let mut queues = Queues::default();
        for index in self.conns.indices() {
            if let Some((_, conn)) = self.conns.at(index) {
                memory += each + conn.memory();
                queues.add(conn.queue.len());
            }
        }
        self.context.stats.memory = memory as u64;
        self.context.figures.publish_queues(&queues);
    }
}
