//! The files of this crate use each other in one direction: no file uses another one that uses it,
//! directly or through others. So each file can be read after the files that it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module's place: `["net", "native"]` is `net/native.rs`, and `[]` is `lib.rs`.
type Module = Vec<String>;

/// The modules that each module uses.
type Uses = BTreeMap<Module, BTreeSet<Module>>;

const MOST_LINES: usize = 600;
/// The client is the one file that is longer.
const MOST_LINES_OF_CLIENT: usize = 670;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Each module with its code: without comments and without `mod tests`.
fn sources() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    files(&root, &mut paths);
    assert!(paths.len() > 20, "the sources are not all there");
    let source = |path: &PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let relative = path.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Module = relative
            .iter()
            .map(|part| part.to_str().unwrap().to_owned())
            .collect();
        if matches!(&*module[module.len() - 1], "mod" | "lib") {
            module.pop();
        }
        (module, code(&text))
    };
    paths.iter().map(source).collect()
}

fn code(text: &str) -> String {
    let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
    let bare = |line: &str| line.split("//").next().unwrap().to_owned() + "\n";
    code.lines().map(bare).collect()
}

/// The paths that begin at `text`: one, or all of a list in braces, each behind `before`.
fn paths(text: &mut &str, before: &[String], found: &mut Vec<Module>) {
    *text = text.trim_start();
    if let Some(list) = text.strip_prefix('{') {
        *text = list;
        loop {
            paths(text, before, found);
            *text = text.trim_start();
            match text.strip_prefix(',') {
                Some(rest) => *text = rest,
                None => break,
            }
        }
        *text = text.strip_prefix('}').unwrap_or(text);
        return;
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut path = before.to_vec();
    if !word.is_empty() {
        path.push(word.to_owned());
    }
    *text = rest;
    match rest.strip_prefix("::") {
        Some(rest) if !word.is_empty() => {
            *text = rest;
            paths(text, &path, found);
        }
        _ => found.push(path),
    }
}

/// The paths of this crate that a module's code names, from the crate's root on.
fn named(module: &Module, code: &str) -> Vec<Module> {
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || "_:$".contains(c)) {
                continue;
            }
            let mut text = &code[at + start.len()..];
            let mut from = match start {
                "crate::" => &[][..],
                _ => &module[..module.len().saturating_sub(1)],
            };
            while let Some(rest) = text.strip_prefix("super::") {
                (text, from) = (rest, &from[..from.len().saturating_sub(1)]);
            }
            paths(&mut text, from, &mut found);
        }
    }
    found
}

fn uses(sources: &BTreeMap<Module, String>) -> Uses {
    let owner = |path: &Module| {
        let mut module = path.clone();
        while !sources.contains_key(&module) {
            module.pop();
        }
        module
    };
    let of = |(module, code): (&Module, &String)| {
        let used = named(module, code).iter().map(owner).collect();
        (module.clone(), used)
    };
    sources.iter().map(of).collect()
}

/// A circle of modules, if there is one.
fn circle(uses: &Uses) -> Option<Vec<Module>> {
    fn walk(at: &Module, uses: &Uses, way: &mut Vec<Module>, done: &mut BTreeSet<Module>) -> bool {
        if way.contains(at) {
            way.push(at.clone());
            return true;
        }
        if !done.insert(at.clone()) {
            return false;
        }
        way.push(at.clone());
        for next in uses.get(at).into_iter().flatten() {
            if next != at && walk(next, uses, way, done) {
                return true;
            }
        }
        way.pop();
        false
    }
    let (mut way, mut done) = (Vec::new(), BTreeSet::new());
    let mut modules = uses.keys();
    modules
        .any(|module| walk(module, uses, &mut way, &mut done))
        .then_some(way)
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let uses = uses(&sources());
    let edges: usize = uses.values().map(BTreeSet::len).sum();
    assert!(edges > 60, "the uses are not all found: {edges}");
    assert_eq!(circle(&uses), None);
}

#[test]
fn files_are_of_a_size_to_be_read() {
    for (module, code) in sources() {
        let lines = code.lines().count();
        let most = match module == ["client"] {
            true => MOST_LINES_OF_CLIENT,
            false => MOST_LINES,
        };
        assert!(lines < most, "{module:?}: {lines} lines");
    }
}

#[test]
fn this_test_reads_paths_and_finds_circles() {
    let module = |path: &str| -> Module { path.split('/').map(str::to_owned).collect() };
    let found = named(
        &module("net/native"),
        "use super::{contract::{A, B}, input}; crate::table::Key; super::super::queue::Q; \
         wscodec::super_::x; std::super::y",
    );
    let expected = [
        "table/Key",
        "net/contract/A",
        "net/contract/B",
        "net/input",
        "queue/Q",
    ];
    assert_eq!(found, expected.map(module));

    let sources = |pairs: &[(&str, &str)]| -> BTreeMap<Module, String> {
        let pair = |&(path, code): &(&str, &str)| (module(path), code.to_owned());
        let root = (Module::new(), "crate::a::A".to_owned());
        pairs.iter().map(pair).chain([root]).collect()
    };
    let line = [
        ("a", "use super::b::B;"),
        ("b", "use crate::c::C;"),
        ("c", ""),
    ];
    assert_eq!(circle(&uses(&sources(&line))), None);
    let ring = [
        ("a", "use super::b::B;"),
        ("b", "use crate::c::C;"),
        ("c", "use super::a;"),
    ];
    assert!(circle(&uses(&sources(&ring))).is_some());
    let door = [("a", "use crate::Door;")];
    assert!(circle(&uses(&sources(&door))).is_some(), "lib.rs uses a");
}
