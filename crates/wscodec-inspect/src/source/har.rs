//! HAR files (HTTP Archive 1.2) with `_webSocketMessages`, as Chrome writes them.
//!
//! An entry with messages is a conversation. Its messages may stand in front of its request; they are
//! held until the end of the entry, as far as [`MAX_HELD`] allows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::error::SourceError;
use super::json::{Found, JsonReader, nanoseconds};
use super::messages::{MessageConversation, Out};
use super::time::rfc3339;
use crate::event::{Conversation, ConversationId, Direction, Ending, HeadField, PacketInfo};
use crate::handshake::Sent;

/// Bytes of messages that are held until their request is known.
const MAX_HELD: usize = 64 << 20;

const ENTRY: &str = ".log.entries[]";
const MESSAGE: &str = ".log.entries[]._webSocketMessages[]";

fn wanted(path: &str) -> bool {
    let Some(rest) = path.strip_prefix(ENTRY) else {
        return false;
    };
    matches!(
        rest,
        "._webSocketMessages[]"
            | ".startedDateTime"
            | ".serverIPAddress"
            | ".request.method"
            | ".request.url"
            | ".request.httpVersion"
            | ".request.headers[]"
            | ".response.status"
            | ".response.httpVersion"
            | ".response.headers[]"
    )
}

#[derive(Debug)]
pub(crate) struct Har {
    reader: JsonReader,
    entry: Entry,
    /// The number of the next conversation.
    next: u32,
    /// Messages so far.
    number: u64,
}

/// The entry that is being read.
#[derive(Debug, Default)]
struct Entry {
    started: Option<i128>,
    server: Option<String>,
    method: String,
    url: String,
    version: String,
    request: Vec<HeadField>,
    status: u16,
    response_version: String,
    response: Vec<HeadField>,
    messages: Vec<Message>,
    held: usize,
    conversation: Option<MessageConversation>,
}

#[derive(Debug)]
struct Message {
    direction: Direction,
    opcode: u8,
    payload: Vec<u8>,
    packet: PacketInfo,
}

impl Har {
    pub(crate) fn new(first: u32) -> Self {
        Self {
            reader: JsonReader::new(wanted),
            entry: Entry::default(),
            next: first,
            number: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self {
            reader,
            entry,
            next,
            number,
        } = self;
        reader.push(bytes, &mut |found| take(entry, next, number, found, out))
    }

    pub(crate) fn finish(&mut self, out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self {
            reader,
            entry,
            next,
            number,
        } = self;
        let result = reader.finish(&mut |found| take(entry, next, number, found, out));
        entry.finish(next, out);
        result
    }

    pub(crate) fn next(&self) -> u32 {
        self.next
    }
}

fn take(
    entry: &mut Entry,
    next: &mut u32,
    number: &mut u64,
    found: Found<'_>,
    out: &mut Out<'_, '_>,
) {
    match found {
        Found::End(ENTRY) => core::mem::take(entry).finish(next, out),
        Found::End(_) => {}
        Found::Value(MESSAGE, value) => {
            *number += 1;
            if let Some(message) = message(&value, *number) {
                entry.message(message, next, out);
            }
        }
        Found::Value(path, value) => entry.member(&path[ENTRY.len()..], value),
    }
}

fn message(value: &Value, number: u64) -> Option<Message> {
    let direction = match value["type"].as_str()? {
        "send" => Direction::ClientToServer,
        "receive" => Direction::ServerToClient,
        _ => return None,
    };
    let opcode = value["opcode"].as_u64().unwrap_or(1);
    let data = value["data"].as_str().unwrap_or_default();
    let payload = match opcode {
        1 => data.as_bytes().to_vec(),
        _ => STANDARD
            .decode(data)
            .unwrap_or_else(|_| data.as_bytes().to_vec()),
    };
    Some(Message {
        direction,
        opcode: u8::try_from(opcode).ok().filter(|it| *it < 16)?,
        payload,
        packet: PacketInfo {
            number,
            time: value["time"].as_f64().and_then(nanoseconds),
        },
    })
}

impl Entry {
    fn member(&mut self, name: &str, value: Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match name {
            ".startedDateTime" => self.started = value.as_str().and_then(rfc3339),
            ".serverIPAddress" => self.server = Some(text(&value)),
            ".request.method" => self.method = text(&value),
            ".request.url" => self.url = text(&value),
            ".request.httpVersion" => self.version = text(&value),
            ".request.headers[]" => self.request.extend(field(&value)),
            ".response.status" => {
                self.status = value
                    .as_u64()
                    .and_then(|it| it.try_into().ok())
                    .unwrap_or(0);
            }
            ".response.httpVersion" => self.response_version = text(&value),
            ".response.headers[]" => self.response.extend(field(&value)),
            _ => {}
        }
    }

