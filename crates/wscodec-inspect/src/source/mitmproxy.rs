//! Flow files of mitmproxy: tagged netstrings (<https://tnetstrings.info>), one for each flow.
//!
//! A flow has its length in front, and is held until it is whole, at most [`MAX_FLOW`] bytes. Versions
//! from 7 on have the messages within the HTTP flow; earlier ones have a flow of the type `websocket`.

use core::net::SocketAddr;

use super::error::SourceError;
use super::json::nanoseconds;
use super::messages::{MessageConversation, Out};
use super::version::version;
use crate::event::{Conversation, ConversationId, Direction, Ending, HeadField, PacketInfo};
use crate::handshake::Sent;

/// The longest flow.
const MAX_FLOW: usize = 256 << 20;

/// Lists and dictionaries in each other.
const MAX_DEPTH: usize = 32;

/// Digits of a length.
const MAX_DIGITS: usize = 12;

#[derive(Debug)]
pub(crate) struct Mitmproxy {
    held: Vec<u8>,
    needed: usize,
    next: u32,
    number: u64,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Tnet<'a> {
    Bytes(&'a [u8]),
    Number(f64),
    Bool(bool),
    Null,
    Dict(Vec<(&'a [u8], Tnet<'a>)>),
    List(Vec<Tnet<'a>>),
}

impl Mitmproxy {
    pub(crate) fn new(first: u32) -> Self {
        Self {
            held: Vec::new(),
            needed: 0,
            next: first,
            number: 0,
        }
    }

    /// Whether a file with these first bytes is one; `None` if more of them are needed.
    pub(crate) fn recognises(front: &[u8]) -> Option<bool> {
        let digits = front.iter().take_while(|it| it.is_ascii_digit()).count();
        match front.get(digits..) {
            _ if digits > MAX_DIGITS => Some(false),
            Some([]) if digits > 0 => None,
            Some([b':']) => None,
            Some([b':', next, ..]) => Some(digits > 0 && next.is_ascii_digit()),
            _ => Some(false),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Out<'_, '_>) -> Result<(), SourceError> {
        self.held.extend_from_slice(bytes);
        if self.held.len() < self.needed {
            return Ok(());
        }
        let held = core::mem::take(&mut self.held);
        let mut rest = &held[..];
        let result = loop {
            match head(rest) {
                Err(error) => break Err(error),
                Ok(None) => {
                    self.needed = 0;
                    break Ok(());
                }
                Ok(Some((head, len))) if rest.len() <= head + len => {
                    self.needed = head + len + 1;
                    break Ok(());
                }
                Ok(Some(_)) => match parse(rest, 0) {
                    Some((flow, after)) => {
                        rest = after;
                        self.flow(&flow, out);
                    }
                    None => break Err(SourceError::Flow),
                },
            }
        };
        self.held = rest.to_vec();
        result
    }

    pub(crate) fn finish(&mut self) -> Result<(), SourceError> {
        match self.held.trim_ascii() {
            [] => Ok(()),
            _ => Err(SourceError::FlowCut),
        }
    }

    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    pub(crate) fn memory(&self) -> usize {
        self.held.capacity()
    }

    fn flow(&mut self, flow: &Tnet<'_>, out: &mut Out<'_, '_>) {
        let inner = flow.get("websocket");
        let (socket, old) = match inner {
            Tnet::Dict(_) => (inner, false),
            _ if flow.get("type").text() == Some("websocket") => (flow, true),
            _ => return,
        };
        let id = ConversationId::new(self.next);
        self.next = self.next.wrapping_add(1);
        let (client, server) = (flow.get("client_conn"), flow.get("server_conn"));
        let time = |value: &Tnet<'_>| value.number().and_then(nanoseconds);
        let start = time(client.get("timestamp_start"));
        let tls = ["tls", "tls_established", "ssl_established"];
        let mut conversation = MessageConversation::new(Conversation {
            client: address(client, &["peername", "address"]),
            server: address(server, &["peername", "ip_address", "address"]),
            packet: PacketInfo {
                number: self.number + 1,
                time: start,
            },
            tls: tls.iter().any(|name| *client.get(name) == Tnet::Bool(true)),
            ..Conversation::new(id)
        });
        if !old {
            handshake(flow, &mut conversation, out);
        }
        let messages = socket.get("messages").list();
        for message in messages {
            self.number += 1;
            let [opcode, from_client, content, at, ..] = message.list() else {
                continue;
            };
            let direction = match *from_client == Tnet::Bool(true) {
                true => Direction::ClientToServer,
                false => Direction::ServerToClient,
            };
            let packet = PacketInfo {
                number: self.number,
                time: time(at),
            };
            let opcode = opcode.number().unwrap_or(2.0) as u8 & 15;
            conversation.message(direction, opcode, content.bytes(), packet, out);
        }
        let end = PacketInfo {
            number: self.number,
            time: time(socket.get("timestamp_end")),
        };
        let code = socket.get("close_code");
        let code = code.number().or(code.text().and_then(|it| it.parse().ok()));
        let by = match (
            socket.get("closed_by_client"),
            socket.get("close_sender").text(),
        ) {
            (Tnet::Bool(true), _) | (_, Some("client")) => Some(Direction::ClientToServer),
            (Tnet::Bool(false), _) | (_, Some("server")) => Some(Direction::ServerToClient),
            _ => None,
        };
        let closed = by.zip(code);
        if let Some((by, code)) = closed {
            let reason = socket.get("close_reason").text().unwrap_or_default();
            conversation.close(by, code as u16, reason, end, out);
        }
        let ending = by.map_or(Ending::Open, Ending::Fin);
        conversation.end(end.time.map(|_| end), ending, out);
    }
}

/// The opening handshake of an HTTP flow.
fn handshake(flow: &Tnet<'_>, conversation: &mut MessageConversation, out: &mut Out<'_, '_>) {
    let (request, response) = (flow.get("request"), flow.get("response"));
    let time = |value: &Tnet<'_>| value.number().and_then(nanoseconds);
    let mut location = conversation.start();
    location.packet.time = time(request.get("timestamp_start")).or(location.packet.time);
    let text = |value: &Tnet<'_>| String::from_utf8_lossy(value.bytes()).into_owned();
    let mut fields = fields(request);
    let authority = request.get("authority").bytes();
    let over_2 = text(request.get("http_version")).starts_with("HTTP/2");
    if over_2 {
        fields.insert(0, (b":protocol".to_vec(), b"websocket".to_vec()));
        if !authority.is_empty() {
            fields.insert(0, (b":authority".to_vec(), authority.to_vec()));
        }
    }
    let start = [
        request.get("method").bytes(),
        request.get("path").bytes(),
        version(&text(request.get("http_version"))),
    ];
    let request = Sent::request(start, fields, location);
    let status = response.get("status_code").number().unwrap_or(0.0) as u16;
    location.direction = Direction::ServerToClient;
    location.packet.time = time(response.get("timestamp_start")).or(location.packet.time);
    let version = version(&text(response.get("http_version")));
    let response = Sent::response(status, self::fields(response), version, location);
    let response = (status >= 100).then_some((&response, status));
    conversation.handshake(Some(&request), response, out);
}

fn fields(message: &Tnet<'_>) -> Vec<HeadField> {
    let pairs = message.get("headers").list().iter();
    let each = pairs.filter_map(|pair| match pair.list() {
        [name, value, ..] => Some((name.bytes().to_vec(), value.bytes().to_vec())),
        _ => None,
    });
    each.collect()
}

/// The first of these members that is an address: a list with host and port.
fn address(connection: &Tnet<'_>, names: &[&str]) -> Option<SocketAddr> {
    names.iter().find_map(|name| {
        let mut value = connection.get(name);
        // Old versions have the list within a dictionary.
        if let Tnet::Dict(_) = value {
            value = value.get("address");
        }
        let [host, port, ..] = value.list() else {
            return None;
        };
        let host = host.text()?.parse().ok()?;
        Some(SocketAddr::new(host, port.number()? as u16))
    })
}

impl<'a> Tnet<'a> {
    fn get(&self, name: &str) -> &Tnet<'a> {
        let Self::Dict(members) = self else {
            return &Tnet::Null;
        };
        let member = members.iter().find(|(key, _)| *key == name.as_bytes());
        member.map_or(&Tnet::Null, |(_, value)| value)
    }

    fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            _ => b"",
        }
    }

