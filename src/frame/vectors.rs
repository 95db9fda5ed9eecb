//! The loops of [`mask`](super::mask) in vectors, written out: the wasm module is compiled for size,
//! and no compiler makes vectors of loops then.

use core::arch::wasm32::{i64x2_extract_lane, i64x2_splat, v128, v128_or, v128_xor};

use bytemuck::cast;

/// Masks whole vectors in place. With `TEST` says what bits their words have then.
#[inline(always)]
pub(super) fn words_in_place<const TEST: bool>(key: u64, data: &mut [u8]) -> u64 {
    let key = i64x2_splat(key as i64);
    let mut seen = i64x2_splat(0);
    let mut mask = |bytes: &mut [u8; 16]| {
        let masked = v128_xor(cast(*bytes), key);
        if TEST {
            seen = v128_or(seen, masked);
        }
        *bytes = cast(masked);
    };
    let (fours, rest) = data.as_chunks_mut().0.as_chunks_mut();
    for [a, b, c, d] in fours {
        mask(a);
        mask(b);
        mask(c);
        mask(d);
    }
    for bytes in rest {
        mask(bytes);
    }
    both(seen)
}

/// Masks whole vectors, and says what bits their words have then.
#[inline(always)]
pub(super) fn words_across(key: u64, from: &[u8], to: &mut [u8]) -> u64 {
    let key = i64x2_splat(key as i64);
    let mut seen = i64x2_splat(0);
    let mut mask = |from: &[u8; 16], to: &mut [u8; 16]| {
        let masked = v128_xor(cast(*from), key);
        seen = v128_or(seen, masked);
        *to = cast(masked);
    };
    let (from, from_rest) = from.as_chunks().0.as_chunks::<4>();
    let (to, to_rest) = to.as_chunks_mut().0.as_chunks_mut::<4>();
    for (from, to) in from.iter().zip(to) {
        mask(&from[0], &mut to[0]);
        mask(&from[1], &mut to[1]);
        mask(&from[2], &mut to[2]);
        mask(&from[3], &mut to[3]);
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        mask(from, to);
    }
    both(seen)
}

#[inline(always)]
fn both(vector: v128) -> u64 {
    (i64x2_extract_lane::<0>(vector) | i64x2_extract_lane::<1>(vector)) as u64
}
