//! Whole messages.

use alloc::vec::Vec;
use core::mem::take;
use core::ops::Range;

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::{Arena, Row, keep};
#[cfg(feature = "deflate")]
use super::deflate::Engines;
use super::extension::{Extension, Inflating};
use super::{address, errors, limits, outcome, role};
use wscodec::Limits;
use wscodec::error::Fault;
use wscodec::frame::Rsv;
use wscodec::message::{Event, Inbound, Kind, Receiver};

const ASCII: u32 = 1 << 8;
pub(super) const OPAQUE: u32 = 1 << 9;

/// Beside the reserved bits: a server takes frames that are not masked.
const UNMASKED: u8 = 8;

/// There is more in what was pushed.
pub(super) const MORE: i32 = 1 << 30;

/// Messages of this many bytes in all may be inflated before they are handed out: what a chunk
/// stands for can be a thousand times as large.
const MOST_INFLATED: usize = 4 << 20;

/// A receiver of whole messages.
///
/// It writes rows of four numbers: the opcode (1, 2, 8, 9, 10) with [`ASCII`] and [`OPAQUE`]; the
/// payload's address; its length; and the close code, 1005 if a close frame has none. The payload
/// of a close frame is its reason.
#[wasm_bindgen]
pub struct Messages {
    pub(super) receiver: Receiver<Extension>,
    pub(super) fault: Option<Fault>,
    /// With messages in pieces, the head of the next one's row.
    pub(super) piece: Option<u32>,
    /// What was pushed and not decoded, from a place on.
    rest: Vec<u8>,
    at: usize,
}

#[wasm_bindgen]
impl Messages {
    /// A receiver at a stream's `offset`, for one side. `rsv` has the reserved bits to tolerate,
    /// and [`UNMASKED`].
    #[wasm_bindgen(constructor)]
    pub fn new(
        client: bool,
        rsv: u8,
        frame: f64,
        message: f64,
        fragments: u32,
        offset: f64,
    ) -> Self {
        let limits = limits(frame, message, fragments);
        Self::with_extension(client, rsv, &limits, None, offset)
    }

    /// Decodes the first `len` bytes of the arena's input. Returns the number of rows, or its
    /// complement if a [fault](Self::fault) came after them; with [`MORE`] if the rest is kept for
    /// [`resume`](Self::resume).
    pub fn push(&mut self, arena: &mut Arena, len: usize) -> i32 {
        arena.begin(len);
        let mut bytes = take(&mut arena.input);
        let (outcome, left) = self.decode(arena, &mut bytes[..len]);
        if left > 0 || !self.rest.is_empty() {
            self.rest = bytes[len - left..len].to_vec();
            self.at = 0;
        }
        arena.input = bytes;
        outcome
    }

    /// Goes on with what [`push`](Self::push) has left.
    pub fn resume(&mut self, arena: &mut Arena) -> i32 {
        let mut bytes = take(&mut self.rest);
        arena.begin(bytes.len() - self.at);
        let (outcome, left) = self.decode(arena, &mut bytes[self.at..]);
        self.at = bytes.len() - left;
        // Kept even if all is read: rows point into it.
        self.rest = bytes;
        outcome
    }

    /// Where `len` bytes may be written if all of them belong to the payload that is being read;
    /// 0 if they don't.
    pub fn space(&mut self, arena: &mut Arena, len: usize) -> u32 {
        arena.begin(0);
        self.receiver
            .begin_fill(len)
            .map_or(0, |space| address(space))
    }

    /// Takes the bytes that were written to [`space`](Self::space). Returns the number of rows.
    pub fn fill(&mut self, arena: &mut Arena, len: usize) -> i32 {
        arena.begin(0);
        match self.receiver.fill(len) {
            Ok(Some(event)) => row(&mut arena.rows, event, address),
            Ok(None) => {}
            Err(fault) => self.fault = Some(fault),
        }
        outcome(arena.rows.len(), self.fault.is_some())
    }

    /// Says that the stream ended.
    pub fn finish(&mut self) {
        self.fault = self.receiver.finish().err();
    }

    /// The number of the fault that the receiver is in; 0 if it is in none.
    pub fn fault(&self) -> u32 {
        self.fault.map_or(0, |fault| errors::number(fault.error))
    }

