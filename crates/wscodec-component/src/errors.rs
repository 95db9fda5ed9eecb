//! Errors as records.

use alloc::string::String;
use alloc::vec::Vec;

use core_codec::error::{ErrorKind, Fault, HandshakeError, LimitError, MisuseError, PeerError};
use wscodec_wasm_memory as grow;

use crate::wit::types::Error;

/// The bytes that a record of an error takes: its two texts, and the record itself.
const ERROR_LEN: usize = 512;

/// An error of the caller, which has no place.
pub(crate) fn misuse(error: impl Into<ErrorKind>) -> Error {
    record(error.into(), None)
}

/// An error with its place.
pub(crate) fn fault(fault: Fault) -> Error {
    record(fault.error, Some(fault.offset))
}

/// An option that is refused. The message names it.
pub(crate) fn option(message: &'static str) -> Error {
    Error {
        code: text("INVALID_OPTION"),
        message: text(message),
        close_code: None,
        status: None,
        offset: None,
    }
}

/// Every error, in the order of the core; an empty list if there is no memory for them.
pub(crate) fn table() -> Vec<Error> {
    let mut table = Vec::new();
    let peer = PeerError::ALL.iter().map(|&error| ErrorKind::from(error));
    let handshake = HandshakeError::ALL.iter().map(|&error| error.into());
    let limit = LimitError::ALL.iter().map(|&error| error.into());
    let misuse = MisuseError::ALL.iter().map(|&error| error.into());
    for error in peer.chain(handshake).chain(limit).chain(misuse) {
        if push(&mut table, record(error, None)).is_err() {
            return Vec::new();
        }
    }
    match room(table.len(), size_of::<Error>()) {
        Ok(()) => table,
        Err(_) => Vec::new(),
    }
}

fn record(error: ErrorKind, offset: Option<u64>) -> Error {
    Error {
        code: text(error.code()),
        message: text(error.message()),
        close_code: error.close_code().map(|code| code.value()),
        status: error.status(),
        offset,
    }
}

/// A copy of a text of ours; an empty one if there is no memory left for it.
fn text(text: &str) -> String {
    copied(text).unwrap_or_default()
}

/// A copy of a text.
pub(crate) fn copied(text: &str) -> Result<String, LimitError> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len())
        .map_err(|_| LimitError::OutOfMemory)?;
    copy.push_str(text);
    Ok(copy)
}

/// Checks that a list of so many records, of at most `size` bytes each, can be returned, and an error
/// with it: the canonical ABI copies records into memory of its own, and that cannot fail.
pub(crate) fn room(count: usize, size: usize) -> Result<(), LimitError> {
    grow::probe(count.saturating_mul(size).saturating_add(ERROR_LEN))
}

/// Adds an element.
pub(crate) fn push<T>(vec: &mut Vec<T>, value: T) -> Result<(), LimitError> {
    grow::by(vec, 1)?;
    vec.push(value);
    Ok(())
}