    fn message(&mut self, message: Message, next: &mut u32, out: &mut Out<'_, '_>) {
        self.held += message.payload.len() + size_of::<Message>();
        self.messages.push(message);
        if self.held > MAX_HELD {
            self.tell(next, out);
        }
    }

    /// Reports the messages that are held.
    fn tell(&mut self, next: &mut u32, out: &mut Out<'_, '_>) {
        self.held = 0;
        let messages = core::mem::take(&mut self.messages);
        let conversation = self.conversation.get_or_insert_with(|| {
            let id = ConversationId::new(*next);
            *next += 1;
            let first = messages.first().map(|it| it.packet).unwrap_or_default();
            let tls = self.url.starts_with("wss:") || self.url.starts_with("https:");
            MessageConversation::new(Conversation {
                server: super::url::address(self.server.as_deref(), &self.url),
                packet: PacketInfo {
                    time: self.started.or(first.time),
                    ..first
                },
                tls,
                ..Conversation::new(id)
            })
        });
        for Message {
            direction,
            opcode,
            payload,
            packet,
        } in messages
        {
            conversation.message(direction, opcode, &payload, packet, out);
        }
    }

    fn finish(&mut self, next: &mut u32, out: &mut Out<'_, '_>) {
        let upgrade = self
            .request
            .iter()
            .chain(&self.response)
            .any(|(name, value)| {
                name.eq_ignore_ascii_case(b"upgrade") && value.eq_ignore_ascii_case(b"websocket")
            });
        let socket = self.url.starts_with("ws:") || self.url.starts_with("wss:") || upgrade;
        if self.messages.is_empty() && self.conversation.is_none() && !socket {
            *self = Self::default();
            return;
        }
        let messages = core::mem::take(&mut self.messages);
        self.tell(next, out);
        if let Some(mut conversation) = self.conversation.take() {
            if !self.request.is_empty() || !self.url.is_empty() {
                self.handshake(&mut conversation, out);
            }
            for it in messages {
                conversation.message(it.direction, it.opcode, &it.payload, it.packet, out);
            }
            conversation.end(None, Ending::Open, out);
        }
        *self = Self::default();
    }

    fn handshake(&mut self, conversation: &mut MessageConversation, out: &mut Out<'_, '_>) {
        let location = conversation.start();
        let request = core::mem::take(&mut self.request);
        let (_, target) = super::url::parts(&self.url);
        let start = [
            self.method.as_bytes(),
            target,
            super::version::version(&self.version),
        ];
        let request = Sent::request(start, request, location);
        let response = core::mem::take(&mut self.response);
        let version = super::version::version(&self.response_version);
        let response = Sent::response(self.status, response, version, location);
        let response = (self.status >= 100).then_some((&response, self.status));
        conversation.handshake(Some(&request), response, out);
    }
}

fn field(value: &Value) -> Option<HeadField> {
    let text = |name: &str| value[name].as_str().map(|it| it.as_bytes().to_vec());
    Some((text("name")?, text("value")?))
}
