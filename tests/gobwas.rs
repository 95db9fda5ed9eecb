//! Each exported name of Go's gobwas/ws and gobwas/httphead is mapped to items here, or explained by
//! lines that do the same; the items exist; and the page that says so is current.
//!
//! To write the page and the list of items anew:
//!
//! ```sh
//! WSCODEC_WRITE=1 cargo test --test gobwas
//! ```
#![cfg(all(feature = "io", feature = "deflate"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

const IDENTIFIERS: &str = include_str!("gobwas/identifiers.txt");
const MAPPING: &str = include_str!("gobwas/mapping.txt");
const PAGE: &str = "src/io/gobwas_names.md";
/// A test of its own, so that this one compiles when an item is missing.
const ITEMS: &str = "tests/gobwas_items.rs";

/// Items that are there with a feature that is off by default.
const FEATURES: &[(&str, &str)] = &[("handshake::HttpUpgrade", "http")];

struct Row<'m> {
    package: &'m str,
    section: &'m str,
    names: Vec<String>,
    items: Vec<&'m str>,
    text: String,
    code: Vec<&'m str>,
}

/// `Type.{A,B}` as `Type.A` and `Type.B`.
fn expand(word: &str) -> Vec<String> {
    let Some((front, rest)) = word.split_once('{') else {
        return vec![word.to_owned()];
    };
    let (inner, back) = rest.split_once('}').expect("a brace that is closed");
    let each = inner.split(',');
    each.flat_map(|part| expand(&format!("{front}{part}{back}")))
        .collect()
}

fn rows() -> Vec<Row<'static>> {
    let (mut package, mut section) = ("", "");
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut begins = true;
    for line in MAPPING
        .lines()
        .filter(|line| !line.starts_with("# ") && *line != "#")
    {
        if let Some(head) = line.strip_prefix("== ") {
            (package, section) = head.split_once(": ").expect("a package and a section");
        } else if line.is_empty() {
            begins = true;
        } else if begins {
            begins = false;
            rows.push(Row {
                package,
                section,
                names: line.split(' ').flat_map(expand).collect(),
                items: Vec::new(),
                text: String::new(),
                code: Vec::new(),
            });
        } else {
            let row = rows.last_mut().expect("a row");
            if let Some(items) = line.strip_prefix("= ") {
                row.items.extend(items.split(' '));
            } else if let Some(code) = line.strip_prefix("| ") {
                row.code.push(code);
            } else {
                row.text += line;
            }
        }
    }
    rows
}

/// Go's names, by package.
fn identifiers() -> BTreeSet<(&'static str, &'static str)> {
    let lines = IDENTIFIERS.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [package, _, name] => (package, name),
            _ => panic!("not a package, a kind and a name: {line}"),
        })
        .collect()
}

#[test]
fn every_name_is_mapped_once() {
    let identifiers = identifiers();
    assert_eq!(identifiers.len(), 498, "the list is not whole");
    let mut seen = BTreeSet::new();
    let rows = rows();
    for row in &rows {
        for name in &row.names {
            let name = (row.package, name.as_str());
            assert!(identifiers.contains(&name), "Go has no {name:?}");
            assert!(seen.insert(name), "{name:?} is mapped twice");
        }
    }
    let missing: Vec<_> = identifiers.difference(&seen).collect();
    assert!(
        missing.is_empty(),
        "neither mapped nor explained: {missing:?}"
    );
}

#[test]
fn every_row_has_items_or_a_reason_with_lines() {
    for row in rows() {
        let names = &row.names;
        let visible = row.code.iter().filter(|line| !line.starts_with("# "));
        match row.items.is_empty() {
            true => {
                assert!(!row.text.is_empty(), "{names:?} has no reason");
                let lines = visible.count();
                assert!((1..=3).contains(&lines), "{names:?} has {lines} lines");
            }
            false => assert!(row.code.is_empty(), "{names:?} has items and lines"),
        }
        assert!(row.text.is_empty() || row.text.ends_with('.'), "{names:?}");
    }
}

/// Whether a path is that of a member: of something in a type.
fn member(item: &str) -> Option<(&str, &str)> {
    let (owner, name) = item.rsplit_once("::")?;
    let owner_name = owner.rsplit("::").next()?;
    owner_name
        .starts_with(char::is_uppercase)
        .then_some((owner, name))
}

/// The items that can be imported: all but methods, fields and associated constants.
fn importable(item: &str) -> &str {
    match member(item) {
        Some((owner, name)) => {
            let is_variant =
                name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
            if is_variant { item } else { owner }
        }
        None => item,
    }
}

/// The imports that make a missing item an error of the compiler.
fn list_of_items() -> String {
    let rows = rows();
    let items = rows.iter().flat_map(|row| row.items.iter());
    let items: BTreeSet<_> = items.map(|item| importable(item)).collect();
    let mut out = String::from(
        "//! Fails to compile if an item does not exist that the names of gobwas/ws are mapped to.\n\
         //!\n\
         //! Written by tests/gobwas.rs from tests/gobwas/mapping.txt.\n\
         #![cfg(all(feature = \"io\", feature = \"deflate\"))]\n\n\
         #[rustfmt::skip]\n\
         #[allow(unused_imports)]\n\
         mod items {\n",
    );
    for item in items {
        if let Some((_, feature)) = FEATURES.iter().find(|(it, _)| *it == item) {
            writeln!(out, "    #[cfg(feature = \"{feature}\")]").unwrap();
        }
        writeln!(out, "    use wscodec::{item} as _;").unwrap();
    }
    out.push_str("}\n");
    out
}

