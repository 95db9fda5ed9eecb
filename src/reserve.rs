//! Allocations that can fail.
//!
//! The standard collections abort the process when the allocator has no memory left. A peer decides
//! how much most of our buffers have to hold, so one peer could end a process that serves many. All
//! growth that depends on bytes of a peer or on a payload to send goes through this module instead,
//! and ends in [`LimitError::OutOfMemory`] for the one connection.
//!
//! miniz_oxide and zlib-rs allocate by themselves and offer no way to fail. [`probe`] asks the
//! allocator for a block as large as all that the engine is about to take, and gives it back. Where
//! one thread uses the allocator, as in the wasm module, the engine's own requests then succeed. With
//! several threads another one may take the memory in between, so that the probe is best effort and
//! limits such as a server's budget have to protect the process.

#[cfg(feature = "deflate")]
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hint::black_box;

use crate::error::LimitError;

/// Reserves room for at least `additional` more elements. The capacity doubles, as with
/// `Vec::reserve`.
#[inline]
pub(crate) fn reserve<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Reserves room for exactly `additional` more elements.
pub(crate) fn reserve_exact<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve_exact(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Whether the allocator has `len` bytes in one block now; see the module's documentation.
pub(crate) fn probe(len: usize) -> Result<(), LimitError> {
    // Blocks of the same alignment as the engines' own largest parts.
    let mut block = Vec::<u64>::new();
    reserve_exact(&mut block, len.div_ceil(8))?;
    // Without this, the compiler may remove an allocation that is not used.
    black_box(&mut block);
    Ok(())
}

/// Appends a copy of `bytes`.
#[cfg(feature = "deflate")]
pub(crate) fn append(vec: &mut Vec<u8>, bytes: &[u8]) -> Result<(), LimitError> {
    reserve(vec, bytes.len())?;
    vec.extend_from_slice(bytes);
    Ok(())
}

/// Returns `len` zeros in memory of exactly that size.
#[cfg(feature = "deflate")]
pub(crate) fn zeros(len: usize) -> Result<Box<[u8]>, LimitError> {
    let mut bytes = Vec::new();
    reserve_exact(&mut bytes, len)?;
    bytes.resize(len, 0);
    Ok(bytes.into_boxed_slice())
}

/// A `Box` whose allocation can fail: the standard library has a fallible one for `Vec` only, and
/// turns a vector into a box of an array without another allocation.
#[cfg(feature = "deflate")]
pub(crate) type Boxed<T> = Box<[T; 1]>;

/// Boxes what `make` returns.
#[cfg(feature = "deflate")]
pub(crate) fn boxed<T>(make: impl FnOnce() -> T) -> Result<Boxed<T>, LimitError> {
    let mut one = Vec::new();
    reserve_exact(&mut one, 1)?;
    one.push(make());
    one.into_boxed_slice()
        .try_into()
        .map_err(|_| LimitError::OutOfMemory)
}
