//! The allocator, the panic handler and the fallible growth of the codec's wasm modules: the module for
//! JavaScript (`wscodec-wasm`) and the component (`wscodec-component`). Both are built without `std`.
//!
//! A panic of a module is a trap, and a trap ends all connections of a program, because nothing
//! unwinds the Rust stack. So each buffer whose size a peer or the caller decides grows by these
//! functions, and a failure becomes [`LimitError::OutOfMemory`] of one connection.

#![cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

use wscodec::LimitError;

/// A third of the size of the one in `std`.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A panic is a trap: the text of a panic, and the code that formats it, would be a large part of a
/// module.
#[cfg(not(feature = "std"))]
#[panic_handler]
fn trap(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Makes room for at least `additional` more elements. The buffer may take more memory than that.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
#[inline]
pub fn by<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Makes room for `additional` more elements and no more.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
#[inline]
pub fn exact<T>(vec: &mut Vec<T>, additional: usize) -> Result<(), LimitError> {
    vec.try_reserve_exact(additional)
        .map_err(|_| LimitError::OutOfMemory)
}

/// Makes a buffer at least `len` bytes long, with the bytes that were there before.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
pub fn to(vec: &mut Vec<u8>, len: usize) -> Result<(), LimitError> {
    if vec.len() < len {
        by(vec, len - vec.len())?;
        vec.resize(len, 0);
    }
    Ok(())
}

/// Appends a copy of `bytes`.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
pub fn append(vec: &mut Vec<u8>, bytes: &[u8]) -> Result<(), LimitError> {
    by(vec, bytes.len())?;
    vec.extend_from_slice(bytes);
    Ok(())
}

/// Copies bytes into memory of exactly that size.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
pub fn copied(bytes: &[u8]) -> Result<Vec<u8>, LimitError> {
    let mut copy = Vec::new();
    exact(&mut copy, bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Checks whether the allocator has `len` bytes in one block now.
///
/// # Errors
/// [`LimitError::OutOfMemory`].
pub fn probe(len: usize) -> Result<(), LimitError> {
    let mut block = Vec::<u64>::new();
    exact(&mut block, len.div_ceil(8))?;
    // The compiler may leave out an allocation that nobody uses.
    core::hint::black_box(&mut block);
    Ok(())
}
