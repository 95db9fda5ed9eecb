//! The checks of the Rust side.

use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::{EMBEDDED, WASI, WASM, ensure_targets, toolchain};
use crate::{paths, wasm};

/// The library's `rust-version`.
const MSRV: &str = "1.88";

/// The feature sets of the core that are linted and tested on the host, by name.
const FEATURES: [(&str, &[&str]); 5] = [
    ("all", &["--all-features"]),
    ("default", &[]),
    (
        "only deflate",
        &["--no-default-features", "--features", "deflate"],
    ),
    ("only io", &["--no-default-features", "--features", "io"]),
    ("no default", &["--no-default-features"]),
];

/// The crates that are published, and have documentation.
const PUBLISHED: [&str; 5] = [
    "wscodec",
    "wscodec-cli",
    "wscodec-inspect",
    "wscodec-server",
    "wscodec-tokio",
];

/// The server, whose features are off by default.
const SERVER: [&str; 3] = ["--package", "wscodec-server", "--all-features"];

const BARE: [&str; 2] = ["--package", "wscodec"];

pub fn fmt(report: &mut Report) {
    report.step("fmt", || {
        cargo().args(["fmt", "--all", "--check"]).run()?;
        // The benchmarks are no members of the workspace.
        for manifest in ["bench/native/Cargo.toml", "bench/server/Cargo.toml"] {
            cargo()
                .args(["fmt", "--manifest-path", manifest, "--check"])
                .run()?;
        }
        done()
    });
}

pub fn lint(report: &mut Report) {
    for (name, features) in FEATURES {
        report.step(&format!("lint: {name} features"), || {
            clippy(
                cargo()
                    .args(["clippy", "--all-targets"])
                    .args(BARE)
                    .args(features),
            )
        });
    }
    for module in &wasm::MODULES {
        report.step(&format!("lint: wasm module {}", module.name), || {
            ensure_targets(&[WASM])?;
            clippy(
                cargo()
                    .args(["clippy", "--lib", "--target", WASM])
                    .args(["--package", module.package])
                    .args(["--features", module.features]),
            )
        });
    }
    report.step("lint: wscodec-tokio, all features", || {
        clippy(
            cargo()
                .args(["clippy", "--all-targets", "--all-features"])
                .args(["--package", "wscodec-tokio"]),
        )
    });
    report.step("lint: the other crates", || {
        clippy(
            cargo()
                .args(["clippy", "--workspace", "--all-targets"])
                .args(["--exclude", "wscodec"]),
        )
    });
    report.step("lint: the server with all features", || {
        clippy(cargo().args(["clippy", "--all-targets"]).args(SERVER))
    });
}

fn clippy(tool: Tool) -> Result<Outcome, Failure> {
    tool.args(["--", "-D", "warnings"]).run()?;
    done()
}

pub fn doc(report: &mut Report) {
    report.step("doc", || {
        cargo()
            .args(["doc", "--no-deps", "--all-features"])
            .args(PUBLISHED.iter().flat_map(|name| ["--package", name]))
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()?;
        done()
    });
}

pub fn test(report: &mut Report) {
    for (name, features) in FEATURES {
        report.step(&format!("rust: {name} features"), || {
            count(cargo().args(["test"]).args(BARE).args(features))
        });
    }
    report.step("rust: wscodec-tokio, all features", || {
        count(
            cargo()
                .args(["test", "--all-features"])
                .args(["--package", "wscodec-tokio"]),
        )
    });
    report.step("rust: the other crates", || {
        count(
            cargo()
                .args(["test", "--workspace"])
                .args(["--exclude", "wscodec"]),
        )
    });
    report.step("rust: the server with all features", || {
        count(cargo().args(["test"]).args(SERVER))
    });
}

/// Checks the session against its model by longer sequences than the tests take.
pub fn model(report: &mut Report) {
    report.step("model", || {
        let tool = cargo().args(["test", "--release", "--package", "wscodec"]);
        let tool = tool.args(["--test", "model", "--", "--ignored", "--nocapture"]);
        let output = tool.run()?;
        counted(&output)?;
        let searches: Vec<_> = output
            .lines()
            .filter(|line| line.contains(" sequences of "))
            .collect();
        Ok(Outcome::Done(searches.join(", ")))
    });
}

