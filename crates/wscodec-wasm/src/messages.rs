//! Whole messages.

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::Arena;
use super::decoder::{Decoder, decoder};
#[cfg(feature = "deflate")]
use super::engines::Engines;
use super::errors;
use super::extension::Inflate;
use super::intake::Intake;
use super::numbers::limits;
use wscodec::Limits;
use wscodec::message::InboundExtension;

/// A receiver of whole messages, which writes the rows that [`rows`](super::rows) describes.
#[wasm_bindgen]
pub struct Messages {
    receiver: Decoder,
    intake: Intake,
    /// How many bytes [`space`](Self::space) has handed out.
    space: usize,
}

#[wasm_bindgen]
impl Messages {
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
        Self::with_extension(client, rsv, &limits, None, offset)
    }

    /// Hands messages out in pieces from here on; see [`pieces`](super::pieces).
    pub fn in_pieces(&mut self) {
        self.intake.piece = Some(0);
    }

    /// See [`Intake::push`].
    pub fn push(&mut self, arena: &mut Arena, len: usize) -> i32 {
        self.intake.push(&mut self.receiver, arena, len)
    }

    /// See [`Intake::resume`].
    pub fn resume(&mut self, arena: &mut Arena) -> i32 {
        self.intake.resume(&mut self.receiver, arena)
    }

    /// See [`Intake::space`]; how many bytes there are is [`spaced`](Self::spaced).
    pub fn space(&mut self, arena: &mut Arena, len: usize) -> u32 {
        let (address, len) = self.intake.space(&mut self.receiver, arena, len);
        self.space = len;
        address
    }

    /// How many bytes [`space`](Self::space) has handed out.
    pub fn spaced(&self) -> usize {
        self.space
    }

    /// See [`Intake::fill`].
    pub fn fill(&mut self, arena: &mut Arena, len: usize) -> i32 {
        self.intake.fill(&mut self.receiver, arena, len)
    }

    /// Says that the stream ended.
    pub fn finish(&mut self) {
        if self.intake.fault.is_none() {
            self.intake.fault = self.receiver.end().err();
        }
    }

    /// The number of the fault that the receiver is in; 0 if it is in none.
    pub fn fault(&self) -> u32 {
        self.intake
            .fault
            .map_or(0, |fault| errors::number(fault.error))
    }

    /// Where the fault lies.
    pub fn fault_offset(&self) -> f64 {
        self.intake.fault.map_or(0.0, |fault| fault.offset as f64)
    }

    /// Bytes taken so far.
    pub fn offset(&self) -> f64 {
        self.receiver.offset() as f64
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

    /// Bytes of memory held by the extension, and for the part of a chunk that is not decoded yet.
    pub fn memory(&self) -> usize {
        self.receiver.extension().memory() + self.intake.memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        self.receiver.shrink();
        self.receiver.extension_mut().release();
        self.intake.release();
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
        Self::with_extension(client, rsv, &limits, Some(deflate.into()), offset)
    }
}

impl Messages {
    fn with_extension(
        client: bool,
        rsv: u8,
        limits: &Limits,
        deflate: Option<Inflate>,
        offset: f64,
    ) -> Self {
        Self {
            receiver: decoder(client, rsv, limits, deflate, offset),
            intake: Intake::default(),
            space: 0,
        }
    }
}
