//! Figures: rates, sizes, compression, times between ping and pong, gaps.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;

use crate::event::{Direction, Event};

/// Pings that are remembered until a pong answers them.
const MAX_PINGS: usize = 64;

/// When each ping was sent, and its payload.
type Pings = VecDeque<(i128, Vec<u8>)>;

#[derive(Debug, Default)]
pub(super) struct Stats {
    connections: u64,
    first: Option<i128>,
    last: Option<i128>,
    directions: [Figures; 2],
    pings: HashMap<(u32, Direction), Pings>,
    pongs: Spread,
    /// The time of the last message of each open connection.
    latest: HashMap<u32, i128>,
    gaps: Spread,
}

#[derive(Debug, Default)]
struct Figures {
    messages: u64,
    compressed: u64,
    /// Bytes of compressed messages, on the wire and inflated.
    wire: u64,
    inflated: u64,
    sizes: Spread,
}

/// Least, greatest and sum of a number.
#[derive(Debug, Default)]
struct Spread {
    count: u64,
    least: i128,
    most: i128,
    sum: i128,
}

impl Spread {
    fn add(&mut self, value: i128) {
        self.least = if self.count == 0 {
            value
        } else {
            self.least.min(value)
        };
        self.most = if self.count == 0 {
            value
        } else {
            self.most.max(value)
        };
        self.count += 1;
        self.sum += value;
    }

    fn mean(&self) -> i128 {
        self.sum / i128::from(self.count.max(1))
    }
}

impl Stats {
    pub(super) fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Connection(_) => self.connections += 1,
            Event::Frame(frame) => {
                let direction = frame.place.direction;
                let Some(time) = frame.end.time else {
                    return;
                };
                self.time(time);
                let stream = frame.place.stream;
                match frame.header.opcode {
                    9 => {
                        let pings = self.pings.entry((stream, direction)).or_default();
                        if pings.len() >= MAX_PINGS {
                            pings.pop_front();
                        }
                        pings.push_back((time, frame.payload.to_vec()));
                    }
                    10 => {
                        let key = (stream, direction.other());
                        if let Some(pings) = self.pings.get_mut(&key)
                            && let Some(i) = pings.iter().position(|ping| ping.1 == frame.payload)
                            && let Some((sent, _)) = pings.drain(..=i).next_back()
                        {
                            self.pongs.add(time - sent);
                        }
                    }
                    _ => {}
                }
            }
            Event::Message(message) => {
                let figures = &mut self.directions[message.place.direction.index()];
                figures.messages += 1;
                figures
                    .sizes
                    .add(message.inflated.unwrap_or(message.length).into());
                if let Some(inflated) = message.inflated {
                    figures.compressed += 1;
                    figures.wire += message.length;
                    figures.inflated += inflated;
                }
                if let Some(time) = message.end.time {
                    self.time(time);
                    if let Some(before) = self.latest.insert(message.place.stream, time) {
                        self.gaps.add(time - before);
                    }
                }
            }
            Event::End(end) => {
                let stream = end.connection.stream;
                self.latest.remove(&stream);
                for direction in [Direction::ClientToServer, Direction::ServerToClient] {
                    self.pings.remove(&(stream, direction));
                }
            }
            _ => {}
        }
    }

    fn time(&mut self, time: i128) {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    pub(super) fn write(&self, json: bool, out: &mut Vec<u8>) {
        let nanoseconds = self
            .last
            .zip(self.first)
            .map_or(0, |(last, first)| last - first);
        let text = match json {
            true => self.json(nanoseconds),
            false => self.text(nanoseconds),
        };
        out.extend_from_slice(text.as_bytes());
    }

    fn json(&self, nanoseconds: i128) -> String {
        let mut line = format!(
            "{{\"type\":\"stats\",\"connections\":{},\"seconds\":{}",
            self.connections,
            seconds(nanoseconds)
        );
        for (name, it) in ["c2s", "s2c"].into_iter().zip(&self.directions) {
            let _ = write!(
                line,
                ",\"{name}\":{{\"messages\":{},\"compressed\":{},\"compressedBytes\":{},\
                 \"inflatedBytes\":{},\"size\":{{\"min\":{},\"mean\":{},\"max\":{},\"sum\":{}}}}}",
                it.messages,
                it.compressed,
                it.wire,
                it.inflated,
                it.sizes.least,
                it.sizes.mean(),
                it.sizes.most,
                it.sizes.sum
            );
        }
        for (name, it) in [("pong", &self.pongs), ("gap", &self.gaps)] {
            let _ = write!(
                line,
                ",\"{name}\":{{\"count\":{},\"min\":{},\"mean\":{},\"max\":{}}}",
                it.count,
                seconds(it.least),
                seconds(it.mean()),
                seconds(it.most)
            );
        }
        line.push_str("}\n");
        line
    }

    fn text(&self, nanoseconds: i128) -> String {
        let mut text = format!(
            "stats {} connections in {} s\n",
            self.connections,
            seconds(nanoseconds)
        );
        for (name, it) in ["c2s", "s2c"].into_iter().zip(&self.directions) {
            let _ = write!(text, "stats {name} {} messages", it.messages);
            if nanoseconds > 0 {
                let rate = i128::from(it.messages) * 10_000_000_000 / nanoseconds;
                let _ = write!(text, ", {}.{} a second", rate / 10, rate % 10);
            }
            if it.messages > 0 {
                let sizes = &it.sizes;
                let (least, mean, most) = (sizes.least, sizes.mean(), sizes.most);
                let _ = write!(
                    text,
                    ", {} bytes: {least} to {most}, {mean} on average",
                    sizes.sum
                );
            }
            if it.compressed > 0 {
                let percent = it.wire * 100 / it.inflated.max(1);
                let _ = write!(text, "; {} compressed to {percent} %", it.compressed);
            }
            text.push('\n');
        }
        for (what, it) in [
            ("from ping to pong", &self.pongs),
            ("between messages", &self.gaps),
        ] {
            if it.count > 0 {
                let _ = writeln!(
                    text,
                    "stats {what} {} to {} s, {} on average, {} times",
                    seconds(it.least),
                    seconds(it.most),
                    seconds(it.mean()),
                    it.count
                );
            }
        }
        text
    }
}

/// Seconds with microseconds.
fn seconds(nanoseconds: i128) -> String {
    let micros = nanoseconds / 1000;
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
