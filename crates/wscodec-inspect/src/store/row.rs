//! The members that a list shows of a row.

use wscodec::message::Kind;

use super::events::{EventStore, NEVER};
use super::record;
use crate::event::{CapturedFrame, CapturedMessage, InspectEvent};
use crate::json::{NAMES, put_seconds};
use crate::safe::safe;
use crate::text::{self, Excerpt};

/// Bytes of a payload that a row shows.
const SHOWN: usize = 160;

impl EventStore {
    /// Appends a row as a JSON array: its number, its kind, seconds since the start or null, the
    /// conversation, `c2s` or `s2c` or an empty string, whether a rule is broken (0 or 1), and a text. A
    /// frame or a message has these members besides: its type, FIN (0 or 1), the reserved bits, the
    /// length on the wire, the length after decompression or -1, the number of frames, and the mask key.
    pub fn row(&self, row: usize, out: &mut Vec<u8>) {
        let Some((found, bytes)) = self.find(row, &[]) else {
            return out.extend_from_slice(b"null");
        };
        let conversation = &self.conversations()[found.conversation as usize]
            .summary
            .conversation;
        out.extend_from_slice(format!("[{row},\"{}\",", found.kind.name()).as_bytes());
        let time = Some(found.time).filter(|&it| it != NEVER);
        put_seconds(time.map(i128::from), out);
        let direction = found.direction.map_or("", |it| it.name());
        let faulty = u8::from(found.faulty);
        let front = format!(",\"{}\",\"{direction}\",{faulty},", conversation.id);
        out.extend_from_slice(front.as_bytes());
        let is_open = self.with(row, &mut |event| match event {
            InspectEvent::Frame(frame) => put_frame(frame, out),
            InspectEvent::Message(message) => put_message(message, out),
            _ => {}
        });
        if !is_open {
            put_shown(record::text(bytes).0, out);
        }
        out.push(b']');
    }
}

impl EventStore {
    /// Appends a conversation as a JSON object: its summary, what was sent so far, and its first row. Times
    /// are in seconds since the start.
    pub fn conversation_row(&self, index: usize, out: &mut Vec<u8>) {
        let Some(stored) = self.conversations().get(index) else {
            return out.extend_from_slice(b"null");
        };
        let summary = &stored.summary;
        let conversation = &summary.conversation;
        let seconds = |time: Option<i128>| Some((time? - self.start()?) as f64 / 1e9);
        let text = |value: &Option<String>| value.as_ref().map(|it| safe(it.as_bytes()));
        let last = summary.last.unwrap_or(stored.last).time;
        let closed = summary.closed.as_ref();
        let end = summary.ending.map_or("", |it| it.name());
        let by = summary.ending.and_then(|it| it.by());
        let value = serde_json::json!({
            "index": index,
            "id": conversation.id.to_string(),
            "stream": conversation.id.stream,
            "substream": conversation.id.substream,
            "client": conversation.client.map(|it| it.to_string()),
            "server": conversation.server.map(|it| it.to_string()),
            "fromStart": conversation.from_start,
            "tls": conversation.tls,
            "host": text(&summary.host),
            "path": text(&summary.target),
            "status": summary.status,
            "accepted": summary.accepted,
            "protocol": text(&summary.protocol),
            "extensions": text(&summary.extensions),
            "time": seconds(conversation.packet.time),
            "duration": last.zip(conversation.packet.time).map(|(a, b)| (a - b) as f64 / 1e9),
            "messages": stored.messages,
            "bytes": stored.bytes,
            "violations": stored.violations,
            "ending": end,
            "by": by.map(|it| it.name()),
            "closedBy": closed.map(|it| it.by.name()),
            "closeCode": closed.and_then(|it| it.code),
            "closeReason": closed.map(|it| safe(&it.reason)),
            "row": stored.row,
        });
        out.extend_from_slice(value.to_string().as_bytes());
    }

    /// Appends the bytes of a frame's header; none for another row.
    pub fn header(&self, row: usize, out: &mut Vec<u8>) {
        self.with(row, &mut |event| {
            if let InspectEvent::Frame(frame) = event {
                frame.header.put(&mut |bytes| out.extend_from_slice(bytes));
            }
        });
    }

    /// Appends the payload of a frame or a message, as far as it is kept; `compressed` asks for the bytes of
    /// a frame before they were inflated.
    pub fn payload(&self, row: usize, compressed: bool, out: &mut Vec<u8>) {
        self.with(row, &mut |event| {
            out.extend_from_slice(match event {
                InspectEvent::Frame(frame) if compressed => frame.compressed,
                InspectEvent::Frame(frame) => frame.payload,
                InspectEvent::Message(message) if !compressed => message.payload,
                _ => b"",
            });
        });
    }
}

fn put_frame(frame: &CapturedFrame<'_>, out: &mut Vec<u8>) {
    let header = &frame.header;
    let mut shown = String::new();
    if frame.captured < header.len {
        shown.push_str(&format!("{} captured ", frame.captured));
    }
    if frame.after_close {
        shown.push_str("after close ");
    }
    match frame.close {
        Some(close) => {
            match close.code {
                Some(code) => shown.push_str(&code.to_string()),
                None => shown.push_str("no code"),
            }
            if !close.reason.is_empty() {
                shown.push(' ');
                shown.push_str(&safe(close.reason));
            }
        }
        None => put_payload(
            text::is_text(frame),
            frame.payload,
            !frame.unknown.is_empty(),
            frame.total(),
            &mut shown,
        ),
    }
    put_shown(&shown, out);
    let inflated = frame.inflated.map_or(-1, |it| it as i64);
    let mask = header.mask.map_or(String::new(), |key| text::hex(&key));
    let rest = format!(
        ",\"{}\",{},{},{},{inflated},0,\"{mask}\"",
        NAMES[usize::from(header.opcode & 15)],
        u8::from(header.fin),
        header.rsv.bits(),
        header.len,
    );
    out.extend_from_slice(rest.as_bytes());
}

fn put_message(message: &CapturedMessage<'_>, out: &mut Vec<u8>) {
    let mut shown = String::new();
    if !message.finished {
        shown.push_str("not finished ");
    }
    put_payload(
        message.kind == Some(Kind::Text),
        message.payload,
        !message.unknown.is_empty(),
        message.total(),
        &mut shown,
    );
    put_shown(&shown, out);
    let name = match message.kind {
        Some(Kind::Text) => "text",
        Some(Kind::Binary) => "binary",
        None => "continuation",
    };
    let inflated = message.inflated.map_or(-1, |it| it as i64);
    let rest = format!(
        ",\"{name}\",{},{},{},{inflated},{},\"\"",
        u8::from(message.finished),
        4 * u8::from(message.compressed),
        message.length,
        message.frames,
    );
    out.extend_from_slice(rest.as_bytes());
}

fn put_payload(is_text: bool, bytes: &[u8], unknown: bool, total: u64, shown: &mut String) {
    if unknown {
        shown.push_str("partly unknown ");
    }
    let excerpt = Excerpt::of(is_text, bytes, total, SHOWN);
    let parts = [excerpt.hex, excerpt.text];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    shown.push_str(&parts.join(" "));
    if excerpt.cut {
        shown.push('…');
    }
}

/// Text that is escaped already, as a JSON string.
fn put_shown(shown: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in shown.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}
