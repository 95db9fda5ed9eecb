//! Events as JSON lines: one object a line, with a `type`.
//!
//! New members may be added; a reader ignores those that it does not know. Numbers are exact. Strings
//! have every character escaped that a terminal acts upon (see [`safe`](crate::safe)).
//!
//! Every line has `stream`, and `substream` for a stream of HTTP/2; see
//! [`ConversationId`](crate::event::ConversationId). `packet` and `time` are those of the last byte;
//! `time` is in seconds since 1970, and `null` if the source does not say. Lines about bytes have `dir`
//! (`"c2s"` or `"s2c"`) and `offset` (bytes from the beginning of the direction).
//!
//! | type | members |
//! |---|---|
//! | `conversation` | `client`, `server` (addresses or null), `fromStart`, `tls` |
//! | `handshake` | `accepted`, `status` (or null), `interim` (statuses), `request`, `response` (null, or `line`, `headers` as pairs, `offset`, `packet`, `time`), `method`, `target`, `host`, `protocol`, `extensions` (or null), `deflate` (null, or `serverNoContextTakeover`, `clientNoContextTakeover`, `serverMaxWindowBits`, `clientMaxWindowBits`) |
//! | `frame` | `opcode`, `name`, `fin`, `rsv` (RSV1 is 4), `masked`, `length` (on the wire); and where they apply: `mask` (hexadecimal), `firstPacket` and `firstTime` (if it began in another packet), `captured` (if fewer bytes are in the capture), `inflated`, `compressed` (the payload before it was inflated, in hexadecimal, as far as [`InspectOptions::compressed`](crate::InspectOptions::compressed) asks for it), `closeCode` (or null) and `reason`, `afterClose`, `violations` (codes), and the payload |
//! | `message` | `kind` (`"text"`, `"binary"` or null), `length`, `frames`, `compressed`, `finished`, `firstPacket`, `firstTime`, `inflated`, and the payload |
//! | `violation` | `code`, `message`, `found`, `expected`, `section`, `closeCode`, `frame` (offset of its frame, or null) |
//! | `note` | `code`, `message`, and by code: `length`, `serverName`, `alpn`, `client`, `server`, `target` |
//! | `end` | `ending` (`"fin"`, `"reset"`, `"open"`, `"dropped"`), `by` (direction or null), `closedBy`, `closeCode`, `closeReason`, `duration` (seconds), `c2s` and `s2c` with `bytes`, `frames`, `messages`, `text`, `binary`, `compressed`, `data`, `control`, `inflated`, `violations`, `missing` |
//! | `finding` | `dir` (or null), `code`, `severity` (`"error"` or `"advice"`), `count`, `message`, `section`, `found`, `expected`; `packet` and `time` of the first one |
//! | `stats` | `conversations`, `seconds`, `c2s` and `s2c` with `messages`, `bytes`, `compressed`, `compressedBytes`, `inflatedBytes` and `size`; `size`, `pong`, `answer` and `gap` have `count`, `min`, `mean`, `p50`, `p95`, `p99`, `max`; times are in seconds |
//!
//! The payload is `text` if it is text that is UTF-8, and `hex` otherwise; of text that is not UTF-8
//! there is `escaped` as well. `cut` says that more bytes follow. `unknown` has ranges of bytes that
//! are not known, as pairs of a begin and an end; they are 00 in `hex` and U+FFFD in `text`.
//!
//! The lines for the violations of a frame and a handshake follow its line.

mod line;

use wscodec::message::Kind;

