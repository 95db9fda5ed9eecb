//! Messages of one direction: fragments, text, compression.

use core::ops::Range;

use wscodec::frame::{RawHeader, Rsv};
use wscodec::message::Kind;
use wscodec::utf8::Validator;
use wscodec::{ErrorKind, PeerError};

use super::agreement::Agreement;
use super::violations;
use crate::context::Context;
use crate::event::PacketInfo;
use crate::event::{self, Direction, InspectEvent, Location, Note, Totals, Violation};
use crate::inflate::{Damaged, Inflation};

/// Ranges of unknown bytes in one payload; more are put together with the last one.
const MAX_RANGES: usize = 4096;

/// The beginning of a payload.
#[derive(Debug, Default)]
pub(super) struct Excerpt {
    bytes: Vec<u8>,
    unknown: Vec<Range<usize>>,
    total: u64,
}

impl Excerpt {
    pub(super) fn clear(&mut self) {
        // One large payload shall not hold memory for all later ones.
        if self.bytes.capacity() > 1 << 20 {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.unknown.clear();
        self.total = 0;
    }

    /// The next bytes, of which at most `most` are kept in all.
    pub(super) fn push(&mut self, bytes: &[u8], known: bool, most: usize) {
        self.total += bytes.len() as u64;
        let room = most.saturating_sub(self.bytes.len()).min(bytes.len());
        let start = self.bytes.len();
        if known {
            self.bytes.extend_from_slice(&bytes[..room]);
        } else {
            self.bytes.resize(start + room, 0);
            self.mark(start..start + room);
        }
    }

    /// So many bytes are missing.
    pub(super) fn missing(&mut self, len: u64, most: usize) {
        self.total += len;
        let room = most.saturating_sub(self.bytes.len()) as u64;
        let start = self.bytes.len();
        let end = start + room.min(len) as usize;
        self.bytes.resize(end, 0);
        self.mark(start..end);
    }

    fn mark(&mut self, range: Range<usize>) {
        let full = self.unknown.len() >= MAX_RANGES;
        match self.unknown.last_mut() {
            _ if range.is_empty() => {}
            Some(last) if last.end == range.start || full => last.end = range.end,
            _ => self.unknown.push(range),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn unknown(&self) -> &[Range<usize>] {
        &self.unknown
    }

    /// Whether every byte that is kept is known, and none was left out.
    pub(super) fn is_known(&self) -> bool {
        self.unknown.is_empty() && self.total == self.bytes.len() as u64
    }

    pub(super) fn memory(&self) -> usize {
        self.bytes.capacity() + self.unknown.capacity() * size_of::<Range<usize>>()
    }
}

/// The message that is open, and what is kept from one to the next.
#[derive(Debug)]
pub(super) struct Message {
    agreement: Agreement,
    inflation: Option<Inflation>,
    /// Messages are missing since the last one that was inflated.
    window_lost: bool,
    noted: bool,
    open: Option<Open>,
    /// Nobody knows whether a message is open.
    unsure: bool,
    /// The frame belongs to no message: its opcode is reserved.
    foreign: bool,
    excerpt: Excerpt,
    inflated_of_frame: u64,
    /// Where the current frame begins.
    frame_offset: u64,
}

#[derive(Debug)]
struct Open {
    kind: Option<Kind>,
    location: Location,
    frames: u64,
    length: u64,
    compressed: bool,
    inflated: u64,
    /// Inflating it came to an end before the message did.
    broken: bool,
    text: Option<Validator>,
}

impl Message {
    pub(super) fn new(agreement: Agreement) -> Self {
        Self {
            agreement,
            inflation: None,
            window_lost: !agreement.window_known,
            noted: false,
            open: None,
            unsure: !agreement.window_known,
            foreign: false,
            excerpt: Excerpt::default(),
            inflated_of_frame: 0,
            frame_offset: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) fn is_unsure(&self) -> bool {
        self.unsure
    }

    pub(super) fn kind(&self) -> Option<Kind> {
        match self.foreign {
            true => None,
            false => self.open.as_ref()?.kind,
        }
    }

    /// Whether the current frame belongs to a compressed message.
    pub(super) fn is_compressed(&self) -> bool {
        !self.foreign && self.open.as_ref().is_some_and(|open| open.compressed)
    }

    pub(super) fn inflated_of_frame(&self) -> Option<u64> {
        self.is_compressed().then_some(self.inflated_of_frame)
    }

    pub(super) fn memory(&self) -> usize {
        let inflation = self.inflation.as_ref().map_or(0, Inflation::memory);
        self.excerpt.memory() + inflation
    }

    /// Frames are missing.
    pub(super) fn lose(&mut self) {
        self.window_lost = true;
        self.unsure = true;
    }

    /// A data frame begins.
    pub(super) fn frame(&mut self, header: &RawHeader, location: Location, cx: &mut Context<'_>) {
        self.inflated_of_frame = 0;
        self.frame_offset = location.offset;
        self.foreign = header.opcode > 2;
        if self.foreign {
            return;
        }
        self.unsure = false;
        if let (0, Some(open)) = (header.opcode, &mut self.open) {
            open.frames += 1;
            return;
        }
        // A message that has no end, because the next one begins.
        self.give_up(location.direction, location.packet, cx);
        let kind = match header.opcode {
            1 => Some(Kind::Text),
            2 => Some(Kind::Binary),
            _ => None,
        };
        let may = self.agreement.deflate.is_some() || self.agreement.guess;
        let compressed = kind.is_some() && may && header.rsv.contains(Rsv::RSV1);
        self.excerpt.clear();
        self.open = Some(Open {
            kind,
            location,
            frames: 1,
            length: 0,
            compressed,
            inflated: 0,
            broken: false,
            text: (kind == Some(Kind::Text)).then(Validator::new),
        });
        if compressed {
            self.begin_inflating(location, cx);
        }
    }

    fn begin_inflating(&mut self, location: Location, cx: &mut Context<'_>) {
        let direction = self.agreement.deflate.unwrap_or_default();
        let lost = core::mem::take(&mut self.window_lost);
        let inflation = match (&mut self.inflation, lost) {
            (Some(inflation), true) => {
                inflation.forget();
                inflation
            }
            (Some(inflation), false) => inflation,
            (none, true) => none.insert(Inflation::unknown(direction)),
            (none, false) => none.insert(Inflation::new(direction)),
        };
        inflation.begin();
        let known = inflation.is_known();
        if !known && !self.noted {
            cx.emit(InspectEvent::Note(location, &Note::UnknownWindow));
        }
        self.noted = !known;
    }

    /// The next bytes of a data frame's payload, without their mask. `start` is the place of the
    /// first of them, `last` says that they are the message's last.
    pub(super) fn payload(
        &mut self,
        bytes: &[u8],
        last: bool,
        start: u64,
        excerpt: &mut Excerpt,
        violations: &mut Vec<Violation>,
        cx: &mut Context<'_>,
    ) {
        let keep = cx.options.payload;
        let (frames, messages) = (cx.options.frames, cx.options.messages);
        let Some(open) = self.open.as_mut().filter(|_| !self.foreign) else {
            excerpt.push(bytes, true, keep);
            return;
        };
        open.length += bytes.len() as u64;
        if !open.compressed {
            if frames {
                excerpt.push(bytes, true, keep);
            }
            if messages {
                self.excerpt.push(bytes, true, keep);
            }
            check_text(&mut open.text, bytes, last, start, true, violations);
            return;
        }
        // The place of an inflated byte is that of its frame.
        let start = self.frame_offset;
        let Some(inflation) = self.inflation.as_mut().filter(|_| !open.broken) else {
            return;
        };
        let (message, text) = (&mut self.excerpt, &mut open.text);
        let (out, in_frame) = (&mut open.inflated, &mut self.inflated_of_frame);
        let mut scratch = core::mem::take(&mut cx.scratch.inflated);
        let mut sink = |bytes: &[u8], known: bool| {
            *out += bytes.len() as u64;
            *in_frame += bytes.len() as u64;
            if frames {
                excerpt.push(bytes, known, keep);
            }
            if messages {
                message.push(bytes, known, keep);
            }
            match known {
                true => check_text(text, bytes, false, start, false, violations),
                false => *text = None,
            }
        };
        let result = inflation.push(bytes, last, &mut scratch, &mut sink);
        cx.scratch.inflated = scratch;
        match result {
            Ok(()) if last => check_text(text, &[], true, start, false, violations),
            Ok(()) => {}
            Err(Damaged) => {
                open.broken = true;
                open.text = None;
                violations.push(Violation {
                    error: PeerError::InvalidCompressedData.into(),
                    offset: start,
                    found: format!("damage behind {} inflated bytes", open.inflated).into(),
                    expected: "a deflate stream that ends with a block".into(),
                });
            }
        }
    }

    /// So many bytes of a data frame's payload are missing.
    pub(super) fn missing(&mut self, len: u64, excerpt: &mut Excerpt, cx: &mut Context<'_>) {
        let keep = cx.options.payload;
        let open = self.open.as_mut().filter(|_| !self.foreign);
        if open.as_ref().is_none_or(|open| !open.compressed) {
            excerpt.missing(len, keep);
        }
        let Some(open) = open else {
            return;
        };
        open.length += len;
        open.text = None;
        match open.compressed {
            true => {
                open.broken = true;
                self.window_lost = true;
            }
            false => self.excerpt.missing(len, keep),
        }
    }

    /// The message's last frame has ended.
    pub(super) fn end(
        &mut self,
        direction: Direction,
        end: PacketInfo,
        totals: &mut Totals,
        cx: &mut Context<'_>,
    ) {
        if self.foreign {
            return;
        }
        if let Some(open) = self.open.take() {
            match open.kind {
                Some(Kind::Text) => totals.text += 1,
                Some(Kind::Binary) => totals.binary += 1,
                None => {}
            }
            if open.compressed {
                totals.compressed += 1;
                totals.inflated += open.inflated;
            }
            self.report(&open, direction, end, true, cx);
        }
    }

    /// No more of the open message will be read.
    pub(super) fn give_up(&mut self, direction: Direction, end: PacketInfo, cx: &mut Context<'_>) {
        if let Some(open) = self.open.take() {
            self.window_lost |= open.compressed;
            self.report(&open, direction, end, false, cx);
        }
    }

    fn report(
        &mut self,
        open: &Open,
        direction: Direction,
        end: PacketInfo,
        finished: bool,
        cx: &mut Context<'_>,
    ) {
        if cx.options.messages {
            let location = Location {
                direction,
                ..open.location
            };
            cx.emit(InspectEvent::Message(&event::CapturedMessage {
                location,
                end,
                kind: open.kind,
                frames: open.frames,
                length: open.length,
                compressed: open.compressed,
                inflated: open.compressed.then_some(open.inflated),
                payload: self.excerpt.bytes(),
                unknown: self.excerpt.unknown(),
                whole: finished && !open.broken && open.kind.is_some() && self.excerpt.is_known(),
                finished,
            }));
        }
    }
}

/// Checks the next piece of text, if all text before it was right. `exact` says that `start` is the
/// place of its first byte; otherwise the bytes are inflated ones, and `start` is their frame's.
fn check_text(
    text: &mut Option<Validator>,
    bytes: &[u8],
    last: bool,
    start: u64,
    exact: bool,
    violations: &mut Vec<Violation>,
) {
    let Some(validator) = text else {
        return;
    };
    let bad = match validator.push(bytes) {
        Err(at) => at,
        Ok(()) if last && !validator.is_complete() => bytes.len(),
        Ok(()) => return,
    };
    *text = None;
    violations.push(Violation {
        error: ErrorKind::Peer(PeerError::InvalidUtf8),
        offset: if exact { start + bad as u64 } else { start },
        found: violations::hex(&bytes[bad..]),
        expected: "UTF-8".into(),
    });
}
