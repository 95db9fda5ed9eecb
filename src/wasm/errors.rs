//! Errors as numbers, and the tables that say what they are.

use wasm_bindgen::prelude::wasm_bindgen;

use super::address;
use crate::error::{Error, HandshakeError, LimitError, MisuseError, PeerError};

/// The groups in the order of their numbers.
const TABLES: [&str; 4] = [
    PeerError::TABLE,
    HandshakeError::TABLE,
    LimitError::TABLE,
    MisuseError::TABLE,
];

/// The number of an error: its place in all tables together, from 1.
#[cold]
#[inline(never)]
pub(super) fn number(error: Error) -> u32 {
    const HANDSHAKE: usize = PeerError::ALL.len();
    const LIMIT: usize = HANDSHAKE + HandshakeError::ALL.len();
    const MISUSE: usize = LIMIT + LimitError::ALL.len();
    let at = match error {
        Error::Peer(error) => error as usize,
        Error::Handshake(error) => HANDSHAKE + error as usize,
        Error::Limit(error) => LIMIT + error as usize,
        Error::Misuse(error) => MISUSE + error as usize,
    };
    at as u32 + 1
}

/// The address of a group's table, which is ASCII: the group's name, and then a line for each
/// error, with its code, its number (close code or HTTP status, 0 for none) and what it says, and
/// tabs between. 0 behind the last group.
#[wasm_bindgen]
pub fn errors(group: usize) -> u32 {
    TABLES
        .get(group)
        .map_or(0, |table| address(table.as_bytes()))
}

/// The length of that table.
#[wasm_bindgen]
pub fn errors_len(group: usize) -> usize {
    TABLES.get(group).map_or(0, |table| table.len())
}
