//! Masking (RFC 6455 §5.3): each byte of a payload is XORed with one of the key's four, in turn.
//!
//! `offset` is always the place in the frame's payload of the first byte handed in, so that a
//! payload can be masked piece by piece; masking and unmasking are the same.
//!
//! # The loops
//!
//! Masking touches every byte of every payload that a client sends, so it runs at the speed of the
//! memory or it is the most expensive part of the codec. Four lengths need four answers:
//!
//! - Below 16 bytes two words (or half words) that may overlap cover the payload. There is no loop, whose
//!   end a processor would have to guess.
//! - From 16 bytes on a loop goes by words, which the compiler turns into vectors. The last 16 bytes are
//!   read before the loop, and written masked after it, over the end of the last whole block. So no loop
//!   goes over the few bytes that are left.
//! - From `LONG` bytes on the loop exists once for each width of registers, and the processor is asked
//!   which one it has. Below this length the question costs more than wider registers save. In place, the
//!   loop begins at a line of the cache, because an access that crosses two lines takes up to twice as
//!   long.
//! - On wasm without SIMD no register is wider than a word, and blocks would be compiled to loops over
//!   bytes. `NARROW` leaves them out.
//!
//! Text is tested for ASCII in the same pass: the loops OR all masked words, and one high bit anywhere
//! shows that the payload has to be looked at as UTF-8.
//!
//! ```
//! use wscodec::frame::mask;
//!
//! let mut payload = *b"Hello";
//! mask::apply([0x37, 0xfa, 0x21, 0x3d], 0, &mut payload);
//! assert_eq!(payload, *b"\x7f\x9f\x4d\x51\x58");
//!
//! let (front, back) = payload.split_at_mut(3);
//! mask::apply([0x37, 0xfa, 0x21, 0x3d], 0, front);
//! mask::apply([0x37, 0xfa, 0x21, 0x3d], 3, back);
//! assert_eq!(payload, *b"Hello");
//! ```

/// From this length on it pays to ask what the processor has.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
const LONG: usize = 2048;

/// Whether no register is wider than a word: [`blocks`] would go by bytes then.
const NARROW: bool = cfg!(all(target_family = "wasm", not(target_feature = "simd128")));

/// One bit in each byte of a word, which ASCII does not have.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Masks or unmasks `data` in place.
#[inline]
pub fn apply(key: [u8; 4], offset: u64, data: &mut [u8]) {
    in_place::<false>(key, offset, data);
}

/// Unmasks `data` in place, and says whether the result is all ASCII: text that need not be looked
/// at a second time.
#[inline]
pub fn apply_and_test_ascii(key: [u8; 4], offset: u64, data: &mut [u8]) -> bool {
    in_place::<true>(key, offset, data)
}

/// Masks `source` into `target`, as many bytes as the shorter of them has.
#[inline]
pub fn copy(key: [u8; 4], offset: u64, source: &[u8], target: &mut [u8]) {
    across::<false>(key, offset, source, target);
}

/// Unmasks `source` into `target`, as many bytes as the shorter of them has, and says whether the
/// result is all ASCII.
#[inline]
pub fn copy_and_test_ascii(key: [u8; 4], offset: u64, source: &[u8], target: &mut [u8]) -> bool {
    across::<true>(key, offset, source, target)
}

#[inline(always)]
fn across<const TEST: bool>(key: [u8; 4], offset: u64, source: &[u8], target: &mut [u8]) -> bool {
    let len = source.len().min(target.len());
    let (source, target) = (&source[..len], &mut target[..len]);
    let Some(last) = last_words(source) else {
        for (to, from) in target.iter_mut().zip(source) {
            *to = *from;
        }
        return short::<TEST>(key, offset, target);
    };
    let last_key = word(key, offset.wrapping_add((len % 4) as u64));
    let key = word(key, offset);
    let (from, to) = (&source[..len & !15], &mut target[..len & !15]);
    let mut seen = match len {
        #[cfg(all(feature = "simd", target_arch = "x86_64"))]
        LONG.. => wide::across(key, from, to),
        _ => words_across(key, from, to),
    };
    seen |= put_last_words(last, last_key, target);
    TEST && seen & HIGH_BITS == 0
}

/// Masks whole words, and says what bits they have then.
#[inline(always)]
fn words_across(key: u64, from: &[u8], to: &mut [u8]) -> u64 {
    let mut seen = 0;
    for (to, from) in to.as_chunks_mut().0.iter_mut().zip(from.as_chunks().0) {
        let masked = u64::from_ne_bytes(*from) ^ key;
        seen |= masked;
        *to = masked.to_ne_bytes();
    }
    seen
}

/// Masks whole blocks, and returns the rest.
#[inline(always)]
fn blocks(key: u64, data: &mut [u8]) -> &mut [u8] {
    const BLOCK: usize = 32;
    let mut keys = [0; BLOCK];
    for part in keys.as_chunks_mut().0 {
        *part = key.to_ne_bytes();
    }
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for block in blocks {
        for i in 0..BLOCK {
            block[i] ^= keys[i];
        }
    }
    tail
}

