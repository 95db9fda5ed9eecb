//! Every relative link in the Markdown files leads to a file, and its fragment to a heading of that file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Folders without documents of this project.
const SKIPPED: &[&str] = &["target", "node_modules", "dist", ".git"];

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() && !path.is_symlink() {
            if !SKIPPED.contains(&name) {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// The lines outside of code blocks.
fn text(markdown: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    markdown.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of links and images, without those with a scheme and those of rustdoc.
fn links(markdown: &str) -> Vec<&str> {
    let targets = text(markdown).flat_map(|line| {
        let parts = line.split("](").skip(1);
        parts.filter_map(|part| part.split([')', ' ']).next())
    });
    targets
        .filter(|target| !target.contains(':') && !target.is_empty())
        .collect()
}

/// The fragments of a page: one for each heading, as GitHub makes it, and the anchors in the text. A
/// heading that is there for the second time gets `-1`, and so on.
fn fragments(markdown: &str) -> BTreeSet<String> {
    let anchors = text(markdown).flat_map(|line| line.split("<a id=\"").skip(1));
    let anchors = anchors.filter_map(|rest| rest.split('"').next());
    let mut found: BTreeSet<String> = anchors.map(str::to_owned).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = text(markdown).filter(|line| line.starts_with('#'));
    for (_, heading) in headings.filter_map(|line| line.split_once(' ')) {
        let kept = heading.trim().chars().filter_map(|it| match it {
            ' ' => Some('-'),
            _ if it.is_alphanumeric() || matches!(it, '-' | '_') => Some(it),
            _ => None,
        });
        let name = kept.collect::<String>().to_lowercase();
        let count = seen.entry(name.clone()).or_default();
        found.insert(match count {
            0 => name,
            _ => format!("{name}-{count}"),
        });
        *count += 1;
    }
    found
}

/// `path` without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            _ => normal.push(component),
        }
    }
    normal
}

/// The fragments of the pages that were read.
type Known = BTreeMap<PathBuf, BTreeSet<String>>;

/// The fault of a link of the document `from`.
fn fault(known: &mut Known, from: &Path, link: &str) -> Option<String> {
    let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => from.to_owned(),
        _ => normal(&from.parent().unwrap().join(file)),
    };
    if !target.exists() {
        return Some(format!("{}: {link}: no such file", from.display()));
    }
    let is_known = fragment.is_empty()
        || known
            .entry(target)
            .or_insert_with_key(|page| fragments(&fs::read_to_string(page).unwrap_or_default()))
            .contains(fragment);
    (!is_known).then(|| format!("{}: {link}: no such heading", from.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let mut found = Vec::new();
    documents(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let (mut count, mut faults, mut known) = (0, Vec::new(), Known::new());
    for path in &found {
        let markdown = fs::read_to_string(path).unwrap();
        for link in links(&markdown) {
            count += 1;
            faults.extend(fault(&mut known, path, link));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 50, "{count} links in {} documents", found.len());
}

#[test]
fn dead_links_are_found() {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/README.md");
    for (link, dead) in [
        ("server.md", false),
        ("../README.md#rust", false),
        ("#documentation", false),
        ("no-such-page.md", true),
        ("../README.md#no-such-heading", true),
        ("#no-such-heading", true),
    ] {
        assert_eq!(
            fault(&mut Known::new(), &from, link).is_some(),
            dead,
            "{link}"
        );
    }
    let markdown = "[a](b.md#c) and ![d](e.svg)\n```\n[in code](x.md)\n```\n[f](https://g.h)";
    assert_eq!(links(markdown), ["b.md#c", "e.svg"]);
    assert!(fragments("## A `b`, c\n").contains("a-b-c"));
}

/// rustdoc hides lines that begin with `#`. Readers of the Markdown see them, and cannot compile them.
#[test]
fn examples_have_no_hidden_lines() {
    let mut found = Vec::new();
    documents(Path::new(env!("CARGO_MANIFEST_DIR")), &mut found);
    let mut faults = Vec::new();
    for path in found
        .iter()
        .filter(|path| !path.components().any(|it| it.as_os_str() == "src"))
    {
        let mut in_rust = false;
        for line in fs::read_to_string(path).unwrap().lines() {
            match line.strip_prefix("```") {
                Some(language) => in_rust = !in_rust && language.starts_with("rust"),
                None if in_rust && line.starts_with("# ") => {
                    faults.push(format!("{}: {line}", path.display()));
                }
                None => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
