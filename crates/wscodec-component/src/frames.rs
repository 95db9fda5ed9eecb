//! Frames.

use core::cell::RefCell;

use alloc::vec::Vec;

use core_codec::Limits;
use core_codec::error::{ErrorKind, Fault, LimitError};
use core_codec::frame::{self, FrameHeader, OpCode, Rules, mask};
use wscodec_wasm_memory as grow;

use crate::Codec;
use crate::errors;
use crate::memory::Inside;
use crate::options;
use crate::wit::frames as wit;
use crate::wit::frames::{
    FrameBatch, FrameDecoder, FrameEvent, FrameEvents, FrameOptions, FrameStart, Guest,
    GuestFrameDecoder,
};
use crate::wit::types::{Error, MaskKey};

const FIN: u32 = 1 << 4;
const MASKED: u32 = 1 << 5;
const FIRST: u32 = 1 << 6;
const LAST: u32 = 1 << 7;
/// Three bits from here on.
const RSV: u32 = 8;

/// The bytes that an event takes where the canonical ABI stores it, at most.
const EVENT_LEN: usize = 48;

/// Eight numbers: see `frame-batch` in `wit/frames.wit`.
type Row = [u32; 8];

impl Guest for Codec {
    type FrameDecoder = Frames;

    fn encode(header: wit::FrameHeader, payload: Vec<u8>) -> Result<Vec<u8>, Error> {
        let _inside = Inside::enter();
        let message = "`rsv` must be a number from 0 to 7";
        let header = FrameHeader {
            fin: header.fin,
            rsv: options::rsv(header.rsv, message)?,
            opcode: OpCode::new(header.opcode).map_err(errors::misuse)?,
            mask: header.mask.map(Into::into),
            len: payload.len() as u64,
        };
        let mut out = Vec::new();
        let len = header.encoded_len() + payload.len();
        grow::exact(&mut out, len).map_err(errors::misuse)?;
        out.resize(len, 0);
        match frame::encode(header, &payload, &mut out) {
            Ok(_) => Ok(out),
            Err(error) => Err(errors::misuse(error)),
        }
    }

    fn mask(key: MaskKey, offset: u64, mut bytes: Vec<u8>) -> Vec<u8> {
        mask::apply(key.into(), offset, &mut bytes);
        bytes
    }
}

/// A frame decoder.
pub(crate) struct Frames(RefCell<State>);

struct State {
    decoder: frame::FrameDecoder,
    /// The numbers of the current frame.
    row: Row,
    /// A fault of ours: there was no memory for the events of a call.
    lost: Option<Fault>,
}

impl State {
    /// Decodes a chunk. `each` gets every event, with where a payload lies.
    fn decode(
        &mut self,
        bytes: &mut [u8],
        mut each: impl FnMut(Step<'_>) -> Result<(), LimitError>,
    ) -> Option<Fault> {
        if self.lost.is_some() {
            return self.lost;
        }
        let len = bytes.len();
        let mut input = bytes;
        loop {
            let event = match self.decoder.decode(&mut input) {
                Ok(Some(event)) => event,
                Ok(None) => return None,
                Err(fault) => return Some(fault),
            };
            let step = match event {
                frame::FrameEvent::Header(header) => {
                    Step::Header(header, self.decoder.frame_offset())
                }
                frame::FrameEvent::Payload(payload) => Step::Payload(payload, len - input.len()),
                frame::FrameEvent::End => Step::End,
            };
            if let Err(error) = each(step) {
                self.lost = Some(ErrorKind::from(error).at(self.decoder.offset()));
                return self.lost;
            }
        }
    }
}

/// An event; a payload with where it ends in the chunk.
enum Step<'a> {
    Header(FrameHeader, u64),
    Payload(&'a [u8], usize),
    End,
}

impl GuestFrameDecoder for Frames {
    fn create(options: FrameOptions) -> Result<FrameDecoder, Error> {
        let _inside = Inside::enter();
        errors::room(1, size_of::<Self>()).map_err(errors::misuse)?;
        let most = options.max_frame;
        let rsv = options::rsv(options.rsv, "`rsv` must be a number from 0 to 7")?;
        let rules = Rules::new(options::role(options.role))
            .with_rsv(rsv)
            .with_max_len(most.unwrap_or_else(|| Limits::DEFAULT.max_frame()))
            .dangerously_accept_unmasked(options.dangerously_accept_unmasked);
        Ok(FrameDecoder::new(Self(RefCell::new(State {
            decoder: frame::FrameDecoder::new(rules).with_offset(options.offset),
            row: Row::default(),
            lost: None,
        }))))
    }

