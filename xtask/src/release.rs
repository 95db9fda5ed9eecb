//! `cargo xtask release`: everything that must hold before the crates and the package are published.
//!
//! Nothing here publishes. `docs/release.md` lists the steps of a release.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, cargo};
use crate::{build, manifest, node, paths};

/// The keys of the address of the project in the root `Cargo.toml`.
const KEYS: [&str; 2] = ["repository", "homepage"];

/// `release URL` writes the address of the project into the manifests, `release` checks.
pub fn command(report: &mut Report, arguments: &[String]) -> Result<ExitCode, String> {
    match arguments {
        [] => {
            report.step("release: address", || {
                let address = stated()?;
                manifest::states("repository", &address)?;
                done()
            });
            report.step("release: changelog", changelog);
            report.step("release: crates", || crates(&[]));
            if build::needed_by(report, "release: npm") {
                report.step("release: npm", npm);
            }
        }
        [url] if url.starts_with("https://") && !url.contains(['"', ' ']) => {
            report.step("release: write the address", || {
                write(url.trim_end_matches('/'))
            });
        }
        _ => return Err("`release` takes one argument at most, an address with https://".into()),
    }
    Ok(report.close())
}

/// The part of `cargo xtask test`: the crates can be packed, and a registry would take them.
/// `release` compiles them as well.
pub fn check(report: &mut Report) {
    report.step("publish: crates", || {
        crates(&["--no-verify", "--allow-dirty"])
    });
}

/// The address in the root manifest, which all crates inherit.
fn stated() -> Result<String, Failure> {
    let manifest = manifest::read(&manifest())?;
    let mut addresses = KEYS.map(|key| {
        let line = manifest
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_default().trim_matches('"').to_owned()
    });
    if addresses.iter().any(String::is_empty) || addresses[0] != addresses[1] {
        return Err(Failure::new(
            "Cargo.toml states no address of the project: run `cargo xtask release https://...`",
        ));
    }
    Ok(std::mem::take(&mut addresses[0]))
}

fn manifest() -> PathBuf {
    paths::root().join("Cargo.toml")
}

/// Replaces the address in the root manifest, and in the manifest of the npm package.
fn write(url: &str) -> Result<Outcome, Failure> {
    let path = manifest();
    let text = manifest::read(&path)?;
    let lines = text.lines().map(|line| {
        let key = KEYS
            .iter()
            .find(|key| line.starts_with(&format!("{key} = ")));
        key.map_or_else(|| line.to_owned(), |key| format!("{key} = \"{url}\""))
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(&path, text).map_err(|error| Failure::file("write", &path, &error))?;
    node::npm()
        .args(["pkg", "set"])
        .args([format!("repository={url}"), format!("homepage={url}")])
        .dir(&paths::pkg())
        .run()?;
    done()
}

/// The changelog has a section for the version that is to be published.
fn changelog() -> Result<Outcome, Failure> {
    let version = manifest::version()?;
    let changelog = manifest::read(&paths::root().join("CHANGELOG.md"))?;
    let heading = format!("## {version}");
    if !changelog.lines().any(|line| line.starts_with(&heading)) {
        return Err(Failure::new(format!(
            "CHANGELOG.md has no section `{heading}`"
        )));
    }
    done()
}

/// Packs all crates that are published, in the order of their dependencies.
fn crates(options: &[&str]) -> Result<Outcome, Failure> {
    cargo()
        .args(["publish", "--workspace", "--dry-run"])
        .args(options)
        .run()?;
    done()
}

/// Packs the npm package as `npm publish` does.
pub fn npm() -> Result<Outcome, Failure> {
    node::npm()
        .args(["publish", "--dry-run"])
        .dir(&paths::pkg())
        .run()?;
    done()
}
