//! The checks of the JavaScript side, on the built package.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, Tool};
use crate::{build, bundle, fuzz, node, package, paths};

pub fn types(report: &mut Report) {
    if !build::needed_by(report, "types") {
        return;
    }
    report.step("types", || {
        node::tool("typescript/bin/tsc")
            .args(["--project", "tsconfig.json"])
            .dir(&paths::js())
            .run()?;
        done()
    });
}

/// The reference in `docs/javascript` is that of the declarations. With the environment variable
/// `WSCODEC_UPDATE_DOCS` it is written anew.
pub fn reference(report: &mut Report) {
    if !build::needed_by(report, "reference") {
        return;
    }
    report.step("reference", || {
        let generator = paths::js().join("reference");
        node::ensure_installed(&generator)?;
        let made = paths::target()?.join("wscodec-reference");
        node::node()
            .args([
                generator.join("generate.mjs"),
                paths::pkg().join("dist/types"),
            ])
            .args([&made])
            .run()?;
        let committed = paths::root().join("docs/javascript");
        if std::env::var_os("WSCODEC_UPDATE_DOCS").is_some() {
            let _ = fs::remove_dir_all(&committed);
            fuzz::copy(&made, &committed)?;
        }
        same_files(&made, &committed)
    });
}

/// Fails unless the folders have the same files.
fn same_files(made: &Path, committed: &Path) -> Result<Outcome, Failure> {
    let read = |folder: &Path| -> Result<BTreeMap<OsString, Vec<u8>>, Failure> {
        let files = fs::read_dir(folder).map_err(|e| Failure::file("read", folder, &e))?;
        let texts = files.flatten().map(|file| {
            let text = fs::read(file.path());
            let text = text.map_err(|e| Failure::file("read", &file.path(), &e))?;
            Ok((file.file_name(), text))
        });
        texts.collect()
    };
    let (made, committed) = (read(made)?, read(committed)?);
    if made != committed {
        return Err(Failure::new(
            "docs/javascript is not current: run `WSCODEC_UPDATE_DOCS=1 cargo xtask reference`",
        ));
    }
    Ok(Outcome::Done(format!("{} pages", made.len())))
}

pub fn node(report: &mut Report) {
    if !build::needed_by(report, "node") {
        return;
    }
    report.step("node: tests", || {
        let tests = tests("node")?;
        let tool = node::node()
            .args(["--enable-source-maps", "--test-reporter=tap", "--test"])
            .args(tests);
        count(tool, node_passed)
    });
    report.step("node: command", || {
        command(node::node().args([paths::pkg().join("dist/cli.mjs")]))
    });
}

pub fn deno(report: &mut Report) {
    if !build::needed_by(report, "deno") {
        return;
    }
    let Some(version) = node::deno_version() else {
        report.skip("deno", node::NO_DENO);
        return;
    };
    report.step("deno: tests", || {
        let tests = tests("deno")?;
        let tool = node::deno(&["test", "--allow-all", "--no-check"])?.args(tests);
        count(tool, deno_passed)
    });
    report.step("deno: command", || {
        command(node::deno(&["run", "--allow-all"])?.args([paths::pkg().join("dist/cli.mjs")]))?;
        Ok(Outcome::Done(version))
    });
}

/// The same tests in Bun, of which `test` is not to download as much as it takes.
pub fn bun(report: &mut Report) {
    if !build::needed_by(report, "bun") || !report.step("bun: npm ci", package::install_peers) {
        return;
    }
    report.step("bun: tests", || {
        let bun = match package::bun()? {
            Some(bun) => bun,
            None => return Ok(Outcome::Skipped(NO_BUN.to_owned())),
        };
        let mut tests = tests("bun")?;
        let version = Tool::at(bun.as_os_str(), "bun")
            .args(["--version"])
            .stdout()?;
        if ["1.2.", "1.3."].iter().any(|old| version.starts_with(old)) {
            tests.retain(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                !NEED_WS.contains(&name.trim_end_matches(".test.mjs"))
            });
        }
        let tool = Tool::at(bun.as_os_str(), "bun").args(["test", "--timeout", "120000"]);
        count(tool.args(tests), bun_passed)
    });
    report.step("bun: command", || match package::bun()? {
        Some(bun) => {
            let cli = paths::pkg().join("dist/cli.mjs");
            command(Tool::at(bun.as_os_str(), "bun").args([cli]))
        }
        None => Ok(Outcome::Skipped(NO_BUN.to_owned())),
    });
}

