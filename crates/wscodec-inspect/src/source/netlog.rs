//! NetLog files of Chrome (`chrome://net-export`, `--log-net-log`).
//!
//! With raw bytes in the log (`--net-log-capture-mode=Everything`), each socket is a connection, read
//! like any other: behind TLS, Chrome logs the decrypted bytes as well. Without raw bytes the log has
//! the headers of the frames, which are shown without their payloads.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wscodec::frame::{RawHeader, Rsv};

use super::error::SourceError;
use super::json::{Found, JsonReader};
use super::messages::{MessageConversation, Out};
use super::url;
use crate::ConversationStart;
use crate::context::{Announced, Context};
use crate::event::{Conversation, ConversationId, Direction, Ending, HeadField, PacketInfo};
use crate::handshake::Sent;
use crate::nest::Nest;
use crate::reassembly::Delivery;

/// Sockets and requests that are known at a time.
const MAX_OPEN: usize = 4096;

fn wanted(path: &str) -> bool {
    matches!(
        path,
        ".events[]" | ".constants.logEventTypes" | ".constants.timeTickOffset"
    )
}

#[derive(Debug)]
pub(crate) struct NetLog {
    reader: JsonReader,
    log: Log,
}

#[derive(Debug, Default)]
struct Log {
    /// The names of events by their numbers.
    names: HashMap<u64, Name>,
    /// Milliseconds to add to the time of an event.
    offset: f64,
    sockets: BTreeMap<u64, Socket>,
    requests: BTreeMap<u64, Request>,
    /// The log has the bytes of sockets.
    has_bytes: bool,
    next: u32,
    number: u64,
}

/// The events that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Connected,
    Bytes { sent: bool, tls: bool },
    Closed,
    Url,
    RequestHeaders,
    ResponseHeaders,
    FrameHeader(Direction),
}

/// A connection of which the bytes are logged.
#[derive(Debug)]
struct Socket {
    announced: Announced,
    nest: Nest,
    last: PacketInfo,
    tls: bool,
    begun: bool,
}

/// A request for a WebSocket, of which the frame headers are logged.
#[derive(Debug, Default)]
struct Request {
    url: String,
    start: PacketInfo,
    sent: Option<(Vec<HeadField>, PacketInfo)>,
    answered: Option<(u16, Vec<HeadField>, PacketInfo)>,
    conversation: Option<MessageConversation>,
}

impl NetLog {
    pub(crate) fn new(first: u32) -> Self {
        Self {
            reader: JsonReader::new(wanted),
            log: Log {
                next: first,
                ..Log::default()
            },
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self { reader, log } = self;
        reader.push(bytes, &mut |found| log.found(found, out))
    }

    pub(crate) fn finish(&mut self, out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        let Self { reader, log } = self;
        let result = reader.finish(&mut |found| log.found(found, out));
        for (_, socket) in core::mem::take(&mut log.sockets) {
            socket.finish(Ending::Open, out);
        }
        for (_, request) in core::mem::take(&mut log.requests) {
            request.finish(None, Ending::Open, out);
        }
        result
    }

    pub(crate) fn next(&self) -> u32 {
        self.log.next
    }

    pub(crate) fn memory(&self) -> usize {
        let sockets = self.log.sockets.values();
        sockets.map(|socket| socket.nest.memory()).sum()
    }
}

impl Log {
    fn found(&mut self, found: Found<'_>, out: &mut Out<'_, '_>) {
        match found {
            Found::Value(".events[]", event) => {
                self.number += 1;
                self.event(&event, out);
            }
            Found::Value(".constants.logEventTypes", names) => {
                let all = names.as_object().into_iter().flatten();
                let known = all.filter_map(|(name, number)| Some((number.as_u64()?, known(name)?)));
                self.names = known.collect();
            }
            Found::Value(".constants.timeTickOffset", offset) => {
                // It is a number, or the text of one.
                let text = offset.as_str().and_then(|it| it.parse().ok());
                self.offset = offset.as_f64().or(text).unwrap_or(0.0);
            }
            Found::Value(..) | Found::End(_) => {}
        }
    }

