//! Whole messages.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::{Arena, keep};
use super::{address, errors, limits, outcome, role};
use crate::error::Fault;
use crate::frame::Rsv;
use crate::message::{Event, Kind, Opaque, Receiver};

const ASCII: u32 = 1 << 8;
const OPAQUE: u32 = 1 << 9;

/// A receiver of whole messages.
///
/// It writes rows of four numbers: the opcode (1, 2, 8, 9, 10) with [`ASCII`] and [`OPAQUE`]; the
/// payload's address; its length; and the close code, 1005 if a close frame has none. The payload
/// of a close frame is its reason.
#[wasm_bindgen]
pub struct Messages {
    receiver: Receiver<Opaque>,
    fault: Option<Fault>,
}

#[wasm_bindgen]
impl Messages {
    /// A receiver at a stream's `offset`, for one side.
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
        let opaque = Opaque(Rsv::new(rsv));
        Self {
            receiver: Receiver::with_extension(role(client), &limits, opaque)
                .with_offset(offset as u64),
            fault: None,
        }
    }

    /// Decodes the first `len` bytes of the arena's input. Returns the number of rows, or its
    /// complement if a [fault](Self::fault) came after them.
    pub fn push(&mut self, arena: &mut Arena, len: usize) -> i32 {
        arena.begin(len);
        let mut input = &mut arena.input[..len];
        let range = input.as_ptr_range();
        let rows = &mut arena.rows;
        let receiver = &mut self.receiver;
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
                receiver.begin_batch(&mut arena.shared, input.len());
                batch = true;
            }
            match receiver.receive(&mut input) {
                Ok(Some(event)) => row(rows, event, |payload| {
                    if range.contains(&payload.as_ptr()) || payload.is_empty() {
                        address(payload)
                    } else {
                        keep(&mut arena.side, payload)
                    }
                }),
                Ok(None) => break None,
                Err(fault) => break Some(fault),
            }
        };
        if batch {
            receiver.end_batch(&mut arena.shared);
        }
        outcome(rows.len() / 4, self.fault.is_some())
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
        outcome(arena.rows.len() / 4, self.fault.is_some())
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

    /// The offset of the frame read last.
    pub fn frame_offset(&self) -> f64 {
        self.receiver.frame_offset() as f64
    }

    /// Bytes of memory held for a message in parts.
    pub fn buffered(&self) -> usize {
        self.receiver.buffered()
    }
}

/// Writes the row of a message.
#[inline]
fn message_row(rows: &mut Vec<u32>, text: bool, ascii: bool, opaque: bool, payload: &[u8]) {
    let opcode = if text { 1 } else { 2 };
    let ascii = if ascii { ASCII } else { 0 };
    let opaque = if opaque { OPAQUE } else { 0 };
    rows.extend_from_slice(&[
        opcode | ascii | opaque,
        address(payload),
        payload.len() as u32,
        0,
    ]);
}

/// Writes one row. `place` says where a control payload lies, or puts it where it stays.
#[inline]
fn row(rows: &mut Vec<u32>, event: Event<'_>, place: impl FnOnce(&[u8]) -> u32) {
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
    rows.extend_from_slice(&[head, place(payload), len, u32::from(code)]);
}
