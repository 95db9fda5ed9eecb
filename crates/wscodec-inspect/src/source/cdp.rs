//! Events of the Chrome DevTools Protocol as JSON lines, as programs that drive a browser log them:
//! `{"method":"Network.webSocketFrameSent","params":{...}}`, also within a member `message`.
//!
//! The domain `Network` tells each message with its opcode, without compression. Its times are
//! monotonic; the request has the time of day as well.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::error::SourceError;
use super::json::nanoseconds;
use super::lines::Lines;
use super::messages::{MessageConversation, Out};
use super::url;
use crate::event::{Conversation, ConversationId, Direction, Ending, HeadField, PacketInfo};
use crate::handshake::Sent;

/// Conversations that are open at a time.
const MAX_OPEN: usize = 4096;

#[derive(Debug)]
pub(crate) struct Cdp {
    lines: Lines,
    sockets: Sockets,
}

#[derive(Debug, Default)]
struct Sockets {
    open: BTreeMap<String, Socket>,
    next: u32,
    /// The number of the line.
    number: u64,
    /// Seconds to add to a monotonic time.
    offset: Option<f64>,
}

#[derive(Debug)]
struct Socket {
    conversation: MessageConversation,
    url: String,
    request: Option<Sent>,
}

impl Cdp {
    pub(crate) fn new(first: u32) -> Self {
        Self {
            lines: Lines::default(),
            sockets: Sockets {
                next: first,
                ..Sockets::default()
            },
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self { lines, sockets } = self;
        lines.push(bytes, &mut |line| sockets.line(line, out))
    }

    pub(crate) fn finish(&mut self, out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self { lines, sockets } = self;
        let result = lines.finish(&mut |line| sockets.line(line, out));
        for (_, socket) in core::mem::take(&mut sockets.open) {
            socket.conversation.end(None, Ending::Open, out);
        }
        result
    }

    pub(crate) fn next(&self) -> u32 {
        self.sockets.next
    }
}

impl Sockets {
    fn line(&mut self, line: &[u8], out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        self.number += 1;
        // Logs may have lines of other programs between them.
        let Ok(mut value) = serde_json::from_slice::<Value>(line) else {
            return Ok(());
        };
        // Chromedriver puts the event in a member, as an object or as its text.
        for _ in 0..2 {
            value = match value.get_mut("message").map(Value::take) {
                Some(Value::String(text)) => serde_json::from_str(&text).unwrap_or_default(),
                Some(inner @ Value::Object(_)) => inner,
                _ => break,
            };
        }
        let Some(method) = value["method"].as_str() else {
            return Ok(());
        };
        let Some(method) = method.strip_prefix("Network.webSocket") else {
            return Ok(());
        };
        self.event(method, &value["params"], out);
        Ok(())
    }

    fn event(&mut self, method: &str, params: &Value, out: &mut Out<'_, '_>) {
        let Some(id) = params["requestId"].as_str() else {
            return;
        };
        let seconds = params["timestamp"].as_f64();
        if let Some((wall, seconds)) = params["wallTime"].as_f64().zip(seconds) {
            self.offset = Some(wall - seconds);
        }
        let offset = self.offset.unwrap_or(0.0);
        let packet = PacketInfo {
            number: self.number,
            time: seconds.and_then(|it| nanoseconds(it + offset)),
        };
        if method == "Closed" {
            if let Some(socket) = self.open.remove(id) {
                socket.conversation.end(Some(packet), Ending::Open, out);
            }
            return;
        }
        let socket = match self.open.get_mut(id) {
            Some(socket) => socket,
            None => {
                if self.open.len() >= MAX_OPEN
                    && let Some((_, oldest)) = self.open.pop_first()
                {
                    oldest.conversation.end(None, Ending::Dropped, out);
                }
                let number = self.next;
                self.next = self.next.wrapping_add(1);
                let url = params["url"].as_str().unwrap_or_default().to_owned();
                let conversation = Conversation {
                    server: url::address(None, &url),
                    packet,
                    from_start: method == "Created",
                    tls: url.starts_with("wss:"),
                    ..Conversation::new(ConversationId::new(number))
                };
                let socket = Socket {
                    conversation: MessageConversation::new(conversation),
                    url,
                    request: None,
                };
                self.open.entry(id.to_owned()).or_insert(socket)
            }
        };
        match method {
            "WillSendHandshakeRequest" => {
                let (_, target) = url::parts(&socket.url);
                let fields = fields(&params["request"]["headers"]);
                let mut location = socket.conversation.start();
                location.packet = packet;
                let start = [b"GET", target, b"HTTP/1.1"];
                socket.request = Some(Sent::request(start, fields, location));
            }
            "HandshakeResponseReceived" => {
                let response = &params["response"];
                let status = response["status"].as_u64().unwrap_or(0) as u16;
                let fields = fields(&response["headers"]);
                let mut location = socket.conversation.start();
                (location.direction, location.packet) = (Direction::ServerToClient, packet);
                let sent = Sent::response(status, fields, b"HTTP/1.1", location);
                let request = socket.request.take();
                let response = Some((&sent, status));
                socket
                    .conversation
                    .handshake(request.as_ref(), response, out);
            }
            "FrameSent" => socket.frame(Direction::ClientToServer, params, packet, out),
            "FrameReceived" => socket.frame(Direction::ServerToClient, params, packet, out),
            _ => {}
        }
    }
}

impl Socket {
    fn frame(
        &mut self,
        direction: Direction,
        params: &Value,
        packet: PacketInfo,
        out: &mut Out<'_, '_>,
    ) {
        let frame = &params["response"];
        let opcode = frame["opcode"].as_u64().unwrap_or(1) as u8;
        let data = frame["payloadData"].as_str().unwrap_or_default();
        match opcode {
            1 => {
                let bytes = data.as_bytes();
                self.conversation.message(direction, 1, bytes, packet, out);
            }
            _ => {
                let bytes = STANDARD
                    .decode(data)
                    .unwrap_or_else(|_| data.as_bytes().to_vec());
                self.conversation
                    .message(direction, opcode & 15, &bytes, packet, out);
            }
        }
    }
}

/// An object of names and values; several values of one name are joined by line ends.
fn fields(headers: &Value) -> Vec<HeadField> {
    let all = headers.as_object().into_iter().flatten();
    let each = all.flat_map(|(name, value)| {
        let lines = value.as_str().unwrap_or_default().split('\n');
        lines.map(move |line| (name.as_bytes().to_vec(), line.as_bytes().to_vec()))
    });
    each.collect()
}
