//! Frames, and the pieces of their payloads.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::{Arena, Row};
use super::decoder::{Decoder, decoder};
use super::numbers::{limits, outcome};
use super::rows::settled;
use super::{errors, grow};
use wscodec::error::{ErrorKind, Fault};
use wscodec::frame::FrameHeader;
use wscodec::message::{FoundPiece, Place};

const FIN: u32 = 1 << 4;
const MASKED: u32 = 1 << 5;
/// The frame begins in this row.
const FIRST: u32 = 1 << 6;
/// The frame ends in this row.
const LAST: u32 = 1 << 7;
/// Three bits from here on.
const RSV: u32 = 8;

/// A frame has two of the arena's rows, which are one for who reads them.
type Pair = [Row; 2];

/// A reader of frames that keeps the rules of messages too.
///
/// It writes rows of eight numbers: the opcode with the flags above; the address and length of the
/// piece of payload; the frame's offset in the stream, low and high half; the payload's whole
/// length, low and high half; the mask key, first byte lowest. A frame has one row if it came in
/// one piece, else one for each piece; its header comes with the first.
#[wasm_bindgen]
pub struct Frames {
    /// The same as for messages in pieces, so that its code is in the module once.
    pieces: Decoder,
    fault: Option<Fault>,
    /// The head of the current frame's rows, without its payload.
    row: Pair,
    /// Bytes of the current frame's payload still to come.
    left: u64,
}

#[wasm_bindgen]
impl Frames {
    /// See [`decoder`].
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
        Self {
            pieces: decoder(client, rsv, &limits, None, offset),
            fault: None,
            row: Pair::default(),
            left: 0,
        }
    }

    /// Decodes the first `len` bytes of the arena's input. Returns the number of rows, or its
    /// complement if a [fault](Self::fault) came after them. For more than 64 KiB the rows may have
    /// moved.
    pub fn push(&mut self, arena: &mut Arena, len: usize) -> i32 {
        // A row more for the frame that began before.
        let rows = len + 4;
        let Arena { input, decoded, .. } = arena;
        let room = decoded
            .begin(len)
            .and_then(|()| grow::by(&mut decoded.rows, rows));
        if let Err(error) = room {
            self.fault = Some(ErrorKind::from(error).at(self.pieces.offset()));
        }
        if self.fault.is_some() {
            return outcome(0, true);
        }
        let (rows, side) = (&mut decoded.rows, &mut decoded.side);
        let (input, mut at) = (&mut input[..len], 0);
        loop {
            let place = match self.pieces.find_piece(input, &mut at) {
                Ok(Some(FoundPiece::Frame(header))) => {
                    self.left = header.len;
                    self.row = head(&header, self.pieces.frame_offset());
                    rows.push(self.row[0]);
                    rows.push(self.row[1]);
                    self.row[0][0] &= !FIRST;
                    Place::Input(0..0)
                }
                Ok(Some(FoundPiece::End)) => continue,
                Ok(Some(
                    FoundPiece::Data(place)
                    | FoundPiece::Ping(place)
                    | FoundPiece::Pong(place)
                    | FoundPiece::Close(place),
                )) => place,
                Ok(None) => break,
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
            };
            let (payload, len) = match place.is_empty() {
                true => (0, 0),
                false => (settled(side, &self.pieces, input, &place), place.len()),
            };
            self.left -= len as u64;
            let ended = rows
                .last_chunk::<2>()
                .is_some_and(|[row, _]| row[0] & LAST != 0);
            if len > 0 || !ended {
                self.piece(rows, payload, len);
            }
        }
        outcome(rows.len() / 2, self.fault.is_some())
    }

    /// Says that the stream ended.
    pub fn finish(&mut self) {
        if self.fault.is_none() {
            self.fault = self.pieces.end().err();
        }
    }

    /// The number of the fault that the reader is in; 0 if it is in none.
    pub fn fault(&self) -> u32 {
        self.fault.map_or(0, |fault| errors::number(fault.error))
    }

    /// Where the fault lies.
    pub fn fault_offset(&self) -> f64 {
        self.fault.map_or(0.0, |fault| fault.offset as f64)
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> f64 {
        self.pieces.offset() as f64
    }

    /// The offset of the frame read last.
    pub fn frame_offset(&self) -> f64 {
        self.pieces.frame_offset() as f64
    }
}

impl Frames {
    /// Puts a piece of payload into the frame's last row if that has none, else into a new one.
    fn piece(&mut self, rows: &mut Vec<Row>, payload: u32, len: usize) {
        let last = if self.left == 0 { LAST } else { 0 };
        match rows.last_chunk_mut() {
            Some([row, _]) if row[2] == 0 && row[0] & LAST == 0 => {
                (row[1], row[2]) = (payload, len as u32);
                row[0] |= last;
            }
            _ => {
                let [[head, .., offset], rest] = self.row;
                rows.push([head | last, payload, len as u32, offset]);
                rows.push(rest);
            }
        }
    }
}

/// The row of a frame that begins.
fn head(header: &FrameHeader, offset: u64) -> Pair {
    let fin = if header.fin { FIN } else { 0 };
    let masked = if header.mask.is_some() { MASKED } else { 0 };
    let first = header.opcode as u32 | fin | masked | FIRST;
    let rsv = u32::from(header.rsv.bits()) << RSV;
    let key = u32::from_le_bytes(header.mask.unwrap_or_default());
    let [offset, offset_high] = halves(offset);
    let [len, len_high] = halves(header.len);
    [
        [first | rsv, 0, 0, offset],
        [offset_high, len, len_high, key],
    ]
}

/// The low half and the high half.
fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}
