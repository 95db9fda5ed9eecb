//! Events as JSON lines: one object a line, with a `type`.
//!
//! New members may be added; a reader ignores those that it does not know. Numbers are exact. Strings
//! have every character escaped that a terminal acts upon (see [`safe`](crate::safe)).
//!
//! All lines but `connection`, `handshake` and `end` have `stream` (the number of the TCP connection,
//! as Wireshark counts), `dir` (`"c2s"` or `"s2c"`), `offset` (bytes from the beginning of the
//! direction), `packet` and `time` (of the last byte; seconds since 1970, `null` if the capture does
//! not say). These three have `stream`, `packet` and `time`.
//!
//! | type | members |
//! |---|---|
//! | `connection` | `client`, `server` (addresses), `fromStart` |
//! | `handshake` | `accepted`, `status` (or null), `interim` (statuses), `request`, `response` (null, or `line`, `headers` as pairs, `length`, `offset`, `packet`, `time`), `method`, `target`, `host`, `protocol`, `extensions` (or null), `deflate` (null, or `serverNoContextTakeover`, `clientNoContextTakeover`, `serverMaxWindowBits`, `clientMaxWindowBits`) |
//! | `frame` | `opcode`, `name`, `fin`, `rsv` (RSV1 is 4), `masked`, `length` (on the wire); and where they apply: `mask` (hexadecimal), `firstPacket` and `firstTime` (if it began in another packet), `captured` (if fewer bytes are in the capture), `inflated`, `closeCode` (or null) and `reason`, `afterClose`, `faults` (codes), and the payload |
//! | `message` | `kind` (`"text"`, `"binary"` or null), `length`, `frames`, `compressed`, `finished`, `firstPacket`, `firstTime`, `inflated`, and the payload |
//! | `fault` | `code`, `message`, `found`, `expected`, `section`, `frame` (offset of its frame, or null) |
//! | `note` | `code`, `message`, and by code: `length`, `serverName`, `alpn`, `client`, `server`, `target` |
//! | `end` | `ending` (`"fin"`, `"reset"`, `"open"`, `"dropped"`), `by` (direction or null), `closedBy`, `closeCode`, `duration` (seconds), `c2s` and `s2c` with `bytes`, `frames`, `messages`, `text`, `binary`, `compressed`, `data`, `control`, `inflated`, `faults`, `missing` |
//!
//! The payload is `text` if it is text that is UTF-8, and `hex` otherwise; of text that is not UTF-8
//! there is `escaped` as well. `cut` says that more bytes follow. `unknown` has ranges of bytes that
//! are not known, as pairs of a begin and an end; they are 00 in `hex` and U+FFFD in `text`.
//!
//! The lines for the faults of a frame and a handshake follow its line.

use core::ops::Range;

use wscodec::head::{HeaderFields, start_line};
use wscodec::message::Kind;

use crate::event::{
    Connection, Direction, End, Event, Fault, Frame, Handshake, Head, Message, Note, Place, Totals,
};
use crate::reassembly::Origin;
use crate::safe::put_json_string;

/// Names of the opcodes (RFC 6455 §5.2).
pub(crate) const NAMES: [&str; 16] = {
    let mut names = ["reserved"; 16];
    names[0] = "continuation";
    names[1] = "text";
    names[2] = "binary";
    names[8] = "close";
    names[9] = "ping";
    names[10] = "pong";
    names
};