/// Tests whose own side needs npm ws. Bun before 1.4 does not hand upgrades through `node:http`, so ws is
/// neither a client nor a server there. `cargo xtask node` runs these tests with Node on their side and
/// with the Bun that `WSCODEC_BUN` names as the server.
const NEED_WS: [&str; 8] = [
    "adapters",
    "deflate-ws",
    "examples",
    "handshake-peers",
    "node",
    "node-sockets",
    "readme",
    "recipes",
];

/// Why there may be none.
pub const NO_BUN: &str = "npm has no Bun for this platform";

/// Ten million messages over the adapter for Node, plain and compressed: is memory flat?
pub fn soak(report: &mut Report, messages: &str) {
    if !build::needed_by(report, "soak") {
        return;
    }
    report.step("soak", || {
        let script = paths::js().join("test/soak.mjs");
        let tool = node::node().args(["--expose-gc"]).args([script]);
        let said = tool.args([messages]).stdout()?;
        Ok(Outcome::Done(format!(
            "\n  {}",
            said.trim_end().replace('\n', "\n  ")
        )))
    });
}

/// Makes plain modules of the tests, and lists them.
fn tests(runtime: &str) -> Result<Vec<PathBuf>, Failure> {
    let folder = paths::target()?.join("wscodec-tests").join(runtime);
    bundle::tests(&folder, runtime)?;
    let entries = fs::read_dir(&folder).map_err(|error| Failure::file("read", &folder, &error))?;
    let mut files: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::new("there is no test in js/test"));
    }
    Ok(files)
}

/// Whether the package's command starts, and tells of what it can do.
pub fn command(tool: Tool) -> Result<Outcome, Failure> {
    let help = tool.args(["--help"]).stdout()?;
    if !help.contains("inspect") {
        return Err(Failure::new("`wscodec --help` does not speak of `inspect`"));
    }
    done()
}

/// Runs tests, and counts them; a run without a test checks nothing, so it fails.
fn count(tool: Tool, passed: fn(&str) -> Option<u32>) -> Result<Outcome, Failure> {
    match tool.run()?.lines().rev().find_map(passed) {
        None | Some(0) => Err(Failure::new("there was no test to run")),
        Some(passed) => Ok(Outcome::Done(format!("{passed} passed"))),
    }
}

/// Reads Node's `# pass 12`.
fn node_passed(line: &str) -> Option<u32> {
    line.strip_prefix("# pass ")?.trim().parse().ok()
}

/// Reads Deno's `ok | 12 passed (3 steps) | 0 failed (10ms)`.
fn deno_passed(line: &str) -> Option<u32> {
    let rest = line.strip_prefix("ok | ")?;
    rest.split_once(" passed")?.0.parse().ok()
}

/// Reads Bun's ` 12 pass`.
fn bun_passed(line: &str) -> Option<u32> {
    line.trim().strip_suffix(" pass")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{bun_passed, deno_passed, node_passed};

    #[test]
    fn reads_the_runtimes_counts() {
        assert_eq!(node_passed("# pass 12"), Some(12));
        assert_eq!(node_passed("# tests 12"), None);
        assert_eq!(
            deno_passed("ok | 3 passed (2 steps) | 0 failed (7ms)"),
            Some(3)
        );
        assert_eq!(bun_passed(" 12 pass"), Some(12));
        assert_eq!(bun_passed(" 0 fail"), None);
        assert_eq!(deno_passed("FAILED | 3 passed | 1 failed (7ms)"), None);
    }
}
