//! HTTP/2 (RFC 9113) with WebSockets by extended CONNECT (RFC 8441): each such stream is a conversation
//! of its own.
//!
//! Only what leads to WebSockets is read: header blocks, because their compression has a state; DATA of
//! the streams that are WebSockets; and the ends of streams. Everything else is passed over.
//!
//! A hole within the DATA of a stream is a hole of that stream. Any other hole loses the place of the
//! next frame and the state of the header compression, so the connection is given up and its
//! conversations end.

use std::collections::BTreeMap;

use super::hpack::Hpack;
use super::substream::Substream;
use crate::context::{Announced, Context};
use crate::event::{
    Conversation, ConversationId, Direction, Ending, HeadField, InspectEvent, Location, Note,
    PacketInfo,
};
use crate::handshake::{self, Sent};
use crate::held::MAX_HELD;
use crate::reassembly::Delivery;

/// The first bytes of a client.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a header block, with its CONTINUATION frames.
const MAX_BLOCK: usize = 256 << 10;

/// WebSockets on one connection at a time.
const MAX_STREAMS: usize = 1024;

/// Interim responses that are remembered for one request.
const MAX_INTERIM: usize = 16;

// Types of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

// Flags of frames.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Http2 {
    sides: [Side; 2],
    streams: BTreeMap<u32, Substream>,
    /// The memory that the streams were counted with.
    memory: usize,
}

/// One direction of it.
#[derive(Debug, Default)]
struct Side {
    /// Bytes of the preface that were read.
    preface: usize,
    head: [u8; 9],
    /// Bytes of the head that were read.
    have: usize,
    frame: Frame,
    /// The header block that is not whole.
    block: Block,
    hpack: Hpack,
    /// Where the next byte is.
    offset: u64,
}

/// The frame whose payload is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    /// Bytes of the payload that are left.
    left: usize,
    /// Bytes of padding at the end, once they are known.
    padding: Option<usize>,
}

#[derive(Debug, Default)]
struct Block {
    bytes: Vec<u8>,
    stream: u32,
    /// Whether it is a promise, which opens no WebSocket.
    promise: bool,
    ends_stream: bool,
    start: Option<Location>,
}

/// The connection can't be read any further.
struct Lost;

impl Http2 {
    /// Bytes of memory held.
    pub(super) fn memory(&self) -> usize {
        let blocks = self.sides.iter().map(|side| side.block.bytes.capacity());
        size_of::<Self>() + self.memory + blocks.sum::<usize>()
    }

