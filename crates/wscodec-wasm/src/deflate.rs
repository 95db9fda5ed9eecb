//! permessage-deflate: agreeing on it, and its use for frames that are written elsewhere.

use alloc::string::String;
use alloc::vec::Vec;

use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::Arena;
use super::engines::{Deflating, Engines, Inflating, config, packed};
use super::extension::{Coding, Inflate};
use super::numbers::address;
use super::{errors, grow};
use wscodec::deflate::{AgreedDeflate, DeflateAnswer, NAME};
use wscodec::error::{ErrorKind, HandshakeError, LimitError};
use wscodec::frame::Rsv;
use wscodec::head::{Extension, Extensions};
use wscodec::message::{InboundExtension, Kind, OutboundExtension};

/// The most that a step of [`Inflater::step`] writes, and what is kept for the next message.
const STEP: usize = 64 << 10;

/// The agreement in a number: receive above send.
fn numbers(agreed: &AgreedDeflate) -> u32 {
    packed(agreed.send) | packed(agreed.receive) << 8
}

/// The extensions of a header's value; none of it if it is malformed.
fn extensions(value: &str) -> Result<Vec<Extension<'_>>, HandshakeError> {
    Extensions::new([value.as_bytes()].into_iter())
        .collect::<Result<_, _>>()
        .map_err(|_| HandshakeError::ExtensionParameter)
}

/// A server's part: the answer to send, and what is agreed on, for sending and for receiving; nothing
/// if no offer can be met. An array of JavaScript costs 0.4 KB of the compressed module, and saves a
/// form of our own for a call that is made once for each connection.
#[wasm_bindgen]
pub fn deflate_accept(offers: &str, send: u8, receive: u8) -> Option<Array> {
    let offers = extensions(offers).ok()?;
    let accepted = config(send, receive).accept(offers)?;
    let agreed = accepted.agreed;
    let header = accepted.header();
    Some(Array::of3(
        &JsValue::from_str(&header),
        &packed(agreed.send).into(),
        &packed(agreed.receive).into(),
    ))
}

/// A client's part: what to offer.
#[wasm_bindgen]
pub fn deflate_offer(send: u8, receive: u8) -> String {
    config(send, receive).offer().header().as_str().into()
}

/// The meaning of the answer to that offer, in a number; an error's number below zero if it is not
/// acceptable, 0 if the server did not choose the extension.
#[wasm_bindgen]
pub fn deflate_check(answer: &str, send: u8, receive: u8) -> i32 {
    let offer = config(send, receive).offer();
    match extensions(answer).and_then(|answers| offer.check(answers)) {
        Ok(agreed) => agreed.map_or(0, |agreed| numbers(&agreed) as i32),
        Err(error) => -(errors::number(error.into()) as i32),
    }
}

/// The meaning of an answer for the server that sent it, in a number, for a program that observes a
/// connection; an error's number below zero if it is malformed or there twice, 0 if the extension
/// was not chosen.
#[wasm_bindgen]
pub fn deflate_observe(answer: &str) -> i32 {
    let answers = match extensions(answer) {
        Ok(answers) => answers,
        Err(error) => return -(errors::number(error.into()) as i32),
    };
    let mut answers = answers.iter().filter(|answer| answer.name() == NAME);
    let Some(answer) = answers.next() else {
        return 0;
    };
    match (DeflateAnswer::parse(answer), answers.next()) {
        (Some(answer), None) => numbers(&answer.agreed()) as i32,
        _ => -(errors::number(HandshakeError::ExtensionParameter.into()) as i32),
    }
}

/// The compression of a session at rest, whose endpoint is another session's.
#[wasm_bindgen]
pub struct SessionDeflate {
    pub(super) inflate: Option<Inflate>,
    pub(super) coding: Coding,
}

#[wasm_bindgen]
impl SessionDeflate {
    /// Of a session that begins: the directions as numbers, the limits, and how to compress.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::too_many_arguments, reason = "objects are dear at this border")]
    pub fn new(
        engines: &Engines,
        history: u8,
        receive: u8,
        message: f64,
        inflation: u32,
        send: u8,
        level: u8,
        threshold: usize,
    ) -> Self {
        let (inflate, _) = engines.decompressor(history, receive, message, inflation);
        let compressor = engines.compressor(history, send, level, threshold);
        Self {
            inflate: Some(inflate.into()),
            coding: Coding(Some(compressor.into())),
        }
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        InboundExtension::memory(&self.inflate) + self.coding.memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        InboundExtension::release(&mut self.inflate);
        self.coding.release();
    }
}

