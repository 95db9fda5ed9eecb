//! An event as bytes: numbers of seven bits a byte, and payloads as they are.
//!
//! Only this module writes and reads these bytes, and they never leave the process.

use core::ops::Range;
use std::borrow::Cow;

use wscodec::ErrorKind;
use wscodec::frame::{RawHeader, Rsv};
use wscodec::message::Kind;

use crate::event::{
    CapturedClose, CapturedFrame, CapturedMessage, ConversationId, Direction, Location, PacketInfo,
    Violation,
};

const SERVER: u64 = 1;
const FIN: u64 = 1 << 1;
const MASKED: u64 = 1 << 2;
const AFTER_CLOSE: u64 = 1 << 3;
const BEGIN: u64 = 1 << 4;
const INFLATED: u64 = 1 << 5;
const PARTLY: u64 = 1 << 6;
const TEXT: u64 = 1 << 7;
const BINARY: u64 = 1 << 8;
const UNKNOWN: u64 = 1 << 9;
const COMPRESSED: u64 = 1 << 10;
const VIOLATIONS: u64 = 1 << 11;
const CLOSE: u64 = 1 << 12;
const FINISHED: u64 = 1 << 13;
const WHOLE: u64 = 1 << 14;
const SHARED: u64 = 1 << 15;

