//! The rows of messages that a decoding leaves in the arena.
//!
//! A row is four numbers: the opcode (1, 2, 8, 9, 10) with flags; the address of the payload; its
//! length; and for a close frame its code, 1005 if it has none. The payload of a close frame is its
//! reason. For a message the last number is the place of the payload in the buffer that the flags
//! name, so that the module can find a payload again without arithmetic on addresses
//! (`Endpoint::forward`).
//!
//! Rows point into the input, into the buffer where messages are put together, and, for control
//! payloads that came in two parts, into the arena's `side`. All three stay where they are until the
//! next call that decodes:
//!
//! - The input and `side` do not grow while a chunk is decoded.
//! - The decoder's buffer has room for the whole chunk before the first message is put together in it.
//!   Only an extension can make it longer than that, and then the buffer moves. So a row of a message in
//!   the buffer has the place in the buffer and the mark [`HELD`] until the chunk is decoded, and
//!   [`settle`] adds the address of the buffer.

use alloc::vec::Vec;

use super::arena::{Decoded, Row};
use super::decoder::Decoder;
use super::numbers::address;
use wscodec::message::{FoundEvent, FoundMessage, Kind, Place};

pub(super) const ASCII: u32 = 1 << 8;
pub(super) const OPAQUE: u32 = 1 << 9;

/// The message began before this row.
pub(super) const CONTINUED: u32 = 1 << 10;
/// The message does not end with this row.
pub(super) const UNFINISHED: u32 = 1 << 11;

/// The payload is in the buffer of the arena in which messages are put together.
pub(super) const HELD: u32 = 1 << 12;
/// The payload is in the buffer of the decoder that has found it.
pub(super) const OWN: u32 = 1 << 13;
/// The payload is neither in the arena's input nor in one of these buffers.
pub(super) const ELSEWHERE: u32 = 1 << 14;

/// Appends one row. Its address is complete after [`settle`].
pub(super) fn row(
    rows: &mut Vec<Row>,
    side: &mut Vec<u8>,
    decoder: &Decoder,
    input: &[u8],
    found: FoundEvent,
) {
    let (head, place, code) = match found {
        FoundEvent::Message(message) => {
            let head = head(&message);
            rows.push(match message.place {
                Place::Held(range) => {
                    let (start, len) = (range.start as u32, range.len() as u32);
                    [head | HELD, start, len, start]
                }
                Place::Input(range) => {
                    let (start, len) = (range.start as u32, range.len() as u32);
                    [head, address(input) + start, len, start]
                }
                place => {
                    let len = place.len() as u32;
                    [
                        head | ELSEWHERE,
                        settled(side, decoder, input, &place),
                        len,
                        0,
                    ]
                }
            });
            return;
        }
        FoundEvent::Ping(place) => (9, place, 0),
        FoundEvent::Pong(place) => (10, place, 0),
        FoundEvent::Close(place) => close(decoder, input, place),
    };
    let at = settled(side, decoder, input, &place);
    rows.push([head, at, place.len() as u32, u32::from(code)]);
}

/// The first number of a message's row.
fn head(message: &FoundMessage) -> u32 {
    let opcode = match message.kind {
        Kind::Text => 1,
        Kind::Binary => 2,
    };
    let ascii = if message.ascii { ASCII } else { 0 };
    let opaque = if message.opaque { OPAQUE } else { 0 };
    opcode | ascii | opaque
}

/// The opcode of a close frame, the place of its reason, and its code. `place` is its payload.
pub(super) fn close(decoder: &Decoder, input: &[u8], mut place: Place) -> (u32, Place, u16) {
    let code = decoder.bytes(input, &place).first_chunk();
    let code = code.map_or(1005, |code| u16::from_be_bytes(*code));
    place.advance(2);
    (8, place, code)
}

/// The address of bytes that lie in the input, or that are copied to where they stay.
#[inline(never)]
pub(super) fn settled(side: &mut Vec<u8>, decoder: &Decoder, input: &[u8], place: &Place) -> u32 {
    match place {
        Place::Input(range) => address(input) + range.start as u32,
        _ => {
            let start = side.len();
            side.extend_from_slice(decoder.bytes(input, place));
            address(&side[start..])
        }
    }
}

/// Ends a batch of the decoder, and gives the rows of messages that were put together their
/// addresses.
pub(super) fn settle(decoded: &mut Decoded, decoder: &mut Decoder) {
    let base = address(decoder.held());
    // The messages stay where they are; the buffer may change its owner.
    let owner = match decoder.end_batch(&mut decoded.shared) {
        true => HELD,
        false => OWN,
    };
    for row in &mut decoded.rows {
        if row[0] & HELD != 0 {
            row[0] = row[0] & !HELD | owner;
            row[1] += base;
        }
    }
}
