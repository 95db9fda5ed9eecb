//! The thread that polls the backends.
//!
//! Readiness is reported once for each change (edge-triggered). So a backend is read and written until
//! it blocks or a queue stops it; in the second case the other side of the queue has the relay look
//! again. `ready` holds those that stopped for fairness.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::{Events, Interest, Token, Waker};
use signal_hook::consts::SIGCHLD;
use wscodec_server::{Id, ServerHandle};

use super::backend::Backend;
use super::entry::{Entry, Next};
use super::link::Link;

const WAKE: Token = Token(usize::MAX);
const CHILDREN: Token = Token(usize::MAX - 1);
/// Bytes read at a time.
const READ: usize = 32 << 10;
/// The server had no memory for an event to a handler: when to try again.
const RETRY: Duration = Duration::from_millis(50);

/// The way to the relay's thread.
pub(super) struct Commands {
    commands: Mutex<Vec<Command>>,
    waker: Waker,
    next: AtomicUsize,
    ended: AtomicBool,
}

enum Command {
    Add(usize, Id, Arc<Link>, Backend),
    Look(usize),
}

impl Commands {
    /// Hands over a backend; the number by which it is known.
    pub(super) fn add(&self, id: Id, link: Arc<Link>, backend: Backend) -> usize {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.put(Command::Add(number, id, link, backend));
        number
    }

    /// The link has changed.
    pub(super) fn look(&self, number: usize, link: &Link) {
        if !link.relay_told.swap(true, Ordering::AcqRel) {
            self.put(Command::Look(number));
        }
    }

    /// There will be no other backend: the thread ends when all have ended.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.wake();
    }

    fn put(&self, command: Command) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        commands.push(command);
        if commands.len() == 1 {
            self.wake();
        }
    }

    fn wake(&self) {
        // It fails only if the thread is gone.
        let _ = self.waker.wake();
    }
}

pub(super) struct Poll {
    poll: mio::Poll,
    commands: Arc<Commands>,
    handle: ServerHandle,
    /// Has bytes when a process has ended.
    children: mio::net::UnixStream,
    entries: HashMap<usize, Entry>,
    /// Those with a deadline.
    deadlines: BTreeSet<(Instant, usize)>,
    /// Those that may have more to read or to write.
    ready: Vec<usize>,
    /// Those whose handler could not be told.
    untold: Vec<usize>,
    buffer: Vec<u8>,
}

impl Poll {
    pub(super) fn new(handle: ServerHandle) -> io::Result<(Arc<Commands>, Self)> {
        let poll = mio::Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (mut children, signals) = mio::net::UnixStream::pair()?;
        poll.registry()
            .register(&mut children, CHILDREN, Interest::READABLE)?;
        // It stays non-blocking.
        signal_hook::low_level::pipe::register(SIGCHLD, UnixStream::from(signals))?;
        let commands = Arc::new(Commands {
            commands: Mutex::default(),
            waker,
            next: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let this = Self {
            poll,
            commands: commands.clone(),
            handle,
            children,
            entries: HashMap::new(),
            deadlines: BTreeSet::new(),
            ready: Vec::new(),
            untold: Vec::new(),
            buffer: vec![0; READ],
        };
        Ok((commands, this))
    }

    pub(super) fn stop_server(&self) {
        self.handle.stop();
    }

    /// Runs until the end, when no backend is left.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(256);
        while !self.commands.ended.load(Ordering::Acquire) || !self.entries.is_empty() {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            }
            let mut numbers = std::mem::take(&mut self.ready);
            for event in &events {
                match event.token() {
                    WAKE => {}
                    CHILDREN => {
                        while self.children.read(&mut self.buffer).is_ok_and(|n| n > 0) {}
                        let is_process = |(&number, entry): (&usize, &mut Entry)| {
                            entry.is_process().then_some(number)
                        };
                        numbers.extend(self.entries.iter_mut().filter_map(is_process));
                    }
                    Token(number) => numbers.push(number),
                }
            }
            self.obey(&mut numbers);
            let now = Instant::now();
            while let Some(&(at, number)) = self.deadlines.first()
                && at <= now
            {
                self.deadlines.pop_first();
                numbers.push(number);
            }
            numbers.append(&mut self.untold);
            numbers.sort_unstable();
            numbers.dedup();
            for number in numbers {
                self.step(number, now);
            }
        }
        Ok(())
    }

    fn timeout(&self) -> Option<Duration> {
        if !self.ready.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = self.deadlines.first().map(|(at, _)| *at);
        let next = next.map(|at| at.saturating_duration_since(Instant::now()));
        match self.untold.is_empty() {
            true => next,
            false => Some(next.map_or(RETRY, |it| it.min(RETRY))),
        }
    }

    fn obey(&mut self, numbers: &mut Vec<usize>) {
        let mut commands = self.commands.commands.lock();
        let commands = commands.as_mut().map(|it| std::mem::take(&mut **it));
        for command in commands.unwrap_or_default() {
            let number = match command {
                Command::Look(number) => number,
                Command::Add(number, id, link, mut backend) => {
                    // Without readiness it ends at its deadline only.
                    if let Err(e) = backend.register(self.poll.registry(), Token(number)) {
                        log::error!("a backend can't be polled: {e}");
                        link.output().ended = true;
                    }
                    self.entries.insert(number, Entry::new(id, link, backend));
                    number
                }
            };
            numbers.push(number);
        }
    }

    fn step(&mut self, number: usize, now: Instant) {
        let Some(entry) = self.entries.get_mut(&number) else {
            return;
        };
        let before = entry.deadline();
        let next = entry.step(now, &self.handle, &mut self.buffer);
        let after = entry.deadline();
        if before != after {
            self.deadlines.extend(after.map(|at| (at, number)));
            if let Some(before) = before {
                self.deadlines.remove(&(before, number));
            }
        }
        match next {
            Next::Wait => {}
            Next::Again => self.ready.push(number),
            Next::Untold => self.untold.push(number),
            Next::Ended => {
                if let Some(at) = after {
                    self.deadlines.remove(&(at, number));
                }
                // Dropping a process reaps it.
                self.entries.remove(&number);
            }
        }
    }
}
