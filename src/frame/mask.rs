//! Masking (RFC 6455 §5.3): each byte of a payload is XORed with one of the key's four, in turn.
//!
//! `offset` is always the place in the frame's payload of the first byte handed in, so that a
//! payload can be masked piece by piece; masking and unmasking are the same.
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

/// The compiler makes two or more vector operations of a block.
const BLOCK: usize = 32;

/// Masks or unmasks `data` in place.
#[inline]
pub fn apply(key: [u8; 4], offset: u64, data: &mut [u8]) {
    each(key, offset, data, |_| ());
}

/// Unmasks `data` in place, and says whether the result is all ASCII: text that need not be looked
/// at a second time.
#[inline]
pub fn apply_and_test_ascii(key: [u8; 4], offset: u64, data: &mut [u8]) -> bool {
    let mut high = [0; BLOCK];
    each(key, offset, data, |piece| {
        for (seen, byte) in high.iter_mut().zip(piece) {
            *seen |= byte;
        }
    });
    high.iter().fold(0, |all, byte| all | byte) < 0x80
}

/// Masks `source` into `target`, as many bytes as the shorter of them has.
#[inline]
pub fn copy(key: [u8; 4], offset: u64, source: &[u8], target: &mut [u8]) {
    let key = block(key, offset);
    let len = source.len().min(target.len());
    let (from, from_tail) = source[..len].as_chunks::<BLOCK>();
    let (to, to_tail) = target[..len].as_chunks_mut::<BLOCK>();
    for (to, from) in to.iter_mut().zip(from) {
        for i in 0..BLOCK {
            to[i] = from[i] ^ key[i];
        }
    }
    for ((to, from), key) in to_tail.iter_mut().zip(from_tail).zip(key) {
        *to = from ^ key;
    }
}

/// The key as it meets the bytes from `offset` on.
#[inline]
fn block(key: [u8; 4], offset: u64) -> [u8; BLOCK] {
    let word = u32::from_le_bytes(key).rotate_right(8 * (offset % 4) as u32);
    let mut block = [0; BLOCK];
    for part in block.as_chunks_mut::<4>().0 {
        *part = word.to_le_bytes();
    }
    block
}

/// Masks block by block, halving the block for what remains, and shows `look` each result.
#[inline(always)]
fn each(key: [u8; 4], offset: u64, data: &mut [u8], mut look: impl FnMut(&[u8])) {
    let key = block(key, offset);
    let (blocks, tail) = data.as_chunks_mut::<BLOCK>();
    for block in blocks {
        for i in 0..BLOCK {
            block[i] ^= key[i];
        }
        look(block);
    }
    let (halves, tail) = tail.as_chunks_mut::<16>();
    for half in halves {
        for i in 0..16 {
            half[i] ^= key[i];
        }
        look(half);
    }
    let (words, tail) = tail.as_chunks_mut::<4>();
    for word in words {
        for i in 0..4 {
            word[i] ^= key[i];
        }
        look(word);
    }
    for (byte, key) in tail.iter_mut().zip(key) {
        *byte ^= key;
    }
    look(tail);
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
                let mut tested = data[..len].to_vec();
                assert_eq!(
                    apply_and_test_ascii(key, offset, &mut tested),
                    expected.is_ascii()
                );
                assert_eq!(tested, expected);
            }
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
