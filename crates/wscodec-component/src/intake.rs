//! The loop that decodes a chunk into rows of three numbers, for decoders and sessions.
//!
//! The records `batch` and `piece` in `wit/types.wit` describe a row. The payload of a message of one frame
//! stays in the chunk, which becomes the result. Every other payload is copied to `extra` first, whose
//! bytes are appended to the chunk at the end; until then its rows have the mark [`EXTRA`].
//!
//! A chunk can inflate to a thousand times its length. So a call stops after [`MOST_EXTRA`] bytes in
//! `extra`. The rest of the chunk is kept, and the next call goes on with it.
//!
//! A session stops in front of a close frame and in front of an error if there are events before it
//! ([`Intake::new`]): the event, or the error, comes with the next call.

use alloc::vec::Vec;
use core::mem::take;

use core_codec::error::{ErrorKind, Fault, LimitError};
use core_codec::frame::{FrameHeader, OpCode};
use core_codec::message::{
    FoundEvent, FoundMessage, FoundPiece, InboundExtension, Kind, MessageDecoder, Place,
};
use wscodec_wasm_memory as grow;

const ASCII: u32 = 1 << 8;
pub(crate) const OPAQUE: u32 = 1 << 9;
pub(crate) const CONTINUED: u32 = 1 << 10;
pub(crate) const UNFINISHED: u32 = 1 << 11;
/// The place counts in `extra`. No row has this mark after a call.
const EXTRA: u32 = 1 << 12;
/// The close code of a close frame begins here.
pub(crate) const CODE: u32 = 16;

/// The bytes in `extra` after which a call stops.
const MOST_EXTRA: usize = 4 << 20;

/// The most simple messages between two checks of the room for rows.
const ROUND: usize = 1024;

/// Three numbers.
pub(crate) type Row = [u32; 3];

/// The result of a call.
#[derive(Default)]
pub(crate) struct Decoded {
    pub(crate) payloads: Vec<u8>,
    pub(crate) rows: Vec<Row>,
    pub(crate) fault: Option<Fault>,
    pub(crate) more: bool,
}

/// The state between two calls, besides the decoder.
pub(crate) struct Intake {
    /// Whether a close frame or an error behind other events waits for the next call.
    stops: bool,
    /// Whether reserved bits are only tolerated.
    opaque: bool,
    /// With messages in pieces, the head of the next one's row.
    piece: Option<u32>,
    /// The part of a chunk that is not decoded yet.
    rest: Vec<u8>,
    /// The row and the payload of a close frame that waits.
    close: Option<(u32, Vec<u8>)>,
    fault: Option<Fault>,
}

/// Where the loop stands.
struct Loop {
    rows: Vec<Row>,
    extra: Vec<u8>,
    /// The end of the last payload in the chunk.
    used: usize,
    at: usize,
}

impl Intake {
    /// For whole messages, or for messages in pieces. A session `stops`.
    pub(crate) fn new(pieces: bool, opaque: bool, stops: bool) -> Self {
        Self {
            stops,
            opaque,
            piece: pieces.then_some(0),
            rest: Vec::new(),
            close: None,
            fault: None,
        }
    }

