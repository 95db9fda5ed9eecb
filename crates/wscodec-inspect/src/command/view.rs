//! From events to output: filters, limits, the list of connections.

use std::collections::HashMap;

use super::args::{Arguments, Filter, Show};
use crate::event::{
    CapturedHandshake, Conversation, ConversationId, Direction, InspectEvent, Violation,
};
use crate::json;
use crate::lint::Lint;
use crate::stats::TrafficStats;
use crate::summary::Summaries;
use crate::text::{self, TextStyle, TextWriter};

/// Connections of which the handshake is remembered for the list and the filter by host.
const MAX_KNOWN: usize = 1 << 16;

pub(super) struct View {
    show: Show,
    json: bool,
    preview: usize,
    filter: Filter,
    /// The filter picks single frames or messages, so that nothing else is of interest.
    narrow: bool,
    writer: TextWriter,
    known: HashMap<ConversationId, Known>,
    summaries: Summaries,
    stats: Option<TrafficStats>,
    lint: Option<Lint>,
    strict: bool,
    /// Lines of frames or messages that may still be printed.
    left: u64,
    start: Option<i128>,
    violations: u64,
    done: bool,
    empty: bool,
}

/// A connection that was reported.
struct Known {
    conversation: Conversation,
    printed: bool,
    /// Whether its host is the one that is asked for; `None` as long as nobody knows.
    host_fits: Option<bool>,
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
            writer: TextWriter::new(TextStyle {
                color: arguments.color.unwrap_or(terminal),
                width: arguments.width.filter(|_| !arguments.payloads),
                payload: preview,
                quiet: false,
            }),
            known: HashMap::new(),
            summaries: Summaries::default(),
            stats: arguments.stats.then(TrafficStats::default),
            lint: arguments.lint.then(Lint::default),
            strict: arguments.strict,
            left: arguments.limit,
            start: None,
            violations: 0,
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
    pub(super) fn violations(&self) -> u64 {
        self.violations
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    pub(super) fn event(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        self.empty = false;
        match event {
            InspectEvent::Conversation(conversation) => {
                self.start = self.start.or(conversation.packet.time);
                if self.known.len() < MAX_KNOWN {
                    let known = Known {
                        conversation: **conversation,
                        printed: false,
                        host_fits: self.filter.host.is_none().then_some(true),
                    };
                    self.known.insert(conversation.id, known);
                }
            }
            InspectEvent::Handshake(handshake) => self.handshake(handshake),
            _ => {}
        }
        let summary = self.summaries.event(event);
        let id = event.conversation();
        if !self.wants(id) {
            return;
        }
        if let Some(stats) = &mut self.stats {
            stats.event(event);
        }
        if let Some(lint) = &mut self.lint {
            lint.event(event);
        }
        let violations = violations(event);
        self.violations += violations;
        if self.is_shown(event, violations) {
            self.print(id, event, out);
        }
        if let Some(summary) = summary {
            self.known.remove(&id);
            if self.show == Show::Connections && !self.json {
                out.extend_from_slice(text::summary(&summary).as_bytes());
                out.push(b'\n');
            }
        }
        if violations > 0 && self.strict {
            self.done = true;
        }
    }

    /// Whether the connection is one of those that are asked for.
    fn wants(&self, id: ConversationId) -> bool {
        let numbers = &self.filter.connections;
        let host = self.known.get(&id).and_then(|known| known.host_fits);
        (numbers.is_empty() || numbers.contains(&id.stream)) && host == Some(true)
            || numbers.is_empty() && self.filter.host.is_none()
    }

    fn handshake(&mut self, handshake: &CapturedHandshake<'_>) {
        if let Some(part) = &self.filter.host
            && let Some(known) = self.known.get_mut(&handshake.conversation)
            && let Some(host) = handshake.host()
        {
            let host = String::from_utf8_lossy(host).to_ascii_lowercase();
            known.host_fits = Some(host.contains(part));
        }
    }

    fn is_shown(&mut self, event: &InspectEvent<'_>, violations: u64) -> bool {
        let shown = match event {
            InspectEvent::Conversation(_) => return false,
            InspectEvent::Frame(frame) => {
                let control = frame.header.opcode >= 8;
                let name = json::NAMES[usize::from(frame.header.opcode & 15)];
                match self.show {
                    Show::Frames => {}
                    Show::Messages if control || violations > 0 => {}
                    _ => return false,
                }
                let location = &frame.location;
                self.fits(
                    location.direction,
                    frame.end.time,
                    name,
                    frame.header.len,
                    frame.payload,
                )
            }
            InspectEvent::Message(message) => {
                let name = match message.kind {
                    Some(wscodec::message::Kind::Text) => "text",
                    Some(wscodec::message::Kind::Binary) => "binary",
                    None => "continuation",
                };
                let (location, end) = (&message.location, message.end.time);
                self.show == Show::Messages
                    && self.fits(
                        location.direction,
                        end,
                        name,
                        message.length,
                        message.payload,
                    )
            }
            InspectEvent::Handshake(_)
            | InspectEvent::Note(..)
            | InspectEvent::Violation(..)
            | InspectEvent::End(_) => {
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

    fn print(&mut self, id: ConversationId, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        if let Some(known) = self.known.get_mut(&id)
            && !known.printed
        {
            known.printed = true;
            let conversation = known.conversation;
            self.put(&InspectEvent::Conversation(&conversation), out);
        }
        self.put(event, out);
    }

    fn put(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        match self.json {
            true => json::write(event, self.preview, out),
            false => self.writer.write(event, out),
        }
    }

    /// Prints what stands at the end.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(lint) = &self.lint {
            for finding in lint.findings() {
                match self.json {
                    true => json::write_finding(finding, out),
                    false => {
                        out.extend_from_slice(text::finding(finding).as_bytes());
                        out.push(b'\n');
                    }
                }
            }
        }
        if let Some(stats) = &self.stats {
            match self.json {
                true => json::write_stats(stats, out),
                false => out.extend_from_slice(text::stats(stats).as_bytes()),
            }
        }
    }
}

/// How many violations an event has.
fn violations(event: &InspectEvent<'_>) -> u64 {
    let of = |violations: &[Violation]| violations.len() as u64;
    match event {
        InspectEvent::Handshake(handshake) => handshake.violations.len() as u64,
        InspectEvent::Frame(frame) => of(frame.violations),
        InspectEvent::Violation(..) => 1,
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
