//! Figures: rates, sizes, compression, times from ping to pong and from request to answer, gaps.
//!
//! The options of the inspector must ask for frames and for messages. Requests and answers are
//! found by their identifiers: JSON texts with the same member `id` in opposite directions, as
//! JSON-RPC, GraphQL over WebSocket and many others send them. A message is looked at for an identifier
//! if its payload was kept as a whole ([`InspectOptions::payload`](crate::InspectOptions::payload)).
//!
//! ```
//! use wscodec_inspect::stats::TrafficStats;
//! use wscodec_inspect::{InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/two-connections.pcap");
//! let mut stats = TrafficStats::default();
//! let mut inspector = Inspector::new(InspectOptions::default());
//! let mut sink = |event: wscodec_inspect::InspectEvent<'_>| stats.event(&event);
//! inspector.push(&std::fs::read(path)?, &mut sink)?;
//! inspector.finish(&mut sink)?;
//! assert_eq!(stats.conversations, 3);
//! assert_eq!(stats.directions[0].sizes.count, 15);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::value::RawValue;

use crate::event::{CapturedFrame, CapturedMessage, ConversationId, InspectEvent, PacketInfo};

/// Pings and requests of each direction of a conversation that are remembered until the answer.
const MAX_PENDING: usize = 64;

/// Conversations of which open requests and times are remembered.
const MAX_CONVERSATIONS: usize = 1 << 16;

/// The figures of all conversations.
#[derive(Debug, Default)]
pub struct TrafficStats {
    /// Conversations with a WebSocket, or with another reason to report them.
    pub conversations: u64,
    /// The time of the first and of the last frame or message, in nanoseconds since 1970.
    pub first: Option<i128>,
    /// The last one.
    pub last: Option<i128>,
    /// The messages from the client, and from the server.
    pub directions: [DirectionStats; 2],
    /// Nanoseconds from a ping to its pong.
    pub pongs: Distribution,
    /// Nanoseconds from a request to its answer.
    pub answers: Distribution,
    /// Nanoseconds between messages of a conversation, in both directions.
    pub gaps: Distribution,
    open: HashMap<ConversationId, Open>,
}

/// The messages of one direction.
#[derive(Debug, Default)]
pub struct DirectionStats {
    /// Bytes of each message, inflated.
    pub sizes: Distribution,
    /// Messages that were compressed.
    pub compressed: u64,
    /// Bytes of compressed messages on the wire.
    pub wire: u64,
    /// Bytes that came out of them.
    pub inflated: u64,
}

/// An open conversation.
#[derive(Debug, Default)]
struct Open {
    latest: Option<i128>,
    pings: [Pending; 2],
    requests: [Pending; 2],
}

/// Times at which something was sent, with the bytes that its answer repeats.
type Pending = VecDeque<(i128, Vec<u8>)>;

/// The distribution of a number that is not negative. Percentiles are exact to an eighth.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// How many values there are.
    pub count: u64,
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: u64,
    /// The sum of all values.
    pub sum: u128,
    /// Values by their size: eight steps for each power of two.
    buckets: Vec<u64>,
}

impl Distribution {
    /// Takes a value; a negative one counts as 0.
    pub fn add(&mut self, value: i128) {
        let value = u64::try_from(value.max(0)).unwrap_or(u64::MAX);
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += u128::from(value);
        let bucket = bucket(value);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
    }

    /// The sum divided by the count.
    pub fn mean(&self) -> u64 {
        let mean = self.sum / u128::from(self.count.max(1));
        u64::try_from(mean).unwrap_or(u64::MAX)
    }

    /// The value that so many percent of all values do not exceed, rounded up by an eighth at most.
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.count * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (i, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return greatest(i).clamp(self.min, self.max);
            }
        }
        self.max
    }
}

/// Values below 8 have a bucket each; later ones share one with those of the same first four bits.
fn bucket(value: u64) -> usize {
    match value {
        0..8 => value as usize,
        _ => {
            let shift = 60 - value.leading_zeros();
            (shift as usize + 1) * 8 + (value >> shift) as usize % 8
        }
    }
}

/// The greatest value of a bucket.
fn greatest(bucket: usize) -> u64 {
    match bucket {
        0..8 => bucket as u64,
        _ => {
            let shift = bucket / 8 - 1;
            let next = (u128::from(bucket as u64 % 8) + 9) << shift;
            u64::try_from(next - 1).unwrap_or(u64::MAX)
        }
    }
}