/// The key as it meets the bytes that follow `len` others.
#[inline(always)]
pub(super) fn turned(key: [u8; 4], len: usize) -> [u8; 4] {
    u32::from_le_bytes(key)
        .rotate_right(8 * (len % 4) as u32)
        .to_le_bytes()
}

/// The key as it meets the eight bytes from `offset` on.
#[inline]
fn word(key: [u8; 4], offset: u64) -> u64 {
    let half = u32::from_le_bytes(key).rotate_right(8 * (offset % 4) as u32);
    (u64::from(half) << 32 | u64::from(half)).to_le()
}

/// Masks in place. With `TEST` says whether the result is ASCII.
///
/// The end of the data, which no whole block covers, is masked by an overlapping one made from the
/// bytes as they were: so there is no loop over a few bytes, whose length no one can foresee.
#[inline(always)]
fn in_place<const TEST: bool>(key: [u8; 4], offset: u64, data: &mut [u8]) -> bool {
    let Some(last) = last_words(data) else {
        return short::<TEST>(key, offset, data);
    };
    let len = data.len();
    #[cfg(all(feature = "simd", target_arch = "x86_64"))]
    if len >= LONG {
        return wide::in_place::<TEST>(key, offset, data);
    }
    let last_key = word(key, offset.wrapping_add((len % 4) as u64));
    let key = word(key, offset);
    let whole = &mut data[..len & !15];
    let mut seen = words_in_place::<TEST>(key, whole);
    seen |= put_last_words(last, last_key, data);
    TEST && seen & HIGH_BITS == 0
}

/// Masks whole words in place. With `TEST` says what bits they have then.
#[inline(always)]
fn words_in_place<const TEST: bool>(key: u64, data: &mut [u8]) -> u64 {
    let rest = match TEST || NARROW {
        true => data,
        false => blocks(key, data),
    };
    let mut seen = 0;
    for bytes in rest.as_chunks_mut::<8>().0 {
        let masked = u64::from_ne_bytes(*bytes) ^ key;
        seen |= masked;
        *bytes = masked.to_ne_bytes();
    }
    seen
}

/// The same loops, compiled once for each width of registers that a processor may have.
#[cfg(all(feature = "simd", target_arch = "x86_64"))]
mod wide {
    use fearless_simd::{Level, Simd, dispatch};

    #[inline(never)]
    pub(super) fn in_place<const TEST: bool>(key: [u8; 4], offset: u64, data: &mut [u8]) -> bool {
        // Accesses that cross lines of the cache take up to twice as long.
        let front = data.as_ptr().align_offset(LINE).min(data.len());
        let (front, rest) = data.split_at_mut(front);
        let ascii = super::in_place::<TEST>(key, offset, front);
        let offset = offset.wrapping_add(front.len() as u64);
        let (lines, back) = rest.split_at_mut(rest.len() & !(LINE - 1));
        let seen = lines_in_place::<TEST>(super::word(key, offset), lines);
        super::in_place::<TEST>(key, offset, back) && ascii && seen & super::HIGH_BITS == 0
    }

    /// Bytes of a line of the cache.
    const LINE: usize = 64;

    fn lines_in_place<const TEST: bool>(key: u64, data: &mut [u8]) -> u64 {
        #[inline(always)]
        fn vectorized<const TEST: bool>(simd: impl Simd, key: u64, data: &mut [u8]) -> u64 {
            simd.vectorize(
                #[inline(always)]
                || super::words_in_place::<TEST>(key, data),
            )
        }
        dispatch!(Level::new(), simd => vectorized::<TEST>(simd, key, data))
    }

    #[inline(never)]
    pub(super) fn across(key: u64, from: &[u8], to: &mut [u8]) -> u64 {
        #[inline(always)]
        fn vectorized(simd: impl Simd, key: u64, from: &[u8], to: &mut [u8]) -> u64 {
            simd.vectorize(
                #[inline(always)]
                || super::words_across(key, from, to),
            )
        }
        dispatch!(Level::new(), simd => vectorized(simd, key, from, to))
    }
}

/// The last 16 bytes, where there are so many.
#[inline(always)]
fn last_words(data: &[u8]) -> Option<[u64; 2]> {
    let (front, last) = data.split_last_chunk()?;
    let (_, before) = front.split_last_chunk()?;
    Some([u64::from_ne_bytes(*before), u64::from_ne_bytes(*last)])
}

/// Masks the last 16 bytes as they were into the end of `data`, and says what bits they have.
#[inline(always)]
fn put_last_words(words: [u64; 2], key: u64, data: &mut [u8]) -> u64 {
    let [before, last] = [words[0] ^ key, words[1] ^ key];
    if let Some((front, end)) = data.split_last_chunk_mut() {
        *end = last.to_ne_bytes();
        if let Some((_, end)) = front.split_last_chunk_mut() {
            *end = before.to_ne_bytes();
        }
    }
    before | last
}

