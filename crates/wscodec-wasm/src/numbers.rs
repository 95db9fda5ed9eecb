//! Values that cross the boundary to JavaScript as numbers. This module uses no other of the crate.

use wscodec::Limits;
use wscodec::frame::Role;

/// Where a slice lies in the module's memory.
pub(crate) fn address(bytes: &[u8]) -> u32 {
    bytes.as_ptr() as usize as u32
}

/// JavaScript's numbers for the sides of a connection.
pub(crate) fn role(client: bool) -> Role {
    if client { Role::Client } else { Role::Server }
}

/// Limits out of JavaScript's numbers, which are integers up to 2^53. A frame limit of NaN is none
/// of its own: it follows the message limit.
pub(crate) fn limits(frame: f64, message: f64, fragments: u32) -> Limits {
    let mut limits = Limits::DEFAULT;
    limits.frame = (!frame.is_nan()).then_some(frame as u64);
    limits.message = message as u64;
    limits.fragments = fragments;
    limits
}

/// The number of rows, or its complement if a fault came after them.
pub(crate) fn outcome(rows: usize, faulty: bool) -> i32 {
    let rows = rows as i32;
    if faulty { !rows } else { rows }
}
