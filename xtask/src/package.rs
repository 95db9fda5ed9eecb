//! The package as its users get it: packed by npm, and installed into a fresh folder.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::{Outcome, Report, done};
use crate::tool::{Failure, Tool};
use crate::{build, js, node, paths};

/// The files of `js/test/package`, which use the package from outside.
const CONSUMER: [&str; 5] = [
    "consumer.mjs",
    "development.mjs",
    "types.mts",
    "types.cts",
    "tsconfig.json",
];

pub fn check(report: &mut Report) {
    if !build::needed_by(report, "package") {
        return;
    }
    report.step("package: version and licences", same_as_the_crate);
    if !report.step("package: pack and install", || {
        install().map(|_| Outcome::Done(String::new()))
    }) {
        report.skip("package: use", "it could not be installed");
        return;
    }
    report.step("package: import, require, file", || {
        node::node().args(["consumer.mjs"]).dir(&folder()?).run()?;
        done()
    });
    report.step("package: the condition `development`", || {
        let run = |args: &[&str]| node::node().args(args).dir(&folder()?).run();
        run(&["development.mjs"])?;
        run(&["--conditions=development", "development.mjs", "caught"])?;
        done()
    });
    if node::deno_version().is_some() {
        report.step("package: import, require, file in Deno", || {
            node::deno(&["run", "--allow-all"])?
                .args(["consumer.mjs"])
                .dir(&folder()?)
                .run()?;
            done()
        });
    } else {
        report.skip("package: in Deno", node::NO_DENO);
    }
    report.step("package: types for import and require", || {
        node::tool("typescript/bin/tsc").dir(&folder()?).run()?;
        done()
    });
    report.step("package: command", command);
}

/// What the crate and the package both state must be the same.
fn same_as_the_crate() -> Result<Outcome, Failure> {
    for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
        if read(&paths::root().join(name))? != read(&paths::pkg().join(name))? {
            return Err(Failure::new(format!("{name} and pkg/{name} differ")));
        }
    }
    let manifest = read(&paths::root().join("Cargo.toml"))?;
    let version = manifest
        .lines()
        .find_map(|line| line.strip_prefix("version = "))
        .map(|version| version.trim_matches('"'));
    let package = read(&paths::pkg().join("package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&package)
        .map_err(|error| Failure::new(format!("pkg/package.json is no JSON: {error}")))?;
    if version != package["version"].as_str() {
        return Err(Failure::new(
            "Cargo.toml and pkg/package.json state different versions",
        ));
    }
    done()
}

/// Where the package is installed.
fn folder() -> Result<PathBuf, Failure> {
    Ok(paths::target()?.join("wscodec-package"))
}

fn install() -> Result<(), Failure> {
    let folder = folder()?;
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file("remove", &folder, &error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    for name in CONSUMER {
        let to = folder.join(name);
        fs::copy(paths::js().join("test/package").join(name), &to)
            .map_err(|error| Failure::file("write", &to, &error))?;
    }
    let manifest = folder.join("package.json");
    fs::write(&manifest, "{ \"private\": true, \"type\": \"commonjs\" }\n")
        .map_err(|error| Failure::file("write", &manifest, &error))?;

    let packed = node::npm()
        .args(["pack", "--json", "--pack-destination"])
        .args([&folder])
        .dir(&paths::pkg())
        .stdout()?;
    let packed: serde_json::Value = serde_json::from_str(&packed)
        .map_err(|error| Failure::new(format!("npm pack gave no JSON: {error}")))?;
    let tarball = packed[0]["filename"]
        .as_str()
        .ok_or_else(|| Failure::new("npm pack names no file"))?;
    // Without the network: the package depends on nothing.
    node::npm()
        .args(["install", "--offline", "--no-audit", "--no-fund"])
        .args([format!("./{tarball}")])
        .dir(&folder)
        .run()?;
    Ok(())
}

/// The command as npm linked it.
fn command() -> Result<Outcome, Failure> {
    let name = if cfg!(windows) {
        "wscodec.cmd"
    } else {
        "wscodec"
    };
    let program = folder()?.join("node_modules/.bin").join(name);
    js::command(Tool::at(program.as_os_str(), "node_modules/.bin/wscodec").dir(&folder()?))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))
}
