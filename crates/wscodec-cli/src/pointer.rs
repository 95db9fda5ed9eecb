//! Places in JSON (RFC 6901), with a wildcard.

use serde_json::Value;

/// A JSON Pointer whose parts may be `*`, which stands for every member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pointer(Vec<String>);

impl Pointer {
    /// Reads the value of `--ignore`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "it is not a JSON Pointer such as /result/time".to_owned();
        let parts = text.strip_prefix('/').ok_or_else(wrong)?.split('/');
        let parts = parts.map(|part| {
            let mut rest = part.split('~').skip(1);
            match rest.all(|it| it.starts_with(['0', '1'])) {
                true => Ok(part.replace("~1", "/").replace("~0", "~")),
                false => Err(wrong()),
            }
        });
        parts.collect::<Result<_, _>>().map(Self)
    }

    /// Removes the members that it names.
    pub(crate) fn remove(&self, value: &mut Value) {
        remove(&self.0, value);
    }
}

fn remove(parts: &[String], value: &mut Value) {
    let Some((first, rest)) = parts.split_first() else {
        return;
    };
    let any = first == "*";
    match value {
        Value::Object(members) if rest.is_empty() => match any {
            true => members.clear(),
            false => drop(members.remove(first)),
        },
        Value::Object(members) if any => members.values_mut().for_each(|it| remove(rest, it)),
        Value::Object(members) => {
            if let Some(member) = members.get_mut(first) {
                remove(rest, member);
            }
        }
        // The other members keep their places, so that those of both sides still belong together.
        Value::Array(members) => {
            let chosen = first.parse().ok();
            for (at, member) in members.iter_mut().enumerate() {
                if any || chosen == Some(at) {
                    match rest.is_empty() {
                        true => *member = Value::Null,
                        false => remove(rest, member),
                    }
                }
            }
        }
        _ => {}
    }
}

/// A part of a pointer as it is written.
pub(crate) fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_are_removed_by_name_and_by_wildcard() {
        let value = json!({"a": {"b/c": 1, "d": 2}, "list": [{"id": 1, "x": 2}, {"id": 3}]});
        let without = |pointer: &str| {
            let mut value = value.clone();
            Pointer::parse(pointer).unwrap().remove(&mut value);
            value
        };
        assert_eq!(without("/a/b~1c")["a"], json!({"d": 2}));
        assert_eq!(without("/list/*/id")["list"], json!([{"x": 2}, {}]));
        assert_eq!(without("/list/0")["list"], json!([null, {"id": 3}]));
        assert_eq!(without("/a/*")["a"], json!({}));
        assert_eq!(without("/none/of/them"), value);
        for wrong in ["", "id", "/a~2", "/~"] {
            assert!(Pointer::parse(wrong).is_err(), "{wrong}");
        }
    }
}
