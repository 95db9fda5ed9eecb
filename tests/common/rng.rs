//! Numbers that are the same in each run.

/// A generator (SplitMix64) for tests: quick, seeded, good enough to shake bytes.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// Places to cut `len` bytes at, in order, about `step` bytes apart.
    pub fn cuts(&mut self, len: usize, step: usize) -> Vec<usize> {
        let mut cuts = Vec::new();
        let mut at = self.below(step);
        while at < len {
            cuts.push(at);
            at += self.below(2 * step);
        }
        cuts
    }
}