fn put(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The difference of two times, with its sign in the last bit; 0 if there is none.
fn put_time(time: Option<i128>, base: Option<i128>, out: &mut Vec<u8>) {
    let difference = time.zip(base).map(|(time, base)| base - time);
    let value = difference.and_then(|it| i64::try_from(it).ok()).map(|it| {
        let sign = u64::from(it < 0);
        (it.unsigned_abs().min(u64::MAX >> 3) << 1 | sign) + 1
    });
    put(value.unwrap_or(0), out);
}

fn kind_bits(kind: Option<Kind>) -> u64 {
    match kind {
        None => 0,
        Some(Kind::Text) => TEXT,
        Some(Kind::Binary) => BINARY,
    }
}

fn bit(value: bool, bit: u64) -> u64 {
    if value { bit } else { 0 }
}

/// The first `kept` bytes, and the ranges that lie in them.
fn put_payload(payload: &[u8], unknown: &[Range<usize>], kept: usize, out: &mut Vec<u8>) {
    let payload = &payload[..payload.len().min(kept)];
    put_bytes(payload, out);
    if unknown.is_empty() {
        return;
    }
    let within = unknown.iter().filter(|it| it.start < payload.len());
    put(within.clone().count() as u64, out);
    for range in within {
        put(range.start as u64, out);
        put(range.end.min(payload.len()) as u64, out);
    }
}

/// Appends a frame. `base` is the time of its row.
pub(super) fn put_frame(
    frame: &CapturedFrame<'_>,
    kept: usize,
    base: Option<i128>,
    errors: &mut Vec<ErrorKind>,
    out: &mut Vec<u8>,
) {
    let header = &frame.header;
    let flags = bit(
        frame.location.direction == Direction::ServerToClient,
        SERVER,
    ) | bit(header.fin, FIN)
        | bit(header.mask.is_some(), MASKED)
        | bit(frame.after_close, AFTER_CLOSE)
        | bit(frame.location.packet != frame.end, BEGIN)
        | bit(frame.inflated.is_some(), INFLATED)
        | bit(frame.captured != header.len, PARTLY)
        | kind_bits(frame.kind)
        | bit(!frame.unknown.is_empty(), UNKNOWN)
        | bit(!frame.compressed.is_empty(), COMPRESSED)
        | bit(!frame.violations.is_empty(), VIOLATIONS)
        | bit(frame.close.is_some(), CLOSE);
    put(flags, out);
    // The payload is first, so that it is found fast.
    put_payload(frame.payload, frame.unknown, kept, out);
    out.push(header.rsv.bits() << 4 | header.opcode & 15);
    out.push(header.header_len);
    if let Some(key) = header.mask {
        out.extend_from_slice(&key);
    }
    put(header.len, out);
    put_place(&frame.location, frame.end, base, out);
    if let Some(inflated) = frame.inflated {
        put(inflated, out);
    }
    if flags & PARTLY != 0 {
        put(frame.captured, out);
    }
    if flags & COMPRESSED != 0 {
        put_bytes(&frame.compressed[..frame.compressed.len().min(kept)], out);
    }
    if flags & VIOLATIONS != 0 {
        put(frame.violations.len() as u64, out);
        for violation in frame.violations {
            let known = errors.iter().position(|it| *it == violation.error);
            let index = known.unwrap_or_else(|| {
                errors.push(violation.error);
                errors.len() - 1
            });
            put(index as u64, out);
            put(violation.offset, out);
            put_bytes(violation.found.as_bytes(), out);
            put_bytes(violation.expected.as_bytes(), out);
        }
    }
}

fn put_place(location: &Location, end: PacketInfo, base: Option<i128>, out: &mut Vec<u8>) {
    put(location.offset, out);
    put(end.number, out);
    if location.packet != end {
        put(end.number.wrapping_sub(location.packet.number), out);
        put_time(location.packet.time, base, out);
    }
}

/// Appends a message. Its payload is that of the frame so many rows before, or is kept.
pub(super) fn put_message(
    message: &CapturedMessage<'_>,
    same: Option<usize>,
    kept: usize,
    base: Option<i128>,
    out: &mut Vec<u8>,
) {
    let shortened = same.is_none() && message.payload.len() > kept;
    let flags = bit(
        message.location.direction == Direction::ServerToClient,
        SERVER,
    ) | bit(message.compressed, COMPRESSED)
        | bit(message.finished, FINISHED)
        | bit(message.whole && !shortened, WHOLE)
        | bit(message.location.packet != message.end, BEGIN)
        | bit(message.inflated.is_some(), INFLATED)
        | kind_bits(message.kind)
        | bit(!message.unknown.is_empty(), UNKNOWN)
        | bit(same.is_some(), SHARED);
    put(flags, out);
    match same {
        Some(back) => {
            put(back as u64, out);
            put_payload(b"", &[], 0, out);
            if flags & UNKNOWN != 0 {
                put(message.unknown.len() as u64, out);
                for range in message.unknown {
                    put(range.start as u64, out);
                    put(range.end as u64, out);
                }
            }
        }
        None => put_payload(message.payload, message.unknown, kept, out),
    }
    put(message.frames, out);
    put(message.length, out);
    put_place(&message.location, message.end, base, out);
    if let Some(inflated) = message.inflated {
        put(inflated, out);
    }
}

/// Appends another event: the text of its row, and its JSON lines.
pub(super) fn put_text(shown: &str, lines: &[u8], out: &mut Vec<u8>) {
    put_bytes(shown.as_bytes(), out);
    put_bytes(lines, out);
}

/// The text of the row, and the JSON lines.
pub(super) fn text(bytes: &[u8]) -> (&str, &[u8]) {
    let mut input = Input(bytes);
    let shown = core::str::from_utf8(input.bytes()).unwrap_or_default();
    (shown, input.bytes())
}

/// Bytes that this module wrote. Of bytes that it did not write, zeros are read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    fn number(&mut self) -> u64 {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte();
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        value
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = self.number();
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    fn text(&mut self) -> Cow<'static, str> {
        String::from_utf8_lossy(self.bytes()).into_owned().into()
    }

    fn time(&mut self, base: Option<i128>) -> Option<i128> {
        let value = self.number().checked_sub(1)?;
        let difference = i128::from(value >> 1);
        Some(match value & 1 {
            0 => base? - difference,
            _ => base? + difference,
        })
    }

    fn unknown(&mut self, flags: u64) -> Vec<Range<usize>> {
        match flags & UNKNOWN {
            0 => Vec::new(),
            _ => {
                let count = self.number();
                let each = (0..count).map(|_| self.number() as usize..self.number() as usize);
                each.collect()
            }
        }
    }

    fn place(
        &mut self,
        flags: u64,
        conversation: ConversationId,
        base: Option<i128>,
    ) -> (Location, PacketInfo) {
        let offset = self.number();
        let end = PacketInfo {
            number: self.number(),
            time: base,
        };
        let packet = match flags & BEGIN {
            0 => end,
            _ => PacketInfo {
                number: end.number.wrapping_sub(self.number()),
                time: self.time(base),
            },
        };
        let direction = match flags & SERVER {
            0 => Direction::ClientToServer,
            _ => Direction::ServerToClient,
        };
        let location = Location {
            conversation,
            direction,
            offset,
            packet,
        };
        (location, end)
    }
}

