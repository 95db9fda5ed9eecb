//! Messages in pieces: as they come, and never held.

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::{Arena, keep};
use super::messages::{MORE, Messages, OPAQUE};
use super::{address, outcome};
use wscodec::frame::{Header, OpCode, Rsv};
use wscodec::message::Piece;

/// The message began before this row.
const CONTINUED: u32 = 1 << 10;
/// The message does not end with this row.
const UNFINISHED: u32 = 1 << 11;

/// Inflated bytes that a call leaves at most, and the longest piece of them.
const INFLATED: usize = 64 << 10;
const PIECE: usize = 16 << 10;

#[wasm_bindgen]
impl Messages {
    /// Hands messages out in pieces from here on: a row for each, whose head has the opcode of the
    /// message, with [`CONTINUED`] and [`UNFINISHED`].
    pub fn in_pieces(&mut self) {
        self.piece = Some(0);
    }
}

impl Messages {
    /// Decodes `input` into rows of pieces; `head` is the next one's. How many bytes of it are
    /// left, too.
    pub(super) fn decode_pieces(
        &mut self,
        arena: &mut Arena,
        mut head: u32,
        mut input: &mut [u8],
    ) -> (i32, usize) {
        let range = input.as_ptr_range();
        let inflates = self.receiver.extension().inflates();
        self.receiver.release(&mut arena.shared);
        if inflates {
            arena.side.reserve(input.len() + INFLATED + PIECE);
        }
        let most = arena.rows.capacity() - 2;
        let mut inflated = 0;
        let full = loop {
            if inflated >= INFLATED || arena.rows.len() > most {
                break true;
            }
            let (head, payload, code) = match self.receiver.receive_piece(&mut input) {
                Ok(Some(Piece::Frame(header))) => {
                    head = begun(head, &header, inflates);
                    continue;
                }
                Ok(Some(Piece::Data(data))) => {
                    let whole = head | UNFINISHED;
                    head |= CONTINUED;
                    (whole, &*data, 0)
                }
                Ok(Some(Piece::End)) => {
                    let last = arena.rows.last_mut();
                    if let Some(row) = last.filter(|row| row[0] & UNFINISHED != 0) {
                        row[0] &= !UNFINISHED;
                        continue;
                    }
                    (head, &[][..], 0)
                }
                Ok(Some(Piece::Ping(payload))) => (9, payload, 0),
                Ok(Some(Piece::Pong(payload))) => (10, payload, 0),
                Ok(Some(Piece::Close(Some(close)))) => {
                    (8, close.reason.as_bytes(), close.code.value())
                }
                Ok(Some(Piece::Close(None))) => (8, &[][..], 1005),
                Ok(None) => break false,
                Err(fault) => {
                    self.fault = Some(fault);
                    break false;
                }
            };
            let place = if payload.is_empty() || range.contains(&payload.as_ptr()) {
                address(payload)
            } else {
                inflated += if head & 8 == 0 { payload.len() } else { 0 };
                keep(&mut arena.side, payload)
            };
            let row = [head, place, payload.len() as u32, u32::from(code)];
            arena.rows.push(row);
        };
        self.piece = Some(head);
        let rows = arena.rows.len();
        match full {
            true => (rows as i32 | MORE, input.len()),
            false => (outcome(rows, self.fault.is_some()), 0),
        }
    }
}

/// The head of the next row once this header came.
fn begun(head: u32, header: &Header, inflates: bool) -> u32 {
    let coded = header.rsv == Rsv::NONE || inflates && header.rsv == Rsv::RSV1;
    match header.opcode {
        OpCode::Text | OpCode::Binary => header.opcode as u32 | if coded { 0 } else { OPAQUE },
        _ => head,
    }
}
