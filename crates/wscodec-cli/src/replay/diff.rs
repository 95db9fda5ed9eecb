//! The comparison of two lists of messages.

use serde_json::Value;
use wscodec::message::Kind;

use super::script::Message;
use crate::pointer::{Pointer, escaped};

/// How far a message is looked for in the other list before two messages count as one that differs.
const AHEAD: usize = 64;

/// Differences that are told of one message.
const MOST: usize = 100;

/// A difference between two lists.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Difference {
    /// The messages with these indices differ in these places.
    Changed(usize, usize, Vec<Change>),
    /// The recorded message with this index did not come.
    Missing(usize),
    /// The message with this index came and is not recorded.
    More(usize),
}

/// A place in which two messages differ.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    /// A JSON Pointer; `None` for messages that are not both JSON.
    pub(super) path: Option<String>,
    /// The recorded value; `None` if it is absent.
    pub(super) recorded: Option<Shown>,
    pub(super) found: Option<Shown>,
}

/// A value in a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    Json(Value),
    Text(String),
    Binary(Vec<u8>),
}

/// Compares all messages. Both lists are read once, and each message is compared with a bounded number of
/// others.
pub(super) fn compare(
    recorded: &[Message],
    found: &[Message],
    ignore: &[Pointer],
) -> Vec<Difference> {
    let shown = |messages: &[Message]| -> Vec<Shown> {
        messages.iter().map(|it| it.shown(ignore)).collect()
    };
    let (old, new) = (shown(recorded), shown(found));
    let (mut i, mut j) = (0, 0);
    let mut differences = Vec::new();
    while i < old.len() && j < new.len() {
        if old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        // The nearest message that is the same again.
        let ahead = (1..=AHEAD).find_map(|k| {
            if old.get(i + k).is_some_and(|it| *it == new[j]) {
                return Some((k, 0));
            }
            new.get(j + k)
                .is_some_and(|it| *it == old[i])
                .then_some((0, k))
        });
        // Two messages with different contents in the same place are more likely one that has changed
        // if the next ones are the same.
        let is_changed = old.get(i + 1).is_some_and(|it| new.get(j + 1) == Some(it));
        match ahead {
            Some((missing, more)) if !is_changed => {
                differences.extend((i..i + missing).map(Difference::Missing));
                differences.extend((j..j + more).map(Difference::More));
                (i, j) = (i + missing, j + more);
            }
            _ => {
                let mut changes = Vec::new();
                changes_of(&old[i], &new[j], &mut changes);
                differences.push(Difference::Changed(i, j, changes));
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    differences.extend((i..old.len()).map(Difference::Missing));
    differences.extend((j..new.len()).map(Difference::More));
    differences
}

impl Message {
    /// The contents, without the places that may differ.
    pub(super) fn shown(&self, ignore: &[Pointer]) -> Shown {
        let text = match self.kind {
            Kind::Text => std::str::from_utf8(&self.payload).ok(),
            _ => None,
        };
        let Some(text) = text else {
            return Shown::Binary(self.payload.clone());
        };
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                ignore.iter().for_each(|it| it.remove(&mut value));
                Shown::Json(value)
            }
            Err(_) => Shown::Text(text.to_owned()),
        }
    }
}

fn changes_of(old: &Shown, new: &Shown, changes: &mut Vec<Change>) {
    match (old, new) {
        (Shown::Json(old), Shown::Json(new)) => json(old, new, &mut String::new(), changes),
        _ => changes.push(Change {
            path: None,
            recorded: Some(old.clone()),
            found: Some(new.clone()),
        }),
    }
}

/// The depth is bounded, because the parser takes 128 levels at most.
fn json(old: &Value, new: &Value, path: &mut String, changes: &mut Vec<Change>) {
    if old == new || changes.len() >= MOST {
        return;
    }
    let len = path.len();
    let mut within = |part: &str, old: Option<&Value>, new: Option<&Value>| {
        path.push('/');
        path.push_str(&escaped(part));
        match (old, new) {
            (Some(old), Some(new)) => json(old, new, path, changes),
            (old, new) => changes.push(change(path, old, new)),
        }
        path.truncate(len);
    };
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                within(name, Some(value), new.get(name));
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                within(name, None, Some(value));
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for at in 0..old.len().max(new.len()) {
                within(&at.to_string(), old.get(at), new.get(at));
            }
        }
        _ => changes.push(change(path, Some(old), Some(new))),
    }
}

fn change(path: &str, old: Option<&Value>, new: Option<&Value>) -> Change {
    let shown = |value: Option<&Value>| value.cloned().map(Shown::Json);
    Change {
        path: Some(path.to_owned()),
        recorded: shown(old),
        found: shown(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<Message> {
        let message = |text: &&str| Message {
            kind: Kind::Text,
            payload: text.as_bytes().to_vec(),
        };
        texts.iter().map(message).collect()
    }

    fn summary(old: &[&str], new: &[&str], ignore: &[&str]) -> Vec<String> {
        let ignore: Vec<_> = ignore
            .iter()
            .map(|it| Pointer::parse(it).unwrap())
            .collect();
        let differences = compare(&texts(old), &texts(new), &ignore);
        let line = |it: &Difference| match it {
            Difference::Missing(i) => format!("-{i}"),
            Difference::More(j) => format!("+{j}"),
            Difference::Changed(i, j, changes) => {
                let paths: Vec<_> = changes.iter().map(|it| it.path.clone()).collect();
                format!("{i}:{j} {paths:?}")
            }
        };
        differences.iter().map(line).collect()
    }

    #[test]
    fn json_is_compared_by_its_structure() {
        let old = [r#"{"a":1,"b":[1,2]}"#, "plain"];
        assert!(summary(&old, &[r#"{ "b": [1, 2], "a": 1 }"#, "plain"], &[]).is_empty());
        let new = [r#"{"a":2,"b":[1],"c/d":null}"#, "plain"];
        let expected = r#"0:0 [Some("/a"), Some("/b/1"), Some("/c~1d")]"#;
        assert_eq!(summary(&old, &new, &[]), [expected]);
        assert!(summary(&old, &new, &["/a", "/b", "/c~1d"]).is_empty());
        assert_eq!(summary(&["x"], &["{}"], &[]), ["0:0 [None]"]);
    }

    #[test]
    fn messages_that_are_missing_do_not_shift_the_others() {
        assert_eq!(summary(&["a", "b", "c"], &["a", "c"], &[]), ["-1"]);
        assert_eq!(summary(&["a", "c"], &["a", "b", "c"], &[]), ["+1"]);
        assert_eq!(
            summary(&["a", "b", "c"], &["a", "x", "c"], &[]),
            ["1:1 [None]"]
        );
        assert_eq!(summary(&[], &["a"], &[]), ["+0"]);
        assert_eq!(summary(&["a", "b"], &["b", "a"], &[]), ["-0", "+1"]);
    }
}
