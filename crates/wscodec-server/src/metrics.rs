//! The figures of a server: counters, gauges and histograms, as values.

use std::collections::BTreeMap;

/// The counters of a server since its start, and its present state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections now, those that are opening and closing too.
    pub open: u64,
    /// Connections whose handshake was accepted.
    pub accepted: u64,
    /// Requests that were rejected.
    pub rejected: u64,
    /// Requests that were no upgrades, and that the handler answered.
    pub plain: u64,
    /// Connections whose handshake of TLS failed. A client that does not speak TLS at all is counted
    /// with [`rejections`](Metrics::rejections), as `NO_TLS`.
    pub tls_failed: u64,
    /// Connections that ended otherwise than by a close handshake.
    pub failed: u64,
    /// Calls of the handler that panicked.
    pub panics: u64,
    /// Messages received.
    pub messages_in: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// Bytes read from sockets.
    pub bytes_in: u64,
    /// Bytes written to sockets.
    pub bytes_out: u64,
    /// Bytes held by connections and their queues, and for compression; without what the allocator
    /// and the system add.
    pub memory: u64,
}

/// All that a server counts, by reason: [`ServerHandle::metrics`](super::ServerHandle::metrics).
///
/// ```
/// use wscodec_server::{Handler, PlainRequest, Response, ServerHandle};
///
/// /// The response of a handler to plain requests.
/// fn request(request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
///     match request.path() {
///         "/metrics" => Some(handle.metrics().response()),
///         _ => None,
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// The sums.
    pub stats: Stats,
    /// Requests that were rejected, by their status and their reason: the
    /// [`code`](wscodec::ErrorKind::code) of an error, such as `ORIGIN` or `HANDSHAKE_TOO_SLOW`;
    /// `HANDLER` if the handler rejected, `HANDLER_FAILED` if it failed, `UNDECIDED` if its decision
    /// took too long, `NO_TLS` if the client does not speak TLS on a port for TLS, `ADDRESS` if its address
    /// has too many connections, `STOPPING` if the server was stopping.
    pub rejections: BTreeMap<(u16, &'static str), u64>,
    /// Open connections that have ended, by their close code. Codes from 3000 on are summed up as
    /// `3xxx` and `4xxx`, and unregistered ones below as `other`, because peers choose them.
    pub closes: BTreeMap<&'static str, u64>,
    /// Open connections that ended by a failure, by the [`code`](wscodec::ErrorKind::code) of the
    /// error, such as `NO_PONG`.
    pub faults: BTreeMap<&'static str, u64>,
    /// The payload sizes of messages that were received, in bytes, after decompression.
    pub received_sizes: Histogram,
    /// The payload sizes of messages that were sent, in bytes, before compression.
    pub sent_sizes: Histogram,
    /// From a heartbeat's ping to its pong, in microseconds. The clock is read once in a round of
    /// the event loop, so a busy loop makes these times longer.
    pub ping_round_trips: Histogram,
    /// The lengths of the queues of all connections now, in bytes. Most of them are empty.
    pub queue_lengths: Histogram,
    /// Bytes that wait in queues because peers do not read them.
    pub queued: u64,
    /// Connections for which bytes wait.
    pub queues: u64,
    /// Bytes in the longest of these queues.
    pub longest_queue: u64,
}

/// Codes of faults and rejections that a timeout causes.
const TIMEOUTS: [&str; 6] = [
    "HANDSHAKE_TOO_SLOW",
    "IDLE",
    "NO_CLOSE",
    "NO_PONG",
    "STALLED",
    "UNDECIDED",
];

impl Metrics {
    /// Connections and requests that ended by a timeout, of all kinds.
    pub fn timeouts(&self) -> u64 {
        let is_timeout = |code: &str| TIMEOUTS.contains(&code);
        let rejected = self.rejections.iter().map(|((_, code), n)| (*code, *n));
        let failed = self.faults.iter().map(|(code, n)| (*code, *n));
        let timeouts = rejected.chain(failed).filter(|(code, _)| is_timeout(code));
        timeouts.map(|(_, n)| n).sum()
    }
}

/// How many values were seen of which size, in powers of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// By the number of bits of a value: 0 is the value 0, 1 is 1, 2 is 2 and 3, 3 is 4 to 7.
    counts: [u64; Self::BUCKETS],
    sum: u64,
}

impl Histogram {
    /// One for each number of bits that a value of 64 bits may have.
    pub(super) const BUCKETS: usize = 65;

    /// The bucket of a value: its number of bits.
    #[inline]
    pub(super) const fn bucket(value: u64) -> usize {
        (u64::BITS - value.leading_zeros()) as usize
    }

    /// The same for a length, which is below 2^63, in fewer instructions.
    #[inline]
    pub(super) const fn bucket_of_length(len: usize) -> usize {
        (u64::BITS - 1 - ((len as u64) << 1 | 1).leading_zeros()) as usize
    }

    pub(super) fn add(&mut self, bucket: usize, count: u64) {
        self.counts[bucket] += count;
    }

    pub(super) fn bucket_count(&self, bucket: usize) -> u64 {
        self.counts[bucket]
    }

    pub(super) fn add_sum(&mut self, sum: u64) {
        self.sum = self.sum.wrapping_add(sum);
    }

    /// How many values were seen.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all values, modulo 2^64.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// How many values were below 2 to the power of `bits`.
    pub fn below(&self, bits: u32) -> u64 {
        let end = (bits as usize + 1).min(Self::BUCKETS);
        self.counts[..end].iter().sum()
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: [0; Self::BUCKETS],
            sum: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_count_by_powers_of_two() {
        let mut histogram = Histogram::default();
        for value in [0, 1, 2, 3, 4, 1023, 1024, u64::MAX] {
            histogram.add(Histogram::bucket(value), 1);
            histogram.add_sum(value);
        }
        assert_eq!(histogram.count(), 8);
        for len in [0, 1, 2, 3, 4, 1023, 1024, isize::MAX as usize] {
            let bucket = Histogram::bucket(len as u64);
            assert_eq!(Histogram::bucket_of_length(len), bucket);
        }
        let below = [0, 1, 2, 3, 10, 11, 63, 64, 99].map(|bits| histogram.below(bits));
        assert_eq!(below, [1, 2, 4, 5, 6, 7, 7, 8, 8]);
        assert_eq!(histogram.sum(), 2056, "2057 and 2^64 - 1, modulo 2^64");
    }

    #[test]
    fn timeouts_are_those_of_requests_and_connections() {
        let mut metrics = Metrics::default();
        metrics.rejections.insert((408, "HANDSHAKE_TOO_SLOW"), 2);
        metrics.rejections.insert((403, "ORIGIN"), 4);
        metrics.faults.insert("NO_PONG", 8);
        metrics.faults.insert("UNEXPECTED_EOF", 16);
        assert_eq!(metrics.timeouts(), 10);
    }
}
