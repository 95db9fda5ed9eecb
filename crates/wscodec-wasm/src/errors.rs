//! Errors as numbers, and the tables that say what they are.

use wasm_bindgen::prelude::wasm_bindgen;

use super::numbers::address;
use wscodec::error::{ErrorKind, HandshakeError, LimitError, MisuseError, PeerError};

/// The groups in the order of their numbers.
const TABLES: [&str; 4] = [
    PeerError::TABLE,
    HandshakeError::TABLE,
    LimitError::TABLE,
    MisuseError::TABLE,
];

/// The number of an error, out of line: the places that need it are many and rarely run.
#[cold]
#[inline(never)]
pub(super) fn number(error: ErrorKind) -> u32 {
    error.number()
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
