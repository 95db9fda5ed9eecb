//! The first line that a server prints.

use std::io::{BufRead, BufReader};
use std::process::Child;

/// Waits until a server listens, and returns its URL. The server's standard output is a pipe, which is
/// closed then.
pub(crate) fn url(child: &mut Child) -> String {
    let mut line = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ");
    url.unwrap_or_else(|| panic!("{line:?}")).to_owned()
}
