//! Conversations as a HAR file (HTTP Archive 1.2), with `_webSocketMessages` as Chrome writes them.
//!
//! An entry of HAR has all messages of its conversation, so a [`HarWriter`] holds the messages of each
//! conversation until its end. If all of them together pass [`MAX_HELD`], the entry of the conversation
//! with most bytes is written early, and the conversation goes on in another entry.
//!
//! The options of the inspector must ask for messages, and for as many bytes of each payload as the file
//! is to have.
//!
//! ```
//! use wscodec_inspect::har::HarWriter;
//! use wscodec_inspect::{InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/two-connections.pcap");
//! let mut har = HarWriter::default();
//! let mut out = Vec::new();
//! let mut inspector = Inspector::new(InspectOptions::default());
//! let mut sink = |event: wscodec_inspect::InspectEvent<'_>| har.event(&event, &mut out);
//! inspector.push(&std::fs::read(path)?, &mut sink)?;
//! inspector.finish(&mut sink)?;
//! har.finish(&mut out);
//! let file: serde_json::Value = serde_json::from_slice(&out)?;
//! assert_eq!(file["log"]["entries"].as_array().unwrap().len(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wscodec::message::Kind;

use crate::event::{
    CapturedFrame, CapturedHandshake, CapturedHead, CapturedMessage, Conversation, ConversationId,
    Direction, InspectEvent, PacketInfo,
};
use crate::safe::put_json_string;
use crate::source::time::to_rfc3339;

/// Bytes of all entries that are held.
pub const MAX_HELD: usize = 256 << 20;

/// Writes a HAR file.
#[derive(Debug, Default)]
pub struct HarWriter {
    open: BTreeMap<ConversationId, Entry>,
    held: usize,
    begun: bool,
    any: bool,
}

/// The entry of a conversation.
#[derive(Debug)]
struct Entry {
    conversation: Conversation,
    request: Value,
    response: Value,
    /// The members of `_webSocketMessages`.
    messages: Vec<u8>,
    last: PacketInfo,
    upgrade: bool,
}

impl HarWriter {
    /// Takes the next event of the inspection, and appends what can be written.
    pub fn event(&mut self, event: &InspectEvent<'_>, out: &mut Vec<u8>) {
        match event {
            InspectEvent::Conversation(conversation) => {
                self.open
                    .insert(conversation.id, Entry::new(**conversation));
            }
            InspectEvent::Handshake(handshake) => {
                if let Some(entry) = self.open.get_mut(&handshake.conversation) {
                    entry.handshake(handshake);
                }
            }
            InspectEvent::Message(message) => {
                self.message(message.location.conversation, out, |entry| {
                    entry.message(message)
                });
            }
            InspectEvent::Frame(frame) if frame.header.opcode >= 8 => {
                self.message(frame.location.conversation, out, |entry| {
                    entry.control(frame)
                });
            }
            InspectEvent::End(end) => {
                if let Some(mut entry) = self.open.remove(&end.conversation.id) {
                    self.held -= entry.messages.len();
                    entry.last = end.packet;
                    self.entry(&mut entry, out);
                }
            }
            _ => {}
        }
    }

    /// Writes the entries of conversations that have not ended, and the end of the file.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        for (_, mut entry) in core::mem::take(&mut self.open) {
            self.entry(&mut entry, out);
        }
        self.begin(out);
        out.extend_from_slice(b"]}}\n");
    }

    fn message(&mut self, id: ConversationId, out: &mut Vec<u8>, put: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.open.get_mut(&id) else {
            return;
        };
        let before = entry.messages.len();
        put(entry);
        self.held += entry.messages.len() - before;
        while self.held > MAX_HELD {
            let most = self
                .open
                .iter()
                .max_by_key(|(_, entry)| entry.messages.len());
            let Some(id) = most.map(|(id, _)| *id) else {
                break;
            };
            let Some(mut entry) = self.open.remove(&id) else {
                break;
            };
            self.held -= entry.messages.len();
            self.entry(&mut entry, out);
            self.open.insert(id, entry);
        }
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !core::mem::replace(&mut self.begun, true) {
            let creator = json!({"name": "wscodec", "version": env!("CARGO_PKG_VERSION")});
            let head =
                format!("{{\"log\":{{\"version\":\"1.2\",\"creator\":{creator},\"entries\":[");
            out.extend_from_slice(head.as_bytes());
        }
    }

    fn entry(&mut self, entry: &mut Entry, out: &mut Vec<u8>) {
        let messages = core::mem::take(&mut entry.messages);
        if messages.is_empty() && !entry.upgrade {
            return;
        }
        self.begin(out);
        if core::mem::replace(&mut self.any, true) {
            out.push(b',');
        }
        let start = entry.conversation.packet.time;
        let time = start
            .zip(entry.last.time)
            .map_or(0, |(start, last)| last - start);
        let mut value = json!({
            "startedDateTime": to_rfc3339(start.unwrap_or(0)),
            "time": time as f64 / 1e6,
            "_resourceType": "websocket",
            "request": entry.request,
            "response": entry.response,
            "cache": {},
            "timings": {"send": 0, "wait": 0, "receive": time as f64 / 1e6},
            "connection": entry.conversation.id.to_string(),
        });
        if let Some(server) = entry.conversation.server {
            value["serverIPAddress"] = server.ip().to_string().into();
        }
        let text = value.to_string();
        out.push(b'\n');
        out.extend_from_slice(&text.as_bytes()[..text.len() - 1]);
        out.extend_from_slice(b",\"_webSocketMessages\":[");
        out.extend_from_slice(&messages);
        out.extend_from_slice(b"]}");
    }
}

