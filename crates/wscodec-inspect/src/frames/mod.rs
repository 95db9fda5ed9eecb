//! The frames and messages of one direction, read by an onlooker.
//!
//! An endpoint fails a connection at the first fault. This reader reports the fault and goes on:
//!
//! - All violations of a header are reported with the frame. The next header is behind the payload, so
//!   only a length with its top bit set ends the framing.
//! - A hole within a payload leaves the framing known, if it ends within that payload. Any other hole
//!   loses it, and so does a capture that begins in the middle. The next frame is then found by
//!   [`align`](crate::align): a run of headers that fit together.
//! - Payloads are not held. A frame keeps the beginning of its payload, as many bytes as
//!   [`InspectOptions::payload`](crate::InspectOptions::payload) says, and so does a message. Text is checked and
//!   compressed messages are inflated as the bytes arrive.
//! - A frame behind a close frame is reported with a mark.
//!
//! The events do not depend on the lengths of the pieces in which the bytes arrive.
//!
//! | file | has |
//! |---|---|
//! | `mod` | the framing: headers, payloads, holes |
//! | `agreement` | the properties of a direction that its frames depend on |
//! | `message` | messages: fragments, UTF-8, inflating |
//! | `violations` | violations with the values found and expected |

mod agreement;
mod message;
mod violations;

use wscodec::PeerError;
use wscodec::frame::{CloseFrame, OpCode, RawHeader, Role, Rsv, Rules, mask};

use crate::align;
use crate::context::Context;
use crate::event::PacketInfo;
use crate::event::{
    CapturedClose, CapturedFrame, Direction, InspectEvent, Location, Note, Totals, Violation,
};
use crate::held::Held;

pub(crate) use agreement::Agreement;
use message::{Excerpt, Message};

/// Bytes of a control frame's payload that are kept: what a wrong one may have at most to be shown
/// as a whole.
const MAX_CONTROL: usize = 64 << 10;

/// Bytes that are unmasked at once.
const PIECE: usize = 16 << 10;

/// Bytes that are searched for the next frame before the first half of them is given up.
const MAX_LOST: usize = 128 << 10;

#[derive(Debug)]
enum State {
    /// In a header, of which so many bytes are in `front`.
    Header(usize),
    /// In a payload, of which so many bytes are left.
    Payload(u64),
    /// The place of the next header is not known.
    Lost(Lost),
}

#[derive(Debug, Default)]
struct Lost {
    held: Held,
    /// Bytes that are to be there before the next attempt.
    wanted: usize,
    /// Bytes given up before `held`.
    given_up: u64,
}

/// Reads the frames of one direction. See the [module](self).
#[derive(Debug)]
pub(crate) struct FrameReader {
    direction: Direction,
    rules: Rules,
    state: State,
    front: [u8; 14],
    /// Where the next byte is.
    offset: u64,
    frame: Current,
    message: Message,
    /// A close frame was read.
    closed: bool,
    pub(crate) totals: Totals,
    /// The first close frame's code.
    pub(crate) close: Option<Option<u16>>,
}

/// The frame that is being read.
#[derive(Debug)]
struct Current {
    header: RawHeader,
    offset: u64,
    begin: PacketInfo,
    captured: u64,
    /// Bytes of a control frame, or of a data frame as it is shown.
    excerpt: Excerpt,
    /// The payload before it is inflated.
    compressed: Excerpt,
    violations: Vec<Violation>,
}

impl FrameReader {
    /// A reader that stands at a frame's first byte, which is at `offset`.
    pub(crate) fn new(direction: Direction, agreement: Agreement, offset: u64) -> Self {
        let role = match direction {
            Direction::ClientToServer => Role::Server,
            Direction::ServerToClient => Role::Client,
        };
        let rsv = match agreement.deflate.is_some() || agreement.guess {
            true => Rsv::RSV1,
            false => Rsv::NONE,
        };
        let packet = PacketInfo {
            number: 0,
            time: None,
        };
        Self {
            direction,
            rules: Rules::new(role).with_rsv(rsv).with_max_len(u64::MAX),
            state: State::Header(0),
            front: [0; 14],
            offset,
            frame: Current {
                header: RawHeader {
                    fin: true,
                    rsv: Rsv::NONE,
                    opcode: 0,
                    mask: None,
                    len: 0,
                    header_len: 0,
                },
                offset,
                begin: packet,
                captured: 0,
                excerpt: Excerpt::default(),
                compressed: Excerpt::default(),
                violations: Vec::new(),
            },
            message: Message::new(agreement),
            closed: false,
            totals: Totals::default(),
            close: None,
        }
    }