/// Appends the lines for an event. `most` is how many bytes of each payload are shown at most; the
/// event may have fewer of them, by [`Options::payload`](crate::Options::payload).
///
/// ```
/// use wscodec_inspect::event::{Connection, Event};
/// use wscodec_inspect::reassembly::Origin;
/// use wscodec_inspect::json;
///
/// let connection = Connection {
///     stream: 0,
///     client: "10.0.0.1:5000".parse().unwrap(),
///     server: "10.0.0.2:80".parse().unwrap(),
///     origin: Origin { packet: 1, time: Some(1_500_000_000) },
///     from_start: true,
/// };
/// let mut out = Vec::new();
/// json::write(&Event::Connection(&connection), 256, &mut out);
/// assert_eq!(
///     String::from_utf8(out).unwrap(),
///     "{\"type\":\"connection\",\"stream\":0,\"packet\":1,\"time\":1.500000,\
///      \"client\":\"10.0.0.1:5000\",\"server\":\"10.0.0.2:80\",\"fromStart\":true}\n"
/// );
/// ```
pub fn write(event: &Event<'_>, most: usize, out: &mut Vec<u8>) {
    match event {
        Event::Connection(connection) => write_connection(connection, out),
        Event::Handshake(handshake) => write_handshake(handshake, out),
        Event::Frame(frame) => write_frame(frame, most, out),
        Event::Message(message) => write_message(message, most, out),
        Event::Fault(place, fault) => write_fault(place, fault, None, out),
        Event::Note(place, note) => write_note(place, note, out),
        Event::End(end) => write_end(end, out),
    }
}

struct Line<'o>(&'o mut Vec<u8>);

impl<'o> Line<'o> {
    fn new(kind: &str, out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.push(b'"');
        Self(out)
    }

    /// Names are ours, so they need no escapes.
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.name(name);
        put_number(value.into(), self.0);
    }

    fn bool(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    fn raw(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.extend_from_slice(value.as_bytes());
    }

    /// A string of ours.
    fn word(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(value.as_bytes());
        self.0.push(b'"');
    }

    fn string(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        put_json_string(value, self.0);
    }

    fn option(&mut self, name: &str, value: Option<&[u8]>) {
        match value {
            Some(value) => self.string(name, value),
            None => self.raw(name, "null"),
        }
    }

    fn shown(&mut self, name: &str, value: &impl core::fmt::Display) {
        self.string(name, value.to_string().as_bytes());
    }

    fn time(&mut self, name: &str, time: Option<i128>) {
        self.name(name);
        put_time(time, self.0);
    }

    fn origin(&mut self, origin: Origin) {
        self.number("packet", origin.packet);
        self.time("time", origin.time);
    }

    fn place(&mut self, place: &Place, end: Origin) {
        self.number("stream", place.stream);
        self.word("dir", place.direction.name());
        self.origin(end);
        self.number("offset", place.offset);
    }

    fn begin(&mut self, begin: Origin, end: Origin) {
        if begin != end {
            self.number("firstPacket", begin.packet);
            self.time("firstTime", begin.time);
        }
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.name(name);
        self.0.push(b'"');
        put_hex(bytes, self.0);
        self.0.push(b'"');
    }

    /// The payload, of which there are `total` bytes.
    fn payload(
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

    fn end(self) {
        self.0.extend_from_slice(b"}\n");
    }
}

fn write_connection(connection: &Connection, out: &mut Vec<u8>) {
    let mut line = Line::new("connection", out);
    line.number("stream", connection.stream);
    line.origin(connection.origin);
    line.shown("client", &connection.client);
    line.shown("server", &connection.server);
    line.bool("fromStart", connection.from_start);
    line.end();
}

fn write_handshake(handshake: &Handshake<'_>, out: &mut Vec<u8>) {
    let heads = [handshake.request, handshake.response];
    let Some(last) = handshake.response.or(handshake.request) else {
        return;
    };
    let mut line = Line::new("handshake", out);
    line.number("stream", handshake.stream);
    line.origin(last.place.origin);
    line.bool("accepted", handshake.accepted);
    match handshake.status {
        Some(status) => line.number("status", status),
        None => line.raw("status", "null"),
    }
    line.name("interim");
    let interim: Vec<_> = handshake.interim.iter().map(u16::to_string).collect();
    line.0
        .extend_from_slice(format!("[{}]", interim.join(",")).as_bytes());
    let start = handshake.request.map(|head| start_line(head.bytes));
    line.option("method", start.map(|it| it[0]));
    line.option("target", start.map(|it| it[1]));
    let host = handshake.request;
    let host = host.and_then(|head| HeaderFields::of(head.bytes).named("Host").next());
    line.option("host", host);
    line.option("protocol", handshake.protocol.map(str::as_bytes));
    line.option("extensions", handshake.extensions);
    line.name("deflate");
    match handshake.deflate {
        None => line.0.extend_from_slice(b"null"),
        Some(agreed) => line.0.extend_from_slice(
            format!(
                "{{\"serverNoContextTakeover\":{},\"clientNoContextTakeover\":{},\
                 \"serverMaxWindowBits\":{},\"clientMaxWindowBits\":{}}}",
                !agreed.send.takeover,
                !agreed.receive.takeover,
                agreed.send.window.bits(),
                agreed.receive.window.bits()
            )
            .as_bytes(),
        ),
    }
    for (name, head) in ["request", "response"].into_iter().zip(heads) {
        line.name(name);
        match head {
            None => line.0.extend_from_slice(b"null"),
            Some(head) => put_head(&head, line.0),
        }
    }
    put_codes(&mut line, handshake.faults.iter().map(|(_, fault)| fault));
    line.end();
    for (direction, fault) in handshake.faults {
        if let Some(head) = heads[direction.index()] {
            write_fault(&head.place, fault, None, out);
        }
    }
}

fn put_head(head: &Head<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"line\":");
    let line = head
        .bytes
        .split(|&byte| byte == b'\r' || byte == b'\n')
        .next();
    put_json_string(line.unwrap_or_default(), out);
    out.extend_from_slice(b",\"headers\":[");
    for (i, field) in HeaderFields::of(head.bytes).enumerate() {
        out.extend_from_slice(if i == 0 { b"[" } else { b",[" });
        put_json_string(field.name.as_bytes(), out);
        out.push(b',');
        put_json_string(field.value, out);
        out.push(b']');
    }
    out.extend_from_slice(b"],\"length\":");
    put_number(head.bytes.len() as u64, out);
    out.extend_from_slice(b",\"offset\":");
    put_number(head.place.offset, out);
    out.extend_from_slice(b",\"packet\":");
    put_number(head.place.origin.packet, out);
    out.extend_from_slice(b",\"time\":");
    put_time(head.place.origin.time, out);
    out.push(b'}');
}

