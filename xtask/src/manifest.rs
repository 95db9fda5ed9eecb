//! The manifests of the crates and of the package.

use std::fs;
use std::path::Path;

use crate::paths;
use crate::tool::Failure;

/// The version of all crates.
pub fn version() -> Result<String, Failure> {
    let manifest = read(&paths::root().join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "));
    let version = version.ok_or_else(|| Failure::new("Cargo.toml states no version"))?;
    Ok(version.trim_matches('"').to_owned())
}

/// Fails unless the manifest of the npm package has this value.
pub fn states(key: &str, value: &str) -> Result<(), Failure> {
    let package = read(&paths::pkg().join("package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&package)
        .map_err(|error| Failure::new(format!("pkg/package.json is no JSON: {error}")))?;
    match package[key].as_str() {
        Some(stated) if stated == value => Ok(()),
        _ => Err(Failure::new(format!(
            "Cargo.toml and pkg/package.json state different values of `{key}`"
        ))),
    }
}

pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}
