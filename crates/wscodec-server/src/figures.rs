//! The figures of one event loop, as other threads read them.
//!
//! Problem: a count for every message must cost a few instructions, and other threads read it.
//!
//! Choice: each loop has its own atomics and is the only one that writes them, so that counting is a
//! load, an addition and a store without a lock. The sums of messages and bytes are plain numbers in
//! the loop, and are published once in a round. The sizes of messages tell how many there were. Reasons (of rejections, closes and faults) are
//! counted once in the life of a connection, in a map under a lock that nobody else holds but for a
//! moment.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::metrics::{Histogram, Metrics, Stats};
use wscodec::error::CloseCode;

/// A loop's figures.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Somebody asked for the figures since they were published. Adding up memory and queues takes
    /// time, so the loop does it only then.
    asked: AtomicBool,
    stats: [AtomicU64; STATS],
    received: Sizes,
    sent: Sizes,
    ping_round_trips: Sizes,
    queues: AtomicU64,
    longest_queue: AtomicU64,
    queue_lengths: Sizes,
    reasons: Mutex<Reasons>,
}

/// How many numbers [`Stats`] has.
const STATS: usize = 10;

/// Counters by reason.
#[derive(Debug, Default)]
struct Reasons {
    rejections: BTreeMap<(u16, &'static str), u64>,
    closes: BTreeMap<&'static str, u64>,
    faults: BTreeMap<&'static str, u64>,
}

/// A [`Histogram`] that one thread writes and others read.
#[derive(Debug)]
struct Sizes {
    counts: [AtomicU64; Histogram::BUCKETS],
    sum: AtomicU64,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; Histogram::BUCKETS],
            sum: AtomicU64::new(0),
        }
    }
}

/// Adds to a counter of which the caller is the only writer.
#[inline]
fn add(counter: &AtomicU64, n: u64) {
    let value = counter.load(Ordering::Relaxed);
    counter.store(value.wrapping_add(n), Ordering::Relaxed);
}

impl Sizes {
    #[inline]
    fn count(&self, value: u64) {
        add(&self.counts[Histogram::bucket(value)], 1);
    }

    #[inline]
    fn count_length(&self, len: usize) {
        add(&self.counts[Histogram::bucket_of_length(len)], 1);
    }

    fn set(&self, histogram: &Histogram) {
        for (bucket, count) in self.counts.iter().enumerate() {
            count.store(histogram.bucket_count(bucket), Ordering::Relaxed);
        }
        self.sum.store(histogram.sum(), Ordering::Relaxed);
    }

    /// How many values were counted.
    fn total(&self) -> u64 {
        let counts = self.counts.iter();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn add_to(&self, histogram: &mut Histogram) {
        for (bucket, count) in self.counts.iter().enumerate() {
            histogram.add(bucket, count.load(Ordering::Relaxed));
        }
        histogram.add_sum(self.sum.load(Ordering::Relaxed));
    }
}

/// The numbers of [`Stats`] in one order, without those that the sizes of messages tell.
fn numbers(stats: &mut Stats) -> [&mut u64; STATS] {
    [
        &mut stats.open,
        &mut stats.bytes_in,
        &mut stats.bytes_out,
        &mut stats.accepted,
        &mut stats.rejected,
        &mut stats.plain,
        &mut stats.tls_failed,
        &mut stats.failed,
        &mut stats.panics,
        &mut stats.memory,
    ]
}

/// The loop's queues, as they are now.
#[derive(Debug, Default)]
pub(super) struct Queues {
    queues: u64,
    longest: u64,
    lengths: Histogram,
}

impl Queues {
    /// Adds the queue of one connection.
    pub(super) fn add(&mut self, len: usize) {
        let len = len as u64;
        self.lengths.add(Histogram::bucket(len), 1);
        self.lengths.add_sum(len);
        self.queues += u64::from(len > 0);
        self.longest = self.longest.max(len);
    }
}

/// The name of a close code in the figures. A peer chooses its code, so there are few names.
fn close_name(code: CloseCode) -> &'static str {
    const REGISTERED: [&str; 16] = [
        "1000", "1001", "1002", "1003", "other", "1005", "1006", "1007", "1008", "1009", "1010",
        "1011", "1012", "1013", "1014", "other",
    ];
    match code.value() {
        3000..=3999 => "3xxx",
        4000..=4999 => "4xxx",
        code => {
            let place = usize::from(code.wrapping_sub(1000));
            REGISTERED.get(place).copied().unwrap_or("other")
        }
    }
}

