//! `cargo xtask deny`: cargo-deny with `deny.toml`.

use crate::installed;
use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, Tool};

const VERSION: &str = "0.20.2";

/// Checks licences, sources and doubled versions, and known vulnerabilities if the database can be
/// had.
pub fn deny(report: &mut Report) {
    for what in ["licenses", "sources", "bans"] {
        report.step(&format!("deny: {what}"), || {
            check(what)?.run()?;
            done()
        });
    }
    report.step("deny: advisories", || match check("advisories")?.run() {
        Ok(_) => done(),
        Err(failure) if failure.mentions("failed to fetch advisory database") => {
            let why = "the database of advisories cannot be fetched from this machine";
            Ok(Outcome::Skipped(why.to_owned()))
        }
        Err(failure) => Err(failure),
    });
}

fn check(what: &str) -> Result<Tool, Failure> {
    let program = installed::program("cargo-deny", VERSION)?;
    Ok(Tool::at(program.as_os_str(), "cargo-deny")
        .args(["--workspace", "--all-features", "--locked"])
        .args(["check", what]))
}