/// [`in_place`] for less than a block.
#[inline(always)]
fn short<const TEST: bool>(key: [u8; 4], offset: u64, data: &mut [u8]) -> bool {
    let last_key = word(key, offset.wrapping_add((data.len() % 4) as u64));
    let key = word(key, offset);
    let seen = if let (Some(&first), Some(&last)) = (data.first_chunk(), data.last_chunk()) {
        let first = u64::from_ne_bytes(first) ^ key;
        let last = u64::from_ne_bytes(last) ^ last_key;
        put(data, first.to_ne_bytes(), last.to_ne_bytes());
        first | last
    } else if let (Some(&first), Some(&last)) = (data.first_chunk(), data.last_chunk()) {
        let first = u32::from_ne_bytes(first) ^ half(key);
        let last = u32::from_ne_bytes(last) ^ half(last_key);
        put(data, first.to_ne_bytes(), last.to_ne_bytes());
        u64::from(first | last)
    } else {
        let mut seen = 0;
        for (byte, key) in data.iter_mut().zip(key.to_ne_bytes()) {
            *byte ^= key;
            seen |= *byte;
        }
        u64::from(seen)
    };
    TEST && seen & HIGH_BITS == 0
}

/// Writes both ends of `data`, which may overlap.
#[inline(always)]
fn put<const N: usize>(data: &mut [u8], first: [u8; N], last: [u8; N]) {
    if let Some(start) = data.first_chunk_mut() {
        *start = first;
    }
    if let Some(end) = data.last_chunk_mut() {
        *end = last;
    }
}

/// The key as it meets four bytes, out of how it meets eight.
#[inline]
fn half(key: u64) -> u32 {
    key as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn naive(key: [u8; 4], offset: u64, data: &[u8]) -> Vec<u8> {
        let keys = key.iter().cycle().skip((offset % 4) as usize);
        data.iter().zip(keys).map(|(a, b)| a ^ b).collect()
    }

    #[test]
    fn every_length_offset_and_split_agrees_with_the_rfcs_formula() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let data: Vec<u8> = (0..200u32).map(|i| (i * 151 + 7) as u8).collect();
        for len in 0..data.len() {
            for offset in 0..5 {
                let expected = naive(key, offset, &data[..len]);
                let mut whole = data[..len].to_vec();
                apply(key, offset, &mut whole);
                assert_eq!(whole, expected);
                let mut copied = std::vec![0; len];
                copy(key, offset, &data[..len], &mut copied);
                assert_eq!(copied, expected);
                copied.fill(0);
                let ascii = copy_and_test_ascii(key, offset, &data[..len], &mut copied);
                assert_eq!((copied, ascii), (expected.clone(), expected.is_ascii()));
                let mut tested = data[..len].to_vec();
                assert_eq!(
                    apply_and_test_ascii(key, offset, &mut tested),
                    expected.is_ascii()
                );
                assert_eq!(tested, expected);
            }
        }
        // Long enough for the widest registers, and with every length of what they leave over.
        let long: Vec<u8> = data.iter().copied().cycle().take(2200).collect();
        for len in 2000..long.len() {
            let expected = naive(key, 3, &long[..len]);
            let mut whole = long[..len].to_vec();
            apply(key, 3, &mut whole);
            assert_eq!(whole, expected);
            let mut copied = std::vec![0; len];
            assert!(!copy_and_test_ascii(key, 3, &long[..len], &mut copied));
            assert_eq!(copied, expected);
            let mut plain = naive(key, 3, &[b'a'; 2200][..len]);
            assert!(apply_and_test_ascii(key, 3, &mut plain));
            assert!(plain.iter().all(|&byte| byte == b'a'));
        }
        for start in 0..70 {
            let mut tested = long.clone();
            let ascii = apply_and_test_ascii(key, 1, &mut tested[start..]);
            assert_eq!(tested[start..], naive(key, 1, &long[start..]), "{start}");
            assert!(!ascii);
            apply(key, 1, &mut tested[start..]);
            assert_eq!(tested, long);
        }
        for split in 0..=data.len() {
            let mut pieces = data.clone();
            let (front, back) = pieces.split_at_mut(split);
            apply(key, 0, front);
            apply(key, split as u64, back);
            assert_eq!(pieces, naive(key, 0, &data));
        }
    }

    #[test]
    fn one_high_bit_anywhere_is_seen() {
        let key = [9, 8, 7, 6];
        for len in 0..100 {
            for at in 0..=len {
                let mut plain = std::vec![b'a'; len];
                if at < len {
                    plain[at] = 0x80;
                }
                apply(key, 0, &mut plain);
                assert_eq!(apply_and_test_ascii(key, 0, &mut plain), at == len);
            }
        }
    }

    #[test]
    fn copying_stops_at_the_shorter_slice() {
        let mut target = [0; 3];
        copy([1; 4], 0, &[0; 40], &mut target);
        assert_eq!(target, [1; 3]);
        let mut target = [0; 40];
        copy([1; 4], 0, &[0; 3], &mut target);
        assert_eq!(target[..4], [1, 1, 1, 0]);
    }
}