    fn decode(&self, mut bytes: Vec<u8>) -> FrameBatch {
        let _inside = Inside::enter();
        let state = &mut *self.0.borrow_mut();
        let mut rows = Vec::<Row>::new();
        let mut row = state.row;
        // Whether the last row is of the current frame and has no payload yet.
        let mut fresh = false;
        let fault = state.decode(&mut bytes, |step| match step {
            Step::Header(header, offset) => {
                (row, fresh) = (begun(&header, offset), true);
                errors::push(&mut rows, row)?;
                row[0] &= !FIRST;
                Ok(())
            }
            Step::Payload(payload, end) => {
                let place = [(end - payload.len()) as u32, payload.len() as u32];
                match rows.last_mut() {
                    Some(last) if fresh => [last[1], last[2]] = place,
                    _ => {
                        let mut part = row;
                        [part[1], part[2]] = place;
                        errors::push(&mut rows, part)?;
                    }
                }
                fresh = false;
                Ok(())
            }
            Step::End => {
                // A frame with a payload ends in the call in which its last byte arrives.
                if let Some(last) = rows.last_mut() {
                    last[0] |= LAST;
                }
                Ok(())
            }
        });
        state.row = row;
        FrameBatch {
            payloads: bytes,
            frames: rows.into_flattened(),
            error: fault.map(errors::fault),
        }
    }

    fn decode_events(&self, mut bytes: Vec<u8>) -> FrameEvents {
        let _inside = Inside::enter();
        let state = &mut *self.0.borrow_mut();
        let mut events = Vec::new();
        let mut fault = state.decode(&mut bytes, |step| {
            let event = match step {
                Step::Header(header, offset) => FrameEvent::Header(FrameStart {
                    header: wit_header(&header),
                    offset,
                }),
                Step::Payload(payload, _) => FrameEvent::Payload(grow::copied(payload)?),
                Step::End => FrameEvent::End,
            };
            errors::push(&mut events, event)
        });
        if let Err(error) = errors::room(events.len(), EVENT_LEN) {
            events = Vec::new();
            fault = Some(ErrorKind::from(error).at(state.decoder.offset()));
            state.lost = fault;
        }
        FrameEvents {
            events,
            error: fault.map(errors::fault),
        }
    }

    fn end(&self) -> Result<(), Error> {
        let _inside = Inside::enter();
        self.0.borrow_mut().decoder.end().map_err(errors::fault)
    }

    fn offset(&self) -> u64 {
        self.0.borrow().decoder.offset()
    }

    fn needed(&self) -> u32 {
        self.0.borrow().decoder.needed() as u32
    }
}

fn wit_header(header: &FrameHeader) -> wit::FrameHeader {
    wit::FrameHeader {
        fin: header.fin,
        rsv: header.rsv.bits(),
        opcode: header.opcode as u8,
        mask: header.mask.map(Into::into),
        len: header.len,
    }
}

/// The row of a frame that begins, without a payload.
fn begun(header: &FrameHeader, offset: u64) -> Row {
    let flag = |is, flag| if is { flag } else { 0 };
    let head = header.opcode as u32
        | flag(header.fin, FIN)
        | flag(header.mask.is_some(), MASKED)
        | FIRST
        | u32::from(header.rsv.bits()) << RSV;
    let key = u32::from_le_bytes(header.mask.unwrap_or_default());
    let [offset, offset_high] = halves(offset);
    let [len, len_high] = halves(header.len);
    [head, 0, 0, offset, offset_high, len, len_high, key]
}

/// The low half and the high half.
fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}
