//! Which streams to poll when, on a platform where a poll costs something for each stream.
//!
//! Problem: a call of `wasi:io/poll` costs about 0.3 µs for each pollable, ready or not. With 15,000
//! idle connections that is 4.5 ms for each message of a busy one. And wasmtime reports at most 128
//! streams, always the first ones in the list, so that later ones starve.
//!
//! Choice: two tiers. Streams that were ready in the last 20 ms are hot. While few are hot, they are
//! polled by themselves, and the cold ones along with them in slices of 512: a poll is never long, and
//! the cost of a message does not grow with the idle connections. Between slices the hot streams have a
//! multiple of the time that a slice took: [`EAGER`] while cold streams turn out to be ready, and twice
//! as much after each pass over all slices that found none, up to [`LAZY`]. While no stream or nearly
//! every stream is hot, all are polled, and waited for. A poll that reports [`CROWD`] streams or more
//! may have left some out: it is repeated without those that were reported, until a poll reports fewer.
//!
//! Tried: one flat list (304 µs a message beside 5,000 idle connections, against 13.7 µs); a poll of
//! all streams at intervals instead of slices (with 15,000 streams it takes some 5 ms, in which nobody
//! is served); reading the hot streams without a poll (no gain).
//!
//! Invariant: within one pass over the slices every open stream is polled at least once.
//!
//! Times are in nanoseconds. Nothing here calls the host, so the tests play the host.

use core::ops::Range;

/// Streams in a slice.
const SLICE: u32 = 512;
/// A pass over all slices takes at least this long.
const PERIOD: u64 = 2_000_000;
/// With this, a third of the time goes into slices.
const EAGER: u64 = 2;
/// With this, one seventeenth.
const LAZY: u64 = 16;
/// By how much slices that were due may be late and still be made up for: a timer may be late by
/// this.
const LATE: u64 = 2_000_000;
/// The longest time that polling one stream takes. If a poll took longer, the process did not run
/// for a while.
const MOST: u64 = 1000;
/// With as many streams ready in one poll as this, others may be ready too: wasmtime reports 128,
/// the clock and listeners among them.
const CROWD: usize = 64;

#[derive(Debug)]
pub(super) struct Tiers {
    /// When a slice is polled next, while few are hot.
    due: u64,
    /// Where it begins.
    cursor: u32,
    /// The streams of the present poll, or of the last one.
    whom: Whom,
    /// When it began.
    began: u64,
    /// The time that polls with this slice have taken so far.
    took: u64,
    /// How long only hot streams are polled after a slice, in multiples of the slice's time.
    rest: u64,
    /// A cold stream was ready, this time around.
    found: bool,
    turn: u64,
    crowded: bool,
}

/// The next poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Which streams.
    pub(super) whom: Whom,
    /// How long it may wait; not at all if that is over.
    pub(super) until: Option<u64>,
}

/// The streams of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    All,
    Hot,
    /// The hot ones, and those of these places.
    HotAnd(Range<u32>),
}

impl Default for Tiers {
    fn default() -> Self {
        Self {
            due: 0,
            cursor: 0,
            whom: Whom::All,
            began: 0,
            took: 0,
            rest: LAZY,
            found: false,
            turn: 0,
            crowded: false,
        }
    }
}

impl Tiers {
    /// Plans a poll that need not wait longer than `until`, when `hot` of `open` streams are hot,
    /// which are in so many places.
    pub(super) fn plan(
        &mut self,
        now: u64,
        until: Option<u64>,
        (hot, open): (usize, usize),
        places: usize,
    ) -> Plan {
        self.began = now;
        if self.crowded {
            // The others among the same ones.
            let whom = self.whom.clone();
            return Plan {
                whom,
                until: Some(now),
            };
        }
        let mut plan = Plan {
            whom: Whom::All,
            until,
        };
        if hot == 0 || hot > open / 2 {
            (self.due, self.cursor) = (now + PERIOD, 0);
        } else if now >= self.due {
            let start = match (self.cursor as usize) < places {
                true => self.cursor,
                false => 0,
            };
            let end = start.saturating_add(SLICE).min(places as u32);
            self.took = 0;
            (plan.whom, plan.until) = (Whom::HotAnd(start..end), Some(now));
        } else {
            let until = until.map_or(self.due, |until| until.min(self.due));
            (plan.whom, plan.until) = (Whom::Hot, Some(until));
        }
        self.whom = plan.whom.clone();
        plan
    }