use crate::event::{
    CapturedFrame, CapturedHandshake, CapturedHead, CapturedMessage, Conversation, ConversationEnd,
    Direction, InspectEvent, Location, Note, Totals, Violation,
};
use crate::lint::Finding;
use crate::safe::put_json_string;
use crate::stats::{Distribution, TrafficStats};
pub(crate) use line::put_time as put_seconds;
use line::{Line, put_number, put_time};

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
/// event may have fewer of them, by [`InspectOptions::payload`](crate::InspectOptions::payload).
///
/// ```
/// use wscodec_inspect::event::{Conversation, ConversationId, InspectEvent, PacketInfo};
/// use wscodec_inspect::json;
///
/// let mut conversation = Conversation::new(ConversationId::new(0));
/// conversation.client = Some("10.0.0.1:5000".parse().unwrap());
/// conversation.packet = PacketInfo { number: 1, time: Some(1_500_000_000) };
/// let mut out = Vec::new();
/// json::write(&InspectEvent::Conversation(&conversation), 256, &mut out);
/// assert_eq!(
///     String::from_utf8(out).unwrap(),
///     "{\"type\":\"conversation\",\"stream\":0,\"packet\":1,\"time\":1.500000,\
///      \"client\":\"10.0.0.1:5000\",\"server\":null,\"fromStart\":true,\"tls\":false}\n"
/// );
/// ```
pub fn write(event: &InspectEvent<'_>, most: usize, out: &mut Vec<u8>) {
    match event {
        InspectEvent::Conversation(conversation) => write_conversation(conversation, out),
        InspectEvent::Handshake(handshake) => write_handshake(handshake, out),
        InspectEvent::Frame(frame) => write_frame(frame, most, out),
        InspectEvent::Message(message) => write_message(message, most, out),
        InspectEvent::Violation(location, violation) => {
            write_violation(location, violation, None, out)
        }
        InspectEvent::Note(location, note) => write_note(location, note, out),
        InspectEvent::End(end) => write_end(end, out),
    }
}

fn write_conversation(conversation: &Conversation, out: &mut Vec<u8>) {
    let mut line = Line::new("conversation", out);
    line.id(conversation.id);
    line.packet(conversation.packet);
    line.shown_or_null("client", conversation.client.as_ref());
    line.shown_or_null("server", conversation.server.as_ref());
    line.bool("fromStart", conversation.from_start);
    line.bool("tls", conversation.tls);
    line.end();
}

fn write_handshake(handshake: &CapturedHandshake<'_>, out: &mut Vec<u8>) {
    let heads = handshake.heads();
    let mut line = Line::new("handshake", out);
    line.id(handshake.conversation);
    line.packet(handshake.packet());
    line.bool("accepted", handshake.accepted);
    line.number_or_null("status", handshake.status);
    line.name("interim");
    let interim: Vec<_> = handshake.interim.iter().map(u16::to_string).collect();
    line.0
        .extend_from_slice(format!("[{}]", interim.join(",")).as_bytes());
    let start = handshake.request.map(|head| head.start_line());
    line.option("method", start.map(|it| it[0]));
    line.option("target", start.map(|it| it[1]));
    line.option("host", handshake.host());
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
    put_codes(&mut line, handshake.violations.iter().map(|(_, it)| it));
    line.end();
    for (direction, violation) in handshake.violations {
        if let Some(head) = heads[direction.index()] {
            write_violation(&head.location, violation, None, out);
        }
    }
}

fn put_head(head: &CapturedHead<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"line\":");
    let parts = head.start_line();
    let parts = parts.iter().filter(|part| !part.is_empty()).copied();
    put_json_string(&parts.collect::<Vec<_>>().join(&b' '), out);
    out.extend_from_slice(b",\"headers\":[");
    for (i, (name, value)) in head.fields().enumerate() {
        out.extend_from_slice(if i == 0 { b"[" } else { b",[" });
        put_json_string(name, out);
        out.push(b',');
        put_json_string(value, out);
        out.push(b']');
    }
    out.extend_from_slice(b"],\"offset\":");
    put_number(head.location.offset, out);
    out.extend_from_slice(b",\"packet\":");
    put_number(head.location.packet.number, out);
    out.extend_from_slice(b",\"time\":");
    put_time(head.location.packet.time, out);
    out.push(b'}');
}

fn put_codes<'f>(line: &mut Line<'_>, violations: impl Iterator<Item = &'f Violation>) {
    let mut any = false;
    for violation in violations {
        if !any {
            line.name("violations");
        }
        line.0.extend_from_slice(if any { b",\"" } else { b"[\"" });
        line.0.extend_from_slice(violation.error.code().as_bytes());
        line.0.push(b'"');
        any = true;
    }
    if any {
        line.0.push(b']');
    }
}

fn write_frame(frame: &CapturedFrame<'_>, most: usize, out: &mut Vec<u8>) {
    let header = &frame.header;
    let mut line = Line::new("frame", out);
    line.location(&frame.location, frame.end);
    line.begin(frame.location.packet, frame.end);
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
    if !frame.compressed.is_empty() {
        line.hex("compressed", frame.compressed);
    }
    if frame.after_close {
        line.bool("afterClose", true);
    }
    put_codes(&mut line, frame.violations.iter());
    line.end();
    for violation in frame.violations {
        let location = Location {
            packet: frame.end,
            ..frame.location
        };
        write_violation(&location, violation, Some(frame.location.offset), out);
    }
}

