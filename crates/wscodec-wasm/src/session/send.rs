//! What an endpoint sends by order of the program.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::endpoint::Endpoint;
use crate::arena::Arena;
use crate::grow;
use crate::rows::{ELSEWHERE, HELD, OWN};
use crate::send::{close_of, kind_of, prepared_form};
use wscodec::error::{ErrorKind, MisuseError};
use wscodec::frame::Rsv;
use wscodec::message::{Kind, MessageRef, OutboundExtension};

/// The payload is in no buffer that can be reached, and nothing was done.
const UNKNOWN: u32 = u32::MAX;

#[wasm_bindgen]
impl Endpoint {
    /// Sends a message whose payload JavaScript has written to its place in the output; `how` is
    /// as for [`kind_of`]. Returns the number of an error, 0 for none.
    pub fn send(&mut self, how: u32, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, checked) = kind_of(how);
        let result = self
            .frames
            .in_place(len, |place| sender.send_in_place(kind, checked, place));
        self.number(result)
    }

    /// Sends a message whose payload is that of a row of the arena. `own` is 1 if a decoding of this
    /// endpoint has left the row, else 0. Returns [`UNKNOWN`] if the payload is in no buffer that can be
    /// reached from here.
    pub fn forward(&mut self, arena: &Arena, how: u32, row: usize, own: u32, key: u32) -> u32 {
        let Some(&[head, _, len, start]) = arena.decoded.rows.get(row) else {
            return UNKNOWN;
        };
        let (start, len) = (start as usize, len as usize);
        let place = start..start.saturating_add(len);
        let payload = match head & (HELD | OWN | ELSEWHERE) {
            0 => arena.input.get(place),
            HELD => arena.decoded.shared.held().get(place),
            OWN if own == 1 => match self.session.decoder().held().get(place) {
                // The buffer of the decoder cannot be lent while the session sends.
                Some(payload) => {
                    let copy = copied(payload);
                    let result = copy.and_then(|payload| self.sends(how, &payload, key));
                    return self.number(result);
                }
                None => None,
            },
            _ => None,
        };
        match payload {
            Some(payload) => {
                let result = self.sends(how, payload, key);
                self.number(result)
            }
            None => UNKNOWN,
        }
    }

    /// Sends a fragment, which lies in its place in the output, of a message of this kind: 1 text and
    /// 2 binary for the first fragment, 0 for others.
    pub fn fragment(&mut self, kind: u8, last: bool, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let result = self.frames.in_place(len, |place| match kind {
            1 => sender.begin_in_place(Kind::Text, place),
            2 => sender.begin_in_place(Kind::Binary, place),
            _ => sender.more_in_place(last, place),
        });
        self.wrote(result)
    }

    /// Sends a message that was framed before: the first byte of its frame, and the length of its
    /// payload, which lies in its place in the output.
    pub fn prepared(&mut self, first: u8, len: usize, key: u32) -> u32 {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, rsv) = prepared_form(first);
        let result = self
            .frames
            .in_place(len, |place| sender.prepared_in_place(kind, rsv, place));
        self.wrote(result)
    }

    /// Whether the peer can read a message that was compressed elsewhere, with a window of `needs`
    /// bits; it is sent next then.
    pub fn pass(&mut self, needs: u8) -> bool {
        let sender = self.session.sender();
        sender.extension_mut().pass(Rsv::RSV1, needs)
    }

    /// Sends a ping or a pong, whose payload lies in the stage.
    pub fn control(&mut self, arena: &Arena, pong: bool, len: usize, key: u32) -> u32 {
        self.begin(key, key);
        let sender = self.session.sender();
        let result = match arena.stage.get(..len) {
            Some(payload) => self.frames.append(|out| match pong {
                true => sender.pong(payload, out),
                false => sender.ping(payload, out),
            }),
            None => Err(MisuseError::BufferTooSmall.into()),
        };
        self.wrote(result)
    }

    /// Begins the close, or answers the peer's. A `code` below 0 is none; the reason lies in the stage.
    pub fn close(&mut self, arena: &Arena, code: i32, len: usize, key: u32) -> u32 {
        self.begin(key, key);
        let (code, reason) = close_of(arena, code, len);
        let sender = self.session.sender();
        let result = self.frames.append(|out| sender.close(code, reason, out));
        self.wrote(result)
    }
}

impl Endpoint {
    /// The number of the error, 0 for none, of a message that was sent. Unlike
    /// [`wrote`](Self::wrote), this shows nothing anew: a message changes nothing that is shown.
    #[inline]
    fn number(&mut self, result: Result<(), ErrorKind>) -> u32 {
        match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        }
    }

    fn sends(&mut self, how: u32, payload: &[u8], key: u32) -> Result<(), ErrorKind> {
        let sender = self.session.sender();
        sender.keys_mut().set(key, key);
        let (kind, checked) = kind_of(how);
        self.frames.append(|out| match checked {
            // It was received as a text.
            true => sender.forward(
                MessageRef {
                    kind,
                    payload,
                    ascii: false,
                    opaque: false,
                },
                out,
            ),
            false => sender.send(kind, payload, out),
        })
    }
}

fn copied(bytes: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let mut copy = Vec::new();
    grow::exact(&mut copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}
