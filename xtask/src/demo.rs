//! `cargo xtask demo`: builds the package, and looks into a recorded conversation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::report::Report;
use crate::tool::Failure;
use crate::{build, node, paths};

/// Without extensions, so all its text can be read; fragments, pings and a close.
const DEFAULT: &str = "ws-plain";

/// Inspects the capture of this name.
pub fn demo(report: &mut Report, name: Option<&str>) -> ExitCode {
    let name = name.unwrap_or(DEFAULT);
    build::steps(report);
    if report.built != Some(true) {
        return report.close();
    }
    match capture(name).and_then(|folder| inspect(&folder)) {
        Ok(status) => ExitCode::from(u8::try_from(status).unwrap_or(1)),
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn inspect(folder: &Path) -> Result<i32, Failure> {
    let sides = ["c2s.bin", "s2c.bin"].map(|side| {
        let path = folder.join(side);
        path.strip_prefix(paths::root())
            .unwrap_or(&path)
            .to_path_buf()
    });
    println!(
        "\n$ node pkg/dist/cli.mjs inspect {} {}",
        sides[0].display(),
        sides[1].display()
    );
    node::node()
        .args(["pkg/dist/cli.mjs", "inspect"])
        .args(sides)
        .inherit()
}

/// A folder of `tests/captures` with both sides of a conversation.
fn capture(name: &str) -> Result<PathBuf, Failure> {
    let captures = paths::root().join("tests/captures");
    let entries =
        fs::read_dir(&captures).map_err(|error| Failure::file("read", &captures, &error))?;
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("c2s.bin").is_file() && path.join("s2c.bin").is_file())
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    if names.iter().any(|have| have == name) {
        return Ok(captures.join(name));
    }
    Err(Failure::new(format!(
        "there is no conversation {name} in tests/captures; there are: {}",
        names.join(", ")
    )))
}
