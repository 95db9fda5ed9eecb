//! The layers of `src/` and who may use whom: a layer uses those above it and no other, so that each
//! can be read, tested and replaced without what stands on it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with what it may use. Some uses that the order of the layers may not suggest: `frame`
/// uses `utf8`, because a close frame's reason is text, and `lib.rs` is the door of all.
const LAYERS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("limits", &[]),
    ("utf8", &[]),
    ("reserve", &["error"]),
    ("frame", &["error", "limits", "utf8"]),
    ("head", &["error", "limits"]),
    ("message", &["error", "limits", "reserve", "utf8", "frame"]),
    (
        "deflate",
        &["error", "limits", "reserve", "frame", "head", "message"],
    ),
    ("handshake", &["error", "limits", "head"]),
    (
        "session",
        &[
            "error",
            "limits",
            "frame",
            "head",
            "message",
            "deflate",
            "handshake",
        ],
    ),
    (
        "io",
        &[
            "error",
            "limits",
            "utf8",
            "frame",
            "head",
            "message",
            "deflate",
            "handshake",
            "session",
        ],
    ),
];

/// Layers that may allocate; the others must do without.
const ALLOCATING: &[&str] = &[
    "reserve",
    "message",
    "deflate",
    "handshake",
    "session",
    "io",
];

/// The layers that may name `std` outside of tests, behind the features that bring it: these layers, and one file
/// of the feature `http`.
const STD_LAYERS: &[&str] = &["io"];
const STD_FILE: &str = "src/handshake/http_types.rs";

const MOST_LINES: usize = 600;

struct Source {
    path: String,
    layer: String,
    /// Without comments and without `mod tests`.
    code: String,
    /// Lines of all but `mod tests`, and of that.
    lines: (usize, usize),
}

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

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    files(&root.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 30, "the sources are not all there");
    paths.iter().map(|path| source(root, path)).collect()
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let relative = path.strip_prefix(root).unwrap();
    let parts: Vec<_> = relative.iter().map(|part| part.to_str().unwrap()).collect();
    let (code, tests) = match text.split_once("\n#[cfg(test)]\nmod tests {") {
        Some((code, tests)) => (code, tests),
        None => (&text[..], ""),
    };
    let bare = |line: &str| line.split("//").next().unwrap().to_owned();
    Source {
        path: parts.join("/"),
        layer: parts[1].trim_end_matches(".rs").to_owned(),
        code: code.lines().map(|line| bare(line) + "\n").collect(),
        lines: (code.lines().count(), tests.lines().count()),
    }
}

/// Whether `at` is where a path begins: not within a longer name or path.
fn begins(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':' || c == '$')
}

/// Where `path`, such as `crate::`, is named in the code.
fn named<'a>(code: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(path)
        .filter(|&(at, _)| begins(code, at))
        .map(|(at, _)| &code[at + path.len()..])
}

