//! The package as its users get it: packed by npm, and installed into fresh projects.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::manifest::{read, states, version};
use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, Tool};
use crate::{build, node, paths, release};

/// The cases that need only what builds the package.
const QUICK: [&str; 5] = ["node-esm", "node-cjs", "exports", "types", "deno"];

/// The cases that take longer, and need no other runtimes and bundlers either.
const ALONE: [&str; 1] = ["page"];

/// The check that is a part of `test`.
pub fn check(report: &mut Report) {
    if !build::needed_by(report, "package") {
        return;
    }
    report.step("package: version and licences", same_as_the_crate);
    report.step("package: npm publish --dry-run", release::npm);
    cases(report, &QUICK.map(str::to_owned));
}

/// `cargo xtask packages`: these cases, or all that there are.
pub fn matrix(report: &mut Report, names: &[String]) -> Result<ExitCode, String> {
    let all: Vec<String> = matrix_script()
        .stdout()
        .map_err(|failure| failure.to_string())?
        .lines()
        .map(str::to_owned)
        .collect();
    if let Some(unknown) = names.iter().find(|name| !all.contains(name)) {
        return Err(format!(
            "there is no case `{unknown}` of the package: {}",
            all.join(", ")
        ));
    }
    let names = if names.is_empty() { &all } else { names };
    if build::needed_by(report, "packages") {
        let alone = |name: &str| QUICK.contains(&name) || ALONE.contains(&name);
        let peers = names.iter().any(|name| !alone(name));
        if !peers || report.step("packages: npm ci", install_peers) {
            cases(report, names);
        }
    }
    Ok(report.close())
}

/// A step for each case, on the packed package.
fn cases(report: &mut Report, names: &[String]) {
    let mut tarball = PathBuf::new();
    let packed = report.step("package: npm pack", || {
        tarball = pack()?;
        done()
    });
    for name in names {
        let step = format!("package: {name}");
        if !packed {
            report.skip(&step, "it could not be packed");
            continue;
        }
        report.step(&step, || {
            let said = matrix_script()
                .args(["--tarball".as_ref(), tarball.as_os_str()])
                .args(["--work".as_ref(), folder()?.as_os_str()])
                .args(["--peers".as_ref(), peers()?.as_os_str()])
                .args([name])
                .stdout()?;
            let note = said.lines().last().unwrap_or_default().to_owned();
            Ok(match note.strip_prefix("skipped: ") {
                Some(why) => Outcome::Skipped(why.to_owned()),
                None => Outcome::Done(note),
            })
        });
    }
}

/// The tools that make the projects and run them.
fn matrix_script() -> Tool {
    node::node().args([sources().join("matrix.mjs")])
}

fn sources() -> PathBuf {
    paths::js().join("test/packaging")
}

/// Installs the pinned runtimes and bundlers, outside of the checkout's sources.
pub fn install_peers() -> Result<Outcome, Failure> {
    let folder = peers()?;
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        let to = folder.join(name);
        fs::copy(sources().join(name), &to).map_err(|error| Failure::file("write", &to, &error))?;
    }
    node::ensure_installed(&folder).map(Outcome::Done)
}

/// Where they are.
fn peers() -> Result<PathBuf, Failure> {
    Ok(folder()?.join("peers"))
}

/// The Bun that `WSCODEC_BUN` names, such as the lowest version that is supported; otherwise the Bun
/// among them, if npm has one for this platform.
pub fn bun() -> Result<Option<PathBuf>, Failure> {
    if let Some(program) = std::env::var_os("WSCODEC_BUN") {
        return Ok(Some(program.into()));
    }
    let folder = peers()?.join("node_modules/@oven");
    let packages = fs::read_dir(&folder).map_err(|e| Failure::file("read", &folder, &e))?;
    Ok(packages
        .flatten()
        .flat_map(|package| ["bin/bun", "bin/bun.exe"].map(|name| package.path().join(name)))
        .find(|program| program.exists()))
}

/// Facts that the crate and the package both state must be the same.
fn same_as_the_crate() -> Result<Outcome, Failure> {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        if read(&paths::root().join(name))? != read(&paths::pkg().join(name))? {
            return Err(Failure::new(format!("{name} and pkg/{name} differ")));
        }
    }
    states("version", &version()?)?;
    done()
}

/// Where the projects are made.
fn folder() -> Result<PathBuf, Failure> {
    Ok(paths::target()?.join("wscodec-packages"))
}

/// Packs the package, and gives the file.
fn pack() -> Result<PathBuf, Failure> {
    let folder = folder()?;
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    let packed = node::npm()
        .args(["pack", "--json", "--pack-destination"])
        .args([&folder])
        .dir(&paths::pkg())
        .stdout()?;
    let packed: serde_json::Value = serde_json::from_str(&packed)
        .map_err(|error| Failure::new(format!("npm pack gave no JSON: {error}")))?;
    packed[0]["filename"]
        .as_str()
        .map(|name| folder.join(name))
        .ok_or_else(|| Failure::new("npm pack names no file"))
}
