//! A backend and its link, as the relay's thread sees them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use wscodec_server::{Id, Recipients, ServerHandle};

use super::backend::Backend;
use super::link::Link;

/// How long a backend may write nothing after its input has ended, or a process may run on after it
/// has closed its output, or the other way round.
const LAST_OUTPUT: Duration = Duration::from_secs(5);
/// How long a process may take to end after SIGTERM; SIGKILL comes next.
const TERMINATION: Duration = Duration::from_secs(2);
/// Reads, and writes, until it is the turn of the others.
const TURN: usize = 16;

/// The event that has a handler look at its link.
pub(super) struct Look;

/// The next step of the relay with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It waits for readiness, a command or a deadline.
    Wait,
    /// There may be more to read or to write at once.
    Again,
    /// The server had no memory to tell the handler: it is tried again soon.
    Untold,
    /// The entry is over.
    Ended,
}

/// How far the end of a backend is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It runs.
    Open,
    /// It has to end by itself until then.
    Asked(Instant),
    /// It was terminated, and is killed then.
    Terminated(Instant),
    /// It was killed, or has ended.
    Over,
}

#[derive(Debug)]
pub(super) struct Entry {
    id: Id,
    link: Arc<Link>,
    backend: Backend,
    stage: Stage,
    /// The backend is given no more.
    input_ended: bool,
    /// The backend gives no more.
    output_ended: bool,
}

/// The result of reading a backend.
#[derive(Debug, Default)]
struct Read {
    /// There was something, the end among it.
    some: bool,
    /// There may be more.
    more: bool,
    /// There is no room.
    full: bool,
}

impl Entry {
    pub(super) fn new(id: Id, link: Arc<Link>, backend: Backend) -> Self {
        Self {
            id,
            link,
            backend,
            stage: Stage::Open,
            input_ended: false,
            output_ended: false,
        }
    }

    pub(super) fn is_process(&mut self) -> bool {
        self.backend.process().is_some()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Asked(at) | Stage::Terminated(at) => Some(at),
            Stage::Open | Stage::Over => None,
        }
    }

    /// Does what can be done without blocking.
    pub(super) fn step(&mut self, now: Instant, handle: &ServerHandle, buffer: &mut [u8]) -> Next {
        self.link.relay_told.store(false, Ordering::Release);
        let gone = self.link.is_gone();
        let client_ended = {
            let mut flow = self.link.input();
            // Earlier bytes of the client are written all the same.
            flow.ended |= gone;
            flow.ended
        };
        let (mut tell, mut again) = self.write();
        let read = self.read(gone, buffer);
        (tell, again) = (tell | read.some, again | read.more);
        if let Some(process) = self.backend.process() {
            let mut turns = 0..TURN;
            while turns.next().is_some() && process.log_errors(buffer) {}
            again |= turns.is_empty();
        }
        tell |= self.end(gone, client_ended, &read, now);
        if gone && self.stage == Stage::Over {
            return Next::Ended;
        }
        if tell && !gone && !self.tell(handle) {
            return Next::Untold;
        }
        match again {
            true => Next::Again,
            false => Next::Wait,
        }
    }

    /// Has the handler look at the link; false if the server has no memory for the event.
    fn tell(&self, handle: &ServerHandle) -> bool {
        let told = &self.link.handler_told;
        if told.swap(true, Ordering::AcqRel) {
            return true;
        }
        let sent = handle.send_event(Recipients::One(self.id), Look).is_ok();
        if !sent {
            told.store(false, Ordering::Release);
        }
        sent
    }

    /// Writes what waits for the backend. Whether the handler has room again, and whether there may
    /// be more to do.
    fn write(&mut self) -> (bool, bool) {
        let mut tell = false;
        for _ in 0..TURN {
            let mut flow = self.link.input();
            if flow.bytes.is_empty() || self.input_ended {
                let ends = flow.ended && !self.input_ended;
                drop(flow);
                if ends {
                    self.end_input();
                }
                return (tell, false);
            }
            match self.backend.write(flow.bytes.as_slices().0) {
                Ok(n) => tell |= flow.left(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return (tell, false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // The backend takes no more. Its output may have more.
                Err(_) => {
                    tell |= flow.close();
                    drop(flow);
                    self.end_input();
                }
            }
        }
        (tell, true)
    }

    fn end_input(&mut self) {
        self.input_ended = true;
        self.link.input().close();
        self.backend.end_input();
    }

    /// Reads what the backend has, as far as there is room. The output of a backend whose client has
    /// gone is dropped.
    fn read(&mut self, gone: bool, buffer: &mut [u8]) -> Read {
        let mut read = Read::default();
        for _ in 0..TURN {
            let mut flow = self.link.output();
            if self.output_ended {
                // A process tells its status first.
                flow.ended |= self.backend.process().is_none();
                return read;
            }
            if flow.is_full() && !gone {
                flow.wait();
                read.full = true;
                return read;
            }
            let added = match self.backend.read(buffer) {
                Ok(0) => {
                    self.output_ended = true;
                    Ok(())
                }
                Ok(_) if gone => Ok(()),
                Ok(n) => flow.add(&buffer[..n]),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => {
                    self.output_ended = true;
                    self.link.failed.store(true, Ordering::Release);
                    Ok(())
                }
            };
            if added.is_err() {
                log::error!("there is no memory for the output of a backend");
                self.output_ended = true;
                self.link.failed.store(true, Ordering::Release);
            }
            read.some = true;
        }
        read.more = true;
        read
    }

    /// Goes on with the end of the backend, once it has begun. Whether the handler has to be told.
    fn end(&mut self, gone: bool, client_ended: bool, read: &Read, now: Instant) -> bool {
        let status = self.backend.process().map(|process| process.ended());
        let exited = status.flatten().is_some();
        let ended = match status {
            None => self.output_ended && self.input_ended,
            Some(_) => self.output_ended && exited,
        };
        let begins = gone || client_ended || self.output_ended || exited;
        // The server limits a slow client, so a full buffer towards the client counts as movement here.
        let moves = !gone && (read.some || read.full);
        match self.stage {
            Stage::Over => return false,
            _ if ended => self.stage = Stage::Over,
            Stage::Open if begins => self.stage = Stage::Asked(now + LAST_OUTPUT),
            Stage::Asked(_) if moves => self.stage = Stage::Asked(now + LAST_OUTPUT),
            Stage::Asked(at) if at <= now => match self.backend.process() {
                Some(process) if !exited => {
                    process.signal(Signal::TERM);
                    self.stage = Stage::Terminated(now + TERMINATION);
                }
                _ => self.stage = Stage::Over,
            },
            Stage::Terminated(at) if at <= now => self.stage = Stage::Over,
            _ => {}
        }
        if self.stage != Stage::Over {
            return false;
        }
        if let Some(process) = self.backend.process() {
            if process.ended() != Some(true) {
                self.link.failed.store(true, Ordering::Release);
            }
            // Those that it has started end with it.
            process.signal(Signal::KILL);
        }
        self.input_ended = true;
        self.output_ended = true;
        self.link.input().close();
        self.link.output().ended = true;
        true
    }
}
