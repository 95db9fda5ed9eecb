//! When to poll whom, where a poll costs something for each that is polled.
//!
//! Streams that were ready lately are hot. As long as they are few, they are polled by themselves,
//! and all streams only now and then, so that what one message costs does not grow with the
//! connections that say nothing. Those wait for that: [`PERIOD`], or six times what such a poll
//! takes if that is more. While nobody is hot, or most are, everything is polled, and waited for.
//!
//! Times are in nanoseconds.

/// From one poll of everything to the next, at least.
const PERIOD: u64 = 2_000_000;
/// The same, as a multiple of what such a poll takes: at most a seventh of the time goes into it.
const SHARE: u64 = 6;
/// With as many streams ready in one poll as this, others may be ready too: wasmtime reports 128,
/// the clock and listeners among them.
const CROWD: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Tiers {
    /// When everything is polled next, while few are hot.
    next: u64,
    /// A poll of everything that does not wait began then, and is not over.
    began: Option<u64>,
    turn: u64,
    crowded: bool,
}

/// What the next poll is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// All streams, or the hot ones only.
    pub(super) all: bool,
    /// How long it may wait; not at all if that is over.
    pub(super) until: Option<u64>,
}

impl Tiers {
    /// Plans a poll that need not wait longer than `until`, when `hot` of `open` streams are hot.
    pub(super) fn plan(&mut self, now: u64, until: Option<u64>, hot: usize, open: usize) -> Plan {
        let until = if self.crowded { Some(now) } else { until };
        self.began = None;
        if hot == 0 || hot > open / 2 {
            self.next = now + PERIOD;
            return Plan { all: true, until };
        }
        if now >= self.next {
            self.began = Some(now);
            let until = Some(now);
            return Plan { all: true, until };
        }
        let until = Some(until.map_or(self.next, |until| until.min(self.next)));
        Plan { all: false, until }
    }

    /// Whether the time that the poll took is of interest.
    pub(super) fn measures(&self) -> bool {
        self.began.is_some()
    }

    /// The poll is over, and reported this many streams.
    pub(super) fn polled(&mut self, streams: usize, now: u64) {
        if let Some(began) = self.began.take() {
            self.next = now + PERIOD.max(SHARE * now.saturating_sub(began));
        }
        self.crowded = streams >= CROWD;
        if !self.crowded {
            self.turn += 1;
        }
    }

    /// Changes when all who were ready have been reported. Who was reported in this turn is left
    /// out of the next poll.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn everything_is_waited_for_while_nobody_or_nearly_everybody_is_hot() {
        let mut tiers = Tiers::default();
        for (hot, open) in [(0, 0), (0, 1000), (6, 10), (1, 1)] {
            let plan = tiers.plan(5 * MS, None, hot, open);
            let all = Plan {
                all: true,
                until: None,
            };
            assert_eq!((plan, tiers.measures()), (all, false));
            tiers.polled(hot, 9 * MS);
        }
    }

    #[test]
    fn the_hot_are_polled_by_themselves_until_it_is_time_for_all() {
        let mut tiers = Tiers::default();
        let plan = |all, until| Plan {
            all,
            until: Some(until),
        };
        assert_eq!(tiers.plan(10 * MS, None, 2, 100), plan(true, 10 * MS));
        assert!(tiers.measures());
        tiers.polled(2, 11 * MS); // It took one.
        assert_eq!(tiers.plan(12 * MS, None, 2, 100), plan(false, 17 * MS));
        tiers.polled(1, 12 * MS);
        let soon = Some(14 * MS);
        assert_eq!(tiers.plan(13 * MS, soon, 2, 100), plan(false, 14 * MS));
        tiers.polled(1, 13 * MS);
        assert_eq!(tiers.plan(17 * MS, soon, 2, 100), plan(true, 17 * MS));
        tiers.polled(1, 17 * MS); // That was quick.
        assert_eq!(tiers.plan(18 * MS, None, 2, 100), plan(false, 19 * MS));
    }

    #[test]
    fn a_crowd_is_reported_to_its_last_one_without_a_wait() {
        let mut tiers = Tiers::default();
        let turn = tiers.turn();
        for left in [128, 64] {
            tiers.plan(0, None, 900, 1000);
            tiers.polled(left, 0);
            assert_eq!(tiers.turn(), turn);
            assert_eq!(tiers.plan(7, None, 900, 1000).until, Some(7));
        }
        tiers.polled(63, 0);
        assert_ne!(tiers.turn(), turn);
        assert_eq!(tiers.plan(7, None, 900, 1000).until, None);
    }
}
