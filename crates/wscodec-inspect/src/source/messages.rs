//! Conversations of sources that know messages and no frames.

use wscodec::PeerError;
use wscodec::frame::{RawHeader, Rsv};
use wscodec::message::Kind;

use crate::InspectOptions;
use crate::context::{Announced, Context, EventSink, Shared};
use crate::event::{
    CapturedClose, CapturedFrame, CapturedMessage, Conversation, Direction, Ending, InspectEvent,
    Location, PacketInfo, Totals, Violation,
};
use crate::handshake::{self, Sent};

/// A conversation whose messages are told one by one.
#[derive(Debug)]
pub(super) struct MessageConversation {
    announced: Announced,
    totals: [Totals; 2],
    last: PacketInfo,
    closed: [bool; 2],
}

/// The sink for the events of a source.
pub(crate) struct Out<'o, 's> {
    pub(crate) options: &'o InspectOptions,
    pub(crate) shared: &'o mut Shared,
    pub(crate) sink: &'o mut EventSink<'s>,
}

impl MessageConversation {
    pub(super) fn new(conversation: Conversation) -> Self {
        Self {
            announced: Announced::new(conversation),
            totals: Default::default(),
            last: conversation.packet,
            closed: [false; 2],
        }
    }

    fn location(&self, direction: Direction, packet: PacketInfo) -> Location {
        Location {
            conversation: self.announced.conversation.id,
            direction,
            offset: self.totals[direction.index()].bytes,
            packet,
        }
    }

    /// Where the conversation begins.
    pub(super) fn start(&self) -> Location {
        self.location(
            Direction::ClientToServer,
            self.announced.conversation.packet,
        )
    }

    fn context<'c>(&'c mut self, out: &'c mut Out<'_, '_>) -> Context<'c> {
        Context::new(
            out.options,
            &mut self.announced,
            self.last,
            out.shared,
            out.sink,
        )
    }

    /// The opening handshake.
    pub(super) fn handshake(
        &mut self,
        request: Option<&Sent>,
        response: Option<(&Sent, u16)>,
        out: &mut Out<'_, '_>,
    ) {
        let mut cx = self.context(out);
        match (request, response) {
            (request, Some((response, status))) => {
                handshake::report(request, Some(response), status, &[], &mut cx);
            }
            (Some(request), None) => {
                handshake::report_without_answer(request, &[], false, &mut cx);
            }
            (None, None) => {}
        }
    }

    /// A message or a control frame with this opcode, as it was after all decoding. The header of a
    /// control frame is made up, because the source does not tell it.
    pub(super) fn message(
        &mut self,
        direction: Direction,
        opcode: u8,
        payload: &[u8],
        packet: PacketInfo,
        out: &mut Out<'_, '_>,
    ) {
        self.last = packet;
        let location = self.location(direction, packet);
        let i = direction.index();
        let len = payload.len() as u64;
        self.totals[i].bytes += len;
        self.totals[i].frames[usize::from(opcode & 15)] += 1;
        let kind = match opcode {
            1 => Kind::Text,
            2 => Kind::Binary,
            _ => return self.control(location, opcode, payload, out),
        };
        self.totals[i].data += len;
        match kind {
            Kind::Text => self.totals[i].text += 1,
            Kind::Binary => self.totals[i].binary += 1,
        }
        let bad = match kind {
            Kind::Text => core::str::from_utf8(payload).err(),
            Kind::Binary => None,
        };
        self.totals[i].violations += u64::from(bad.is_some());
        let options = *out.options;
        let shown = &payload[..payload.len().min(options.payload)];
        let mut cx = self.context(out);
        if options.messages || options.frames {
            cx.emit(InspectEvent::Message(&CapturedMessage {
                location,
                end: packet,
                kind: Some(kind),
                frames: 0,
                length: len,
                compressed: false,
                inflated: None,
                payload: shown,
                unknown: &[],
                whole: shown.len() == payload.len(),
                finished: true,
            }));
        }
        if let Some(bad) = bad {
            let at = bad.valid_up_to();
            let found = payload
                .get(at)
                .map_or(String::new(), |byte| format!("{byte:02x}"));
            let violation = Violation {
                error: PeerError::InvalidUtf8.into(),
                offset: location.offset + at as u64,
                found: found.into(),
                expected: "UTF-8".into(),
            };
            cx.emit(InspectEvent::Violation(location, &violation));
        }
    }

    fn control(&mut self, location: Location, opcode: u8, payload: &[u8], out: &mut Out<'_, '_>) {
        let i = location.direction.index();
        self.totals[i].control += payload.len() as u64;
        let header = RawHeader {
            fin: true,
            rsv: Rsv::NONE,
            opcode: opcode & 15,
            mask: None,
            len: payload.len() as u64,
            header_len: 2,
        };
        self.header(location, header, payload, out);
    }

    /// A frame of which the header is known, and as much of the payload as there is.
    pub(super) fn header(
        &mut self,
        location: Location,
        header: RawHeader,
        payload: &[u8],
        out: &mut Out<'_, '_>,
    ) {
        self.last = location.packet;
        let after_close = self.closed[location.direction.index()];
        let close = (header.opcode == 8).then(|| match payload.split_first_chunk() {
            Some((code, reason)) => CapturedClose {
                code: Some(u16::from_be_bytes(*code)),
                reason,
            },
            None => CapturedClose {
                code: None,
                reason: b"",
            },
        });
        self.closed[location.direction.index()] |= close.is_some();
        let mut cx = self.context(out);
        if let Some(close) = close {
            cx.closed(location.direction, close.code, close.reason);
        }
        cx.emit(InspectEvent::Frame(&CapturedFrame {
            location,
            end: location.packet,
            header,
            kind: None,
            payload,
            unknown: &[],
            compressed: &[],
            inflated: None,
            captured: payload.len() as u64,
            close,
            after_close,
            violations: &[],
        }));
    }

    /// A frame of which only the header is known.
    pub(super) fn bare_header(
        &mut self,
        direction: Direction,
        header: RawHeader,
        packet: PacketInfo,
        out: &mut Out<'_, '_>,
    ) {
        let location = self.location(direction, packet);
        let totals = &mut self.totals[direction.index()];
        totals.frames[usize::from(header.opcode & 15)] += 1;
        totals.bytes = totals.bytes.saturating_add(header.len);
        self.header(location, header, b"", out);
    }

    /// A side closed the conversation with this code and reason.
    pub(super) fn close(
        &mut self,
        direction: Direction,
        code: u16,
        reason: &str,
        packet: PacketInfo,
        out: &mut Out<'_, '_>,
    ) {
        // 1005 and 1006 stand for no code and no close frame (RFC 6455 §7.4.1).
        let payload = match code {
            1006 => return,
            1005 => Vec::new(),
            code => [&code.to_be_bytes(), reason.as_bytes()].concat(),
        };
        self.message(direction, 8, &payload, packet, out);
    }

    /// The conversation has ended.
    pub(super) fn end(mut self, packet: Option<PacketInfo>, ending: Ending, out: &mut Out<'_, '_>) {
        let packet = packet.unwrap_or(self.last);
        let totals = self.totals;
        self.context(out).end(packet, ending, totals);
    }
}