fn put_codes<'f>(line: &mut Line<'_>, faults: impl Iterator<Item = &'f Fault>) {
    let mut any = false;
    for fault in faults {
        if !any {
            line.name("faults");
        }
        line.0.extend_from_slice(if any { b",\"" } else { b"[\"" });
        line.0.extend_from_slice(fault.error.code().as_bytes());
        line.0.push(b'"');
        any = true;
    }
    if any {
        line.0.push(b']');
    }
}

fn write_frame(frame: &Frame<'_>, most: usize, out: &mut Vec<u8>) {
    let header = &frame.header;
    let mut line = Line::new("frame", out);
    line.place(&frame.place, frame.end);
    line.begin(frame.place.origin, frame.end);
    line.number("opcode", header.opcode);
    line.word("name", NAMES[usize::from(header.opcode & 15)]);
    line.bool("fin", header.fin);
    line.number("rsv", header.rsv.bits());
    line.bool("masked", header.mask.is_some());
    if let Some(key) = header.mask {
        line.hex("mask", &key);
    }
    line.number("length", header.len);
    if frame.captured < header.len {
        line.number("captured", frame.captured);
    }
    if let Some(inflated) = frame.inflated {
        line.number("inflated", inflated);
    }
    match frame.close {
        Some(close) => {
            match close.code {
                Some(code) => line.number("closeCode", code),
                None => line.raw("closeCode", "null"),
            }
            line.string("reason", close.reason);
            if core::str::from_utf8(close.reason).is_err() {
                line.hex("reasonHex", close.reason);
            }
        }
        None => {
            let text = frame.kind == Some(Kind::Text);
            let total = frame.inflated.unwrap_or(frame.captured);
            line.payload(text, frame.payload, frame.unknown, total, most);
        }
    }
    if frame.after_close {
        line.bool("afterClose", true);
    }
    put_codes(&mut line, frame.faults.iter());
    line.end();
    for fault in frame.faults {
        let place = Place {
            origin: frame.end,
            ..frame.place
        };
        write_fault(&place, fault, Some(frame.place.offset), out);
    }
}

