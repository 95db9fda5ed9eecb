//! `cargo xtask differential`: the same streams for wscodec and for other implementations.
//!
//! `tests/differential` generates the streams and compares; the other implementations are installed
//! at pinned versions.

use std::process::ExitCode;
use std::time::SystemTime;

use crate::arguments::{Arguments, Wrong, unknown};
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{build, installed, node, paths};

/// The page with the classes of differences.
const PAGE: &str = "docs/differences.md";
const FOLDER: &str = "tests/differential";

/// Reads the arguments, and runs.
pub fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let (mut seconds, mut seed) = (60, now.unwrap_or_default().as_secs());
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--minutes" => {
                let fits = |minutes: &f64| (0.0..=100_000.0).contains(minutes);
                let minutes: f64 = arguments.value("a number of minutes", fits)?;
                seconds = (minutes * 60.0).ceil() as u64;
            }
            "--seed" => seed = arguments.value("a number", |_| true)?,
            other => return Err(unknown(other)),
        }
    }
    report.verbose = arguments.verbose;
    if build::needed_by(report, "differential") {
        let name = format!("differential: seed {seed}");
        report.step(&name, || compare(seconds, seed).map(Outcome::Done));
    }
    Ok(report.close())
}

/// Runs all implementations; the last line of the program counts.
fn compare(seconds: u64, seed: u64) -> Result<String, Failure> {
    let folder = paths::root().join(FOLDER);
    let target = paths::target()?.join("wscodec-differential");
    let program = target.join("release/wscodec-differential");
    cargo()
        .args(["build", "--release", "--locked", "--manifest-path"])
        .args([folder.join("Cargo.toml")])
        .args(["--target-dir".as_ref(), target.as_os_str()])
        .run()?;
    node::ensure_packages()?;
    let python = installed::python("differential", &folder.join("requirements.txt"))?;
    let script = |name: &str| folder.join(name).display().to_string();
    let (python, py, mjs) = (python.display(), script("peers.py"), script("peers.mjs"));
    let ws = paths::js().join("node_modules/ws/wrapper.mjs");
    let package = paths::pkg().join("dist/index.mjs");
    let output = Tool::at(program.as_os_str(), "wscodec-differential")
        .args([paths::root().join(PAGE)])
        .args([seconds.to_string(), seed.to_string()])
        .args([
            format!("websockets={python}\t{py}\twebsockets"),
            format!("wsproto={python}\t{py}\twsproto"),
            format!("ws=node\t{mjs}\tws\t{}", ws.display()),
            format!("node=node\t{mjs}\twscodec\t{}", package.display()),
        ])
        .stdout()?;
    Ok(output.lines().last().unwrap_or_default().to_owned())
}