    /// Whether a slice may be due, so that the exact time matters.
    pub(super) fn is_due(&self, now: u64) -> bool {
        now >= self.due || (self.crowded && self.measures())
    }

    /// Whether the time that the poll takes is of interest.
    pub(super) fn measures(&self) -> bool {
        matches!(self.whom, Whom::HotAnd(_))
    }

    /// The poll is over, and reported this many streams; so many of them were not hot.
    pub(super) fn polled(&mut self, streams: usize, cold: usize, places: usize, now: u64) {
        self.crowded = streams >= CROWD;
        if !self.crowded {
            self.turn += 1;
        }
        let Whom::HotAnd(slice) = &self.whom else {
            return;
        };
        if cold > 0 {
            (self.found, self.rest) = (true, EAGER);
        }
        let most = MOST * slice.len() as u64;
        self.took = (self.took + now.saturating_sub(self.began)).min(most);
        if self.crowded {
            return;
        }
        self.cursor = slice.end;
        if self.cursor as usize >= places {
            self.cursor = 0;
            if !core::mem::take(&mut self.found) {
                self.rest = (2 * self.rest).min(LAZY);
            }
        }
        let share = PERIOD * slice.len() as u64 / places.max(1) as u64;
        let began = self.due.max(self.began.saturating_sub(LATE));
        self.due = began + self.took + share.max(self.rest * self.took);
    }

    /// The number of the turn. It changes when all ready streams have been reported. A stream that was
    /// reported in this turn is left out of the next poll.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const MS: u64 = 1_000_000;

    fn all(until: Option<u64>) -> Plan {
        let whom = Whom::All;
        Plan { whom, until }
    }

    fn hot(until: u64) -> Plan {
        Plan {
            whom: Whom::Hot,
            until: Some(until),
        }
    }

    fn slice(places: Range<u32>, now: u64) -> Plan {
        Plan {
            whom: Whom::HotAnd(places),
            until: Some(now),
        }
    }

    #[test]
    fn everything_is_waited_for_while_nobody_or_nearly_everybody_is_hot() {
        let mut tiers = Tiers::default();
        for (few, open) in [(0, 0), (0, 1000), (6, 10), (1, 1)] {
            let plan = tiers.plan(5 * MS, None, (few, open), open);
            assert_eq!((plan, tiers.measures()), (all(None), false));
            tiers.polled(few, few, open, 9 * MS);
        }
        let plan = tiers.plan(9 * MS, Some(10 * MS), (0, 3), 3);
        assert_eq!(plan, all(Some(10 * MS)));
    }

    #[test]
    fn the_hot_are_polled_by_themselves_until_a_slice_is_due() {
        let mut tiers = Tiers::default();
        let (now, few) = (10 * MS, (2, 1000));
        assert_eq!(tiers.plan(now, None, few, 1000), slice(0..512, now));
        assert!(tiers.measures());
        tiers.polled(2, 0, 1000, now + 100_000);
        // LATE before it began, and what it took, and that sixteen times.
        let due = now - LATE + 17 * 100_000;
        let now = due.max(now + 100_000);
        assert_eq!(tiers.plan(now, None, few, 1000), slice(512..1000, now));
        tiers.polled(1, 0, 1000, now + 100_000);
        let due = tiers.due;
        let soon = now + 200_000;
        assert_eq!(tiers.plan(now + 100_000, None, few, 1000), hot(due));
        tiers.polled(1, 0, 1000, now + 110_000);
        assert_eq!((tiers.is_due(due - 1), tiers.is_due(due)), (false, true));
        let plan = tiers.plan(now + 110_000, Some(soon), few, 1000);
        assert_eq!(plan, hot(soon));
        tiers.polled(1, 0, 1000, due);
        assert_eq!(tiers.plan(due, None, few, 1000), slice(0..512, due));
    }

    #[test]
    fn a_crowd_is_reported_to_its_last_one_without_a_wait() {
        let mut tiers = Tiers::default();
        let turn = tiers.turn();
        for left in [128, 64] {
            tiers.plan(0, None, (900, 1000), 1000);
            tiers.polled(left, 0, 1000, 0);
            assert_eq!(tiers.turn(), turn);
            assert_eq!(tiers.plan(7, None, (900, 1000), 1000), all(Some(7)));
        }
        tiers.polled(63, 0, 1000, 0);
        assert_ne!(tiers.turn(), turn);
        assert_eq!(tiers.plan(7, None, (900, 1000), 1000), all(None));
    }

