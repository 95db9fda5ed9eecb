//! Copies of long payloads that have no mask.
//!
//! The problem: for lengths of 2 KiB and more, the `memcpy` of glibc may use the instruction `rep movsb`. On
//! processors of AMD that have it as a fast one (`fsrm`), it takes up to 60 times as long if the target lies
//! up to 63 bytes behind the source, counted from the beginnings of their pages: 16 KiB took 12 µs instead
//! of 0.2 µs with glibc 2.36. A frame's header moves payloads by 2 to 14 bytes, so that this is no rare case.
//!
//! Choice: such a payload is copied in blocks that are short enough for the loops of `memcpy`. This costs
//! 16 KiB 0.02 to 0.06 µs.

/// From this length on, `memcpy` may use the instruction.
pub(crate) const LONG: usize = 2 << 10;
const BLOCK: usize = LONG / 2;

/// The parts in which `payload` is best copied.
#[inline]
pub(crate) fn blocks(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    payload.chunks(match cfg!(target_arch = "x86_64") {
        true => BLOCK,
        false => payload.len().max(1),
    })
}

/// Copies `payload` to `target`, which has its length.
#[inline]
pub(crate) fn copy(payload: &[u8], target: &mut [u8]) {
    let mut rest = target;
    for block in blocks(payload) {
        let (front, back) = core::mem::take(&mut rest).split_at_mut(block.len());
        front.copy_from_slice(block);
        rest = back;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn blocks_have_all_bytes_in_their_order() {
        for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let mut target = vec![0; len];
            copy(&payload, &mut target);
            assert_eq!(target, payload);
            assert_eq!(blocks(&payload).collect::<Vec<_>>().concat(), payload);
        }
    }
}