    fn event(&mut self, event: &Value, out: &mut Out<'_, '_>) {
        let Some(&name) = event["type"].as_u64().and_then(|it| self.names.get(&it)) else {
            return;
        };
        let Some(source) = event["source"]["id"].as_u64() else {
            return;
        };
        let time = &event["time"];
        let millis = time
            .as_f64()
            .or(time.as_str().and_then(|it| it.parse().ok()));
        let packet = PacketInfo {
            number: self.number,
            time: millis.map(|it| ((it + self.offset) * 1e3).round() as i128 * 1000),
        };
        let params = &event["params"];
        match name {
            Name::Connected => {
                let address = |name: &str| params[name].as_str().and_then(|it| it.parse().ok());
                let (client, server) = (address("local_address"), address("remote_address"));
                // The end of the event has the address, its beginning has a list to try.
                if server.is_some() {
                    let socket = self.socket(source, packet, out);
                    let conversation = &mut socket.announced.conversation;
                    (conversation.client, conversation.server) = (client, server);
                }
            }
            Name::Bytes { sent, tls } => {
                let bytes = params["bytes"]
                    .as_str()
                    .and_then(|it| STANDARD.decode(it).ok());
                let Some(bytes) = bytes.filter(|it| !it.is_empty()) else {
                    return;
                };
                self.has_bytes = true;
                let direction = match sent {
                    true => Direction::ClientToServer,
                    false => Direction::ServerToClient,
                };
                let socket = self.socket(source, packet, out);
                socket.bytes(direction, &bytes, tls, packet, out);
            }
            Name::Closed => {
                if let Some(socket) = self.sockets.remove(&source) {
                    socket.finish(Ending::Open, out);
                }
            }
            Name::Url => {
                let text = params["url"].as_str().unwrap_or_default();
                if text.starts_with("ws:") || text.starts_with("wss:") {
                    let request = self.request(source, out);
                    (request.url, request.start) = (text.to_owned(), packet);
                }
            }
            Name::RequestHeaders => {
                if let Some(request) = self.requests.get_mut(&source) {
                    request.sent = Some((fields(&params["headers"], 0), packet));
                }
            }
            Name::ResponseHeaders => {
                let status = params["headers"][0].as_str().unwrap_or_default();
                let status = status.split(' ').nth(1).and_then(|it| it.parse().ok());
                if let (Some(request), Some(status)) = (self.requests.get_mut(&source), status) {
                    request.answered = Some((status, fields(&params["headers"], 1), packet));
                }
            }
            Name::FrameHeader(direction) if !self.has_bytes => {
                let next = self.next;
                let request = self.request(source, out);
                if request.frame(direction, params, packet, next, out) {
                    self.next = self.next.wrapping_add(1);
                }
            }
            Name::FrameHeader(_) => {}
        }
    }

    fn socket(&mut self, source: u64, packet: PacketInfo, out: &mut Out<'_, '_>) -> &mut Socket {
        if self.sockets.len() >= MAX_OPEN
            && !self.sockets.contains_key(&source)
            && let Some((_, oldest)) = self.sockets.pop_first()
        {
            oldest.finish(Ending::Dropped, out);
        }
        let next = &mut self.next;
        self.sockets.entry(source).or_insert_with(|| {
            let id = ConversationId::new(*next);
            *next = next.wrapping_add(1);
            Socket {
                announced: Announced::new(Conversation {
                    packet,
                    ..Conversation::new(id)
                }),
                nest: Nest::starting(ConversationStart::Handshake),
                last: packet,
                tls: false,
                begun: false,
            }
        })
    }

    fn request(&mut self, source: u64, out: &mut Out<'_, '_>) -> &mut Request {
        if self.requests.len() >= MAX_OPEN
            && !self.requests.contains_key(&source)
            && let Some((_, oldest)) = self.requests.pop_first()
        {
            oldest.finish(None, Ending::Dropped, out);
        }
        self.requests.entry(source).or_default()
    }
}

impl Socket {
    fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        tls: bool,
        packet: PacketInfo,
        out: &mut Out<'_, '_>,
    ) {
        if !self.begun {
            self.begun = true;
            // The encrypted bytes are of no use, because the decrypted ones follow.
            self.tls = tls || bytes.first() == Some(&0x16);
            self.announced.conversation.tls = self.tls;
        }
        if tls != self.tls {
            return;
        }
        self.last = packet;
        let mut cx = Context::new(
            out.options,
            &mut self.announced,
            packet,
            out.shared,
            out.sink,
        );
        let delivery = Delivery::Bytes { bytes, packet };
        self.nest.deliver(direction.index(), delivery, &mut cx);
    }

    fn finish(mut self, ending: Ending, out: &mut Out<'_, '_>) {
        let last = self.last;
        let mut cx = Context::new(out.options, &mut self.announced, last, out.shared, out.sink);
        self.nest.finish(ending, last, &mut cx);
        let totals = self.nest.totals();
        cx.end(last, ending, totals);
    }
}

