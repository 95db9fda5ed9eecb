//! Events as lines for people.
//!
//! Bytes of the peers are shown with every character escaped that a terminal acts upon
//! ([`safe`](crate::safe)).

mod summary;
mod words;

use std::fmt::Write;

use wscodec::message::Kind;

use crate::event::{
    CapturedFrame, CapturedHandshake, CapturedMessage, Conversation, ConversationEnd,
    ConversationId, Direction, InspectEvent, PacketInfo, Violation,
};
use crate::json::NAMES;
use crate::safe::safe;

pub(crate) use summary::ending;
pub use summary::{finding, stats, summary};
pub(crate) use words::addresses;

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextStyle {
    /// Whether to colour.
    pub color: bool,
    /// Characters of a line at most, if it has to fit; of payloads as much is shown as fits.
    pub width: Option<usize>,
    /// Bytes of a payload at most.
    pub payload: usize,
    /// Whether events are shown that no message or frame is part of: connections, handshakes, ends.
    pub quiet: bool,
}

/// Writes lines.
#[derive(Debug)]
pub struct TextWriter {
    style: TextStyle,
    /// The time of the first line, and of the last one of a frame or a message.
    start: Option<i128>,
    last: Option<i128>,
    line: String,
}

impl TextWriter {
    /// With this style.
    pub fn new(style: TextStyle) -> Self {
        Self {
            style,
            start: None,
            last: None,
            line: String::new(),
        }
    }

    /// Appends the lines for an event.
    pub fn write(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        match event {
            InspectEvent::Conversation(conversation) => {
                self.begin(conversation.packet, conversation.id, None);
                if !self.style.quiet {
                    self.conversation(conversation);
                    self.end(out);
                }
            }
            InspectEvent::Handshake(handshake) => self.handshake(handshake, out),
            InspectEvent::Frame(frame) => self.frame(frame, out),
            InspectEvent::Message(message) => self.message(message, out),
            InspectEvent::Violation(location, fault) => {
                self.begin(
                    location.packet,
                    location.conversation,
                    Some(location.direction),
                );
                self.fault(fault);
                self.end(out);
            }
            InspectEvent::Note(location, note) => {
                self.begin(
                    location.packet,
                    location.conversation,
                    Some(location.direction),
                );
                let note = safe(note.to_string().as_bytes());
                self.paint(DIM, &format!("-- {note}"));
                self.end(out);
            }
            InspectEvent::End(end) if !self.style.quiet => {
                self.begin(end.packet, end.conversation.id, None);
                self.ending(end);
                self.end(out);
            }
            InspectEvent::End(_) => {}
        }
    }

    /// The time since the first event, the connection and the direction.
    fn begin(&mut self, packet: PacketInfo, id: ConversationId, direction: Option<Direction>) {
        self.line.clear();
        match packet.time {
            Some(time) => {
                let start = *self.start.get_or_insert(time);
                let _ = write!(self.line, "{:>12}", seconds(time - start, ""));
            }
            None => self.line.push_str("           -"),
        }
        let _ = write!(self.line, "  #{:<3} ", id.to_string());
        match direction {
            Some(direction) => {
                let color = match direction {
                    Direction::ClientToServer => CYAN,
                    Direction::ServerToClient => YELLOW,
                };
                self.paint(color, direction.name());
                self.line.push(' ');
            }
            None => self.line.push_str("    "),
        }
    }

