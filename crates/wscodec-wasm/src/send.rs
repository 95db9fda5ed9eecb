//! What the endpoints and the encoders have in common: the numbers by which JavaScript says how a
//! payload is sent, and its mask keys.

use super::arena::Arena;
use wscodec::error::CloseCode;
use wscodec::frame::Rsv;
use wscodec::message::{Kind, MaskSource};

/// How to send a payload. Numbers, as JavaScript's `true` is slow at this border.
const TEXT: u32 = 1;
const UNCHECKED_TEXT: u32 = 0;

/// The kind of a message to send, and whether its text is known to be UTF-8: [`TEXT`],
/// [`UNCHECKED_TEXT`], or 2 for binary, as the opcode.
#[inline]
pub(super) fn kind_of(how: u32) -> (Kind, bool) {
    match how {
        TEXT => (Kind::Text, true),
        UNCHECKED_TEXT => (Kind::Text, false),
        _ => (Kind::Binary, true),
    }
}

/// The kind and the reserved bits of a prepared message, out of the first byte of its frame.
pub(super) fn prepared_form(first: u8) -> (Kind, Rsv) {
    let kind = match first & 15 {
        1 => Kind::Text,
        _ => Kind::Binary,
    };
    (kind, Rsv::new(first >> 4 & 7))
}

/// The code and the reason of a close frame. A `code` below 0 is none; the reason lies in the stage.
pub(super) fn close_of(arena: &Arena, code: i32, len: usize) -> (Option<CloseCode>, &str) {
    let reason = arena.stage.get(..len).unwrap_or_default();
    let reason = core::str::from_utf8(reason).unwrap_or_default();
    (u16::try_from(code).ok().map(CloseCode::new), reason)
}

/// The mask keys of the frames that a call may write: JavaScript draws them. A server has none.
pub(super) struct Keys {
    client: bool,
    keys: [u32; 2],
}

impl Keys {
    pub(super) fn new(client: bool) -> Self {
        Self {
            client,
            keys: [0; 2],
        }
    }

    #[inline]
    pub(super) fn set(&mut self, first: u32, second: u32) {
        self.keys = [first, second];
    }
}

impl MaskSource for Keys {
    #[inline]
    fn next_key(&mut self) -> Option<[u8; 4]> {
        if !self.client {
            return None;
        }
        let [key, next] = self.keys;
        self.keys = [next, next];
        Some(key.to_le_bytes())
    }
}