fn page() -> String {
    let mut out = String::from(
        "<!-- Written by tests/gobwas.rs from tests/gobwas/mapping.txt: change that, and run\n     \
         `WSCODEC_WRITE=1 cargo test --test gobwas`. -->\n",
    );
    let (mut package, mut section) = ("", "");
    let mut explained = Vec::new();
    for row in rows() {
        if (row.package, row.section) != (package, section) {
            explain(&mut out, &mut explained);
            if row.package != package {
                write!(out, "\n# Package {}\n", row.package).unwrap();
            }
            (package, section) = (row.package, row.section);
            write!(out, "\n## {section}\n\n| {package} | here |\n|---|---|\n").unwrap();
        }
        let names: Vec<_> = row.names.iter().map(|name| format!("`{name}`")).collect();
        let items: Vec<_> = row.items.iter().map(|item| link(item)).collect();
        let text = match (row.items.is_empty(), row.text.is_empty()) {
            (true, _) => format!("not needed; see below. {}", row.text),
            (false, true) => items.join(", "),
            (false, false) => format!("{}. {}", items.join(", "), row.text),
        };
        writeln!(out, "| {} | {text} |", names.join(", ")).unwrap();
        if !row.code.is_empty() {
            explained.push((names.join(", "), row.code));
        }
    }
    explain(&mut out, &mut explained);
    out
}

/// The lines in place of names, behind the table.
fn explain(out: &mut String, rows: &mut Vec<(String, Vec<&str>)>) {
    for (names, code) in rows.drain(..) {
        write!(
            out,
            "\nIn place of {names}:\n\n```\n{}\n```\n",
            code.join("\n")
        )
        .unwrap();
    }
}

fn link(item: &str) -> String {
    let name = match member(item) {
        Some((owner, name)) => format!("{}::{name}", owner.rsplit("::").next().unwrap_or(owner)),
        None => item.rsplit("::").next().unwrap_or(item).to_owned(),
    };
    format!("[`{name}`](crate::{item})")
}

fn current(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("WSCODEC_WRITE").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{file} is not current: run WSCODEC_WRITE=1 cargo test --test gobwas"
    );
}

#[test]
fn the_page_is_current() {
    current(PAGE, &page());
}

#[test]
fn the_list_of_items_is_current() {
    current(ITEMS, &list_of_items());
}

fn sources(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.insert(path, text);
        }
    }
}

/// Members are looked for in the sources. `cargo xtask doc` holds the links of the page to the types
/// as well.
#[test]
fn every_member_exists() {
    let mut files = BTreeMap::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    for row in rows() {
        for (owner, name) in row.items.iter().filter_map(|item| member(item)) {
            let owner = owner.rsplit("::").next().unwrap();
            let declares = |line: &str| {
                let line = line
                    .trim_start()
                    .trim_start_matches("pub ")
                    .trim_start_matches("const ");
                ["fn ", ""].iter().any(|word| {
                    line.strip_prefix(word)
                        .and_then(|line| line.strip_prefix(name))
                        .is_some_and(|rest| rest.starts_with(['(', '<', ':', ',', ' ']))
                })
            };
            let exists = files
                .values()
                .any(|text| text.contains(owner) && text.lines().any(declares));
            assert!(exists, "{owner} has no {name}");
        }
    }
}

/// The headings of the examples tell how many lines they have in Go and here; that is so, and most
/// are shorter here.
#[test]
fn the_examples_have_as_many_lines_as_they_say() {
    let page = include_str!("../src/io/gobwas.md");
    let (mut examples, mut shorter) = (0, 0);
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some((title, numbers)) = line.split_once(" (Go ") else {
            continue;
        };
        let (go, here) = numbers.split_once(" lines, here ").expect(title);
        let here = here.trim_end_matches(')');
        let (go, here): (usize, usize) = (go.parse().unwrap(), here.parse().unwrap());
        let block = lines
            .by_ref()
            .skip_while(|line| !line.starts_with("```"))
            .skip(1);
        let code = block.take_while(|line| *line != "```").map(str::trim);
        let counted = code.filter(|line| !line.is_empty() && !line.starts_with("//"));
        let counted = counted.filter(|line| !line.starts_with("# ")).count();
        assert_eq!(counted, here, "{title}");
        examples += 1;
        shorter += usize::from(here < go);
    }
    assert_eq!((examples, shorter), (17, 16));
}

#[test]
fn this_test_reads_rows() {
    assert_eq!(expand("A.{B,C}"), ["A.B", "A.C"]);
    assert_eq!(expand("H{A,B}.{C}"), ["HA.C", "HB.C"]);
    assert_eq!(member("frame::Rsv::RSV1"), Some(("frame::Rsv", "RSV1")));
    assert_eq!(member("io::accept"), None);
    assert_eq!(importable("frame::Rsv::RSV1"), "frame::Rsv");
    assert_eq!(importable("PeerError::CloseCode"), "PeerError::CloseCode");
    assert!(rows().len() > 150);
}