fn write_message(message: &CapturedMessage<'_>, most: usize, out: &mut Vec<u8>) {
    let mut line = Line::new("message", out);
    line.location(&message.location, message.end);
    line.begin(message.location.packet, message.end);
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

fn write_violation(
    location: &Location,
    violation: &Violation,
    frame: Option<u64>,
    out: &mut Vec<u8>,
) {
    let mut line = Line::new("violation", out);
    let at = Location {
        offset: violation.offset,
        ..*location
    };
    line.location(&at, location.packet);
    line.word("code", violation.error.code());
    line.string("message", violation.error.message().as_bytes());
    line.string("found", violation.found.as_bytes());
    line.string("expected", violation.expected.as_bytes());
    line.string("section", violation.section().as_bytes());
    match violation.error.close_code() {
        Some(code) => line.number("closeCode", code.value()),
        None => line.raw("closeCode", "null"),
    }
    match frame {
        Some(offset) => line.number("frame", offset),
        None => line.raw("frame", "null"),
    }
    line.end();
}

fn write_note(location: &Location, note: &Note<'_>, out: &mut Vec<u8>) {
    let mut line = Line::new("note", out);
    line.location(location, location.packet);
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

fn write_end(end: &ConversationEnd, out: &mut Vec<u8>) {
    let mut line = Line::new("end", out);
    line.id(end.conversation.id);
    line.packet(end.packet);
    line.word("ending", end.ending.name());
    line.direction("by", end.ending.by());
    let closed = end.closed.as_ref();
    line.direction("closedBy", closed.map(|it| it.by));
    line.number_or_null("closeCode", closed.and_then(|it| it.code));
    line.option("closeReason", closed.map(|it| &it.reason[..]));
    let duration = end.packet.time.zip(end.conversation.packet.time);
    line.time("duration", duration.map(|(end, begin)| end - begin));
    for (direction, totals) in Direction::BOTH.into_iter().zip(&end.totals) {
        line.name(direction.name());
        put_totals(totals, line.0);
    }
    line.end();
}

/// Appends the line for a finding.
pub fn write_finding(finding: &Finding, out: &mut Vec<u8>) {
    let mut line = Line::new("finding", out);
    line.id(finding.conversation);
    line.direction("dir", finding.direction);
    line.packet(finding.packet);
    line.word("code", finding.code);
    line.word("severity", finding.severity.name());
    line.number("count", finding.count);
    line.string("message", finding.message.as_bytes());
    line.string("section", finding.section.as_bytes());
    line.string("found", finding.found.as_bytes());
    line.string("expected", finding.expected.as_bytes());
    line.end();
}

/// Appends the line for the figures of all conversations.
pub fn write_stats(stats: &TrafficStats, out: &mut Vec<u8>) {
    let mut line = Line::new("stats", out);
    line.number("conversations", stats.conversations);
    line.time("seconds", Some(stats.duration().into()));
    for (direction, it) in Direction::BOTH.into_iter().zip(&stats.directions) {
        line.name(direction.name());
        let members = [
            ("messages", it.sizes.count),
            ("bytes", u64::try_from(it.sizes.sum).unwrap_or(u64::MAX)),
            ("compressed", it.compressed),
            ("compressedBytes", it.wire),
            ("inflatedBytes", it.inflated),
        ];
        put_members(&members, line.0);
        line.0.pop();
        line.0.extend_from_slice(b",\"size\":");
        put_distribution(&it.sizes, false, line.0);
        line.0.push(b'}');
    }
    for (name, it) in [
        ("pong", &stats.pongs),
        ("answer", &stats.answers),
        ("gap", &stats.gaps),
    ] {
        line.name(name);
        put_distribution(it, true, line.0);
    }
    line.end();
}

fn put_distribution(it: &Distribution, time: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"count\":");
    put_number(it.count, out);
    for (name, value) in [
        ("min", it.min),
        ("mean", it.mean()),
        ("p50", it.percentile(50)),
        ("p95", it.percentile(95)),
        ("p99", it.percentile(99)),
        ("max", it.max),
    ] {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        match time {
            true => put_time(Some(value.into()), out),
            false => put_number(value, out),
        }
    }
    out.push(b'}');
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
        ("violations", totals.violations),
        ("missing", totals.missing),
    ];
    put_members(&members, out);
}

fn put_members(members: &[(&str, u64)], out: &mut Vec<u8>) {
    for (i, (name, value)) in members.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"{\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        put_number(*value, out);
    }
    out.push(b'}');
}
