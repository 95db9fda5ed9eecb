//! How much memory a store takes.

/// How much memory a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreLimits {
    /// Bytes of all payloads; default 512 MiB. Rows past it keep the first 64 bytes of theirs.
    pub payloads: usize,
    /// Bytes of all rows with their payloads; default 1 GiB. Rows past it are not kept.
    pub memory: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self {
            payloads: 512 << 20,
            memory: 1 << 30,
        }
    }
}
