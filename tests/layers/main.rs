//! How the sources are divided: no file of a crate uses another file that uses it, directly or through
//! others, so each file can be read after the files that it uses. The layers of the core use each
//! other in one direction only (`core.rs`), and each file has a size to be read.

mod core;
mod graph;
mod rust;
mod typescript;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::graph::circles;
use crate::rust::Crate;

const MOST_LINES: usize = 600;

/// Folders with code that is written here. Others are generated, installed, or data.
const FOLDERS: &[&str] = &[
    "src",
    "crates",
    "examples",
    "fuzz/targets",
    "js/build",
    "js/src",
    "js/test",
    "tests",
    "xtask/src",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files with this extension below a folder, as paths from there with `/`, in order.
fn files(folder: &Path, extension: &str) -> Vec<String> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap();
            if path.is_dir() && name != "node_modules" && name != "target" {
                walk(&path, extension, found);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, extension, &mut found);
    let relative = |path: &PathBuf| {
        let parts = path.strip_prefix(folder).unwrap().iter();
        parts
            .map(|part| part.to_str().unwrap())
            .collect::<Vec<_>>()
            .join("/")
    };
    let mut found: Vec<_> = found.iter().map(relative).collect();
    found.sort();
    found
}

/// The folders of the workspace's crates: the core, all in `crates`, and xtask.
fn crates() -> Vec<PathBuf> {
    let others = fs::read_dir(root().join("crates")).unwrap();
    let mut found: Vec<_> = others.map(|entry| entry.unwrap().path()).collect();
    found.extend([root().to_owned(), root().join("xtask")]);
    found.sort();
    assert!(found.len() >= 8, "the crates are not all found: {found:?}");
    found
}

#[test]
fn no_files_of_a_crate_use_each_other_in_a_circle() {
    let mut wrong = Vec::new();
    for folder in crates() {
        let uses = match folder == root() {
            true => core::SOURCES.uses(),
            false => Crate::read(&folder.join("src")).uses(),
        };
        let arrows: usize = uses.values().map(BTreeSet::len).sum();
        assert!(
            arrows + 1 >= uses.len(),
            "{}: {arrows} uses of {} files: not all are found",
            folder.display(),
            uses.len()
        );
        let name = folder.strip_prefix(root()).unwrap().join("src");
        let found = circles(&uses).into_iter();
        wrong.extend(found.map(|circle| format!("{}: {circle}", name.display())));
    }
    assert!(wrong.is_empty(), "circles:\n{}", wrong.join("\n"));
}

#[test]
fn no_typescript_files_import_each_other_in_a_circle() {
    let uses = typescript::uses(&root().join("js/src"));
    let arrows: usize = uses.values().map(BTreeSet::len).sum();
    assert!(arrows > 200, "the imports are not all found: {arrows}");
    let found = circles(&uses);
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}

#[test]
fn files_are_of_a_size_to_be_read() {
    let mut read = 0;
    let mut wrong = Vec::new();
    for folder in FOLDERS {
        for extension in ["rs", "ts", "mjs"] {
            let path = root().join(folder);
            for file in files(&path, extension) {
                read += 1;
                let text = fs::read_to_string(path.join(&file)).unwrap();
                // The unit tests of a file count by themselves.
                for part in text.split("\n#[cfg(test)]\nmod tests {") {
                    let lines = part.lines().count();
                    if lines > MOST_LINES {
                        wrong.push(format!("{folder}/{file}: {lines} lines"));
                    }
                }
            }
        }
    }
    assert!(read > 500, "the sources are not all there: {read}");
    assert!(
        wrong.is_empty(),
        "longer than {MOST_LINES}:\n{}",
        wrong.join("\n")
    );
}
