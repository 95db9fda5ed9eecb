//! The rounds of a connection: write, read, look at the clock, until there is something to look at;
//! and how the transport comes to its end.
//!
//! The bytes that have arrived are read before a deadline is applied
//! ([rule of the timers](crate::session#timers)), and whatever happens to writing: a peer that does
//! not read, or a failed write, must not hide what the peer has sent. So each round tries to write
//! for a slice, and then to read; the clock is looked at only when a read has just ended.

use alloc::vec;
use core::time::Duration;
use std::io;
use std::time::Instant;

use super::error::{Error, is_timeout, timed_out};
use super::inbox::{Driver, Inbox, More};
use super::line::{DRAIN, GRAIN, Pushed, read};
use crate::error::{Fault, PeerError};
use crate::session::SessionState;

/// The most that is read at a time to where a large message is put together.
const SPACE: usize = 64 << 10;
/// A read waits so long where something else is to be done soon.
const BRIEFLY: Duration = Duration::from_millis(1);
/// After so long a time more bytes may have arrived than were read.
const FRESH: Duration = Duration::from_millis(50);
/// A connection that is over waits at most this many times the close time-out, however slowly the
/// peer reads what waits for it.
const END_BOUND: u32 = 10;

impl Inbox {
    /// Writes what waits, and reads more. All that was read before has been looked at.
    pub(super) fn more<D: Driver>(&mut self, driver: &mut D) -> Result<More, Error> {
        loop {
            match driver.with(|sender, _| sender.state()) {
                SessionState::Open | SessionState::Closing => {}
                SessionState::PeerClosed => {
                    self.write_out(driver)?;
                    return Ok(More::End);
                }
                SessionState::Closed => {
                    self.end(driver)?;
                    return Ok(More::End);
                }
            }
            let mut pushed = driver.push();
            if matches!(pushed, Ok(Pushed::All))
                && driver.with(|sender, _| sender.has_pending_pong())
            {
                driver.with(|sender, out| sender.send_pending_pong(out));
                pushed = driver.push();
            }
            let (stuck, mut refused) = match pushed {
                Ok(Pushed::All | Pushed::Busy) => (false, None),
                Ok(Pushed::Stuck) => (true, None),
                Err(error) if is_timeout(&error) => (true, Some(error)),
                // Nothing can be written any more, but something may have been received.
                Err(_) => (false, None),
            };
            if !self.wait(driver, stuck)? {
                continue;
            }
            if self.wake.is_none()
                && let Some(error) = refused.take()
            {
                // A read might block for as long as the peer waits for what is not written.
                return Err(error.into());
            }
            match self.read(driver) {
                Ok(More::End) => {
                    let receiver = &mut self.receiver;
                    let finished = driver.with(|sender, _| sender.end(receiver));
                    self.ended = true;
                    return match finished {
                        Ok(()) => Ok(More::End),
                        Err(fault) => {
                            self.fault = Some(fault);
                            Err(fault.into())
                        }
                    };
                }
                Ok(more) => {
                    if self.clocked {
                        self.looked = self.epoch.elapsed();
                    }
                    return Ok(more);
                }
                Err(Error::Io(error)) if is_timeout(&error) => {
                    self.late(error, driver)?;
                    if let Some(error) = refused {
                        return Err(error.into());
                    }
                    if stuck && driver.with(|sender, _| sender.state()) == SessionState::Open {
                        driver.check_stall()?;
                    }
                }
                Err(Error::Io(error)) => {
                    // The transport is lost.
                    let receiver = &mut self.receiver;
                    let _ = driver.with(|sender, _| sender.end(receiver));
                    self.ended = true;
                    return Err(error.into());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn read<D: Driver>(&mut self, driver: &mut D) -> Result<More, Error> {
        // Where the rest of a frame is at least as long as what is read at a time, it is read to
        // where it is to be, and nothing behind it.
        if let Some(space) = self.receiver.space(SPACE.max(self.buffer))
            && space.len() >= self.buffer
        {
            let n = read(driver.stream(), space)?;
            if n == 0 {
                return Ok(More::End);
            }
            let receiver = &mut self.receiver;
            let filled = driver.with(|sender, out| sender.find_filled(receiver, n, out));
            return match filled {
                Ok(Some(found)) => Ok(More::Found(found)),
                Ok(None) => Ok(More::Bytes),
                Err(fault) => Err(self.fail(fault, driver)),
            };
        }
        if self.input.len() < self.buffer {
            self.input = vec![0; self.buffer];
        }
        (self.start, self.end) = (0, 0);
        let n = read(driver.stream(), &mut self.input)?;
        self.end = n;
        Ok(if n == 0 { More::End } else { More::Bytes })
    }

    /// Looks at the clock, if something waits for it, and lets the next read take no longer. Whether
    /// to read now: not if the clock has given something to write.
    fn wait<D: Driver>(&mut self, driver: &mut D, stuck: bool) -> Result<bool, Error> {
        let unsent = driver.unsent();
        let due = driver.with(|sender, _| sender.deadline());
        let mut time = driver.nap();
        self.clocked = due.is_some() || self.deadline.is_some();
        if self.clocked {
            let now = self.epoch.elapsed();
            let fresh = now.saturating_sub(self.looked) <= FRESH;
            if let Some(due) = due {
                if fresh && due <= self.looked {
                    self.tick(now, unsent, driver)?;
                    return Ok(false);
                }
                let left = due.saturating_sub(now);
                time = Some(time.map_or(left, |time| time.min(left)));
            }
            if let Some(deadline) = self.deadline {
                let deadline = deadline.saturating_duration_since(self.epoch);
                if deadline <= self.looked {
                    return Err(timed_out());
                }
                let left = deadline.saturating_sub(now);
                time = Some(time.map_or(left, |time| time.min(left)));
            }
        }
        if stuck {
            time = Some(BRIEFLY);
        }
        let timed = driver.set_read_timeout(time)?;
        self.wake = time
            .filter(|_| timed)
            .and_then(|time| Instant::now().checked_add(time));
        Ok(true)
    }

    fn tick<D: Driver>(
        &mut self,
        now: Duration,
        unsent: usize,
        driver: &mut D,
    ) -> Result<(), Error> {
        let offset = self.receiver.offset();
        match driver.with(|sender, out| sender.tick(offset, now, unsent, out)) {
            Ok(()) => Ok(()),
            Err(fault) => Err(self.fail(fault, driver)),
        }
    }

    /// Nothing came for a while: an error if it was the caller's time, or the stream's own.
    fn late<D: Driver>(&mut self, error: io::Error, driver: &mut D) -> Result<(), Error> {
        self.looked = self.epoch.elapsed();
        let now = Instant::now();
        let passed = self.deadline.is_some_and(|deadline| now >= deadline);
        // Clocks have grains.
        let ours = self.wake.is_some_and(|wake| now + GRAIN >= wake);
        if ours && !passed {
            return Ok(());
        }
        let unsent = driver.unsent();
        let due = driver.with(|sender, _| sender.deadline());
        if due.is_some_and(|due| due <= self.looked) {
            self.tick(self.looked, unsent, driver)?;
            let _ = driver.push();
        }
        Err(Error::Io(error))
    }

    /// The session has failed: the peer is told, as far as it listens.
    pub(super) fn fail<D: Driver>(&mut self, fault: Fault, driver: &mut D) -> Error {
        if !matches!(fault.error, crate::error::ErrorKind::Misuse(_)) {
            self.fault = Some(fault);
            // Bytes that could not be written yet can be written by a flush.
            let _ = self.end(driver);
        }
        fault.into()
    }

    /// Brings the transport to its end (RFC 6455 §7.1.1): writes what waits, says that no more will
    /// come, and reads until the peer says so too. A socket closed with bytes unread would be reset,
    /// and our close frame lost.
    ///
    /// A failure here no longer matters: both sides have sent their close frames.
    ///
    /// An error is that of a stream whose time-outs are its owner's: to be called again.
    fn end<D: Driver>(&mut self, driver: &mut D) -> io::Result<()> {
        if self.ended {
            return Ok(());
        }
        // A peer that does not answer is gone, and nobody waits for it.
        let gone = self.fault.is_some_and(|fault| {
            let gone = [PeerError::NoPong, PeerError::NoClose];
            gone.iter().any(|&error| fault.error == error.into())
        });
        let all = match gone {
            true => matches!(driver.push(), Ok(Pushed::All)),
            false => self.write_out(driver)?,
        };
        self.ended = true;
        if all {
            // The server closes first, so that the client does not have to remember the connection.
            if self.server || self.fault.is_some() {
                let _ = driver.shutdown(false);
            }
            if !gone {
                self.drain(self.close_timeout, driver);
            }
        }
        let _ = driver.shutdown(true);
        Ok(())
    }

    /// Writes what waits, as long as the peer takes some of it: it has the close time-out for each
    /// step, and ten times that for all. What it sends meanwhile is dropped. Whether all has left.
    ///
    /// An error is that of a stream whose time-outs are its owner's.
    fn write_out<D: Driver>(&mut self, driver: &mut D) -> io::Result<bool> {
        let begun = Instant::now();
        let bound = self.close_timeout.saturating_mul(END_BOUND);
        let (mut moved, mut least) = (begun, usize::MAX);
        loop {
            match driver.push() {
                Ok(Pushed::All) => return Ok(true),
                Ok(Pushed::Busy | Pushed::Stuck) => {}
                Err(error) if is_timeout(&error) => return Err(error),
                Err(_) => return Ok(false),
            }
            let now = Instant::now();
            let unsent = driver.unsent();
            if unsent < least {
                (moved, least) = (now, unsent);
            }
            if now - moved >= self.close_timeout || now - begun >= bound {
                return Ok(false);
            }
            if !self.drain(BRIEFLY, driver) {
                // No bytes come any more. The peer may read all the same.
                std::thread::sleep(BRIEFLY);
            }
        }
    }

    /// Reads and drops for that long; whether the stream can still be read from.
    fn drain<D: Driver>(&mut self, time: Duration, driver: &mut D) -> bool {
        let begun = Instant::now();
        let mut drained = 0;
        if self.input.is_empty() {
            self.input = vec![0; self.buffer];
        }
        (self.start, self.end) = (0, 0);
        while drained < DRAIN {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return true;
            }
            if !matches!(driver.set_read_timeout(Some(left)), Ok(true)) {
                return false;
            }
            match read(driver.stream(), &mut self.input) {
                Ok(0) => return false,
                Ok(n) => drained += n as u64,
                Err(error) if is_timeout(&error) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}
