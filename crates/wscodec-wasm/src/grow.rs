//! Growth that can fail.
//!
//! A panic of the module is a trap, and a trap ends all connections of a program, because nothing
//! unwinds the Rust stack. So each buffer whose size a peer or the caller decides grows by these
//! functions, and a failure becomes [`LimitError::OutOfMemory`] of one connection.

use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use wscodec::LimitError;

/// Room for at least `additional` more elements; the buffer may take more than that.
#[inline]
pub(super) fn by<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Room for `additional` more elements and no more.
#[inline]
pub(super) fn exact<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve_exact(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Makes a buffer at least `len` bytes long, with the bytes that were there before.
#[cfg(feature = "deflate")]
pub(super) fn to(vec: &mut Vec<u8>, len: usize) -> Result<(), LimitError> {
    if vec.len() < len {
        by(vec, len - vec.len())?;
        vec.resize(len, 0);
    }
    Ok(())
}

/// Whether so many bytes can be allocated at once. JavaScript asks before calls that allocate no more
/// than that and cannot report a failure.
#[wasm_bindgen]
pub fn has_room(len: usize) -> bool {
    let mut block = Vec::<u64>::new();
    let result = exact(&mut block, len.div_ceil(8));
    // The compiler may leave out an allocation that nobody uses.
    core::hint::black_box(&mut block);
    result.is_ok()
}