fn kind(flags: u64) -> Option<Kind> {
    match flags & (TEXT | BINARY) {
        0 => None,
        TEXT => Some(Kind::Text),
        _ => Some(Kind::Binary),
    }
}

/// The payload of a frame's record, as far as it is kept.
pub(super) fn payload_of_frame(bytes: &[u8]) -> &[u8] {
    let mut input = Input(bytes);
    input.number();
    input.bytes()
}

/// Reads a frame.
pub(super) fn with_frame(
    bytes: &[u8],
    conversation: ConversationId,
    base: Option<i128>,
    errors: &[ErrorKind],
    take: &mut dyn FnMut(&CapturedFrame<'_>),
) {
    let mut input = Input(bytes);
    let flags = input.number();
    let payload = input.bytes();
    let unknown = input.unknown(flags);
    let first = input.byte();
    let header_len = input.byte();
    let mask = match flags & MASKED {
        0 => None,
        _ => input.take(4).first_chunk().copied(),
    };
    let len = input.number();
    let header = RawHeader {
        fin: flags & FIN != 0,
        rsv: Rsv::new(first >> 4),
        opcode: first & 15,
        mask,
        len,
        header_len,
    };
    let (location, end) = input.place(flags, conversation, base);
    let inflated = (flags & INFLATED != 0).then(|| input.number());
    let captured = match flags & PARTLY {
        0 => len,
        _ => input.number(),
    };
    let compressed = match flags & COMPRESSED {
        0 => b"",
        _ => input.bytes(),
    };
    let count = if flags & VIOLATIONS == 0 {
        0
    } else {
        input.number()
    };
    let violations: Vec<_> = (0..count)
        .filter_map(|_| {
            let index = input.number() as usize;
            Some(Violation {
                offset: input.number(),
                found: input.text(),
                expected: input.text(),
                error: *errors.get(index)?,
            })
        })
        .collect();
    take(&CapturedFrame {
        location,
        end,
        header,
        kind: kind(flags),
        payload,
        unknown: &unknown,
        compressed,
        inflated,
        captured,
        close: (flags & CLOSE != 0).then(|| CapturedClose::of(payload)),
        after_close: flags & AFTER_CLOSE != 0,
        violations: &violations,
    });
}

/// Reads a message. `shared` gives the payload of the frame so many rows before.
pub(super) fn with_message<'a>(
    bytes: &'a [u8],
    conversation: ConversationId,
    base: Option<i128>,
    shared: &dyn Fn(usize) -> Option<&'a [u8]>,
    take: &mut dyn FnMut(&CapturedMessage<'_>),
) {
    let mut input = Input(bytes);
    let flags = input.number();
    let back = match flags & SHARED {
        0 => None,
        _ => Some(input.number() as usize),
    };
    let own = input.bytes();
    let payload = back.and_then(shared).unwrap_or(own);
    let unknown = input.unknown(flags);
    let frames = input.number();
    let length = input.number();
    let (location, end) = input.place(flags, conversation, base);
    let inflated = (flags & INFLATED != 0).then(|| input.number());
    take(&CapturedMessage {
        location,
        end,
        kind: kind(flags),
        frames,
        length,
        compressed: flags & COMPRESSED != 0,
        inflated,
        payload,
        unknown: &unknown,
        whole: flags & WHOLE != 0,
        finished: flags & FINISHED != 0,
    });
}