    /// Where the fault lies.
    pub fn fault_offset(&self) -> f64 {
        self.fault.map_or(0.0, |fault| fault.offset as f64)
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> f64 {
        self.receiver.offset() as f64
    }

    /// Bytes taken so far, or -1 if something came in part, or nothing can come any more.
    pub fn settled(&self) -> f64 {
        if self.receiver.is_settled() && self.at == self.rest.len() {
            self.offset()
        } else {
            -1.0
        }
    }

    /// The offset of the frame read last.
    pub fn frame_offset(&self) -> f64 {
        self.receiver.frame_offset() as f64
    }

    /// Whether a message is begun and not at its end.
    pub fn in_message(&self) -> bool {
        self.receiver.in_message()
    }

    /// Bytes of memory held for a message in parts.
    pub fn buffered(&self) -> usize {
        self.receiver.buffered()
    }

    /// Bytes of memory held by the extension.
    pub fn memory(&self) -> usize {
        self.receiver.extension().memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        self.receiver.extension_mut().release();
    }
}

#[cfg(feature = "deflate")]
#[wasm_bindgen]
impl Messages {
    /// The same, of messages that may be compressed. `receive` is a direction in a number.
    #[allow(clippy::too_many_arguments, reason = "objects are dear at this border")]
    pub fn inflating(
        client: bool,
        rsv: u8,
        frame: f64,
        message: f64,
        fragments: u32,
        offset: f64,
        engines: &Engines,
        history: u8,
        receive: u8,
        inflation: u32,
    ) -> Self {
        let (deflate, _) = engines.decompressor(history, receive, message, inflation);
        let limits = limits(frame, message, fragments);
        Self::with_extension(client, rsv, &limits, Some(deflate), offset)
    }
}

impl Messages {
    fn with_extension(
        client: bool,
        rsv: u8,
        limits: &Limits,
        deflate: Option<Inflating>,
        offset: f64,
    ) -> Self {
        let extension = Extension::new(Rsv::new(rsv & 7), deflate);
        Self {
            receiver: Receiver::with_extension(role(client), limits, extension)
                .dangerously_accept_unmasked(rsv & UNMASKED != 0)
                .with_offset(offset as u64),
            fault: None,
            piece: None,
            rest: Vec::new(),
            at: 0,
        }
    }

    /// Decodes `input` into rows. How many bytes of it are left, too.
    #[inline]
    fn decode(&mut self, arena: &mut Arena, mut input: &mut [u8]) -> (i32, usize) {
        if let Some(head) = self.piece {
            return self.decode_pieces(arena, head, input);
        }
        let range = input.as_ptr_range();
        let rows = &mut arena.rows;
        let receiver = &mut self.receiver;
        let inflates = receiver.extension().inflates();
        receiver.release(&mut arena.shared);
        let mut batch = false;
        self.fault = loop {
            let simple = receiver.receive_simple(&mut input, |text, ascii, payload| {
                message_row(rows, text, ascii, false, payload);
            });
            if let Err(fault) = simple {
                break Some(fault);
            }
            if input.is_empty() {
                break None;
            }
            // Only what is not simple is put together anywhere.
            if !batch {
                if let Err(fault) = receiver.begin_batch(&mut arena.shared, input.len()) {
                    break Some(fault);
                }
                batch = true;
            }
            let before = rows.len();
            let assembled = receiver.assembled().as_ptr_range();
            let ended = match receiver.receive_any(&mut input) {
                Ok(Some(event)) => {
                    row(rows, event, |payload| {
                        if range.contains(&payload.as_ptr()) || payload.is_empty() {
                            address(payload)
                        } else {
                            keep(&mut arena.side, payload)
                        }
                    });
                    None
                }
                Ok(None) => Some(None),
                Err(fault) => Some(Some(fault)),
            };
            if inflates {
                let now = receiver.assembled();
                moved(&mut rows[..before], assembled, now);
                if ended.is_none() && now.len() > MOST_INFLATED {
                    break None;
                }
            }
            if let Some(fault) = ended {
                break fault;
            }
        };
        if batch {
            receiver.end_batch(&mut arena.shared);
        }
        let rows = rows.len();
        match input.len() {
            left @ 1.. if self.fault.is_none() => (rows as i32 | MORE, left),
            _ => (outcome(rows, self.fault.is_some()), 0),
        }
    }
}

/// Points rows to where the messages that were put together lie now.
fn moved(rows: &mut [Row], from: Range<*const u8>, to: &[u8]) {
    if from.start == to.as_ptr() {
        return;
    }
    let range = from.start.addr() as u32..from.end.addr() as u32;
    let shift = address(to).wrapping_sub(range.start);
    for row in rows {
        if range.contains(&row[1]) {
            row[1] = row[1].wrapping_add(shift);
        }
    }
}

/// Writes the row of a message.
#[inline]
fn message_row(rows: &mut Vec<Row>, text: bool, ascii: bool, opaque: bool, payload: &[u8]) {
    let opcode = if text { 1 } else { 2 };
    let ascii = if ascii { ASCII } else { 0 };
    let opaque = if opaque { OPAQUE } else { 0 };
    rows.push([
        opcode | ascii | opaque,
        address(payload),
        payload.len() as u32,
        0,
    ]);
}

/// Writes one row. `place` says where a control payload lies, or puts it where it stays.
#[inline]
fn row(rows: &mut Vec<Row>, event: Event<'_>, place: impl FnOnce(&[u8]) -> u32) {
    let (head, payload, code) = match event {
        Event::Message(message) => {
            let text = message.kind == Kind::Text;
            return message_row(rows, text, message.ascii, message.opaque, message.payload);
        }
        Event::Ping(payload) => (9, payload, 0),
        Event::Pong(payload) => (10, payload, 0),
        Event::Close(Some(close)) => (8, close.reason.as_bytes(), close.code.value()),
        Event::Close(None) => (8, &[][..], 1005),
    };
    let len = payload.len() as u32;
    rows.push([head, place(payload), len, u32::from(code)]);
}
