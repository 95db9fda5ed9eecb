//! What an endpoint sends by order of the program.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use super::Endpoint;
use crate::arena::{Arena, within};
use crate::encoder::close_of;
use crate::grow;
use crate::send::{kind_of, prepared_form};
use wscodec::error::{ErrorKind, LimitError, MisuseError};
use wscodec::frame::Rsv;
use wscodec::message::{Kind, MessageRef, OutboundExtension};

/// The address lies in no buffer that is known, and nothing was done.
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
        match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
        }
    }

    /// Sends a message whose payload lies where a decoding has left it; [`UNKNOWN`] if it does not.
    pub fn forward(&mut self, arena: &Arena, how: u32, at: u32, len: usize, key: u32) -> u32 {
        let held = self.session.decoder().held();
        // The receiver's own buffer cannot be lent while the session sends.
        let result = match arena.find(at, len) {
            Some(payload) => self.sends(how, payload, key),
            None if within(held, at, len).is_some() => match copied(held, at, len) {
                Ok(payload) => self.sends(how, &payload, key),
                Err(error) => Err(error.into()),
            },
            None => return UNKNOWN,
        };
        match result {
            Ok(()) => 0,
            Err(error) => self.failed(error),
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

fn copied(bytes: &[u8], at: u32, len: usize) -> Result<Vec<u8>, LimitError> {
    let mut copy = Vec::new();
    grow::exact(&mut copy, len)?;
    copy.extend_from_slice(within(bytes, at, len).unwrap_or_default());
    Ok(copy)
}
