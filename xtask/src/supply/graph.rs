//! The dependencies of a build, as cargo resolves them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::products::Build;
use crate::paths;
use crate::tool::{Failure, cargo};

/// A crate of a build: its name and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub name: String,
    pub version: String,
}

/// The crates of a build, and the direct dependencies of each. Crates that only run at compile time
/// (build scripts and procedural macros) are left out.
#[derive(Debug, Default)]
pub struct Graph {
    pub edges: BTreeMap<Id, BTreeSet<Id>>,
}

impl Graph {
    /// Adds what one build consists of, and gives the id of its package.
    pub fn add(&mut self, build: &Build) -> Result<Id, Failure> {
        let text = cargo()
            .args(["tree", "--package", build.package])
            .args(&build.features)
            .args(["--target", build.target])
            .args(["--edges", "normal,no-proc-macro", "--prefix", "depth"])
            .args(["--format", " {p}"])
            .stdout()?;
        self.read(&text)
            .ok_or_else(|| Failure::new("cargo tree printed no crate"))
    }

    /// Reads lines such as `2 sha1 v0.11.0`. A crate whose dependencies were printed before has none
    /// the second time, so its edges are only ever added to.
    fn read(&mut self, tree: &str) -> Option<Id> {
        let mut path: Vec<Id> = Vec::new();
        for line in tree.lines() {
            let mut words = line.split(' ');
            let depth: usize = words.next()?.parse().ok()?;
            let id = Id {
                name: words.next()?.to_owned(),
                version: words.next()?.strip_prefix('v')?.to_owned(),
            };
            path.truncate(depth);
            if let Some(parent) = path.last() {
                let edges = self.edges.entry(parent.clone()).or_default();
                edges.insert(id.clone());
            }
            self.edges.entry(id.clone()).or_default();
            path.push(id);
        }
        path.into_iter().next()
    }
}

/// A package as `cargo metadata` describes it.
pub struct Package {
    pub licence: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it lies in this checkout.
    pub ours: bool,
}

/// All packages of the workspace and its dependencies.
pub fn packages() -> Result<BTreeMap<Id, Package>, Failure> {
    let text = cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--all-features"])
        .stdout()?;
    let wrong = || Failure::new("cargo metadata gave a list of packages that was not understood");
    let metadata: serde_json::Value = serde_json::from_str(&text).map_err(|_| wrong())?;
    let packages = metadata["packages"].as_array().ok_or_else(wrong)?;
    let package = |it: &serde_json::Value| {
        let text = |name: &str| it[name].as_str().map(str::to_owned);
        let id = Id {
            name: text("name")?,
            version: text("version")?,
        };
        let manifest = PathBuf::from(text("manifest_path")?);
        let package = Package {
            // An older form of SPDX expressions has a slash for `OR`.
            licence: text("license").unwrap_or_default().replace('/', " OR "),
            folder: manifest.parent()?.to_owned(),
            ours: it["source"].is_null(),
        };
        Some((id, package))
    };
    packages
        .iter()
        .map(|it| package(it).ok_or_else(wrong))
        .collect()
}

/// The SHA-256 of each package, from the lock file.
pub fn checksums() -> Result<BTreeMap<Id, String>, Failure> {
    let path = paths::root().join("Cargo.lock");
    let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
    let value = |block: &str, name: &str| {
        let start = format!("{name} = \"");
        let mut lines = block.lines();
        let value = lines.find_map(|line| line.strip_prefix(&start)?.strip_suffix('"'));
        value.map(str::to_owned)
    };
    let entry = |block: &str| {
        let id = Id {
            name: value(block, "name")?,
            version: value(block, "version")?,
        };
        Some((id, value(block, "checksum")?))
    };
    Ok(text.split("[[package]]").filter_map(entry).collect())
}

#[cfg(test)]
mod tests {
    use super::Graph;

    #[test]
    fn reads_cargos_tree() {
        let mut graph = Graph::default();
        let tree = "0 a v1.0.0 (/a)\n1 b v2.0.0\n2 c v3.0.0\n1 d v4.0.0\n2 b v2.0.0 (*)\n";
        let root = graph.read(tree).unwrap();
        let names = |name: &str| -> Vec<&str> {
            let (_, edges) = graph.edges.iter().find(|it| it.0.name == name).unwrap();
            edges.iter().map(|id| &id.name[..]).collect()
        };
        assert_eq!((&root.name[..], &root.version[..]), ("a", "1.0.0"));
        assert_eq!(names("a"), ["b", "d"]);
        assert_eq!(names("b"), ["c"]);
        assert_eq!(names("d"), ["b"]);
        assert!(names("c").is_empty());
        assert_eq!(Graph::default().read("no tree"), None);
    }
}
