//! Code that the tests of frames and messages share.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses a part of this"
)]

pub mod captures;
pub mod drive;
pub mod heads;
pub mod reference;
pub mod rng;
pub mod vectors;
pub mod zlib;

use std::path::{Path, PathBuf};

/// A file or folder below `tests/`.
pub fn path(name: &str) -> PathBuf {
    // Packages below `crates/` share the files too.
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.find(|folder| folder.join("tests/vectors").is_dir());
    root.expect("a checkout").join("tests").join(name)
}

/// The ways to cut `len` bytes in two: all of them if that is quick, else those near the ends and
/// some between.
pub fn cuts(len: usize, quick: usize) -> Vec<usize> {
    if len <= quick {
        return (0..=len).collect();
    }
    let step = len / 40;
    let near = (0..32).chain(len - 32..=len);
    near.chain((32..len - 32).step_by(step)).collect()
}
