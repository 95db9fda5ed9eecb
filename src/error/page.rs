//! Compares `docs/errors.md` with the tables of errors.

extern crate std;

use std::format;
use std::fs;
use std::path::Path;
use std::string::String;

use super::{HandshakeError, LimitError, MisuseError, PeerError};

type Row = (&'static str, u16, &'static str, &'static str, &'static str);

/// The rows stand between these lines; the rest of the page is written by hand.
const BEGIN: &str = "<!-- rows of the crate: begin -->\n";
const END: &str = "<!-- rows of the crate: end -->\n";

/// The description without the targets of links.
fn plain(description: &str) -> String {
    let mut text = String::new();
    for (index, part) in description.trim().split("](").enumerate() {
        let part = match index {
            0 => part,
            _ => part.split_once(')').map_or("", |(_, rest)| rest),
        };
        text.push_str(&part.replace("[`", "`"));
    }
    text
}

/// A sentence that begins with a capital letter, as in a cell of a table.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn section(title: &str, number: &str, rows: &[Row]) -> String {
    let mut text = format!("## {title}\n\n");
    text += &format!(
        "| code | {number} | description | usual cause | advice |\n|---|--:|---|---|---|\n"
    );
    for (code, value, description, cause, advice) in rows {
        let value = match value {
            0 => String::new(),
            _ => format!("{value}"),
        };
        let (description, cause, advice) = (plain(description), sentence(cause), sentence(advice));
        text += &format!("| `{code}` | {value} | {description} | {cause} | {advice} |\n");
    }
    text + "\n"
}

/// With the environment variable `WSCODEC_UPDATE_DOCS` the test writes the rows anew.
#[test]
fn the_page_has_the_rows_of_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let rows = [
        section("The peer", "close code", PeerError::ROWS),
        section("The opening handshake", "status", HandshakeError::ROWS),
        section("Limits", "close code or status", LimitError::ROWS),
        section("The caller", "close code", MisuseError::ROWS),
    ]
    .concat();
    let wanted = format!("{before}{BEGIN}\n{rows}{END}{after}");
    if std::env::var_os("WSCODEC_UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        page == wanted,
        "docs/errors.md is not current: run this test with WSCODEC_UPDATE_DOCS=1"
    );
}

/// JavaScript has a few codes of its own; the page explains each code of both languages.
#[test]
fn the_page_explains_the_codes_of_javascript() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/errors.md")).unwrap();
    // The package on the registry does not contain the folder `js`.
    let Ok(codes) = fs::read_to_string(root.join("js/src/error/codes.ts")) else {
        return;
    };
    let codes = codes
        .lines()
        .filter_map(|line| line.trim().strip_prefix("| \""));
    let mut count = 0;
    for code in codes.filter_map(|rest| rest.split('"').next()) {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
        count += 1;
    }
    assert!(count > 60);
}
