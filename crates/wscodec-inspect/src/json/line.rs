//! Members of JSON objects, appended to a buffer.
//!
//! This is written by hand, because the lines of a capture are most of the work of an inspection:
//! `serde_json` needs a value or a type for each line, and about twice the time.

use core::ops::Range;

use crate::event::{ConversationId, Direction, Location, PacketInfo};
use crate::safe::put_json_string;

/// A line that is being written: an object with a `type`.
pub(crate) struct Line<'o>(pub(crate) &'o mut Vec<u8>);

impl<'o> Line<'o> {
    pub(crate) fn new(kind: &str, out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        Self(out)
    }

    /// Names are ours, so they need no escapes.
    pub(crate) fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(crate) fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.name(name);
        put_number(value.into(), self.0);
    }

    pub(crate) fn bool(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    pub(crate) fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend_from_slice(value.as_bytes());
    }

    /// A string of ours.
    pub(crate) fn word(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }

    pub(crate) fn string(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        put_json_string(value, self.0);
    }

    pub(crate) fn option(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.string(name, value),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn shown(&mut self, name: &str, value: &impl core::fmt::Display) {
        self.string(name, value.to_string().as_bytes());
    }

    pub(crate) fn time(&mut self, name: &str, time: Option<i128>) {
        self.name(name);
        put_time(time, self.0);
    }

    pub(crate) fn id(&mut self, id: ConversationId) {
        self.number("stream", id.stream);
        if id.substream != 0 {
            self.number("substream", id.substream);
        }
    }

    pub(crate) fn direction(&mut self, name: &str, direction: Option<Direction>) {
        match direction {
            Some(direction) => self.word(name, direction.name()),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn number_or_null(&mut self, name: &str, value: Option<impl Into<u64>>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn shown_or_null(&mut self, name: &str, value: Option<&impl core::fmt::Display>) {
        match value {
            Some(value) => self.shown(name, value),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn packet(&mut self, packet: PacketInfo) {
        self.number("packet", packet.number);
        self.time("time", packet.time);
    }

    pub(crate) fn location(&mut self, location: &Location, end: PacketInfo) {
        self.id(location.conversation);
        self.word("dir", location.direction.name());
        self.packet(end);
        self.number("offset", location.offset);
    }

    pub(crate) fn begin(&mut self, begin: PacketInfo, end: PacketInfo) {
        if begin != end {
            self.number("firstPacket", begin.number);
            self.time("firstTime", begin.time);
        }
    }

    pub(crate) fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        put_hex(bytes, self.0);
        self.0.push(b'"');
    }

    /// The payload, of which there are `total` bytes.
    pub(crate) fn payload(
        &mut self,
        text: bool,
        bytes: &[u8],
        unknown: &[Range<usize>],
        total: u64,
        most: usize,
    ) {
        let shown = &bytes[..bytes.len().min(most)];
        let cut = (shown.len() as u64) < total;
        if !text {
            self.hex("hex", shown);
        } else if unknown.is_empty() {
            match core::str::from_utf8(shown) {
                Ok(_) => self.string("text", shown),
                // A character at the end may be cut.
                Err(e) if cut && e.error_len().is_none() => {
                    self.string("text", &shown[..e.valid_up_to()]);
                }
                Err(_) => {
                    self.hex("hex", shown);
                    let escaped = crate::safe::safe(shown);
                    self.string("escaped", escaped.as_bytes());
                }
            }
        } else {
            let mut text = shown.to_vec();
            for range in unknown.iter().rev() {
                let range = range.start.min(text.len())..range.end.min(text.len());
                let len = range.len();
                text.splice(range, "\u{fffd}".repeat(len).into_bytes());
            }
            self.string("text", &text);
        }
        if cut {
            self.bool("cut", true);
        }
        if !unknown.is_empty() {
            self.name("unknown");
            let mut before = b'[';
            for range in unknown {
                self.0.push(before);
                before = b',';
                self.0.push(b'[');
                put_number(range.start as u64, self.0);
                self.0.push(b',');
                put_number(range.end as u64, self.0);
                self.0.push(b']');
            }
            self.0.push(b']');
        }
    }

    pub(crate) fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }
}

/// Decimal digits. `write!` takes several times as long, and a line has ten numbers.
pub(crate) fn put_number(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Seconds with microseconds, or nanoseconds if there are any.
pub(crate) fn put_time(time: Option<i128>, out: &mut Vec<u8>) {
    let Some(time) = time else {
        out.extend_from_slice(b"null");
        return;
    };
    let nanoseconds = time.unsigned_abs();
    if time < 0 {
        out.push(b'-');
    }
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).unwrap_or(u64::MAX);
    put_number(seconds, out);
    let mut rest = (nanoseconds % 1_000_000_000) as u64;
    let mut digits = 9;
    if rest.is_multiple_of(1000) {
        (rest, digits) = (rest / 1000, 6);
    }
    out.push(b'.');
    let start = out.len();
    out.resize(start + digits, b'0');
    for i in (start..start + digits).rev() {
        out[i] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

pub(crate) fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
}
