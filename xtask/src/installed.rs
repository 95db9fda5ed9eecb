//! Tools that are installed below the target folder, at pinned versions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;
use crate::tool::{Failure, Tool, cargo};

/// The folder of all these tools.
fn folder() -> Result<PathBuf, Failure> {
    Ok(paths::target()?.join("wscodec-tools"))
}

/// A program from the registry of Rust: built once by `cargo install --locked`, with the lock file
/// that its authors published. The path of the program.
pub fn program(name: &str, version: &str) -> Result<PathBuf, Failure> {
    let root = folder()?;
    let file = root.join("bin").join(name);
    let file = file.with_extension(std::env::consts::EXE_EXTENSION);
    let stamp = root.join(format!("{name}.version"));
    if file.exists() && fs::read_to_string(&stamp).is_ok_and(|old| old == version) {
        return Ok(file);
    }
    // Without optimisation: these tools wait for the compiler most of their time.
    cargo()
        .args(["install", "--locked", "--debug", "--force"])
        .args([format!("{name}@{version}")])
        .args(["--root".as_ref(), root.as_os_str()])
        .args(["--target-dir".as_ref(), root.join("build").as_os_str()])
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()?;
    fs::write(&stamp, version).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(file)
}

/// Python in an environment of its own, with the pinned packages of a file of requirements.
pub fn python(name: &str, requirements: &Path) -> Result<PathBuf, Failure> {
    let pins = fs::read_to_string(requirements)
        .map_err(|error| Failure::file("read", requirements, &error))?;
    let home = folder()?.join(name);
    let python = home.join(match cfg!(windows) {
        true => "Scripts/python.exe",
        false => "bin/python",
    });
    // Written last, so that a half-made environment is made anew; a change of pins does that too.
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == pins) {
        return Ok(python);
    }
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| Failure::file("remove", &home, &error))?;
    }
    Tool::new("python3")
        .or_else("it installs the packages that this command needs")
        .args(["-m", "venv"])
        .args([&home])
        .run()?;
    Tool::at(python.as_os_str(), "python")
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--requirement"])
        .args([requirements])
        .run()?;
    fs::write(&stamp, &pins).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(python)
}
