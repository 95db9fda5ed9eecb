//! From events to output: filters, limits, the list of connections.

use std::collections::HashMap;
use std::fmt::Write;

use wscodec::head::{HeaderFields, start_line};

use super::args::{Arguments, Filter, Show};
use super::lint::Lint;
use super::stats::Stats;
use crate::event::{Connection, Direction, End, Event, Fault, Handshake};
use crate::json;
use crate::safe::safe;
use crate::text::{self, Style, Writer};

/// Connections of which the handshake is remembered for the list and the filter by host.
const MAX_KNOWN: usize = 1 << 16;

pub(super) struct View {
    show: Show,
    json: bool,
    preview: usize,
    filter: Filter,
    /// The filter picks single frames or messages, so that nothing else is of interest.
    narrow: bool,
    writer: Writer,
    known: HashMap<u32, Known>,
    stats: Option<Stats>,
    lint: Option<Lint>,
    strict: bool,
    /// Lines of frames or messages that may still be printed.
    left: u64,
    start: Option<i128>,
    faults: u64,
    done: bool,
    empty: bool,
}

/// A connection that was reported.
struct Known {
    connection: Connection,
    printed: bool,
    /// Whether its host is the one that is asked for; `None` as long as nobody knows.
    host_fits: Option<bool>,
    /// Host, path, status, subprotocol, extensions.
    about: String,
}

impl View {
    pub(super) fn new(arguments: &Arguments, preview: usize, terminal: bool) -> Self {
        let filter = arguments.filter.clone();
        let all = Filter::default();
        let narrow = filter.direction.is_some()
            || filter.grep.is_some()
            || !filter.types.is_empty()
            || filter.size != all.size
            || filter.time != all.time;
        Self {
            show: arguments.show,
            json: arguments.json,
            preview,
            narrow,
            writer: Writer::new(Style {
                color: arguments.color.unwrap_or(terminal),
                width: arguments.width.filter(|_| !arguments.payloads),
                payload: preview,
                quiet: false,
            }),
            known: HashMap::new(),
            stats: arguments.stats.then(Stats::default),
            lint: arguments.lint.then(Lint::default),
            strict: arguments.strict,
            left: arguments.limit,
            start: None,
            faults: 0,
            done: false,
            empty: true,
            filter,
        }
    }

    /// Whether nothing more has to be read.
    pub(super) fn is_done(&self) -> bool {
        self.done || self.left == 0 && self.stats.is_none() && self.lint.is_none()
    }

    /// Faults of the connections that are shown.
    pub(super) fn faults(&self) -> u64 {
        self.faults
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        self.empty = false;
        let stream = match event {
            Event::Connection(connection) => {
                self.start = self.start.or(connection.origin.time);
                if self.known.len() < MAX_KNOWN {
                    let known = Known {
                        connection: **connection,
                        printed: false,
                        host_fits: self.filter.host.is_none().then_some(true),
                        about: String::new(),
                    };
                    self.known.insert(connection.stream, known);
                }
                connection.stream
            }
            Event::Handshake(handshake) => {
                self.handshake(handshake);
                handshake.stream
            }
            Event::Frame(frame) => frame.place.stream,
            Event::Message(message) => message.place.stream,
            Event::Fault(place, _) | Event::Note(place, _) => place.stream,
            Event::End(end) => end.connection.stream,
        };
        if !self.wants(stream) {
            return;
        }
        if let Some(stats) = &mut self.stats {
            stats.event(event);
        }
        if let Some(lint) = &mut self.lint {
            lint.event(event);
        }
        let faults = faults(event);
        self.faults += faults;
        if self.is_shown(event, faults) {
            self.print(stream, event, out);
        }
        if let Event::End(end) = event {
            self.end(end, out);
        }
        if faults > 0 && self.strict {
            self.done = true;
        }
    }

    /// Whether the connection is one of those that are asked for.
    fn wants(&self, stream: u32) -> bool {
        let numbers = &self.filter.connections;
        let host = self.known.get(&stream).and_then(|known| known.host_fits);
        (numbers.is_empty() || numbers.contains(&stream)) && host == Some(true)
            || numbers.is_empty() && self.filter.host.is_none()
    }

