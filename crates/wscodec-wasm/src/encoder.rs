//! The encoder of messages without a session: [`MessageEncoder`] of the core, with the output that
//! JavaScript lays payloads into.
//!
//! An encoder from which everything was taken, and which does not compress, has nothing of its own. So
//! JavaScript lets the encoders of one side use a few of these in turn (`js/src/message/slot.ts`), as
//! sessions do with endpoints.

use wasm_bindgen::prelude::wasm_bindgen;

use super::arena::Arena;
#[cfg(feature = "deflate")]
use super::engines::Engines;
use super::errors;
use super::extension::Coding;
use super::frame_buffer::FrameBuffer;
use super::send::{Keys, close_of, kind_of, prepared_form};
use wscodec::error::{ErrorKind, MisuseError};
use wscodec::frame::{FrameHeader, OpCode, Rsv};
use wscodec::message::{Kind, MaskSource, MessageEncoder, OutboundExtension};

/// See the [module](self). The methods have the same arguments as those of
/// [`Endpoint`](super::session::Endpoint), and return the number of an error, 0 for none.
#[wasm_bindgen]
pub struct Encoder {
    encoder: MessageEncoder<Keys, Coding>,
    frames: FrameBuffer,
}

#[wasm_bindgen]
impl Encoder {
    /// For one side, without compression.
    #[wasm_bindgen(constructor)]
    pub fn new(client: bool) -> Self {
        Self::with_coding(client, Coding::default())
    }

    /// The address of the words of the output: see [`FrameBuffer`].
    pub fn output(&self) -> u32 {
        self.frames.address()
    }

    /// Makes room for `len` bytes of output: the address of the output, 0 if there is no memory.
    pub fn reserve(&mut self, len: usize) -> u32 {
        self.frames.reserve(len)
    }

    /// Adds a message whose payload lies in its place in the output.
    pub fn send(&mut self, how: u32, len: usize, key: u32) -> u32 {
        self.encoder.keys_mut().set(key, key);
        let (kind, checked) = kind_of(how);
        let encoder = &mut self.encoder;
        let frames = &mut self.frames;
        number(frames.in_place(len, |place| encoder.send_in_place(kind, checked, place)))
    }

    /// Adds a fragment: of kind 1 text and 2 binary the first one, 0 others.
    pub fn fragment(&mut self, kind: u8, last: bool, len: usize, key: u32) -> u32 {
        self.encoder.keys_mut().set(key, key);
        let encoder = &mut self.encoder;
        number(self.frames.in_place(len, |place| match kind {
            1 => encoder.begin_in_place(Kind::Text, place),
            2 => encoder.begin_in_place(Kind::Binary, place),
            _ => encoder.more_in_place(last, place),
        }))
    }

    /// Adds a message that was framed before, by the first byte of its frame.
    pub fn prepared(&mut self, first: u8, len: usize, key: u32) -> u32 {
        self.encoder.keys_mut().set(key, key);
        let (kind, rsv) = prepared_form(first);
        let encoder = &mut self.encoder;
        let frames = &mut self.frames;
        number(frames.in_place(len, |place| encoder.prepared_in_place(kind, rsv, place)))
    }

    /// Whether the peer can read a message that was compressed elsewhere, with a window of `needs`
    /// bits; it is sent next then.
    pub fn pass(&mut self, needs: u8) -> bool {
        let extension = self.encoder.extension_mut();
        extension.pass(Rsv::RSV1, needs)
    }

    /// Adds a ping or a pong, whose payload lies in the stage.
    pub fn control(&mut self, arena: &Arena, pong: bool, len: usize, key: u32) -> u32 {
        self.encoder.keys_mut().set(key, key);
        let Some(payload) = arena.stage.get(..len) else {
            return number(Err(MisuseError::BufferTooSmall.into()));
        };
        let encoder = &mut self.encoder;
        number(self.frames.append(|out| match pong {
            true => encoder.pong(payload, out),
            false => encoder.ping(payload, out),
        }))
    }

    /// Adds a close frame. A `code` below 0 is none; the reason lies in the stage.
    pub fn close(&mut self, arena: &Arena, code: i32, len: usize, key: u32) -> u32 {
        self.encoder.keys_mut().set(key, key);
        let (code, reason) = close_of(arena, code, len);
        let encoder = &mut self.encoder;
        number(self.frames.append(|out| encoder.close(code, reason, out)))
    }

    /// Adds a frame of any kind, whose first byte is given.
    pub fn frame(&mut self, first: u8, len: usize, key: u32) -> u32 {
        let keys = self.encoder.keys_mut();
        keys.set(key, key);
        let header = OpCode::new(first & 15).map(|opcode| FrameHeader {
            fin: first & 0x80 != 0,
            rsv: Rsv::new(first >> 4),
            opcode,
            mask: keys.next_key(),
            len: len as u64,
        });
        number(match header {
            Ok(header) => self.frames.frame(header),
            Err(error) => Err(error.into()),
        })
    }

    /// All output was taken: gives memory back above so many bytes.
    pub fn taken(&mut self, keep: usize) {
        self.frames.shrink(keep);
    }

    /// Whether a message is begun and not finished.
    pub fn in_message(&self) -> bool {
        self.encoder.in_message()
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.frames.memory() + self.encoder.buffered() + self.encoder.extension().memory()
    }

    /// Gives memory back that is not needed until the next message.
    pub fn release(&mut self) {
        self.encoder.extension_mut().release();
        self.encoder.shrink();
        self.frames.shrink(0);
    }
}

#[cfg(feature = "deflate")]
#[wasm_bindgen]
impl Encoder {
    /// The same, which compresses: see [`Engines::compressor`].
    pub fn compressing(
        client: bool,
        engines: &Engines,
        history: u8,
        send: u8,
        level: u8,
        threshold: usize,
    ) -> Self {
        let compressor = engines.compressor(history, send, level, threshold);
        Self::with_coding(client, Coding(Some(compressor.into())))
    }
}

impl Encoder {
    fn with_coding(client: bool, coding: Coding) -> Self {
        Self {
            encoder: MessageEncoder::new(Keys::new(client), coding),
            frames: FrameBuffer::default(),
        }
    }
}

#[inline]
fn number(result: Result<(), ErrorKind>) -> u32 {
    result.map_or_else(errors::number, |()| 0)
}