fn write_message(message: &Message<'_>, most: usize, out: &mut Vec<u8>) {
    let mut line = Line::new("message", out);
    line.place(&message.place, message.end);
    line.begin(message.place.origin, message.end);
    match message.kind {
        Some(Kind::Text) => line.word("kind", "text"),
        Some(Kind::Binary) => line.word("kind", "binary"),
        None => line.raw("kind", "null"),
    }
    line.number("length", message.length);
    line.number("frames", message.frames);
    line.bool("compressed", message.compressed);
    if let Some(inflated) = message.inflated {
        line.number("inflated", inflated);
    }
    line.bool("finished", message.finished);
    let text = message.kind == Some(Kind::Text);
    let total = message.inflated.unwrap_or(message.length);
    line.payload(text, message.payload, message.unknown, total, most);
    line.end();
}

fn write_fault(place: &Place, fault: &Fault, frame: Option<u64>, out: &mut Vec<u8>) {
    let mut line = Line::new("fault", out);
    let at = Place {
        offset: fault.offset,
        ..*place
    };
    line.place(&at, place.origin);
    line.word("code", fault.error.code());
    line.string("message", fault.error.message().as_bytes());
    line.string("found", fault.found.as_bytes());
    line.string("expected", fault.expected.as_bytes());
    line.string("section", fault.section().as_bytes());
    match fault.error.close_code() {
        Some(code) => line.number("closeCode", code.value()),
        None => line.raw("closeCode", "null"),
    }
    match frame {
        Some(offset) => line.number("frame", offset),
        None => line.raw("frame", "null"),
    }
    line.end();
}

fn write_note(place: &Place, note: &Note<'_>, out: &mut Vec<u8>) {
    let mut line = Line::new("note", out);
    line.place(place, place.origin);
    line.word("code", note.code());
    line.shown("message", note);
    match note {
        Note::Hole(len) | Note::Resynchronised(len) | Note::Lost(len) => {
            line.number("length", *len);
        }
        Note::Encrypted { server_name, alpn } => {
            line.option("serverName", server_name.map(str::as_bytes));
            line.option("alpn", alpn.map(str::as_bytes));
        }
        Note::Proxied { client, server } => {
            for (name, address) in [("client", client), ("server", server)] {
                match address {
                    Some(address) => line.shown(name, address),
                    None => line.raw(name, "null"),
                }
            }
        }
        Note::Tunnel(target) => line.string("target", target.as_bytes()),
        _ => {}
    }
    line.end();
}

fn write_end(end: &End, out: &mut Vec<u8>) {
    let mut line = Line::new("end", out);
    line.number("stream", end.connection.stream);
    line.origin(end.origin);
    line.word("ending", end.ending.name());
    let direction = |line: &mut Line<'_>, name, direction: Option<Direction>| match direction {
        Some(direction) => line.word(name, direction.name()),
        None => line.raw(name, "null"),
    };
    direction(&mut line, "by", end.ending.by());
    direction(&mut line, "closedBy", end.closed_by.map(|(by, _)| by));
    match end.closed_by.and_then(|(_, code)| code) {
        Some(code) => line.number("closeCode", code),
        None => line.raw("closeCode", "null"),
    }
    let duration = end.origin.time.zip(end.connection.origin.time);
    line.time("duration", duration.map(|(end, begin)| end - begin));
    for (name, totals) in ["c2s", "s2c"].into_iter().zip(&end.totals) {
        line.name(name);
        put_totals(totals, line.0);
    }
    line.end();
}

fn put_totals(totals: &Totals, out: &mut Vec<u8>) {
    let members = [
        ("bytes", totals.bytes),
        ("frames", totals.all_frames()),
        ("messages", totals.text + totals.binary),
        ("text", totals.text),
        ("binary", totals.binary),
        ("compressed", totals.compressed),
        ("data", totals.data),
        ("control", totals.control),
        ("inflated", totals.inflated),
        ("faults", totals.faults),
        ("missing", totals.missing),
    ];
    for (i, (name, value)) in members.into_iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        put_number(value, out);
    }
    out.push(b'}');
}

/// Decimal digits. `write!` takes several times as long, and a line has ten numbers.
fn put_number(mut value: u64, out: &mut Vec<u8>) {
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

fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        out.extend_from_slice(&[
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
    }
}
