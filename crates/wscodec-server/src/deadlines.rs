//! The deadlines of an event loop's connections: a binary heap.
//!
//! Problem: nearly every message moves a deadline (heartbeat, idle time, stall), and nearly no
//! deadline is ever reached. A structure that is updated for each message would cost more than the
//! message. A timer wheel would make the updates cheap, but not free, and it ticks while nothing
//! happens.
//!
//! Choice: a connection has one entry that counts, and remembers its time ([`Armed`]). If the deadline
//! moves away, nothing is done: the loop notices it when the entry comes up, and enters the new time
//! then. If the deadline moves closer, a second entry is made, and the first one does not count any
//! more. So messages cost nothing here, and an idle connection costs one heap operation for each
//! time-out that it has.
//!
//! Invariant: a connection with a deadline has an entry at that time or before. Entries that do not
//! count, those of connections that are gone among them, are removed when they are many
//! ([`Deadlines::retain`]).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, TryReserveError};
use std::time::Duration;

use super::table::Key;

/// A connection has one entry that counts: the one with the time that it remembers. A time that
/// moves away is found when the entry comes up, so what comes in costs nothing here.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Duration, Key)>>,
}

/// The time of a connection's entry that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Armed(Option<Duration>);

impl Deadlines {
    /// Ensures that the connection has an entry at `deadline` or before.
    ///
    /// # Errors
    /// If there is no memory for the entry.
    #[inline]
    pub(super) fn arm(
        &mut self,
        key: Key,
        armed: &mut Armed,
        deadline: Option<Duration>,
    ) -> Result<(), TryReserveError> {
        let Some(deadline) = deadline else {
            return Ok(());
        };
        if armed.0.is_none_or(|at| deadline < at) {
            self.heap.try_reserve(1)?;
            armed.0 = Some(deadline);
            self.heap.push(Reverse((deadline, key)));
        }
        Ok(())
    }

    /// Entries, those that do not count any more too.
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Forgets the entries that do not count.
    pub(super) fn retain(&mut self, mut counts: impl FnMut(Key, Duration) -> bool) {
        self.heap.retain(|Reverse((at, key))| counts(*key, *at));
        self.heap.shrink_to(2 * self.heap.len());
    }

    /// When the next one comes up.
    #[inline]
    pub(super) fn next(&self) -> Option<Duration> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The next one that has come up.
    #[inline(always)]
    pub(super) fn pop(&mut self, now: Duration) -> Option<(Key, Duration)> {
        match self.next() {
            Some(at) if at <= now => self.pop_first(),
            _ => None,
        }
    }

    #[cold]
    fn pop_first(&mut self) -> Option<(Key, Duration)> {
        self.heap.pop().map(|Reverse((at, key))| (key, at))
    }
}

impl Armed {
    /// Whether the entry of that time is the one that counts.
    pub(super) fn counts(&self, at: Duration) -> bool {
        self.0 == Some(at)
    }

    /// The same; there is none then.
    pub(super) fn take(&mut self, at: Duration) -> bool {
        let counts = self.counts(at);
        if counts {
            self.0 = None;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn only_the_earliest_entry_of_a_connection_counts() {
        let (mut deadlines, mut armed) = (Deadlines::default(), Armed::default());
        let key = Key { index: 3, turn: 0 };
        deadlines.arm(key, &mut armed, None).unwrap();
        assert_eq!(deadlines.next(), None);
        deadlines.arm(key, &mut armed, Some(secs(60))).unwrap();
        deadlines.arm(key, &mut armed, Some(secs(90))).unwrap();
        deadlines.arm(key, &mut armed, Some(secs(10))).unwrap();
        assert_eq!(deadlines.next(), Some(secs(10)));
        assert_eq!(deadlines.pop(secs(9)), None);
        let (_, at) = deadlines.pop(secs(10)).unwrap();
        assert!(armed.take(at));
        let (_, at) = deadlines.pop(secs(100)).unwrap();
        assert!(!armed.take(at), "60 seconds were given up for 10");
        assert_eq!(deadlines.pop(secs(100)), None, "90 was never entered");
    }

    #[test]
    fn those_that_do_not_count_are_forgotten() {
        let mut deadlines = Deadlines::default();
        let mut armed = [Armed::default(); 100];
        for (i, armed) in armed.iter_mut().enumerate() {
            let key = Key {
                index: i as u32,
                turn: 0,
            };
            deadlines.arm(key, armed, Some(secs(60))).unwrap();
            deadlines
                .arm(key, armed, Some(secs(10 + i as u64 % 2)))
                .unwrap();
        }
        assert_eq!(deadlines.len(), 200);
        // The odd ones are gone.
        deadlines.retain(|key, at| key.index % 2 == 0 && armed[key.index as usize].counts(at));
        assert_eq!((deadlines.len(), deadlines.next()), (50, Some(secs(10))));
    }
}