/// Runs tests, and counts them; a run without a test checks nothing, so it fails.
fn count(tool: Tool) -> Result<Outcome, Failure> {
    counted(&tool.run()?)
}

/// Counts the tests in what cargo printed.
pub fn counted(output: &str) -> Result<Outcome, Failure> {
    let passed: u32 = output.lines().filter_map(passed).sum();
    if passed == 0 {
        return Err(Failure::new("there was no test to run"));
    }
    Ok(Outcome::Done(format!("{passed} passed")))
}

/// Reads `test result: ok. 12 passed; 0 failed; …`.
fn passed(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("test result: ok. ")?;
    rest.split_once(" passed")?.0.parse().ok()
}

pub fn targets(report: &mut Report) {
    report.step("targets: rustup", || {
        ensure_targets(&[WASM, WASI]).map(Outcome::Done)
    });
    for (target, name, features) in [
        (WASI, "default", &[][..]),
        (WASI, "no default", &["--no-default-features"]),
        (WASM, "no default", &["--no-default-features"]),
        (
            WASM,
            "only deflate",
            &["--no-default-features", "--features", "deflate"],
        ),
        (
            WASM,
            "zlib-rs",
            &["--no-default-features", "--features", "zlib-rs"],
        ),
    ] {
        report.step(&format!("targets: {target}, {name} features"), || {
            cargo()
                .args(["check", "--lib", "--target", target])
                .args(BARE)
                .args(features)
                .run()?;
            done()
        });
    }
    for (target, flags) in EMBEDDED {
        report.step(&format!("targets: {target}, extra-platforms"), || {
            if ensure_targets(&[target]).is_err() {
                return Ok(Outcome::Skipped(format!(
                    "the target {target} is not installed (rustup target add {target})"
                )));
            }
            cargo()
                .args(["check", "--lib", "--target", target])
                .args(BARE)
                .args(["--no-default-features", "--features"])
                .args(["deflate,extra-platforms"])
                // The program would choose this, or a critical section of its own.
                .env(flags, "--cfg portable_atomic_unsafe_assume_single_core")
                .run()?;
            done()
        });
    }
    report.step("targets: nothing links std", no_std);
}

/// A module linked from the bare crate must lack what only std brings: if the link
/// succeeds, the crate or one of its packages has pulled std in.
fn no_std() -> Result<Outcome, Failure> {
    let folder = paths::target()?.join("wscodec-no-std");
    let link = cargo()
        .args(["rustc", "--lib", "--crate-type", "cdylib"])
        .args(BARE)
        .args(["--no-default-features", "--features", "deflate"])
        .args(["--target", WASM, "--target-dir"])
        .args([folder])
        .run();
    match link {
        Ok(_) => Err(Failure::new(
            "without the feature std the crate must not link std, but it or one of its packages does",
        )),
        Err(failure) if failure.mentions("#[panic_handler]") => done(),
        Err(failure) => Err(failure),
    }
}

pub fn msrv(report: &mut Report) {
    let name = format!("msrv: {MSRV}");
    report.step(&name, || {
        let Some(name) = toolchain(MSRV) else {
            return Ok(Outcome::Skipped(format!(
                "Rust {MSRV} is not installed (rustup toolchain install {MSRV}); Clippy's \
                 incompatible_msrv, a part of `lint`, is all that looked"
            )));
        };
        Tool::new("rustup")
            .args([
                "run",
                &name,
                "cargo",
                "check",
                "--lib",
                "--features",
                "http",
            ])
            .args(BARE)
            .run()?;
        done()
    });
}

/// Python decodes the recordings with code of its own.
pub fn captures(report: &mut Report) {
    report.step("captures", || {
        let python = if cfg!(windows) { "python" } else { "python3" };
        if Tool::new(python).args(["--version"]).run().is_err() {
            return Ok(Outcome::Skipped("Python 3 is not installed".to_owned()));
        }
        Tool::new(python).args(["tests/captures/oracle.py"]).run()?;
        done()
    });
}

#[cfg(test)]
mod tests {
    use super::{MSRV, passed};

    #[test]
    fn reads_cargos_count() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(passed(line), Some(12));
        assert_eq!(passed("test result: FAILED. 1 passed; 2 failed"), None);
        assert_eq!(passed("12 passed"), None);
    }

    #[test]
    fn checks_the_promised_compiler() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains(&format!("rust-version = \"{MSRV}\"")));
    }
}
