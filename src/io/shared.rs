//! The state that the two halves of a connection share, and how threads take turns in writing.
//!
//! Problem: several threads send, one thread receives and answers, and a stream accepts one write at a
//! time. A lock that is held during a write would make the receiving thread wait for the peer.
//!
//! Choice: two locks and a flag. `sending` has the session and the queue, and is held for a few
//! instructions. The thread that sets `writing` locks `stream`, takes the whole queue and writes it.
//! Other threads append to a second buffer meanwhile, so the messages of many threads leave in one
//! write.
//!
//! Invariants: `Shared` has the rules by which no thread waits for ever. `taken - sent` bytes are being
//! written, and the session is told of `sent`, so it knows whether its ping or close frame has left.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::error::is_timeout;
use super::inbox::IoSender;
use super::line::{Line, Pushed};
use crate::session::SessionState;

/// The state that both halves share.
///
/// `sending` is never locked while something is read or written, so that the reading half can always
/// go on. A thread that finds `writing` unset sets it and writes what waits, until nothing does;
/// others add to what waits. So frames are never mixed.
///
/// Threads that want to send wait for `free` while another one writes. Three rules keep each of them
/// from waiting for ever:
///
/// - A thread that leaves passes its turn on, whether it has written or not: a message may be
///   refused, and then nobody else would wake the next thread.
/// - When the session closes, or writing has failed for good, all are woken, and each sees it.
/// - A thread that has waited for the write time-out without any progress of the writer gives up.
#[derive(Debug)]
pub(super) struct Shared<W> {
    pub(super) sending: Mutex<Sending>,
    /// `writing` was unset, or nobody needs to wait any more.
    pub(super) free: Condvar,
    pub(super) stream: Mutex<Line<W>>,
    /// Bytes that the stream has accepted.
    pub(super) sent: AtomicU64,
    pub(super) fragment: usize,
    /// How long writing may make no progress.
    pub(super) stall: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Sending {
    pub(super) sender: IoSender,
    pub(super) out: Vec<u8>,
    /// Another buffer, for what is sent while `out` is being written.
    pub(super) spare: Vec<u8>,
    pub(super) writing: bool,
    /// Threads that wait for `free`.
    pub(super) waiting: usize,
    /// Bytes that were taken from `out` to be written, less those that came back. Those that `sent`
    /// does not count are being written.
    pub(super) taken: u64,
    /// The part of `sent` that the session knows of.
    pub(super) told: u64,
    /// How writing has failed for good.
    pub(super) lost: Option<io::ErrorKind>,
    /// Nothing is to be written any more: for the thread that is writing, when it is done.
    pub(super) shut: bool,
}

impl Sending {
    /// Whether messages can be sent, as far as the session is concerned.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.sender.state(),
            SessionState::Open | SessionState::PeerClosed
        )
    }
}

impl<W> Shared<W> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn line(&self) -> MutexGuard<'_, Line<W>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Shared<W> {
    /// Waits until no other thread writes, or nobody needs to wait any more; whether the time was
    /// over before.
    pub(super) fn wait_for_turn(&self) -> (MutexGuard<'_, Sending>, bool) {
        let mut sending = self.lock();
        while sending.writing && sending.lost.is_none() && sending.is_open() {
            let sent = self.sent.load(Ordering::Relaxed);
            sending.waiting += 1;
            let timed_out = match self.stall {
                Some(stall) => {
                    let waited = self.free.wait_timeout(sending, stall);
                    let (guard, result) = waited.unwrap_or_else(PoisonError::into_inner);
                    sending = guard;
                    result.timed_out()
                }
                None => {
                    let waited = self.free.wait(sending);
                    sending = waited.unwrap_or_else(PoisonError::into_inner);
                    false
                }
            };
            sending.waiting -= 1;
            if timed_out && sending.writing && sent == self.sent.load(Ordering::Relaxed) {
                return (sending, true);
            }
        }
        (sending, false)
    }

    /// Wakes the next thread that waits for its turn.
    pub(super) fn pass_on(&self, sending: &Sending) {
        if sending.waiting > 0 && !sending.writing {
            self.free.notify_one();
        }
    }

    /// How many bytes have not left, and how many have since the session was told.
    pub(super) fn progress(&self, sending: &Sending) -> (usize, usize) {
        let sent = self.sent.load(Ordering::Relaxed);
        let unsent = sending.out.len() as u64 + sending.taken.saturating_sub(sent);
        let new = sent.saturating_sub(sending.told);
        (unsent as usize, new as usize)
    }
}

/// Unsets `writing` if the stream panics: the other threads must not wait for this one.
struct Panics<'a, W>(&'a Shared<W>);

impl<W> Drop for Panics<'_, W> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut sending = self.0.lock();
            sending.writing = false;
            sending.lost = Some(io::ErrorKind::Other);
            self.0.free.notify_all();
        }
    }
}

impl<W: Write> Shared<W> {
    /// Writes what waits, and what others add meanwhile; unless another thread does that already.
    ///
    /// `patient` is for a thread that has nothing else to do: it gives up only after the write
    /// time-out. Others get control back after a slice.
    pub(super) fn push<'a>(
        &'a self,
        mut sending: MutexGuard<'a, Sending>,
        patient: bool,
    ) -> io::Result<Pushed> {
        if sending.writing {
            return Ok(Pushed::Busy);
        }
        if let Some(kind) = sending.lost {
            sending.out.clear();
            return Err(kind.into());
        }
        while !sending.out.is_empty() {
            sending.writing = true;
            let spare = mem::take(&mut sending.spare);
            let mut out = mem::replace(&mut sending.out, spare);
            sending.taken += out.len() as u64;
            drop(sending);
            let mut written = 0;
            let panics = Panics(self);
            let result = self.write(&out, &mut written, patient);
            drop(panics);
            sending = self.lock();
            sending.writing = false;
            out.drain(..written);
            sending.taken -= out.len() as u64;
            if matches!(result, Ok(Pushed::All)) {
                sending.spare = out;
                continue;
            }
            // The rest is written first, at the next write.
            out.append(&mut sending.out);
            sending.out = out;
            match &result {
                Err(error) if !is_timeout(error) => {
                    sending.lost = Some(error.kind());
                    sending.out.clear();
                    self.free.notify_all();
                }
                _ => self.pass_on(&sending),
            }
            return result;
        }
        self.pass_on(&sending);
        if sending.shut {
            let _ = self.line().shutdown();
        }
        Ok(Pushed::All)
    }

    fn write(&self, out: &[u8], written: &mut usize, patient: bool) -> io::Result<Pushed> {
        let mut line = self.line();
        loop {
            let before = *written;
            let result = line.write_slice(out, written);
            self.sent
                .fetch_add((*written - before) as u64, Ordering::Relaxed);
            match result {
                Ok(Pushed::Stuck) if patient => line.check_stall()?,
                result => return result,
            }
        }
    }
}