/// Compresses the messages of one direction.
#[wasm_bindgen]
pub struct Deflater {
    compressor: Deflating,
    coded: Vec<u8>,
}

#[wasm_bindgen]
impl Deflater {
    /// For this [`direction`].
    #[wasm_bindgen(constructor)]
    pub fn new(engines: &Engines, history: u8, send: u8, level: u8, threshold: usize) -> Self {
        Self {
            compressor: engines.compressor(history, send, level, threshold),
            coded: Vec::new(),
        }
    }

    /// Compresses the next `len` bytes of a message, which lie in the arena's stage: how many bytes
    /// that makes, which lie at [`address`](Self::address), or the number of an error below zero.
    /// `begun` says whether frames of the message were made before.
    pub fn part(&mut self, arena: &mut Arena, len: usize, last: bool, begun: bool) -> i32 {
        let input = arena.stage.get(..len).unwrap_or_default();
        self.coded.clear();
        let result = self.compressor.encode(input, last, &mut self.coded);
        if result.is_err() {
            self.compressor.discard(begun);
        }
        arena.settle_stage();
        match result {
            Ok(()) => self.coded.len() as i32,
            Err(error) => -(errors::number(error) as i32),
        }
    }

    /// Begins a message of unknown length, which is always compressed.
    pub fn begin(&mut self) {
        self.compressor.begin(Kind::Binary, None);
    }

    /// Where what was compressed lies.
    pub fn address(&self) -> u32 {
        address(&self.coded)
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.compressor.memory() + self.coded.capacity()
    }

    /// Gives memory back until the next message.
    pub fn release(&mut self) {
        self.compressor.release();
        self.coded = Vec::new();
    }
}

/// Inflates the messages of one direction, in steps.
#[wasm_bindgen]
pub struct Inflater {
    decompressor: Inflating,
    most: u64,
    open: bool,
    written: u64,
    output: Vec<u8>,
    read: usize,
    done: bool,
}

#[wasm_bindgen]
impl Inflater {
    /// For this [`direction`].
    #[wasm_bindgen(constructor)]
    pub fn new(engines: &Engines, history: u8, receive: u8, message: f64, inflation: u32) -> Self {
        let (decompressor, most) = engines.decompressor(history, receive, message, inflation);
        Self {
            decompressor,
            most,
            open: false,
            written: 0,
            output: Vec::new(),
            read: 0,
            done: true,
        }
    }

    /// Inflates some of a message's next `len` bytes, which lie in the arena's stage, and of which [`read`](Self::read) were used up
    /// then; the number of bytes that lie at [`address`](Self::address), or an error's number below
    /// zero. To be called again until it is [`done`](Self::done).
    pub fn step(&mut self, arena: &Arena, len: usize, last: bool) -> i32 {
        let input = arena.stage.get(..len).unwrap_or_default();
        self.take(input, last)
            .unwrap_or_else(|error| -(errors::number(error) as i32))
    }

    /// Bytes that the last step has used up.
    pub fn read(&self) -> usize {
        self.read
    }

    /// Whether what was read is inflated.
    pub fn done(&self) -> bool {
        self.done
    }

    /// Where what was inflated lies.
    pub fn address(&self) -> u32 {
        address(&self.output)
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.decompressor.memory() + self.output.capacity()
    }

    /// Gives memory back until the next message.
    pub fn release(&mut self) {
        self.decompressor.release();
        self.output = Vec::new();
    }
}

impl Inflater {
    fn take(&mut self, input: &[u8], last: bool) -> Result<i32, ErrorKind> {
        if !self.open {
            self.decompressor.begin(Rsv::RSV1)?;
            (self.open, self.written) = (true, 0);
        }
        // Cleared once, and then grown by what messages need.
        let room = (input.len() * 4).clamp(1024, STEP);
        grow::to(&mut self.output, room.next_power_of_two())?;
        let progress = self.decompressor.decode(input, last, &mut self.output)?;
        (self.read, self.done) = (progress.read, progress.done);
        self.written += progress.written as u64;
        if self.written > self.most {
            return Err(LimitError::MessageTooLarge.into());
        }
        if last && progress.done {
            self.open = false;
        }
        Ok(progress.written as i32)
    }
}