    /// Decodes the rest of the last chunk and `bytes`.
    pub(crate) fn decode<E: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<E>,
        bytes: Vec<u8>,
    ) -> Decoded {
        if let Some((head, payload)) = self.close.take() {
            return Decoded {
                rows: self.single([head, 0, payload.len() as u32]),
                payloads: payload,
                ..Decoded::default()
            };
        }
        let mut input = match self.joined(bytes) {
            Ok(input) => input,
            Err(error) => {
                self.fault = self
                    .fault
                    .or(Some(ErrorKind::from(error).at(decoder.offset())));
                Vec::new()
            }
        };
        let mut it = Loop {
            rows: Vec::new(),
            extra: Vec::new(),
            used: 0,
            at: 0,
        };
        if self.fault.is_none() {
            let result = match self.piece {
                None => self.messages(decoder, &mut input, &mut it),
                Some(head) => self.pieces(decoder, &mut input, &mut it, head),
            };
            self.fault = result.err();
        }
        self.finish(decoder.offset(), input, it)
    }

    /// Whether all bytes are decoded.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty() && self.close.is_none() && self.fault.is_none()
    }

    /// Bytes of memory held.
    pub(crate) fn memory(&self) -> usize {
        self.rest.capacity()
            + self
                .close
                .as_ref()
                .map_or(0, |(_, payload)| payload.capacity())
    }

    fn single(&self, row: Row) -> Vec<Row> {
        let mut rows = Vec::new();
        // Three numbers: there was room for more a call ago.
        if grow::exact(&mut rows, 1).is_ok() {
            rows.push(row);
        }
        rows
    }

    fn joined(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, LimitError> {
        if self.rest.is_empty() {
            return Ok(bytes);
        }
        let mut input = take(&mut self.rest);
        grow::append(&mut input, &bytes)?;
        Ok(input)
    }

    fn messages<E: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<E>,
        input: &mut [u8],
        it: &mut Loop,
    ) -> Result<(), Fault> {
        loop {
            let most = ((input.len() - it.at) / 2 + 1).min(ROUND);
            it.reserve(most).map_err(|error| at(decoder, error))?;
            let (rows, used, at) = (&mut it.rows, &mut it.used, &mut it.at);
            decoder.find_simple(input, at, most, |text, ascii, place| {
                let opcode = if text { 1 } else { 2 };
                let ascii = if ascii { ASCII } else { 0 };
                *used = place.end;
                rows.push([opcode | ascii, place.start as u32, place.len() as u32]);
            })?;
            if it.at == input.len() {
                return Ok(());
            }
            if it.rows.len() == it.rows.capacity() {
                continue;
            }
            let Some(found) = decoder.find_any(input, &mut it.at)? else {
                return Ok(());
            };
            let (head, place) = match found {
                FoundEvent::Message(message) => (head(&message), message.place),
                FoundEvent::Ping(place) => (9, place),
                FoundEvent::Pong(place) => (10, place),
                FoundEvent::Close(place) => {
                    self.close(decoder, input, it, place)?;
                    // The decoder drops all bytes behind it.
                    return decoder.find_any(input, &mut it.at).map(|_| ());
                }
            };
            it.row(decoder, input, head, &place)?;
            if it.extra.len() >= MOST_EXTRA {
                return Ok(());
            }
        }
    }

    fn pieces<E: InboundExtension>(
        &mut self,
        decoder: &mut MessageDecoder<E>,
        input: &mut [u8],
        it: &mut Loop,
        mut head: u32,
    ) -> Result<(), Fault> {
        loop {
            self.piece = Some(head);
            if it.extra.len() >= MOST_EXTRA {
                return Ok(());
            }
            it.reserve(1).map_err(|error| at(decoder, error))?;
            let Some(found) = decoder.find_piece(input, &mut it.at)? else {
                return Ok(());
            };
            let (row, place) = match found {
                FoundPiece::Frame(header) => {
                    head = begun(head, &header, self.opaque);
                    continue;
                }
                FoundPiece::Data(place) => {
                    let row = head | UNFINISHED;
                    head |= CONTINUED;
                    (row, place)
                }
                FoundPiece::End => {
                    let last = it.rows.last_mut();
                    if let Some(row) = last.filter(|row| row[0] & UNFINISHED != 0) {
                        row[0] &= !UNFINISHED;
                        continue;
                    }
                    (head, Place::Input(it.at..it.at))
                }
                FoundPiece::Ping(place) => (9, place),
                FoundPiece::Pong(place) => (10, place),
                FoundPiece::Close(place) => {
                    self.close(decoder, input, it, place)?;
                    return decoder.find_piece(input, &mut it.at).map(|_| ());
                }
            };
            it.row(decoder, input, row, &place)?;
        }
    }

    /// Reports a close frame, or keeps it for the next call. `place` has its whole payload.
    fn close<E: InboundExtension>(
        &mut self,
        decoder: &MessageDecoder<E>,
        input: &[u8],
        it: &mut Loop,
        mut place: Place,
    ) -> Result<(), Fault> {
        let code = decoder.bytes(input, &place).first_chunk();
        let code = code.map_or(1005, |code| u16::from_be_bytes(*code));
        place.advance(2);
        let head = 8 | u32::from(code) << CODE;
        if !self.stops || it.rows.is_empty() {
            return it.row(decoder, input, head, &place);
        }
        let reason = grow::copied(decoder.bytes(input, &place));
        self.close = Some((head, reason.map_err(|error| at(decoder, error))?));
        Ok(())
    }

    fn finish(&mut self, offset: u64, mut input: Vec<u8>, it: Loop) -> Decoded {
        let Loop {
            mut rows,
            mut extra,
            used,
            at,
        } = it;
        if self.fault.is_none() && at < input.len() {
            match grow::copied(&input[at..]) {
                Ok(rest) => self.rest = rest,
                Err(error) => self.fault = Some(ErrorKind::from(error).at(offset)),
            }
        }
        input.truncate(used);
        let payloads = match input.is_empty() {
            true => take(&mut extra),
            false => input,
        };
        let base = if extra.is_empty() { 0 } else { payloads.len() };
        for row in rows.iter_mut().filter(|row| row[0] & EXTRA != 0) {
            row[0] &= !EXTRA;
            row[1] += base as u32;
        }
        let mut decoded = Decoded {
            payloads,
            rows,
            fault: self.fault,
            more: false,
        };
        if let Err(error) = grow::append(&mut decoded.payloads, &extra) {
            // Events that cannot be returned are lost, and so is the stream.
            let fault = ErrorKind::from(error).at(offset);
            self.fault = Some(fault);
            return Decoded {
                fault: Some(fault),
                ..Decoded::default()
            };
        }
        if self.stops && !decoded.rows.is_empty() {
            decoded.fault = None;
        }
        decoded.more = decoded.fault.is_none() && !self.is_done();
        decoded
    }
}

impl Loop {
    fn reserve(&mut self, rows: usize) -> Result<(), LimitError> {
        grow::by(&mut self.rows, rows)
    }

    /// Adds a row. There is room for it.
    fn row<E>(
        &mut self,
        decoder: &MessageDecoder<E>,
        input: &[u8],
        head: u32,
        place: &Place,
    ) -> Result<(), Fault>
    where
        E: InboundExtension,
    {
        let len = place.len() as u32;
        let (head, start) = match place {
            Place::Input(range) => {
                self.used = self.used.max(range.end);
                (head, range.start)
            }
            _ => {
                let start = self.extra.len();
                grow::append(&mut self.extra, decoder.bytes(input, place))
                    .map_err(|error| at(decoder, error))?;
                (head | EXTRA, start)
            }
        };
        self.rows.push([head, start as u32, len]);
        Ok(())
    }
}

fn at<E: InboundExtension>(decoder: &MessageDecoder<E>, error: LimitError) -> Fault {
    ErrorKind::from(error).at(decoder.offset())
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

/// The head of the next row after this header. `opaque` says whether reserved bits are only tolerated.
fn begun(head: u32, header: &FrameHeader, opaque: bool) -> u32 {
    let coded = opaque && !header.rsv.is_empty();
    match header.opcode {
        OpCode::Text | OpCode::Binary => header.opcode as u32 | if coded { OPAQUE } else { 0 },
        _ => head,
    }
}