    fn text(&self) -> Option<&'a str> {
        match self {
            Self::Bytes(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn list(&self) -> &[Tnet<'a>] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }
}

/// The length of the head at the front, and that of the content behind it.
fn head(bytes: &[u8]) -> Result<Option<(usize, usize)>, SourceError> {
    let digits = bytes.iter().take_while(|it| it.is_ascii_digit()).count();
    if digits > MAX_DIGITS {
        return Err(SourceError::Flow);
    }
    match bytes.get(digits) {
        None => Ok(None),
        Some(b':') if digits > 0 => {
            let text = core::str::from_utf8(&bytes[..digits]).unwrap_or_default();
            match text.parse() {
                Ok(len) if len <= MAX_FLOW => Ok(Some((digits + 1, len))),
                _ => Err(SourceError::TooLong),
            }
        }
        Some(_) => Err(SourceError::Flow),
    }
}

/// The value at the front, and the bytes behind it.
fn parse(bytes: &[u8], depth: usize) -> Option<(Tnet<'_>, &[u8])> {
    let (start, len) = head(bytes).ok()??;
    let content = bytes.get(start..start.checked_add(len)?)?;
    let (&kind, rest) = bytes.get(start + len..)?.split_first()?;
    let text = || core::str::from_utf8(content).ok();
    let value = match kind {
        b',' | b';' => Tnet::Bytes(content),
        b'#' | b'^' => Tnet::Number(text()?.trim().parse().ok()?),
        b'!' => Tnet::Bool(content == b"true"),
        b'~' => Tnet::Null,
        _ if depth >= MAX_DEPTH => return None,
        b']' => {
            let (mut list, mut rest) = (Vec::new(), content);
            while !rest.is_empty() {
                let (value, after) = parse(rest, depth + 1)?;
                list.push(value);
                rest = after;
            }
            Tnet::List(list)
        }
        b'}' => {
            let (mut members, mut rest) = (Vec::new(), content);
            while !rest.is_empty() {
                let (key, after) = parse(rest, depth + 1)?;
                let (value, after) = parse(after, depth + 1)?;
                members.push((key.bytes(), value));
                rest = after;
            }
            Tnet::Dict(members)
        }
        _ => return None,
    };
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed() {
        let text = b"45:1:a,13:3:1.5^4:true!]1:b;0:~1:c,3:-10#1:d,0:}}";
        let (value, rest) = parse(text, 0).unwrap();
        assert_eq!(rest, b"");
        assert_eq!(value.get("a").list(), [Tnet::Number(1.5), Tnet::Bool(true)]);
        assert_eq!(*value.get("b"), Tnet::Null);
        assert_eq!(value.get("c").number(), Some(-10.0));
        assert_eq!(*value.get("d"), Tnet::Dict(Vec::new()));
        for len in 0..text.len() {
            assert_eq!(parse(&text[..len], 0), None, "{len}");
        }
    }

    #[test]
    fn nesting_has_a_limit() {
        let mut text = b"0:]".to_vec();
        for _ in 0..100 {
            text = [text.len().to_string().as_bytes(), b":", &text, b"]"].concat();
        }
        assert_eq!(parse(&text, 0), None);
    }
}