    fn handshake(&mut self, handshake: &Handshake<'_>) {
        let Some(known) = self.known.get_mut(&handshake.stream) else {
            return;
        };
        let mut about = String::new();
        if let Some(head) = handshake.request {
            let host = HeaderFields::of(head.bytes).named("Host").next();
            let [_, target, _] = start_line(head.bytes);
            let host = host.unwrap_or_default();
            if let Some(part) = &self.filter.host {
                let host = String::from_utf8_lossy(host).to_ascii_lowercase();
                known.host_fits = Some(host.contains(part));
            }
            let _ = write!(about, "  {}{}", safe(host), safe(target));
        }
        match handshake.status {
            Some(status) => {
                let _ = write!(about, "  {status}");
            }
            None => about.push_str("  no answer"),
        }
        if handshake.accepted {
            about.push_str(&text::agreed(handshake));
        }
        known.about = about;
    }

    fn is_shown(&mut self, event: &Event<'_>, faults: u64) -> bool {
        let shown = match event {
            Event::Connection(_) => return false,
            Event::Frame(frame) => {
                let control = frame.header.opcode >= 8;
                let name = json::NAMES[usize::from(frame.header.opcode & 15)];
                match self.show {
                    Show::Frames => {}
                    Show::Messages if control || faults > 0 => {}
                    _ => return false,
                }
                let place = &frame.place;
                self.fits(
                    place.direction,
                    frame.end.time,
                    name,
                    frame.header.len,
                    frame.payload,
                )
            }
            Event::Message(message) => {
                let name = match message.kind {
                    Some(wscodec::message::Kind::Text) => "text",
                    Some(wscodec::message::Kind::Binary) => "binary",
                    None => "continuation",
                };
                let (place, end) = (&message.place, message.end.time);
                self.show == Show::Messages
                    && self.fits(place.direction, end, name, message.length, message.payload)
            }
            Event::Handshake(_) | Event::Note(..) | Event::Fault(..) | Event::End(_) => {
                return !self.narrow && (self.show != Show::Connections || self.json);
            }
        };
        if shown {
            if self.left == 0 {
                return false;
            }
            self.left -= 1;
        }
        shown
    }

    fn fits(
        &self,
        direction: Direction,
        time: Option<i128>,
        name: &str,
        length: u64,
        payload: &[u8],
    ) -> bool {
        let filter = &self.filter;
        let time = match (time, self.start) {
            (Some(time), Some(start)) => filter.time.contains(&(time - start)),
            _ => true,
        };
        let grep = filter.grep.as_deref();
        time && filter.direction.is_none_or(|it| it == direction)
            && (filter.types.is_empty() || filter.types.iter().any(|it| it == name))
            && filter.size.contains(&length)
            && grep.is_none_or(|part| contains(payload, part))
    }

    fn print(&mut self, stream: u32, event: &Event<'_>, out: &mut Vec<u8>) {
        if let Some(known) = self.known.get_mut(&stream)
            && !known.printed
        {
            known.printed = true;
            let connection = known.connection;
            self.put(&Event::Connection(&connection), out);
        }
        self.put(event, out);
    }

    fn put(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match self.json {
            true => json::write(event, self.preview, out),
            false => self.writer.write(event, out),
        }
    }

    fn end(&mut self, end: &End, out: &mut Vec<u8>) {
        let known = self.known.remove(&end.connection.stream);
        if self.show != Show::Connections || self.json {
            return;
        }
        let connection = end.connection;
        let mut line = format!(
            "#{:<3} {} -> {}",
            connection.stream, connection.client, connection.server
        );
        if let Some(known) = known {
            line += &known.about;
        }
        if let Some((begin, end)) = connection.origin.time.zip(end.origin.time) {
            let millis = (end - begin) / 1_000_000;
            let _ = write!(
                line,
                "  {}.{:03} s",
                millis / 1000,
                millis.unsigned_abs() % 1000
            );
        }
        let _ = writeln!(line, "  {}", text::summary(end));
        out.extend_from_slice(line.as_bytes());
    }

    /// Prints what stands at the end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(lint) = &mut self.lint {
            lint.write(self.json, out);
        }
        if let Some(stats) = &mut self.stats {
            stats.write(self.json, out);
        }
    }
}

/// How many faults an event has.
fn faults(event: &Event<'_>) -> u64 {
    let of = |faults: &[Fault]| faults.len() as u64;
    match event {
        Event::Handshake(handshake) => handshake.faults.len() as u64,
        Event::Frame(frame) => of(frame.faults),
        Event::Fault(..) => 1,
        _ => 0,
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let Some((&first, rest)) = part.split_first() else {
        return true;
    };
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&byte| byte == first) {
        at += next + 1;
        if bytes[at..].starts_with(rest) {
            return true;
        }
    }
    false
}
