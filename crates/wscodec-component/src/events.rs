//! Rows of numbers into records.

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::error::LimitError;
use wscodec_wasm_memory as grow;

use crate::errors;
use crate::intake::{CODE, CONTINUED, Decoded, OPAQUE, Row, UNFINISHED};
use crate::wit::types::{Batch, CloseFrame, Error, Event, Events, Kind, OpaqueMessage, Piece};

/// The bytes that an event takes where the canonical ABI stores it, at most.
const EVENT_LEN: usize = 32;

/// The close code of a close frame without one.
const NO_CODE: u16 = 1005;

/// The result of a call, as numbers.
pub(crate) fn batch(decoded: Decoded) -> Batch {
    Batch {
        payloads: decoded.payloads,
        events: decoded.rows.into_flattened(),
        error: decoded.fault.map(errors::fault),
        more: decoded.more,
    }
}

/// The result of a call, as records. `offset` is that of the decoder, for an error of memory.
pub(crate) fn events(decoded: Decoded, pieces: bool, offset: u64) -> Events {
    match records(&decoded, pieces) {
        Ok(events) => Events {
            events,
            error: decoded.fault.map(errors::fault),
            more: decoded.more,
        },
        Err(error) => Events {
            events: Vec::new(),
            error: Some(lost(error, offset)),
            more: false,
        },
    }
}

fn lost(error: LimitError, offset: u64) -> Error {
    errors::fault(core_codec::ErrorKind::from(error).at(offset))
}

fn records(decoded: &Decoded, pieces: bool) -> Result<Vec<Event>, LimitError> {
    let mut events = Vec::new();
    grow::exact(&mut events, decoded.rows.len())?;
    for row in &decoded.rows {
        events.push(event(*row, payload(&decoded.payloads, *row), pieces)?);
    }
    errors::room(events.len(), EVENT_LEN)?;
    Ok(events)
}

/// The payload of a row.
pub(crate) fn payload(payloads: &[u8], [_, start, len]: Row) -> &[u8] {
    let start = start as usize;
    payloads
        .get(start..start.saturating_add(len as usize))
        .unwrap_or_default()
}

/// The code and the reason of the row of a close frame.
pub(crate) fn close(head: u32, reason: &[u8]) -> Option<(u16, &str)> {
    let code = (head >> CODE) as u16;
    // The decoder has checked the reason.
    (code != NO_CODE).then(|| (code, core::str::from_utf8(reason).unwrap_or_default()))
}

fn event(row: Row, payload: &[u8], pieces: bool) -> Result<Event, LimitError> {
    let head = row[0];
    let kind = match head & 15 {
        1 => Kind::Text,
        _ => Kind::Binary,
    };
    Ok(match head & 15 {
        1 | 2 if pieces => Event::Piece(Piece {
            kind,
            payload: grow::copied(payload)?,
            first: head & CONTINUED == 0,
            last: head & UNFINISHED == 0,
            opaque: head & OPAQUE != 0,
        }),
        1 | 2 if head & OPAQUE != 0 => Event::Opaque(OpaqueMessage {
            kind,
            payload: grow::copied(payload)?,
        }),
        1 => Event::Text(text(payload)?),
        2 => Event::Binary(grow::copied(payload)?),
        8 => Event::Close(match close(head, payload) {
            Some((code, reason)) => Some(CloseFrame {
                code,
                reason: errors::copied(reason)?,
            }),
            None => None,
        }),
        9 => Event::Ping(grow::copied(payload)?),
        _ => Event::Pong(grow::copied(payload)?),
    })
}

/// Text that the decoder has checked. `String` has no safe way that does not check it again.
fn text(payload: &[u8]) -> Result<String, LimitError> {
    Ok(String::from_utf8(grow::copied(payload)?).unwrap_or_default())
}