impl TrafficStats {
    /// Takes the next event of the inspection.
    pub fn event(&mut self, event: &InspectEvent<'_>) {
        match event {
            InspectEvent::Conversation(_) => self.conversations += 1,
            InspectEvent::Frame(frame) => self.frame(frame),
            InspectEvent::Message(message) => self.message(message),
            InspectEvent::End(end) => {
                self.open.remove(&end.conversation.id);
            }
            _ => {}
        }
    }

    /// From the first to the last frame or message, in nanoseconds.
    pub fn duration(&self) -> u64 {
        let ends = self.last.zip(self.first);
        ends.map_or(0, |(last, first)| u64::try_from(last - first).unwrap_or(0))
    }

    fn frame(&mut self, frame: &CapturedFrame<'_>) {
        let direction = frame.location.direction;
        let Some(time) = self.time(frame.end) else {
            return;
        };
        if !matches!(frame.header.opcode, 9 | 10) {
            return;
        }
        let Some(open) = open(&mut self.open, frame.location.conversation) else {
            return;
        };
        match frame.header.opcode {
            9 => remember(&mut open.pings[direction.index()], time, frame.payload),
            _ => {
                let pings = &mut open.pings[direction.other().index()];
                // A pong for a later ping answers the earlier ones as well (RFC 6455 §5.5.3).
                if let Some(i) = pings.iter().position(|ping| ping.1 == frame.payload)
                    && let Some((sent, _)) = pings.drain(..=i).next_back()
                {
                    self.pongs.add(time - sent);
                }
            }
        }
    }

    fn message(&mut self, message: &CapturedMessage<'_>) {
        let direction = message.location.direction;
        let figures = &mut self.directions[direction.index()];
        figures.sizes.add(message.total().into());
        if let Some(inflated) = message.inflated {
            figures.compressed += 1;
            figures.wire += message.length;
            figures.inflated += inflated;
        }
        let Some(time) = self.time(message.end) else {
            return;
        };
        let id = if message.whole {
            identifier(message.payload)
        } else {
            None
        };
        let Some(open) = open(&mut self.open, message.location.conversation) else {
            return;
        };
        let before = open.latest.replace(time);
        let mut answered = None;
        if let Some(id) = id {
            let requests = &mut open.requests[direction.other().index()];
            match requests.iter().position(|request| request.1 == id) {
                Some(i) => answered = requests.remove(i),
                None => remember(&mut open.requests[direction.index()], time, &id),
            }
        }
        if let Some((sent, _)) = answered {
            self.answers.add(time - sent);
        }
        if let Some(before) = before {
            self.gaps.add(time - before);
        }
    }

    fn time(&mut self, packet: PacketInfo) -> Option<i128> {
        let time = packet.time?;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        Some(time)
    }
}

fn open(all: &mut HashMap<ConversationId, Open>, id: ConversationId) -> Option<&mut Open> {
    if all.len() >= MAX_CONVERSATIONS && !all.contains_key(&id) {
        return None;
    }
    Some(all.entry(id).or_default())
}

fn remember(pending: &mut Pending, time: i128, bytes: &[u8]) {
    if pending.len() >= MAX_PENDING {
        pending.pop_front();
    }
    pending.push_back((time, bytes.to_vec()));
}

/// The member `id` of a JSON object, as its text.
fn identifier(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.first() != Some(&b'{') {
        return None;
    }
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(payload).ok()?;
    let id = members.get("id")?.get();
    (id != "null" && id.len() <= 128).then(|| id.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_exact_to_an_eighth() {
        let mut all = Distribution::default();
        for value in 1..=10_000 {
            all.add(value);
        }
        assert_eq!((all.min, all.max, all.mean()), (1, 10_000, 5000));
        for (percent, exact) in [(1, 100), (50, 5000), (95, 9500), (99, 9900), (100, 10_000)] {
            let found = all.percentile(percent);
            assert!(
                found >= exact && found <= exact + exact / 8,
                "{percent}: {found}"
            );
        }
        all.add(i128::MAX);
        assert_eq!(all.percentile(100), u64::MAX);
        for value in [0, 7, 8, 15, 16, 17, 1000, 1 << 40, u64::MAX] {
            assert!(greatest(bucket(value)) >= value, "{value}");
        }
    }

    #[test]
    fn identifiers_are_read() {
        assert_eq!(identifier(b"{\"a\":1,\"id\": 17}"), Some(b"17".to_vec()));
        assert_eq!(identifier(b"{\"id\":\"x\"}"), Some(b"\"x\"".to_vec()));
        for none in ["{\"id\":null}", "[1]", "{", "{\"ID\":1}", ""] {
            assert_eq!(identifier(none.as_bytes()), None, "{none}");
        }
    }
}