    /// The same for a direction whose next frame has to be found first. A message may be open.
    pub(crate) fn lost(direction: Direction, agreement: Agreement, offset: u64) -> Self {
        let mut reader = Self::new(direction, agreement, offset);
        reader.lose();
        reader
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        let held = match &self.state {
            State::Lost(lost) => lost.held.memory(),
            _ => 0,
        };
        held + self.frame.excerpt.memory() + self.frame.compressed.memory() + self.message.memory()
    }

    /// The next bytes, of one packet.
    pub(crate) fn bytes(&mut self, mut bytes: &[u8], packet: PacketInfo, cx: &mut Context<'_>) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Header(0) => match RawHeader::parse(bytes) {
                    Ok(header) => {
                        bytes = &bytes[usize::from(header.header_len)..];
                        self.begin(header, self.offset, packet, packet, cx);
                    }
                    Err(_) => {
                        // A header in two packets: it is put together in `front`.
                        self.front[..bytes.len()].copy_from_slice(bytes);
                        self.frame.begin = packet;
                        self.frame.offset = self.offset;
                        self.offset += bytes.len() as u64;
                        self.state = State::Header(bytes.len());
                        return;
                    }
                },
                State::Header(have) => {
                    let Err(more) = RawHeader::parse(&self.front[..*have]) else {
                        return;
                    };
                    let (new, rest) = bytes.split_at(more.min(bytes.len()));
                    self.front[*have..*have + new.len()].copy_from_slice(new);
                    *have += new.len();
                    bytes = rest;
                    self.offset += new.len() as u64;
                    if let Ok(header) = RawHeader::parse(&self.front[..*have]) {
                        let (offset, begin) = (self.frame.offset, self.frame.begin);
                        self.begin(header, offset, begin, packet, cx);
                    }
                }
                State::Payload(left) => {
                    let len = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(bytes.len());
                    let (piece, rest) = bytes.split_at(len);
                    *left -= len as u64;
                    let done = *left == 0;
                    bytes = rest;
                    self.payload(piece, done, cx);
                    if done {
                        self.end(packet, cx);
                    }
                }
                State::Lost(lost) => {
                    lost.held.push(bytes, packet);
                    self.offset += bytes.len() as u64;
                    if lost.held.len() >= lost.wanted {
                        self.search(false, cx);
                    }
                    return;
                }
            }
        }
    }

    /// So many bytes are missing.
    pub(crate) fn hole(&mut self, len: u64, packet: PacketInfo, cx: &mut Context<'_>) {
        self.totals.missing += len;
        let location = self.location(self.offset, packet, cx);
        cx.emit(InspectEvent::Note(location, &Note::Hole(len)));
        match &mut self.state {
            State::Payload(left) if *left >= len => {
                *left -= len;
                let done = *left == 0;
                self.offset += len;
                self.missing(len, cx);
                if done {
                    self.end(packet, cx);
                }
            }
            _ => {
                self.give_up(packet, cx);
                self.offset += len;
                self.message.lose();
                self.lose();
            }
        }
    }

    /// The direction is at its end. `early` says that the connection was ended, and not only the
    /// capture.
    pub(crate) fn finish(&mut self, early: bool, packet: PacketInfo, cx: &mut Context<'_>) {
        if matches!(self.state, State::Lost(_)) {
            self.search(true, cx);
        }
        let offset = self.offset;
        let within = match self.state {
            State::Header(have) => have > 0,
            State::Payload(_) => true,
            State::Lost(_) => false,
        };
        if within && early {
            let found = match self.state {
                State::Payload(left) => format!("the end of the stream, {left} bytes early"),
                _ => "the end of the stream within a header".to_owned(),
            };
            self.frame.violations.push(Violation {
                error: PeerError::UnexpectedEof.into(),
                offset,
                found: found.into(),
                expected: "the rest of the frame".into(),
            });
        }
        let open = self.message.is_open();
        self.give_up(packet, cx);
        if open && !within && early {
            let fault = Violation {
                error: PeerError::UnexpectedEof.into(),
                offset,
                found: "the end of the stream between the frames of a message".into(),
                expected: "a final frame".into(),
            };
            self.totals.violations += 1;
            cx.emit(InspectEvent::Violation(
                self.location(offset, packet, cx),
                &fault,
            ));
        }
        self.totals.bytes = self.offset;
    }

    fn location(&self, offset: u64, packet: PacketInfo, cx: &Context<'_>) -> Location {
        Location {
            conversation: cx.id,
            direction: self.direction,
            offset,
            packet,
        }
    }

    /// Reports what is there of a frame and a message of which no more will be read.
    fn give_up(&mut self, packet: PacketInfo, cx: &mut Context<'_>) {
        match self.state {
            State::Payload(_) => self.report(packet, false, cx),
            State::Header(1..) => {
                if let Some(fault) = self.frame.violations.pop() {
                    self.totals.violations += 1;
                    let location = self.location(self.frame.offset, self.frame.begin, cx);
                    cx.emit(InspectEvent::Violation(location, &fault));
                }
                self.frame.violations.clear();
            }
            _ => {}
        }
        self.state = State::Header(0);
        self.message.give_up(self.direction, packet, cx);
    }

    fn lose(&mut self) {
        self.state = State::Lost(Lost::default());
    }

    /// Looks for the next frame in the bytes that were read since its place was lost.
    fn search(&mut self, last: bool, cx: &mut Context<'_>) {
        let State::Lost(lost) = &mut self.state else {
            return;
        };
        let found = align::find(&lost.held, self.rules, last);
        match found {
            Some(at) => {
                let Lost {
                    mut held, given_up, ..
                } = core::mem::take(lost);
                held.consume(at);
                self.offset = held.start();
                self.state = State::Header(0);
                let packet = held.packet();
                let location = self.location(self.offset, packet, cx);
                let note = Note::Resynchronised(given_up + at as u64);
                cx.emit(InspectEvent::Note(location, &note));
                // The bytes that were searched are read again, as they arrived.
                for (bytes, packet) in held.runs() {
                    self.bytes(bytes, packet, cx);
                }
            }
            None if last => {
                let len = lost.given_up + lost.held.len() as u64;
                if len > 0 {
                    let (offset, packet) = (lost.held.start(), lost.held.packet());
                    let location = self.location(offset, packet, cx);
                    cx.emit(InspectEvent::Note(location, &Note::Lost(len)));
                }
                self.state = State::Header(0);
            }
            None => {
                if lost.held.len() >= MAX_LOST {
                    let half = lost.held.len() / 2;
                    lost.held.consume(half);
                    lost.given_up += half as u64;
                }
                // The work stays linear: each attempt looks at a quarter more than the one before.
                lost.wanted = lost.held.len() + lost.held.len() / 4 + 1;
            }
        }
    }

    /// A header was read, which ends in the packet `end`.
    fn begin(
        &mut self,
        header: RawHeader,
        offset: u64,
        begin: PacketInfo,
        end: PacketInfo,
        cx: &mut Context<'_>,
    ) {
        self.offset = offset + u64::from(header.header_len);
        let frame = &mut self.frame;
        (frame.header, frame.offset, frame.begin) = (header, offset, begin);
        frame.captured = 0;
        frame.violations.clear();
        frame.excerpt.clear();
        frame.compressed.clear();
        // Whether a message is open is not known behind a hole: then both are right.
        let open = self.message.is_open();
        let unsure = self.message.is_unsure();
        let is_first = matches!(header.opcode, 1 | 2);
        let found = header.faults(&self.rules, if unsure { !is_first } else { open });
        if !found.is_empty() {
            violations::of_header(&header, found, &self.rules, offset, &mut frame.violations);
        }
        if !is_control(&header) {
            let location = Location {
                conversation: cx.id,
                direction: self.direction,
                offset,
                packet: begin,
            };
            self.message.frame(&header, location, cx);
        }
        if !header.has_length() {
            self.report(end, false, cx);
            self.message.give_up(self.direction, end, cx);
            self.message.lose();
            self.lose();
            return;
        }
        self.state = State::Payload(header.len);
        if header.len == 0 {
            self.payload(&[], true, cx);
            self.end(end, cx);
        }
    }

    /// The next bytes of the payload as they are on the wire; `done` says that they are the last.
    fn payload(&mut self, bytes: &[u8], done: bool, cx: &mut Context<'_>) {
        let frame = &mut self.frame;
        let offset = frame.captured;
        // Missing bytes shift the key as well: the place in the payload counts.
        let at = self.offset - frame.offset - u64::from(frame.header.header_len);
        frame.captured = offset + bytes.len() as u64;
        self.offset += bytes.len() as u64;
        let control = is_control(&frame.header);
        let last = done && frame.header.fin;
        let Some(key) = frame.header.mask else {
            let start = self.offset - bytes.len() as u64;
            return match control {
                true => frame.excerpt.push(bytes, true, MAX_CONTROL),
                false => {
                    if self.message.is_compressed() {
                        frame.compressed.push(bytes, true, cx.options.compressed);
                    }
                    let (excerpt, violations) = (&mut frame.excerpt, &mut frame.violations);
                    self.message
                        .payload(bytes, last, start, excerpt, violations, cx);
                }
            };
        };
        let mut start = self.offset - bytes.len() as u64;
        let mut at = at;
        let mut piece = core::mem::take(&mut cx.scratch.unmasked);
        let mut rest = bytes;
        loop {
            let (front, after) = rest.split_at(rest.len().min(PIECE));
            rest = after;
            if piece.len() < front.len() {
                piece.resize(front.len(), 0);
            }
            let plain = &mut piece[..front.len()];
            mask::copy(key, at, front, plain);
            match control {
                true => frame.excerpt.push(plain, true, MAX_CONTROL),
                false => {
                    if self.message.is_compressed() {
                        frame.compressed.push(plain, true, cx.options.compressed);
                    }
                    let last = last && rest.is_empty();
                    let (excerpt, violations) = (&mut frame.excerpt, &mut frame.violations);
                    self.message
                        .payload(plain, last, start, excerpt, violations, cx);
                }
            }
            at += front.len() as u64;
            start += front.len() as u64;
            if rest.is_empty() {
                break;
            }
        }
        cx.scratch.unmasked = piece;
    }

    /// So many bytes of the payload are missing.
    fn missing(&mut self, len: u64, cx: &mut Context<'_>) {
        let frame = &mut self.frame;
        match is_control(&frame.header) {
            true => frame.excerpt.missing(len, MAX_CONTROL),
            false => {
                if self.message.is_compressed() {
                    frame.compressed.missing(len, cx.options.compressed);
                }
                self.message.missing(len, &mut frame.excerpt, cx);
            }
        }
    }

    /// The payload is whole, but for holes.
    fn end(&mut self, packet: PacketInfo, cx: &mut Context<'_>) {
        self.state = State::Header(0);
        self.report(packet, true, cx);
        let header = self.frame.header;
        if !is_control(&header) && header.fin {
            self.message
                .end(self.direction, packet, &mut self.totals, cx);
        }
    }

    fn report(&mut self, end: PacketInfo, whole: bool, cx: &mut Context<'_>) {
        let location = self.location(self.frame.offset, self.frame.begin, cx);
        let frame = &mut self.frame;
        let header = frame.header;
        let control = is_control(&header);
        let mut close = None;
        if header.op() == Some(OpCode::Close) {
            let payload = frame.excerpt.bytes();
            let known = frame.excerpt.is_known() && whole;
            // The length of a single byte is a fault of the header, which was reported there.
            if known
                && payload.len() != 1
                && let Err(fault) = CloseFrame::parse(payload)
            {
                let start = frame.offset + u64::from(header.header_len);
                let fault = violations::of_close(fault, payload, start);
                frame.violations.push(fault);
            }
            let it = CapturedClose::of(payload);
            close = Some(it);
            if self.close.is_none() {
                self.close = Some(it.code);
                cx.closed(self.direction, it.code, it.reason);
            }
        }
        self.totals.frames[usize::from(header.opcode)] += 1;
        match control {
            true => self.totals.control += frame.captured,
            false => self.totals.data += frame.captured,
        }
        self.totals.violations += frame.violations.len() as u64;
        if cx.options.frames || !frame.violations.is_empty() || control {
            let inflated = match control {
                true => None,
                false => self.message.inflated_of_frame(),
            };
            cx.emit(InspectEvent::Frame(&CapturedFrame {
                location,
                end,
                header,
                kind: if control { None } else { self.message.kind() },
                payload: frame.excerpt.bytes(),
                unknown: frame.excerpt.unknown(),
                compressed: frame.compressed.bytes(),
                inflated,
                captured: frame.captured,
                close,
                after_close: self.closed,
                violations: &frame.violations,
            }));
        }
        if close.is_some() {
            self.closed = true;
        }
        frame.violations.clear();
    }
}

/// Whether the frame stands between messages: opcodes from 8 on (RFC 6455 §5.2).
fn is_control(header: &RawHeader) -> bool {
    header.opcode >= 8
}