impl Request {
    /// A frame header. Says whether the conversation begins with it.
    fn frame(
        &mut self,
        direction: Direction,
        params: &Value,
        packet: PacketInfo,
        number: u32,
        out: &mut Out<'_, '_>,
    ) -> bool {
        let begins = self.conversation.is_none();
        if begins {
            let conversation = MessageConversation::new(Conversation {
                server: url::address(None, &self.url),
                packet: if self.url.is_empty() {
                    packet
                } else {
                    self.start
                },
                from_start: self.sent.is_some(),
                tls: self.url.starts_with("wss:"),
                ..Conversation::new(ConversationId::new(number))
            });
            self.conversation = Some(conversation);
            self.handshake(out);
        }
        let bit =
            |name: &str| params[name] == true || params[name].as_u64().is_some_and(|it| it != 0);
        let rsv = [("reserved1", 4), ("reserved2", 2), ("reserved3", 1)];
        let rsv = rsv.map(|(name, value)| if bit(name) { value } else { 0 });
        let len = params["payload_length"].as_f64().unwrap_or(0.0) as u64;
        let header_len = match len {
            0..126 => 2,
            126..0x1_0000 => 4,
            _ => 10,
        };
        let header = RawHeader {
            fin: bit("final"),
            rsv: Rsv::new(rsv[0] | rsv[1] | rsv[2]),
            opcode: (params["opcode"].as_u64().unwrap_or(0) & 15) as u8,
            // The log does not have the key.
            mask: bit("masked").then_some([0; 4]),
            len,
            header_len: header_len + if bit("masked") { 4 } else { 0 },
        };
        if let Some(conversation) = &mut self.conversation {
            conversation.bare_header(direction, header, packet, out);
        }
        begins
    }

    fn handshake(&mut self, out: &mut Out<'_, '_>) {
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        let mut location = conversation.start();
        let (_, target) = url::parts(&self.url);
        let request = self.sent.take().map(|(fields, packet)| {
            location.packet = packet;
            Sent::request([b"GET", target, b"HTTP/1.1"], fields, location)
        });
        let response = self.answered.take().map(|(status, fields, packet)| {
            (location.direction, location.packet) = (Direction::ServerToClient, packet);
            (
                Sent::response(status, fields, b"HTTP/1.1", location),
                status,
            )
        });
        let response = response.as_ref().map(|(sent, status)| (sent, *status));
        conversation.handshake(request.as_ref(), response, out);
    }

    fn finish(self, packet: Option<PacketInfo>, ending: Ending, out: &mut Out<'_, '_>) {
        if let Some(conversation) = self.conversation {
            conversation.end(packet, ending, out);
        }
    }
}

fn known(name: &str) -> Option<Name> {
    Some(match name {
        "TCP_CONNECT" => Name::Connected,
        "SOCKET_BYTES_SENT" => Name::Bytes {
            sent: true,
            tls: false,
        },
        "SOCKET_BYTES_RECEIVED" => Name::Bytes {
            sent: false,
            tls: false,
        },
        "SSL_SOCKET_BYTES_SENT" => Name::Bytes {
            sent: true,
            tls: true,
        },
        "SSL_SOCKET_BYTES_RECEIVED" => Name::Bytes {
            sent: false,
            tls: true,
        },
        "SOCKET_CLOSED" => Name::Closed,
        // Its end is logged before the frames, so it does not say when the WebSocket ends.
        "REQUEST_ALIVE" | "URL_REQUEST_START_JOB" => Name::Url,
        "HTTP_TRANSACTION_SEND_REQUEST_HEADERS" => Name::RequestHeaders,
        "HTTP_TRANSACTION_READ_RESPONSE_HEADERS" => Name::ResponseHeaders,
        "WEBSOCKET_SENT_FRAME_HEADER" => Name::FrameHeader(Direction::ClientToServer),
        "WEBSOCKET_RECV_FRAME_HEADER" => Name::FrameHeader(Direction::ServerToClient),
        _ => return None,
    })
}

/// The lines of a head, without the first ones.
fn fields(headers: &Value, skip: usize) -> Vec<HeadField> {
    let lines = headers.as_array().into_iter().flatten().skip(skip);
    let each = lines.filter_map(|line| {
        let (name, value) = line.as_str()?.split_once(':')?;
        Some((name.as_bytes().to_vec(), value.trim().as_bytes().to_vec()))
    });
    each.collect()
}