    /// The next bytes of a direction. Says whether later ones can be read.
    pub(super) fn bytes(
        &mut self,
        direction: Direction,
        mut bytes: &[u8],
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> bool {
        while !bytes.is_empty() {
            if self.step(direction, &mut bytes, packet, cx).is_err() {
                self.give_up(direction, packet, cx);
                return false;
            }
        }
        true
    }

    /// So many bytes are missing. Says whether later ones can be read.
    pub(super) fn hole(
        &mut self,
        direction: Direction,
        len: u64,
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> bool {
        let side = &mut self.sides[direction.index()];
        let frame = &mut side.frame;
        let padding = frame.padding.unwrap_or(0);
        let data = frame.kind == DATA && frame.padding.is_some();
        let within = side.have == 9
            && len <= frame.left.saturating_sub(padding) as u64
            && !matches!(frame.kind, HEADERS | CONTINUATION | PUSH_PROMISE)
            && (data || frame.kind != DATA);
        if !within {
            self.give_up(direction, packet, cx);
            return false;
        }
        frame.left -= len as usize;
        side.offset += len;
        if data {
            let delivery = Delivery::Hole { len, packet };
            self.deliver(
                self.sides[direction.index()].frame.stream,
                direction,
                delivery,
                cx,
            );
        }
        if self.sides[direction.index()].frame.left == 0 {
            let _ = self.end_frame(direction, packet, cx);
        }
        true
    }

    /// The connection has ended in this way, and with it all streams.
    pub(super) fn finish(&mut self, ending: Ending, packet: PacketInfo, cx: &mut Context<'_>) {
        for (_, stream) in core::mem::take(&mut self.streams) {
            stream.finish(ending, packet, cx);
        }
        self.memory = 0;
    }

    fn give_up(&mut self, direction: Direction, packet: PacketInfo, cx: &mut Context<'_>) {
        for (_, mut stream) in core::mem::take(&mut self.streams) {
            let location = Location {
                conversation: stream.announced.conversation.id,
                direction,
                offset: 0,
                packet,
            };
            let mut inner = cx.within(&mut stream.announced);
            inner.emit_if_known(InspectEvent::Note(location, &Note::LostHttp2));
            stream.finish(Ending::Open, packet, cx);
        }
        self.memory = 0;
    }

    /// Reads the next part of a frame.
    fn step(
        &mut self,
        direction: Direction,
        bytes: &mut &[u8],
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> Result<(), Lost> {
        let side = &mut self.sides[direction.index()];
        let take = |bytes: &mut &[u8], len: usize, offset: &mut u64| {
            let (front, rest) = bytes.split_at(len.min(bytes.len()));
            *bytes = rest;
            *offset += front.len() as u64;
            front.len()
        };
        if direction == Direction::ClientToServer && side.preface < PREFACE.len() {
            let len = take(bytes, PREFACE.len() - side.preface, &mut side.offset);
            side.preface += len;
            return Ok(());
        }
        if side.have < 9 {
            if side.have == 0 {
                side.block.start.get_or_insert(Location {
                    conversation: cx.id,
                    direction,
                    offset: side.offset,
                    packet,
                });
            }
            let all = *bytes;
            let len = take(bytes, 9 - side.have, &mut side.offset);
            side.head[side.have..side.have + len].copy_from_slice(&all[..len]);
            side.have += len;
            if side.have == 9 {
                self.begin_frame(direction)?;
                if self.sides[direction.index()].frame.left == 0 {
                    self.end_frame(direction, packet, cx)?;
                }
            }
            return Ok(());
        }
        let frame = &mut side.frame;
        if frame.padding.is_none() {
            // The length of the padding is in the first byte (RFC 9113 §6.1).
            let all = *bytes;
            take(bytes, 1, &mut side.offset);
            frame.left -= 1;
            let padding = usize::from(all[0]);
            frame.padding = Some(padding);
            if padding > frame.left {
                return Err(Lost);
            }
        } else {
            let padding = frame.padding.unwrap_or(0);
            let (len, content) = match frame.left > padding {
                true => (frame.left - padding, true),
                false => (frame.left, false),
            };
            let all = *bytes;
            let len = take(bytes, len, &mut side.offset);
            frame.left -= len;
            if content {
                self.content(direction, &all[..len], packet, cx)?;
            }
        }
        match self.sides[direction.index()].frame.left {
            0 => self.end_frame(direction, packet, cx),
            _ => Ok(()),
        }
    }

    /// The head of a frame is whole.
    fn begin_frame(&mut self, direction: Direction) -> Result<(), Lost> {
        let side = &mut self.sides[direction.index()];
        let [a, b, c, kind, flags, stream @ ..] = side.head;
        let padded = matches!(kind, DATA | HEADERS | PUSH_PROMISE) && flags & PADDED != 0;
        let frame = Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
            left: u32::from_be_bytes([0, a, b, c]) as usize,
            padding: if padded { None } else { Some(0) },
        };
        if padded && frame.left == 0 {
            return Err(Lost);
        }
        side.frame = frame;
        match kind {
            HEADERS | PUSH_PROMISE => {
                side.block.bytes.clear();
                side.block.stream = frame.stream;
                side.block.promise = kind == PUSH_PROMISE;
                side.block.ends_stream = kind == HEADERS && flags & END_STREAM != 0;
            }
            CONTINUATION if side.block.stream == frame.stream => {}
            CONTINUATION => return Err(Lost),
            _ => side.block.start = None,
        }
        Ok(())
    }

    /// The next bytes of a payload, without padding.
    fn content(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> Result<(), Lost> {
        let side = &mut self.sides[direction.index()];
        match side.frame.kind {
            DATA => {
                let stream = side.frame.stream;
                self.deliver(stream, direction, Delivery::Bytes { bytes, packet }, cx);
            }
            HEADERS | PUSH_PROMISE | CONTINUATION => {
                if side.block.bytes.len() + bytes.len() > MAX_BLOCK {
                    return Err(Lost);
                }
                side.block.bytes.extend_from_slice(bytes);
            }
            _ => {}
        }
        Ok(())
    }

    /// The payload of a frame is whole.
    fn end_frame(
        &mut self,
        direction: Direction,
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> Result<(), Lost> {
        let side = &mut self.sides[direction.index()];
        side.have = 0;
        let Frame {
            kind,
            flags,
            stream,
            ..
        } = side.frame;
        match kind {
            DATA if flags & END_STREAM != 0 => self.end_stream(stream, direction, packet, cx),
            RST_STREAM => {
                if let Some(substream) = self.remove(stream) {
                    substream.finish(Ending::Reset(direction), packet, cx);
                }
            }
            HEADERS | PUSH_PROMISE => {
                // In front of the block there are a priority or the number of the promised stream.
                let skip = match (kind, flags & PRIORITY) {
                    (PUSH_PROMISE, _) => 4,
                    (_, 0) => 0,
                    _ => 5,
                };
                if skip > side.block.bytes.len() {
                    return Err(Lost);
                }
                side.block.bytes.drain(..skip);
            }
            _ => {}
        }
        let whole =
            matches!(kind, HEADERS | PUSH_PROMISE | CONTINUATION) && flags & END_HEADERS != 0;
        if whole {
            self.block(direction, packet, cx)?;
        }
        Ok(())
    }

    /// A header block is whole.
    fn block(
        &mut self,
        direction: Direction,
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) -> Result<(), Lost> {
        let side = &mut self.sides[direction.index()];
        let block = core::mem::take(&mut side.block);
        let fields = side.hpack.decode(&block.bytes).map_err(|_| Lost)?;
        if block.promise {
            return Ok(());
        }
        let Some(start) = block.start else {
            return Ok(());
        };
        match direction {
            Direction::ClientToServer => self.request(block.stream, fields, start, cx),
            Direction::ServerToClient => self.response(block.stream, fields, start, cx),
        }
        if block.ends_stream {
            self.end_stream(block.stream, direction, packet, cx);
        }
        Ok(())
    }

    fn request(
        &mut self,
        stream: u32,
        fields: Vec<HeadField>,
        start: Location,
        cx: &mut Context<'_>,
    ) {
        let is = |name: &str, value: &[u8]| {
            let mut fields = fields.iter();
            fields.any(|field| field.0 == name.as_bytes() && field.1.eq_ignore_ascii_case(value))
        };
        let upgrade = is(":method", b"CONNECT") && is(":protocol", b"websocket");
        if !upgrade || self.streams.contains_key(&stream) {
            return;
        }
        if self.streams.len() >= MAX_STREAMS
            && let Some(&oldest) = self.streams.keys().next()
            && let Some(substream) = self.remove(oldest)
        {
            substream.finish(Ending::Dropped, start.packet, cx);
        }
        let id = ConversationId {
            substream: stream,
            ..cx.id
        };
        let conversation = Conversation {
            id,
            packet: start.packet,
            from_start: true,
            ..*cx.conversation()
        };
        let location = Location {
            conversation: id,
            ..start
        };
        let path = fields.iter().find(|field| field.0 == b":path");
        let target = path.map_or(b"/".to_vec(), |field| field.1.clone());
        let substream = Substream {
            announced: Announced::new(conversation),
            request: Sent::request([b"CONNECT", &target, b"HTTP/2"], fields, location),
            interim: Vec::new(),
            socket: None,
            held: Default::default(),
            ended: [false; 2],
            first_end: None,
            counted: 0,
        };
        self.streams.insert(stream, substream);
        self.count(stream);
    }

    fn response(
        &mut self,
        stream: u32,
        fields: Vec<HeadField>,
        start: Location,
        cx: &mut Context<'_>,
    ) {
        let Some(substream) = self.streams.get_mut(&stream) else {
            return;
        };
        let status = fields.iter().find(|field| field.0 == b":status");
        let status = status.and_then(|field| core::str::from_utf8(&field.1).ok());
        let (None, Some(status)) = (&substream.socket, status.and_then(|it| it.parse().ok()))
        else {
            return; // These are trailers.
        };
        if matches!(status, 100..200) {
            if substream.interim.len() < MAX_INTERIM {
                substream.interim.push(status);
            }
            return;
        }
        let location = Location {
            conversation: substream.announced.conversation.id,
            ..start
        };
        let response = Sent::response(status, fields, b"HTTP/2", location);
        let mut inner = cx.within(&mut substream.announced);
        let (request, interim) = (&substream.request, &substream.interim);
        let agreements =
            handshake::report(Some(request), Some(&response), status, interim, &mut inner);
        if matches!(status, 200..300) {
            substream.open(agreements, cx);
        } else if let Some(substream) = self.remove(stream) {
            substream.finish(Ending::Fin(Direction::ServerToClient), start.packet, cx);
        }
        self.count(stream);
    }

    /// Hands bytes of a stream to its frames, or holds them until the answer arrives.
    fn deliver(
        &mut self,
        stream: u32,
        direction: Direction,
        delivery: Delivery<'_>,
        cx: &mut Context<'_>,
    ) {
        let Some(substream) = self.streams.get_mut(&stream) else {
            return;
        };
        let i = direction.index();
        match &mut substream.socket {
            Some(socket) => {
                let mut inner = cx.within(&mut substream.announced);
                socket.deliver(direction, delivery, &mut inner);
            }
            None => match delivery {
                Delivery::Bytes { bytes, packet } => {
                    substream.held[i].push(bytes, packet);
                    // The answer is not in the capture.
                    if substream.held[i].len() > MAX_HELD {
                        substream.assume(cx);
                    }
                }
                _ => {
                    substream.assume(cx);
                    if let Some(socket) = &mut substream.socket {
                        let mut inner = cx.within(&mut substream.announced);
                        socket.deliver(direction, delivery, &mut inner);
                    }
                }
            },
        }
        self.count(stream);
    }

    /// A side has no more to send on this stream.
    fn end_stream(
        &mut self,
        stream: u32,
        direction: Direction,
        packet: PacketInfo,
        cx: &mut Context<'_>,
    ) {
        let Some(substream) = self.streams.get_mut(&stream) else {
            return;
        };
        substream.ended[direction.index()] = true;
        let first = *substream.first_end.get_or_insert(direction);
        if let Some(socket) = &mut substream.socket {
            let mut inner = cx.within(&mut substream.announced);
            socket.end(direction, packet, &mut inner);
        }
        if substream.ended == [true; 2]
            && let Some(substream) = self.remove(stream)
        {
            substream.finish(Ending::Fin(first), packet, cx);
        }
    }

    fn remove(&mut self, stream: u32) -> Option<Substream> {
        let substream = self.streams.remove(&stream)?;
        self.memory -= substream.counted;
        Some(substream)
    }

    /// Counts the memory of a stream again.
    fn count(&mut self, stream: u32) {
        if let Some(substream) = self.streams.get_mut(&stream) {
            let counted = substream.memory();
            self.memory = self.memory - substream.counted + counted;
            substream.counted = counted;
        }
    }
}
