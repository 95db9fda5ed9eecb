//! The floor's mask: as fast as this machine takes it.

/// Applies the key to bytes that begin at its first byte.
#[inline]
pub fn xor(key: [u8; 4], data: &mut [u8]) {
    #[cfg(target_arch = "x86_64")]
    if data.len() >= 256 && std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { wide(key, data) };
        return;
    }
    plain(key, data);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn wide(key: [u8; 4], data: &mut [u8]) {
    plain(key, data);
}

#[inline(always)]
fn plain(key: [u8; 4], data: &mut [u8]) {
    let word = u32::from_ne_bytes(key);
    let long = u64::from(word) << 32 | u64::from(word);
    let (blocks, rest) = data.as_chunks_mut::<32>();
    for block in blocks {
        for word in block.as_chunks_mut::<8>().0 {
            *word = (u64::from_ne_bytes(*word) ^ long).to_ne_bytes();
        }
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}