impl Figures {
    /// Asks the loop for fresh figures.
    pub(super) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked since the last call.
    pub(super) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) && self.asked.swap(false, Ordering::Relaxed)
    }

    /// Publishes the sums of the loop.
    pub(super) fn publish(&self, stats: &mut Stats) {
        for (published, number) in self.stats.iter().zip(numbers(stats)) {
            published.store(*number, Ordering::Relaxed);
        }
    }

    pub(super) fn publish_queues(&self, queues: &Queues) {
        self.queue_lengths.set(&queues.lengths);
        self.queues.store(queues.queues, Ordering::Relaxed);
        self.longest_queue.store(queues.longest, Ordering::Relaxed);
    }

    /// A message was received. Its length goes into the sum by [`payloads`](Self::payloads), which
    /// is called once for a batch.
    #[inline]
    pub(super) fn message(&self, len: usize) {
        self.received.count_length(len);
    }

    /// Messages were received whose payloads have so many bytes together.
    #[inline]
    pub(super) fn payloads(&self, len: usize) {
        add(&self.received.sum, len as u64);
    }

    /// A message was sent.
    #[inline]
    pub(super) fn sent(&self, len: usize) {
        self.sent.count_length(len);
        add(&self.sent.sum, len as u64);
    }

    /// A heartbeat's ping was answered.
    pub(super) fn round_trip(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.ping_round_trips.count(micros);
        add(&self.ping_round_trips.sum, micros);
    }

    /// A request was rejected.
    pub(super) fn rejected(&self, status: u16, reason: &'static str) {
        self.count(|it| it.rejections.entry((status, reason)).or_default());
    }

    /// An open connection has ended.
    pub(super) fn closed(&self, code: CloseCode, fault: Option<&'static str>) {
        self.count(|it| it.closes.entry(close_name(code)).or_default());
        if let Some(fault) = fault {
            self.count(|it| it.faults.entry(fault).or_default());
        }
    }

    fn count(&self, counter: impl FnOnce(&mut Reasons) -> &mut u64) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        *counter(&mut reasons) += 1;
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        for (published, sum) in self.stats.iter().zip(numbers(stats)) {
            *sum += published.load(Ordering::Relaxed);
        }
        stats.messages_in += self.received.total();
        stats.messages_out += self.sent.total();
    }

    pub(super) fn add_metrics_to(&self, metrics: &mut Metrics) {
        self.received.add_to(&mut metrics.received_sizes);
        self.sent.add_to(&mut metrics.sent_sizes);
        self.queue_lengths.add_to(&mut metrics.queue_lengths);
        self.ping_round_trips.add_to(&mut metrics.ping_round_trips);
        metrics.queued += self.queue_lengths.sum.load(Ordering::Relaxed);
        metrics.queues += self.queues.load(Ordering::Relaxed);
        let longest = self.longest_queue.load(Ordering::Relaxed);
        metrics.longest_queue = metrics.longest_queue.max(longest);
        let reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, count) in &reasons.rejections {
            *metrics.rejections.entry(*key).or_default() += count;
        }
        for (key, count) in &reasons.closes {
            *metrics.closes.entry(key).or_default() += count;
        }
        for (key, count) in &reasons.faults {
            *metrics.faults.entry(key).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_have_few_names() {
        let name = |code| close_name(CloseCode::new(code));
        assert_eq!([1000, 1006, 1014].map(name), ["1000", "1006", "1014"]);
        assert_eq!(
            [3000, 3999, 4000, 4999].map(name),
            ["3xxx", "3xxx", "4xxx", "4xxx"]
        );
        assert_eq!(
            [0, 999, 1004, 1015, 1016, 2999, 5000, 65535].map(name),
            ["other"; 8]
        );
    }

    #[test]
    fn every_number_is_published() {
        let figures = Figures::default();
        let mut stats = Stats::default();
        for (i, number) in numbers(&mut stats).into_iter().enumerate() {
            *number = i as u64 + 1;
        }
        figures.publish(&mut stats);
        figures.message(1);
        figures.sent(1);
        (stats.messages_in, stats.messages_out) = (1, 1);
        let mut sum = Stats::default();
        figures.add_to(&mut sum);
        assert_eq!(sum, stats);
        let debug = std::format!("{stats:?}");
        assert!(
            !debug.contains(": 0"),
            "a number is not in the list: {debug}"
        );
    }
}
