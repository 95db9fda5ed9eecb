//! Errors as numbers, and the table that says what they are.

use js_sys::Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Error, HandshakeError, LimitError, MisuseError, PeerError};

/// Every error in the order of its number, from 1.
fn all() -> impl Iterator<Item = Error> {
    let peer = PeerError::ALL.iter().map(|&e| Error::Peer(e));
    let handshake = HandshakeError::ALL.iter().map(|&e| Error::Handshake(e));
    let limit = LimitError::ALL.iter().map(|&e| Error::Limit(e));
    let misuse = MisuseError::ALL.iter().map(|&e| Error::Misuse(e));
    peer.chain(handshake).chain(limit).chain(misuse)
}

/// The number of an error.
#[cold]
pub(super) fn number(error: Error) -> u32 {
    all().position(|e| e == error).map_or(0, |i| i as u32 + 1)
}

/// The table of errors: for each its group, code, close code, HTTP status (0 for none) and message,
/// one after the other.
#[wasm_bindgen]
pub fn errors() -> Array {
    let table = Array::new();
    for error in all() {
        let group = match error {
            Error::Peer(_) => "PeerError",
            Error::Handshake(_) => "HandshakeError",
            Error::Limit(_) => "LimitError",
            Error::Misuse(_) => "MisuseError",
        };
        table.push(&JsValue::from_str(group));
        table.push(&JsValue::from_str(error.code()));
        table.push(&error.close_code().map_or(0, |code| code.value()).into());
        table.push(&error.status().unwrap_or(0).into());
        table.push(&JsValue::from_str(error.message()));
    }
    table
}
