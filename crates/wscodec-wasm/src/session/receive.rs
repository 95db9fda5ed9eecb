//! What an endpoint receives, and how it answers that.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::endpoint::Endpoint;
use crate::arena::Arena;
use wscodec::error::CloseCode;
use wscodec::frame::CloseFrame;

#[wasm_bindgen]
impl Endpoint {
    /// Decodes the first `len` bytes of the arena's input into rows: see [`Intake::push`]. Nothing is
    /// answered but a pong that waited for room.
    pub fn receive(&mut self, arena: &mut Arena, len: usize, key: u32) -> i32 {
        self.begin_batch(len, key);
        let (receiver, _) = self.session.parts_mut();
        let outcome = self.intake.push(receiver, arena, len);
        self.received(arena, outcome)
    }

    /// Goes on with the bytes that [`receive`](Self::receive) has left.
    pub fn resume(&mut self, arena: &mut Arena) -> i32 {
        let (receiver, _) = self.session.parts_mut();
        let outcome = self.intake.resume(receiver, arena);
        self.received(arena, outcome)
    }

    /// See [`Intake::space`]; how many bytes there are is shown.
    pub fn space(&mut self, arena: &mut Arena, len: usize) -> u32 {
        let (receiver, _) = self.session.parts_mut();
        let (address, len) = self.intake.space(receiver, arena, len);
        self.shown.space = len as u32;
        address
    }

    /// See [`Intake::fill`].
    pub fn fill(&mut self, arena: &mut Arena, len: usize, key: u32) -> i32 {
        self.begin_batch(len, key);
        let (receiver, _) = self.session.parts_mut();
        let outcome = self.intake.fill(receiver, arena, len);
        self.received(arena, outcome)
    }

    /// Acts on a control frame, whose payload is at [`Arena::control`].
    pub fn answer(
        &mut self,
        arena: &Arena,
        opcode: u8,
        len: usize,
        code: u16,
        first: u32,
        second: u32,
    ) {
        self.begin(first, second);
        let payload = arena.control_payload(len);
        let sender = self.session.sender();
        match opcode {
            9 => self.frames.append(|out| sender.answer_ping(payload, out)),
            8 => {
                let close = (code != 1005).then(|| CloseFrame {
                    code: CloseCode::new(code),
                    // The receiver has checked it.
                    reason: core::str::from_utf8(payload).unwrap_or_default(),
                });
                self.frames.append(|out| sender.answer_close(close, out));
            }
            _ => {}
        }
        self.show();
    }

    /// Ends the session with the fault that the last decoding has found.
    pub fn fail(&mut self, key: u32) {
        self.begin(key, key);
        if let Some(fault) = self.intake.fault {
            let sender = self.session.sender();
            self.frames.append(|out| sender.fail_batch(fault, out));
        }
        self.show();
    }
}

impl Endpoint {
    /// Begins a call that decodes so many bytes.
    #[inline]
    fn begin_batch(&mut self, len: usize, key: u32) {
        let pending = self.session.has_pending_pong();
        let (decoder, sender) = self.session.parts_mut();
        let in_message = decoder.in_message();
        if !pending {
            // Nothing is sent, and the room for payloads stays.
            return sender.begin_batch(len, in_message, &mut Vec::new());
        }
        sender.keys_mut().set(key, key);
        self.frames
            .append(|out| sender.begin_batch(len, in_message, out));
    }

    /// The end of a call that decodes, which changes nothing that is shown but flags.
    fn received(&mut self, arena: &Arena, outcome: i32) -> i32 {
        if arena.decoded.rows.iter().any(|row| row[0] & 8 == 0) {
            let sender = self.session.sender();
            sender.received_message();
        }
        self.show_flags();
        outcome
    }
}
