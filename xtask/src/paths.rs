//! Where things are in the checkout.

use std::path::PathBuf;

pub use crate::root::root;
use crate::tool::{Failure, cargo};

/// The TypeScript sources.
pub fn js() -> PathBuf {
    root().join("js")
}

/// The output of wasm-bindgen and wasm-opt, for the TypeScript sources.
pub fn generated() -> PathBuf {
    js().join("generated")
}

/// The npm package.
pub fn pkg() -> PathBuf {
    root().join("pkg")
}

/// Cargo's target folder, wherever the environment or a config file puts it.
pub fn target() -> Result<PathBuf, Failure> {
    let text = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdout()?;
    let metadata: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("cargo metadata gave no JSON: {error}")))?;
    metadata["target_directory"]
        .as_str()
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("cargo metadata names no target folder"))
}