    #[test]
    fn a_slice_with_a_crowd_in_it_is_polled_again() {
        let mut tiers = Tiers::default();
        // As many as are hot fill the first poll.
        for (i, ready) in [128, 70, 63].into_iter().enumerate() {
            let now = (10 + i as u64) * MS;
            let plan = tiers.plan(now, None, (200, 1000), 1000);
            assert_eq!(plan, slice(0..512, now));
            tiers.polled(ready, ready / 2, 1000, now + MS / 10);
        }
        assert_eq!((tiers.cursor, tiers.took), (512, 3 * MS / 10));
        // LATE before the last one began, and what all took, and that twice, or half of PERIOD.
        assert_eq!(tiers.due, 10 * MS + 3 * MS / 10 + PERIOD * 512 / 1000);
    }

    /// A server whose polls take 300 ns for each that is polled, and whose timers are a
    /// millisecond late.
    struct Play {
        tiers: Tiers,
        now: u64,
        /// Those that are hot, and since when nothing came from them.
        hot: Vec<(u32, u64)>,
        polls: u64,
        polled: u64,
    }

    const OPEN: u32 = 15_000;

    impl Play {
        /// Polls until this one is reported; how long that took.
        fn until_reported(&mut self, speaker: u32) -> u64 {
            let start = self.now;
            loop {
                let now = self.now;
                self.hot.retain(|(_, seen)| now < seen + 20 * MS);
                let few = (self.hot.len(), OPEN as usize);
                let plan = self.tiers.plan(now, None, few, OPEN as usize);
                let is_hot = self.hot.iter().any(|(index, _)| *index == speaker);
                let (count, heard) = match &plan.whom {
                    Whom::All => (OPEN as u64, true),
                    Whom::Hot => (self.hot.len() as u64, is_hot),
                    Whom::HotAnd(places) => (
                        self.hot.len() as u64 + places.len() as u64,
                        is_hot || places.contains(&speaker),
                    ),
                };
                self.polls += 1;
                self.polled += count;
                self.now += 300 * count + 3000;
                if !heard {
                    let waits = plan.until.filter(|until| *until > self.now);
                    self.now = waits.map_or(self.now, |until| until + MS);
                }
                let (streams, cold) = (usize::from(heard), usize::from(heard && !is_hot));
                self.tiers.polled(streams, cold, OPEN as usize, self.now);
                if heard {
                    self.hot.retain(|(index, _)| *index != speaker);
                    self.hot.push((speaker, self.now));
                    return self.now - start;
                }
            }
        }
    }

    fn play() -> Play {
        Play {
            tiers: Tiers::default(),
            now: 1000 * MS,
            hot: Vec::new(),
            polls: 0,
            polled: 0,
        }
    }

    #[test]
    fn one_after_another_each_is_heard_within_twice_around() {
        let mut play = play();
        let mut worst = 0;
        for speaker in 0..OPEN {
            // In an order that has nothing to do with the slices.
            worst = worst.max(play.until_reported(speaker * 7919 % OPEN));
        }
        let each = play.polled / u64::from(OPEN);
        assert!(each < u64::from(OPEN), "{each} were polled for each");
        let polls = play.polls / u64::from(OPEN);
        assert!(polls < 60, "{polls} polls for each");
        let around = 300 * u64::from(OPEN);
        assert!(worst < 8 * around, "{worst} ns");
    }

    #[test]
    fn those_that_say_nothing_cost_the_others_little() {
        let mut play = play();
        play.hot = (0..10).map(|speaker| (speaker, play.now)).collect();
        let (start, mut worst) = (play.now, 0);
        for message in 0..100_000 {
            play.now += 50_000;
            worst = worst.max(play.until_reported(message % 10));
        }
        let took = play.now - start;
        let cold = 300 * (play.polled - 10 * play.polls);
        assert!(
            10 * cold < took,
            "{cold} of {took} ns for those that are idle"
        );
        assert!(worst < 300_000, "one waited {worst} ns for a slice");
        let arounds = (play.polled - 10 * play.polls) / u64::from(OPEN);
        assert!(took / arounds < 100 * MS, "{arounds} times around");
    }
}
