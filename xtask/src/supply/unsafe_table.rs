//! `cargo xtask unsafe`: the dependencies that contain `unsafe`, compared with the table in
//! docs/dependencies.md.
//!
//! The table has a reason for each dependency, which a person writes. Everything else in it is
//! generated. A new dependency with `unsafe`, more or fewer uses in one, and a missing reason fail
//! the check.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::graph::{self, Graph};
use super::products;
use crate::paths;
use crate::report::{Outcome, Report};
use crate::tool::Failure;

const PAGE: &str = "docs/dependencies.md";
const HEAD: &str = "| crate | `unsafe` | used by | reason |\n|---|---:|---|---|\n";
/// Set to rewrite the table; reasons that are there are kept.
const UPDATE: &str = "WSCODEC_UPDATE_DOCS";

/// A row without its reason.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    /// How often the keyword stands in the sources, in all versions together.
    count: usize,
    products: BTreeSet<&'static str>,
}

/// Compares the table, or rewrites it.
pub fn check(report: &mut Report) {
    report.step("unsafe: dependencies", || {
        let found = found()?;
        let path = paths::root().join(PAGE);
        let page =
            fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
        let (before, rest) = page
            .split_once(HEAD)
            .ok_or_else(|| Failure::new(format!("{PAGE} has no table of dependencies")))?;
        let end = rest.find("\n\n").map_or(rest.len(), |at| at + 1);
        let (table, after) = rest.split_at(end);
        let reasons = reasons(table);
        let expected = render(&found, &reasons);
        if std::env::var_os(UPDATE).is_some() {
            fs::write(&path, [before, HEAD, &expected, after].concat())
                .map_err(|error| Failure::file("write", &path, &error))?;
        } else if table != expected {
            return Err(Failure::new(differences(table, &expected)));
        }
        let missing: Vec<_> = found
            .keys()
            .filter(|name| reasons.get(&name[..]).is_none_or(|it| it.is_empty()))
            .map(|name| &name[..])
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            return Err(Failure::new(format!("{PAGE} has no reason for {missing}")));
        }
        Ok(Outcome::Done(format!(
            "{} dependencies with unsafe",
            found.len()
        )))
    });
}

fn differences(table: &str, expected: &str) -> String {
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let (old, new) = (lines(table), lines(expected));
    let mut text = format!("{PAGE} differs from the dependencies ({UPDATE}=1 rewrites its table):");
    for line in old.difference(&new) {
        text += &format!("\n  - {line}");
    }
    for line in new.difference(&old) {
        text += &format!("\n  + {line}");
    }
    text
}

/// The reasons in the table, by crate.
fn reasons(table: &str) -> BTreeMap<&str, &str> {
    let row = |line| {
        let mut cells = str::split(line, '|').map(str::trim);
        let name = cells.nth(1)?.trim_matches('`');
        Some((name, cells.nth(2)?))
    };
    table.lines().filter_map(row).collect()
}

fn render(found: &BTreeMap<String, Found>, reasons: &BTreeMap<&str, &str>) -> String {
    let row = |(name, found): (&String, &Found)| {
        let products: Vec<_> = found.products.iter().copied().collect();
        let reason = reasons.get(&name[..]).copied().unwrap_or_default();
        let (count, products) = (found.count, products.join(", "));
        format!("| `{name}` | {count} | {products} | {reason} |\n")
    };
    found.iter().map(row).collect()
}

/// The dependencies of all products whose sources have the keyword.
fn found() -> Result<BTreeMap<String, Found>, Failure> {
    let packages = graph::packages()?;
    let mut counts = BTreeMap::new();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for product in products::all() {
        let mut graph = Graph::default();
        for build in &product.builds {
            graph.add(build)?;
        }
        for id in graph.edges.into_keys() {
            let package = packages.get(&id);
            let package = package.ok_or_else(|| {
                Failure::new(format!("cargo metadata has no {} {}", id.name, id.version))
            })?;
            if package.ours {
                continue;
            }
            let seen = counts.contains_key(&id);
            if !seen {
                counts.insert(id.clone(), uses(&package.folder.join("src"))?);
            }
            let count = counts[&id];
            if count == 0 {
                continue;
            }
            let entry = found.entry(id.name).or_default();
            entry.products.insert(product.name);
            if !seen {
                entry.count += count;
            }
        }
    }
    Ok(found)
}

/// Counts the keyword in the sources of a folder. A file that is no Rust by itself, such as one that
/// is included into an expression, is split at its words.
fn uses(folder: &Path) -> Result<usize, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file("read", folder, &error))?;
    let mut count = 0;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            count += uses(&path)?;
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text =
                fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
            if !text.contains("unsafe") {
                continue;
            }
            count += match text.parse() {
                Ok(tokens) => keywords(tokens),
                Err(_) => {
                    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                    words.filter(|word| *word == "unsafe").count()
                }
            };
        }
    }
    Ok(count)
}

/// Counts the keyword outside of comments and texts. `forbid(unsafe_code)` is another word.
fn keywords(tokens: TokenStream) -> usize {
    let count = |tree| match tree {
        TokenTree::Group(group) => keywords(group.stream()),
        TokenTree::Ident(ident) => usize::from(ident == "unsafe"),
        TokenTree::Punct(_) | TokenTree::Literal(_) => 0,
    };
    tokens.into_iter().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::{Found, keywords, reasons, render};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn counts_keywords_only() {
        let source = "#![forbid(unsafe_code)] // unsafe\n/* unsafe */ fn f() { \"unsafe\"; \
                      unsafe { g(unsafe { 1 }) } } unsafe fn h() {}";
        assert_eq!(keywords(source.parse().unwrap()), 3);
    }

    #[test]
    fn keeps_reasons() {
        let table = "| `a` | 1 | npm | because |\n| `b` | 2 | npm |  |\n";
        let reasons = reasons(table);
        assert_eq!(reasons["a"], "because");
        assert_eq!(reasons["b"], "");
        let row = |count| Found {
            count,
            products: BTreeSet::from(["npm"]),
        };
        let found = BTreeMap::from([("a".to_owned(), row(1)), ("b".to_owned(), row(2))]);
        assert_eq!(render(&found, &reasons), table);
    }
}
