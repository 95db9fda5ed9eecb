//! The glossary and the code agree: each name that `docs/glossary.md` gives exists, and no two
//! public types of the core share a name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below a folder with this ending.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
}

fn text(folders: &[&str], ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in folders {
        files(&root().join(folder), ending, &mut found);
    }
    assert!(found.len() > 30, "the sources are not all there");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// The names that a line declares behind one of these words.
fn declared<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let line = line.trim_start();
    let word = words.iter().find(|word| line.starts_with(**word))?;
    let rest = &line[word.len()..];
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    Some(&rest[..end.unwrap_or(rest.len())])
}

const RUST: &[&str] = &[
    "pub struct ",
    "pub enum ",
    "pub trait ",
    "pub type ",
    "pub mod ",
    "pub(super) struct ",
    "pub fn ",
    "pub const fn ",
    "pub(super) fn ",
    "pub(crate) fn ",
];

const TYPESCRIPT: &[&str] = &[
    "export class ",
    "export abstract class ",
    "export interface ",
    "export type ",
    "export function ",
    "export const ",
    "get ",
];

fn names(sources: &[(PathBuf, String)], words: &[&str]) -> Vec<String> {
    let lines = sources.iter().flat_map(|(_, text)| text.lines());
    lines
        .filter_map(|line| declared(line, words))
        .map(str::to_owned)
        .collect()
}

/// The rows of the glossary's tables: the names in the columns of Rust and of TypeScript.
fn glossary() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let line = line.strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match cells[..] {
            [term, _, rust, typescript] if term != "term" => {
                Some((rust.to_owned(), typescript.to_owned()))
            }
            _ => None,
        }
    });
    rows.collect()
}

/// The words in backticks, without the path or the class in front of a name.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(|word| word.rsplit([':', '.']).next().unwrap_or(word))
}

#[test]
fn every_name_of_the_glossary_exists() {
    let rust = names(&text(&["src", "crates"], "rs"), RUST);
    let typescript = names(&text(&["js/src"], "ts"), TYPESCRIPT);
    let rows = glossary();
    assert!(rows.len() > 50, "the glossary has {} rows", rows.len());
    for (in_rust, in_typescript) in &rows {
        for name in quoted(in_rust) {
            assert!(rust.iter().any(|it| it == name), "Rust has no `{name}`");
        }
        for name in quoted(in_typescript) {
            let exists = typescript.iter().any(|it| it == name);
            assert!(exists, "TypeScript has no `{name}`");
        }
    }
}

#[test]
fn no_two_public_types_of_the_core_share_a_name() {
    // A type alias that fixes the parameters of a type has its name on purpose.
    const ALIASES: &[(&str, &str)] = &[("Outbox", "src/io/outbox.rs")];
    let types = &RUST[..4];
    let mut seen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, text) in text(&["src"], "rs") {
        for name in text.lines().filter_map(|line| declared(line, types)) {
            let alias = |(alias, file): &(&str, &str)| name == *alias && path.ends_with(file);
            if ALIASES.iter().any(alias) {
                continue;
            }
            if let Some(other) = seen.insert(name.to_owned(), path.clone()) {
                panic!(
                    "`{name}` is in {} and in {}",
                    other.display(),
                    path.display()
                );
            }
        }
    }
}

/// A program uses both crates at once, so a name means one thing in them.
#[test]
fn no_public_type_of_the_inspector_has_a_name_of_the_core() {
    let types = &RUST[..4];
    let core = names(&text(&["src"], "rs"), types);
    let inspector = text(&["crates/wscodec-inspect/src"], "rs");
    for (path, text) in &inspector {
        for name in text.lines().filter_map(|line| declared(line, types)) {
            assert!(
                !core.iter().any(|it| it == name),
                "`{name}` of {} is a name of the core",
                path.display()
            );
        }
    }
}

#[test]
fn this_test_reads_declarations() {
    assert_eq!(declared("    pub struct Name<'a> {", RUST), Some("Name"));
    assert_eq!(
        declared("export class Name extends A {", TYPESCRIPT),
        Some("Name")
    );
    assert_eq!(declared("use crate::Name;", RUST), None);
    assert_eq!(quoted("`a`, `b` and c").collect::<Vec<_>>(), ["a", "b"]);
}
