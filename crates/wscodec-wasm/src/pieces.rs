//! Messages in pieces: each piece is handed out as it arrives, and no message is held.

use super::arena::Decoded;
use super::decoder::Decoder;
use super::grow;
use super::rows::{CONTINUED, ELSEWHERE, OPAQUE, UNFINISHED, close, settled};
use wscodec::error::{ErrorKind, Fault};
use wscodec::frame::{FrameHeader, OpCode, Rsv};
use wscodec::message::{FoundPiece, Place};

/// Inflated bytes that a call leaves at most, and the longest piece of them.
const INFLATED: usize = 64 << 10;
const PIECE: usize = 16 << 10;

/// Decodes `input` into rows of pieces, whose heads have the opcode of the message, with
/// [`CONTINUED`] and [`UNFINISHED`]; `head` is the next one's. Returns how many bytes of the input
/// are left; `None` if no more rows are asked for, because all of the input was decoded.
///
/// # Errors
/// The fault behind the rows.
pub(super) fn decode_pieces(
    decoder: &mut Decoder,
    decoded: &mut Decoded,
    head: &mut u32,
    input: &mut [u8],
) -> Result<Option<usize>, Fault> {
    let inflates = decoder.extension().inflates();
    decoder.release(&mut decoded.shared);
    if inflates {
        let room = input.len() + INFLATED + PIECE;
        if let Err(error) = grow::by(&mut decoded.side, room) {
            return Err(ErrorKind::from(error).at(decoder.offset()));
        }
    }
    let (mut at, mut inflated) = (0, 0);
    loop {
        if inflated >= INFLATED || decoded.room() == 0 {
            return Ok(Some(input.len() - at));
        }
        let (row, place, code) = match decoder.find_piece(input, &mut at)? {
            Some(FoundPiece::Frame(header)) => {
                *head = begun(*head, &header, inflates);
                continue;
            }
            Some(FoundPiece::Data(place)) => {
                if let Place::Held(range) = &place {
                    inflated += range.len();
                }
                let row = *head | UNFINISHED;
                *head |= CONTINUED;
                (row, place, 0)
            }
            Some(FoundPiece::End) => {
                let last = decoded.rows.last_mut();
                if let Some(row) = last.filter(|row| row[0] & UNFINISHED != 0) {
                    row[0] &= !UNFINISHED;
                    continue;
                }
                (*head, Place::Input(at..at), 0)
            }
            Some(FoundPiece::Ping(place)) => (9, place, 0),
            Some(FoundPiece::Pong(place)) => (10, place, 0),
            Some(FoundPiece::Close(place)) => close(decoder, input, place),
            None => return Ok(None),
        };
        let address = settled(&mut decoded.side, decoder, input, &place);
        let row = [
            row | ELSEWHERE,
            address,
            place.len() as u32,
            u32::from(code),
        ];
        decoded.rows.push(row);
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
