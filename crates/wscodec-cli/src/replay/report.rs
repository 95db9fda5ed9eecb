//! The differences, for people and as JSON lines.

use std::fmt::Write;

use serde_json::{Value, json};
use wscodec_inspect::safe::safe;

use super::diff::{Change, Difference, Shown};
use super::script::Message;
use crate::pointer::Pointer;

/// Bytes of a value that are shown.
const MOST: usize = 200;

/// The comparison of the recorded answers with those of the replay.
pub(super) struct Report<'a> {
    pub(super) recorded: &'a [Message],
    pub(super) found: &'a [Message],
    pub(super) ignore: &'a [Pointer],
    pub(super) differences: &'a [Difference],
}

impl Report<'_> {
    /// Lines for people. Answers are counted from 1.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for difference in self.differences {
            // Writing to a string does not fail.
            let _ = match difference {
                Difference::Missing(at) => {
                    let shown = text(&self.recorded[*at].shown(self.ignore));
                    writeln!(out, "answer {} is missing: {shown}", at + 1)
                }
                Difference::More(at) => {
                    let shown = text(&self.found[*at].shown(self.ignore));
                    writeln!(
                        out,
                        "an answer that is not recorded came as number {}: {shown}",
                        at + 1
                    )
                }
                Difference::Changed(at, _, changes) => {
                    let _ = writeln!(out, "answer {} differs:", at + 1);
                    changes.iter().try_for_each(|it| line(it, &mut out))
                }
            };
        }
        let _ = writeln!(out, "{}", self.summary());
        out
    }

    /// One sentence.
    fn summary(&self) -> String {
        let count =
            |is: fn(&Difference) -> bool| self.differences.iter().filter(|it| is(it)).count();
        let changed = count(|it| matches!(it, Difference::Changed(..)));
        let missing = count(|it| matches!(it, Difference::Missing(_)));
        let more = count(|it| matches!(it, Difference::More(_)));
        format!(
            "answers: {} recorded, {} received; {changed} differ, {missing} are missing, {more} are not \
             recorded",
            self.recorded.len(),
            self.found.len()
        )
    }

    /// JSON lines: an object for each place that differs, for each missing message and for each that is
    /// not recorded, and one at the end.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        let mut put = |value: Value| {
            let _ = writeln!(out, "{value}");
        };
        for difference in self.differences {
            match difference {
                Difference::Missing(at) => put(json!({
                    "type": "missing", "answer": at + 1,
                    "recorded": value(&self.recorded[*at].shown(self.ignore)),
                })),
                Difference::More(at) => put(json!({
                    "type": "more", "found_as": at + 1,
                    "found": value(&self.found[*at].shown(self.ignore)),
                })),
                Difference::Changed(at, place, changes) => {
                    for change in changes {
                        let mut object = json!({
                            "type": "changed", "answer": at + 1, "found_as": place + 1,
                            "path": change.path,
                        });
                        for (name, shown) in
                            [("recorded", &change.recorded), ("found", &change.found)]
                        {
                            if let Some(shown) = shown {
                                object[name] = value(shown);
                            }
                        }
                        put(object);
                    }
                }
            }
        }
        put(json!({
            "type": "summary", "recorded": self.recorded.len(), "received": self.found.len(),
            "same": self.differences.is_empty(),
        }));
        out
    }
}

fn line(change: &Change, out: &mut String) -> std::fmt::Result {
    let shown = |it: &Option<Shown>| it.as_ref().map_or_else(|| "nothing".into(), text);
    let (recorded, found) = (shown(&change.recorded), shown(&change.found));
    match &change.path {
        Some(path) if !path.is_empty() => {
            let path = safe(path.as_bytes());
            writeln!(out, "  {path}: {recorded} is recorded, {found} came")
        }
        _ => writeln!(out, "  {recorded} is recorded, {found} came"),
    }
}

/// A value that is safe for a terminal, cut if it is long.
fn text(shown: &Shown) -> String {
    let bytes = match shown {
        Shown::Json(value) => value.to_string().into_bytes(),
        Shown::Text(text) => Value::from(&text[..]).to_string().into_bytes(),
        Shown::Binary(bytes) => {
            let hex = |bytes: &[u8]| {
                bytes
                    .iter()
                    .map(|it| format!("{it:02x}"))
                    .collect::<String>()
            };
            return match bytes.get(..MOST / 2) {
                None => format!("0x{}", hex(bytes)),
                Some(front) => format!("0x{}… ({} bytes)", hex(front), bytes.len()),
            };
        }
    };
    match bytes.get(..MOST) {
        None => safe(&bytes),
        Some(front) => format!("{}… ({} bytes)", safe(front), bytes.len()),
    }
}

fn value(shown: &Shown) -> Value {
    match shown {
        Shown::Json(value) => json!({ "json": value }),
        Shown::Text(text) => json!({ "text": text }),
        Shown::Binary(bytes) => {
            let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
            json!({ "hex": hex })
        }
    }
}