impl Entry {
    fn new(conversation: Conversation) -> Self {
        let url = match conversation.server {
            Some(server) => format!("ws://{server}/"),
            None => "ws://unknown/".to_owned(),
        };
        Self {
            conversation,
            request: request(&url, "GET", "HTTP/1.1", Vec::new()),
            response: response(0, "", "HTTP/1.1", Vec::new()),
            messages: Vec::new(),
            last: conversation.packet,
            upgrade: false,
        }
    }

    fn handshake(&mut self, handshake: &CapturedHandshake<'_>) {
        self.upgrade = true;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if let Some(head) = &handshake.request {
            let [method, target, version] = head.start_line().map(text);
            let scheme = if self.conversation.tls { "wss" } else { "ws" };
            let host = handshake
                .host()
                .map(text)
                .unwrap_or_else(|| "unknown".to_owned());
            let url = format!("{scheme}://{host}{target}");
            self.request = request(&url, &method, &version, fields(head));
        }
        if let Some(head) = &handshake.response {
            let [version, _, reason] = head.start_line().map(text);
            self.response = response(
                handshake.status.unwrap_or(0),
                &reason,
                &version,
                fields(head),
            );
        }
    }

    fn message(&mut self, message: &CapturedMessage<'_>) {
        let opcode = match message.kind {
            Some(Kind::Text) => 1,
            _ => 2,
        };
        let cut = (message.payload.len() as u64) < message.total();
        self.put(
            message.location.direction,
            message.end,
            opcode,
            message.payload,
            cut,
        );
    }

    fn control(&mut self, frame: &CapturedFrame<'_>) {
        let direction = frame.location.direction;
        self.put(
            direction,
            frame.end,
            frame.header.opcode,
            frame.payload,
            false,
        );
    }

    fn put(
        &mut self,
        direction: Direction,
        packet: PacketInfo,
        opcode: u8,
        payload: &[u8],
        cut: bool,
    ) {
        if !self.messages.is_empty() {
            self.messages.push(b',');
        }
        let kind = match direction {
            Direction::ClientToServer => "send",
            Direction::ServerToClient => "receive",
        };
        let head = format!("{{\"type\":\"{kind}\",\"time\":");
        self.messages.extend_from_slice(head.as_bytes());
        crate::json::put_seconds(packet.time, &mut self.messages);
        let opcode_member = format!(",\"opcode\":{opcode},\"data\":");
        self.messages.extend_from_slice(opcode_member.as_bytes());
        match opcode {
            1 => put_json_string(payload, &mut self.messages),
            _ => put_json_string(STANDARD.encode(payload).as_bytes(), &mut self.messages),
        }
        if cut {
            self.messages.extend_from_slice(b",\"_cut\":true");
        }
        self.messages.push(b'}');
        self.last = packet;
    }
}

fn fields(head: &CapturedHead<'_>) -> Vec<Value> {
    let text = String::from_utf8_lossy;
    head.fields()
        .map(|(name, value)| json!({"name": text(name), "value": text(value)}))
        .collect()
}

fn request(url: &str, method: &str, version: &str, headers: Vec<Value>) -> Value {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({"name": name, "value": value})
        })
        .collect();
    json!({
        "method": method, "url": url, "httpVersion": version, "headers": headers,
        "queryString": query, "cookies": [], "headersSize": -1, "bodySize": 0
    })
}

fn response(status: u16, reason: &str, version: &str, headers: Vec<Value>) -> Value {
    json!({
        "status": status, "statusText": reason, "httpVersion": version, "headers": headers,
        "cookies": [], "content": {"size": 0, "mimeType": "x-unknown"}, "redirectURL": "",
        "headersSize": -1, "bodySize": -1
    })
}
