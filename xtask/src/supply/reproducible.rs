//! `cargo xtask reproducible`: two builds of each wasm module, in different places, give the same
//! bytes.
//!
//! The sources, the target folder and cargo's home have other paths in the two builds, of different
//! lengths. A path in a panic's message, or a hash that depends on one, makes a difference.

use std::fs;
use std::path::{Path, PathBuf};

use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool};
use crate::toolchain::{WASI, WASM, ensure_targets};
use crate::wasm::MODULES;
use crate::{node, paths, wasi};

/// One place to build in.
struct Place {
    checkout: PathBuf,
    target: PathBuf,
    /// Cargo's home: the same files by other paths.
    home: PathBuf,
}

const COMPONENT: &str = "component";

/// Builds these modules twice and compares; all of them and the component, if none is named.
pub fn reproducible(report: &mut Report, names: &[String]) -> Result<(), String> {
    let known = |name: &&String| *name == COMPONENT || MODULES.iter().any(|it| it.name == *name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        return Err(format!("`{name}` is no module"));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let mut places = Vec::new();
    let ready = report.step("reproducible: two checkouts", || {
        ensure_targets(&[WASM, WASI])?;
        node::ensure_packages()?;
        let root = paths::target()?.join("wscodec-reproducible");
        let _ = fs::remove_dir_all(&root);
        for name in ["a", "another/place/with a longer name"] {
            places.push(place(&root.join(name))?);
        }
        Ok(Outcome::Done(String::new()))
    });
    if !ready {
        return Ok(());
    }
    for module in MODULES.iter().filter(|module| wanted(module.name)) {
        report.step(&format!("reproducible: module {}", module.name), || {
            compare(&places, |place| {
                let built = module.compile(&place.checkout, &place.target, |tool| place.tell(tool));
                let folder = place.target.join("finished").join(module.name);
                fs::create_dir_all(&folder)
                    .map_err(|error| Failure::file("make", &folder, &error))?;
                module.finish(&built?, &folder)?;
                Ok(folder.join("wscodec.wasm"))
            })
        });
    }
    if wanted(COMPONENT) {
        report.step("reproducible: the component", || {
            compare(&places, |place| {
                wasi::build_in(&place.checkout, &place.target, |tool| place.tell(tool))
            })
        });
    }
    Ok(())
}

impl Place {
    fn tell(&self, tool: Tool) -> Tool {
        tool.env("CARGO_HOME", &self.home)
    }
}

/// Copies the files that git knows, and links to what is in cargo's home.
fn place(root: &Path) -> Result<Place, Failure> {
    let place = Place {
        checkout: root.join("checkout"),
        target: root.join("target"),
        home: root.join("cargo-home"),
    };
    let files = Tool::new("git").args(["ls-files", "-z"]).stdout()?;
    for file in files.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (paths::root().join(file), place.checkout.join(file));
        if !from.is_file() {
            continue;
        }
        let folder = to.parent().unwrap_or(&to);
        fs::create_dir_all(folder)
            .and_then(|()| fs::copy(&from, &to))
            .map_err(|error| Failure::file("copy", &from, &error))?;
    }
    link(&place.home)?;
    Ok(place)
}

/// The sources of the dependencies are reached through this link, so their paths differ as well.
#[cfg(unix)]
fn link(home: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::symlink;
    let user = std::env::home_dir().map(|home| home.join(".cargo"));
    let real = std::env::var_os("CARGO_HOME").map(PathBuf::from).or(user);
    let real = real.ok_or_else(|| Failure::new("there is no home of cargo"))?;
    symlink(&real, home).map_err(|error| Failure::file("link to", &real, &error))
}

#[cfg(not(unix))]
fn link(_: &Path) -> Result<(), Failure> {
    Err(Failure::new("this system has no symbolic links"))
}

fn compare(
    places: &[Place],
    build: impl Fn(&Place) -> Result<PathBuf, Failure>,
) -> Result<Outcome, Failure> {
    let mut builds = Vec::new();
    for place in places {
        let path = build(place)?;
        let bytes = fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
        builds.push((path, bytes));
    }
    let [(path, first), (other, second)] = &builds[..] else {
        return Err(Failure::new("there are no two builds"));
    };
    if first == second {
        return Ok(Outcome::Done(format!("{} bytes, equal", first.len())));
    }
    let at = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    Err(Failure::new(format!(
        "the builds differ from byte {at} on: {} ({} bytes) and {} ({} bytes)",
        path.display(),
        first.len(),
        other.display(),
        second.len()
    )))
}