/// The first name of each path in a list `{a::b, c, d::{e, f}}`, or of the one path that is there.
fn first_names(rest: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        let text = text.trim_start();
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let Some(list) = rest.strip_prefix('{') else {
        return vec![word(rest)];
    };
    let (mut depth, mut start, mut names) = (0, 0, Vec::new());
    for (i, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(word(&list[start..i]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(word(&list[start..i]));
                start = i + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// The layer of a name at the crate's root, some of which are handed on from a layer.
fn layer_of(name: &str) -> &str {
    match name {
        "Limits" => "limits",
        "CloseCode" | "Error" | "Fault" | "HandshakeError" | "LimitError" | "MisuseError"
        | "PeerError" => "error",
        layer => layer,
    }
}

/// The layers that a file uses: by `crate::`, and by `super::` where that leaves the layer.
fn used(source: &Source) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let mut note = |rest: &str| {
        for name in first_names(rest) {
            used.insert(layer_of(&name).to_owned());
        }
    };
    named(&source.code, "crate::").for_each(&mut note);
    // `src/a.rs` and `src/a/mod.rs` are one step below the root, `src/a/b.rs` two.
    let parts: Vec<_> = source.path.split('/').collect();
    let depth = parts.len() - 1 - usize::from(parts.last() == Some(&"mod.rs"));
    named(&source.code, &"super::".repeat(depth)).for_each(&mut note);
    used.remove(&source.layer);
    used
}

#[test]
fn layers_use_only_those_above_them() {
    for source in sources() {
        if source.layer == "lib" {
            continue;
        }
        let (_, allowed) = LAYERS
            .iter()
            .find(|(layer, _)| *layer == source.layer)
            .unwrap_or_else(|| panic!("{}: a layer that the table lacks", source.path));
        for layer in used(&source) {
            assert!(
                allowed.contains(&&*layer),
                "{} uses `{layer}`: {} may use {allowed:?}",
                source.path,
                source.layer
            );
        }
    }
}

#[test]
fn the_table_itself_goes_upwards_and_is_used() {
    let sources = sources();
    for (i, (layer, allowed)) in LAYERS.iter().enumerate() {
        let above: Vec<_> = LAYERS[..i].iter().map(|(layer, _)| *layer).collect();
        assert!(allowed.iter().all(|a| above.contains(a)), "{layer}");
        assert!(sources.iter().any(|s| s.layer == *layer), "{layer} is gone");
    }
    let frame: BTreeSet<_> = sources
        .iter()
        .filter(|s| s.layer == "message")
        .flat_map(used)
        .collect();
    let expected = ["error", "frame", "limits", "reserve", "utf8"];
    assert!(frame.iter().eq(expected.iter()), "{frame:?}");
}

#[test]
fn std_is_named_behind_the_feature_that_brings_it_only() {
    for source in sources() {
        if source.layer == "lib" {
            assert!(source.code.contains("#![no_std]"));
            assert!(source.code.contains("#![forbid(unsafe_code)]"));
            continue;
        }
        let std = named(&source.code, "std::").next();
        assert!(
            std.is_none() || source.path == STD_FILE || STD_LAYERS.contains(&&*source.layer),
            "{} names std",
            source.path
        );
        assert!(!source.code.contains("extern crate"), "{}", source.path);
    }
}

#[test]
fn only_some_layers_allocate() {
    for source in sources() {
        let alloc = named(&source.code, "alloc::").next();
        assert!(
            alloc.is_none() || ALLOCATING.contains(&&*source.layer),
            "{} names alloc",
            source.path
        );
    }
}

#[test]
fn files_are_of_a_size_to_be_read() {
    for source in sources() {
        let (code, tests) = source.lines;
        assert!(code <= MOST_LINES, "{}: {code} lines", source.path);
        assert!(
            tests <= MOST_LINES,
            "{}: {tests} lines of tests",
            source.path
        );
    }
}

#[test]
fn this_test_reads_paths_as_they_are_written() {
    assert_eq!(
        first_names("{A, b::C, d::{e, f}, g};"),
        ["A", "b", "d", "g"]
    );
    assert_eq!(first_names("frame::{Role, Rsv};"), ["frame"]);
    let source = |path: &str, code: &str| Source {
        path: path.to_owned(),
        layer: path
            .split('/')
            .nth(1)
            .unwrap()
            .trim_end_matches(".rs")
            .to_owned(),
        code: code.to_owned(),
        lines: (0, 0),
    };
    let found = |path, code| used(&source(path, code)).into_iter().collect::<Vec<_>>();
    assert_eq!(
        found("src/a/b.rs", "use crate::{CloseCode, utf8};"),
        ["error", "utf8"]
    );
    assert_eq!(
        found("src/a/b.rs", "let x = crate::frame::encode();"),
        ["frame"]
    );
    assert_eq!(
        found("src/a/b.rs", "use super::super::frame::X;"),
        ["frame"]
    );
    assert_eq!(found("src/a/mod.rs", "use super::frame::X;"), ["frame"]);
    assert_eq!(
        found("src/a/b.rs", "use super::frame::X; other_crate::y();"),
        [""; 0]
    );
    assert_eq!(found("src/a.rs", "use super::head;"), ["head"]);
}