    /// The time since the frame or message before, in all connections that are shown.
    fn gap(&mut self, packet: PacketInfo) {
        let gap = packet.time.map(|time| {
            let gap = time - self.last.replace(time).unwrap_or(time);
            format!("{:>10} ", seconds(gap, "+"))
        });
        if let Some(gap) = gap {
            self.paint(DIM, &gap);
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let line = self.line.trim_end();
        match self.style.width {
            Some(width) => put_fitting(line, width, out),
            None => out.extend_from_slice(line.as_bytes()),
        }
        if self.style.color {
            out.extend_from_slice(RESET.as_bytes());
        }
        out.push(b'\n');
    }

    fn paint(&mut self, color: &str, text: &str) {
        match self.style.color {
            true => {
                let _ = write!(self.line, "{color}{text}{RESET}");
            }
            false => self.line.push_str(text),
        }
    }

    fn conversation(&mut self, conversation: &Conversation) {
        let shown = addresses(conversation);
        self.line.push_str(&shown);
        if conversation.tls {
            self.line.push_str(", TLS");
        }
        if !conversation.from_start {
            self.line.push_str(", from the middle on");
        }
    }

    fn handshake(&mut self, handshake: &CapturedHandshake<'_>, out: &mut Vec<u8>) {
        let heads = handshake.heads();
        if !self.style.quiet {
            for (i, head) in heads.into_iter().enumerate() {
                let Some(head) = head else {
                    continue;
                };
                let location = head.location;
                self.begin(
                    location.packet,
                    location.conversation,
                    Some(location.direction),
                );
                let [first, second, third] = head.start_line();
                let line = match i {
                    0 => {
                        let host = handshake.host();
                        format!(
                            "{} {} host {}",
                            safe(first),
                            safe(second),
                            host.map_or("-".into(), safe)
                        )
                    }
                    _ => format!("{} {}", safe(second), safe(third)),
                };
                self.paint(BOLD, &line);
                if i == 1 && handshake.accepted {
                    let agreed = agreed(handshake);
                    self.line.push_str(&agreed);
                } else if i == 1 {
                    self.line.push_str(": the upgrade is rejected");
                }
                self.end(out);
            }
        }
        for (direction, fault) in handshake.violations {
            if let Some(head) = heads[direction.index()] {
                self.begin(
                    head.location.packet,
                    handshake.conversation,
                    Some(*direction),
                );
                self.fault(fault);
                self.end(out);
            }
        }
    }

    fn frame(&mut self, frame: &CapturedFrame<'_>, out: &mut Vec<u8>) {
        let header = &frame.header;
        self.begin(
            frame.end,
            frame.location.conversation,
            Some(frame.location.direction),
        );
        self.gap(frame.end);
        let name = NAMES[usize::from(header.opcode & 15)];
        let name = match name {
            "reserved" => format!("reserved {:<3}", header.opcode),
            name => format!("{name:<12}"),
        };
        match header.opcode {
            8.. => self.paint(MAGENTA, &name),
            _ => self.line.push_str(&name),
        }
        let fin = if header.fin { "FIN" } else { "   " };
        let mask = header.mask.map_or(String::new(), |key| hex(&key));
        let _ = write!(
            self.line,
            " {fin} {} {mask:<8} {:>9}  ",
            bits(header.rsv.bits()),
            header.len
        );
        if let Some(inflated) = frame.inflated {
            self.paint(DIM, &format!("to {inflated} "));
        }
        if frame.captured < header.len {
            self.paint(DIM, &format!("{} captured ", frame.captured));
        }
        if frame.after_close {
            self.paint(RED, "after close ");
        }
        match frame.close {
            Some(close) => {
                match close.code {
                    Some(code) => {
                        let _ = write!(self.line, "{code}");
                    }
                    None => self.line.push_str("no code"),
                }
                if !close.reason.is_empty() {
                    let _ = write!(self.line, " \"{}\"", safe(close.reason));
                }
            }
            None => {
                let text = is_text(frame);
                let total = frame.inflated.unwrap_or(frame.captured);
                self.payload(text, frame.payload, !frame.unknown.is_empty(), total);
            }
        }
        self.end(out);
        for fault in frame.violations {
            self.begin(
                frame.end,
                frame.location.conversation,
                Some(frame.location.direction),
            );
            self.fault(fault);
            self.end(out);
        }
    }

    fn message(&mut self, message: &CapturedMessage<'_>, out: &mut Vec<u8>) {
        self.begin(
            message.end,
            message.location.conversation,
            Some(message.location.direction),
        );
        self.gap(message.end);
        let name = match message.kind {
            Some(Kind::Text) => "text",
            Some(Kind::Binary) => "binary",
            None => "rest",
        };
        self.paint(BOLD, &format!("{name:<12}"));
        let _ = write!(self.line, " {:>9}  ", message.length);
        if let Some(inflated) = message.inflated {
            self.paint(DIM, &format!("to {inflated} "));
        }
        if message.frames > 1 {
            self.paint(DIM, &format!("{} frames ", message.frames));
        }
        if !message.finished {
            self.paint(RED, "not finished ");
        }
        let total = message.inflated.unwrap_or(message.length);
        let text = message.kind == Some(Kind::Text);
        self.payload(text, message.payload, !message.unknown.is_empty(), total);
        self.end(out);
    }

    fn payload(&mut self, text: bool, bytes: &[u8], unknown: bool, total: u64) {
        let most = self.style.payload.min(match self.style.width {
            Some(width) => width,
            None => usize::MAX,
        });
        if unknown {
            self.paint(DIM, "partly unknown ");
        }
        let shown = Excerpt::of(text, bytes, total, most);
        if let Some(hex) = &shown.hex {
            self.paint(DIM, hex);
        }
        if let Some(text) = &shown.text {
            let space = if shown.hex.is_some() { " " } else { "" };
            let _ = write!(self.line, "{space}\"{text}\"");
        }
        if shown.cut {
            self.paint(DIM, "...");
        }
    }

    fn fault(&mut self, fault: &Violation) {
        self.paint(RED, &format!("!! {}", broken(fault)));
    }

    fn ending(&mut self, end: &ConversationEnd) {
        let line = ending(end.ending, end.closed.as_ref(), &end.totals);
        self.paint(BOLD, &line);
    }
}

/// The beginning of a payload as it is shown.
pub(crate) struct Excerpt {
    /// The bytes, if they are no text.
    pub(crate) hex: Option<String>,
    /// The text, with escapes.
    pub(crate) text: Option<String>,
    /// Whether more bytes follow.
    pub(crate) cut: bool,
}

impl Excerpt {
    /// At most so many bytes of a payload that has `total`.
    pub(crate) fn of(text: bool, bytes: &[u8], total: u64, most: usize) -> Self {
        let mut shown = &bytes[..bytes.len().min(most)];
        let mut is_valid = true;
        if text && let Err(e) = core::str::from_utf8(shown) {
            // A character at the cut is left out; anything else is no text.
            match e.error_len() {
                None if (shown.len() as u64) < total => shown = &shown[..e.valid_up_to()],
                _ => is_valid = false,
            }
        }
        Self {
            hex: (!text || !is_valid).then(|| hex(shown)),
            text: text.then(|| safe(shown)),
            cut: (shown.len() as u64) < total,
        }
    }
}

/// Whether the payload of a frame is shown as text. Pings and pongs are mostly text.
pub(crate) fn is_text(frame: &CapturedFrame<'_>) -> bool {
    let ascii = || frame.payload.iter().all(|it| matches!(it, b' '..=b'~'));
    frame.kind == Some(Kind::Text) || frame.header.opcode > 8 && ascii()
}

/// A rule that was broken, in words.
pub(crate) fn broken(violation: &Violation) -> String {
    let found = safe(violation.found.as_bytes());
    let expected = safe(violation.expected.as_bytes());
    format!(
        "{}: {}, at byte {}; found {found}; expected {expected} ({})",
        violation.error.code(),
        violation.error.message(),
        violation.offset,
        violation.section()
    )
}

/// Nanoseconds as seconds with microseconds; `plus` stands in front of those that are not negative.
fn seconds(nanoseconds: i128, plus: &str) -> String {
    let micros = nanoseconds / 1000;
    let sign = if micros < 0 { "-" } else { plus };
    let micros = micros.unsigned_abs();
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The agreement of the two sides, in words.
pub(crate) fn agreed(handshake: &CapturedHandshake<'_>) -> String {
    let mut line = String::new();
    if let Some(protocol) = handshake.protocol {
        let _ = write!(line, "  subprotocol {}", safe(protocol.as_bytes()));
    }
    match (handshake.deflate, handshake.extensions) {
        (Some(agreed), _) => {
            line.push_str("  permessage-deflate");
            for (name, of) in [("server", agreed.send), ("client", agreed.receive)] {
                let _ = write!(line, " {name} {} bits", of.window.bits());
                if !of.takeover {
                    line.push_str(" no takeover");
                }
            }
        }
        (None, Some(extensions)) => {
            let _ = write!(line, "  extensions {}", safe(extensions));
        }
        (None, None) => {}
    }
    line
}

/// RSV1 as `1--`.
fn bits(rsv: u8) -> &'static str {
    ["   ", "--3", "-2-", "-23", "1--", "1-3", "12-", "123"][usize::from(rsv & 7)]
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

const RESET: &str = "\x1b[0m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const MAGENTA: &str = "\x1b[35m";
const CYAN: &str = "\x1b[36m";

/// Appends as much of the line as has so many characters. Colours have no width; wide characters
/// count as two.
fn put_fitting(line: &str, width: usize, out: &mut Vec<u8>) {
    let mut used = 0;
    let mut escape = false;
    for (at, char) in line.char_indices() {
        let columns = match char {
            '\x1b' => {
                escape = true;
                0
            }
            'm' if escape => {
                escape = false;
                0
            }
            _ if escape => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        };
        if used + columns > width {
            out.extend_from_slice(&line.as_bytes()[..at]);
            return;
        }
        used += columns;
    }
    out.extend_from_slice(line.as_bytes());
}
