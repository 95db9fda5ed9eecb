//! Buffers that the connections of a thread share, so that an idle connection holds none.
//!
//! A connection takes a buffer when its stream is ready, and gives it back when nothing is left in
//! it. Each thread keeps a few of them; a buffer may be given back on another thread than it was
//! taken on, because the lists are only caches.
//!
//! Invariant: a buffer for reading has [`READ`] bytes. A shorter one, or an empty one, would make a
//! read of 0 bytes look like the end of the stream.

use std::cell::RefCell;

/// Bytes of a buffer for reading.
pub(crate) const READ: usize = 64 << 10;
/// Buffers for reading that a thread keeps.
const READ_KEPT: usize = 4;
/// Buffers for writing that a thread keeps, and the capacity up to which it keeps one.
const WRITE_KEPT: usize = 16;
const WRITE_MOST: usize = 64 << 10;

#[derive(Default)]
struct Kept {
    read: Vec<Vec<u8>>,
    write: Vec<Vec<u8>>,
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Runs `f` on this thread's buffers; `None` while the thread ends.
fn with<R>(f: impl FnOnce(&mut Kept) -> R) -> Option<R> {
    KEPT.try_with(|kept| f(&mut kept.borrow_mut())).ok()
}

/// A buffer of [`READ`] bytes.
pub(crate) fn take_read() -> Vec<u8> {
    with(|kept| kept.read.pop())
        .flatten()
        .unwrap_or_else(|| vec![0; READ])
}

/// Gives a buffer back that is not needed any more. Buffers of other sizes are dropped.
pub(crate) fn give_read(buffer: Vec<u8>) {
    if buffer.len() == READ {
        with(|kept| {
            if kept.read.len() < READ_KEPT {
                kept.read.push(buffer);
            }
        });
    }
}

/// An empty buffer for writing.
pub(crate) fn take_write() -> Vec<u8> {
    with(|kept| kept.write.pop()).flatten().unwrap_or_default()
}

/// Gives a buffer for writing back.
pub(crate) fn give_write(mut buffer: Vec<u8>) {
    if (1..=WRITE_MOST).contains(&buffer.capacity()) {
        buffer.clear();
        with(|kept| {
            if kept.write.len() < WRITE_KEPT {
                kept.write.push(buffer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_short_buffer_is_handed_out_for_reading() {
        for len in [0, 1, READ - 1, READ + 1] {
            give_read(vec![0; len]);
        }
        for _ in 0..2 * READ_KEPT {
            give_read(vec![0; READ]);
        }
        for _ in 0..3 * READ_KEPT {
            assert_eq!(take_read().len(), READ);
        }
    }

    #[test]
    fn a_buffer_for_writing_comes_back_empty() {
        give_write(b"secret".to_vec());
        give_write(vec![0; WRITE_MOST + 1]);
        for _ in 0..3 {
            assert!(take_write().is_empty());
        }
    }
}
