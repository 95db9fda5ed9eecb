//! Messages in pieces: as they come, and never held.

use super::arena::Decoded;
use super::extension::Extension;
use super::intake::{Intake, MORE, OPAQUE, close, settled};
use super::{grow, outcome};
use wscodec::error::ErrorKind;
use wscodec::frame::{FrameHeader, OpCode, Rsv};
use wscodec::message::{FoundPiece, MessageDecoder, Place};

/// The message began before this row.
const CONTINUED: u32 = 1 << 10;
/// The message does not end with this row.
const UNFINISHED: u32 = 1 << 11;

/// Inflated bytes that a call leaves at most, and the longest piece of them.
const INFLATED: usize = 64 << 10;
const PIECE: usize = 16 << 10;

impl Intake {
    /// Decodes `input` into rows of pieces, whose heads have the opcode of the message, with
    /// [`CONTINUED`] and [`UNFINISHED`]; `head` is the next one's. Returns how many bytes of the input
    /// are left, too.
    pub(super) fn decode_pieces(
        &mut self,
        receiver: &mut MessageDecoder<Extension>,
        decoded: &mut Decoded,
        mut head: u32,
        input: &mut [u8],
    ) -> (i32, usize) {
        let inflates = receiver.extension().inflates();
        receiver.release(&mut decoded.shared);
        if inflates {
            let room = input.len() + INFLATED + PIECE;
            if let Err(error) = grow::by(&mut decoded.side, room) {
                self.fault = Some(ErrorKind::from(error).at(receiver.offset()));
                return (outcome(0, true), 0);
            }
        }
        let (mut at, mut inflated) = (0, 0);
        let full = loop {
            if inflated >= INFLATED || decoded.room() == 0 {
                break true;
            }
            let (row, place, code) = match receiver.find_piece(input, &mut at) {
                Ok(Some(FoundPiece::Frame(header))) => {
                    head = begun(head, &header, inflates);
                    continue;
                }
                Ok(Some(FoundPiece::Data(place))) => {
                    if let Place::Held(range) = &place {
                        inflated += range.len();
                    }
                    let row = head | UNFINISHED;
                    head |= CONTINUED;
                    (row, place, 0)
                }
                Ok(Some(FoundPiece::End)) => {
                    let last = decoded.rows.last_mut();
                    if let Some(row) = last.filter(|row| row[0] & UNFINISHED != 0) {
                        row[0] &= !UNFINISHED;
                        continue;
                    }
                    (head, Place::Input(at..at), 0)
                }
                Ok(Some(FoundPiece::Ping(place))) => (9, place, 0),
                Ok(Some(FoundPiece::Pong(place))) => (10, place, 0),
                Ok(Some(FoundPiece::Close(place))) => close(receiver, input, place),
                Ok(None) => break false,
                Err(fault) => {
                    self.fault = Some(fault);
                    break false;
                }
            };
            let address = settled(&mut decoded.side, receiver, input, &place);
            let row = [row, address, place.len() as u32, u32::from(code)];
            decoded.rows.push(row);
        };
        self.piece = Some(head);
        let rows = decoded.rows.len();
        match full {
            true => (rows as i32 | MORE, input.len() - at),
            false => (outcome(rows, self.fault.is_some()), 0),
        }
    }
}

/// The head of the next row once this header came.
fn begun(head: u32, header: &FrameHeader, inflates: bool) -> u32 {
    let coded = header.rsv == Rsv::NONE || inflates && header.rsv == Rsv::RSV1;
    match header.opcode {
        OpCode::Text | OpCode::Binary => header.opcode as u32 | if coded { 0 } else { OPAQUE },
        _ => head,
    }
}
