//! The suite's cases: which to run, in what groups, and which close codes they are owed.

/// How many cases owe the peer's close code; a suite that has more or fewer is not the one
/// that this file knows.
pub const OWED: usize = 117;

/// Left out by `--quick`: the messages of 1 KiB and more of the groups about compression.
const LONG: &str = "12.*.[4-9],12.*.1[0-8],13.*.[4-9],13.*.1[0-8]";

/// Cases in which the peer has to fail the connection with 1002: a protocol error.
const OWED_1002: &str = "2.5,3.*,4.*,5.1,5.2,5.9,5.1[0-8],7.3.2,7.3.6,7.9.*";

/// Cases in which the peer has to fail the connection with 1007: a text that is not UTF-8.
const OWED_1007: &str = "6.3.*,6.4.*,6.6.[13468],6.6.10,6.8.*,6.10.*,6.11.5,6.12.*,6.13.*,\
                         6.14.*,6.15.*,6.16.*,6.17.*,6.18.*,6.19.*,6.20.*,6.21.*";

/// A close frame whose reason is not UTF-8: either code is right.
const OWED_EITHER: &str = "7.5.1";

/// The close codes of which the peer owes one in this case; the suite takes a connection that
/// was dropped without a code too, and we do not.
pub fn owed(case: &str) -> &'static [u16] {
    if matches(OWED_1002, case) {
        &[1002]
    } else if matches(OWED_1007, case) {
        &[1007]
    } else if matches(OWED_EITHER, case) {
        &[1002, 1007]
    } else {
        &[]
    }
}

/// The cases asked for, in the suite's order.
pub fn select(all: &[String], cases: &str, exclude: &str, quick: bool) -> Vec<String> {
    all.iter()
        .filter(|case| matches(cases, case) && !matches(exclude, case))
        .filter(|case| !(quick && matches(LONG, case)))
        .cloned()
        .collect()
}

/// Cases that one wstest runs in one go.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// The chapter of the suite, such as `6` or `12.3`.
    pub name: String,
    pub cases: Vec<String>,
}

/// Groups of cases in the suite's order: the chapters, and those about size and compression,
/// which take the longest, by their sections.
pub fn groups(cases: &[String]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for case in cases {
        let parts: Vec<&str> = case.split('.').collect();
        let deep = matches!(parts[0], "9" | "12" | "13");
        let name = parts[..parts.len().min(1 + usize::from(deep))].join(".");
        match groups.last_mut().filter(|group| group.name == name) {
            Some(group) => group.cases.push(case.clone()),
            None => groups.push(Group {
                name,
                cases: vec![case.clone()],
            }),
        }
    }
    groups
}

/// Whether one of the patterns, separated by commas, fits the whole id.
fn matches(patterns: &str, case: &str) -> bool {
    let patterns = patterns.split(',').map(str::trim);
    patterns
        .filter(|pattern| !pattern.is_empty())
        .any(|pattern| fits(pattern.as_bytes(), case.as_bytes()))
}

/// `*` stands for any characters, `[13-5]` for one of 1, 3, 4 and 5.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
        (Some((b'[', rest)), Some((first, after))) => {
            let Some(end) = rest.iter().position(|byte| *byte == b']') else {
                return false;
            };
            one_of(&rest[..end], *first) && fits(&rest[end + 1..], after)
        }
        (Some((byte, rest)), Some((first, after))) => byte == first && fits(rest, after),
        _ => false,
    }
}

fn one_of(set: &[u8], byte: u8) -> bool {
    match set {
        [low, b'-', high, rest @ ..] => (low..=high).contains(&&byte) || one_of(rest, byte),
        [one, rest @ ..] => *one == byte || one_of(rest, byte),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{groups, matches, owed, select};

    fn cases(ids: &str) -> Vec<String> {
        ids.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn patterns() {
        for (patterns, case, is) in [
            ("*", "1.1.1", true),
            ("1.*", "1.1.1", true),
            ("1.*", "10.1.1", false),
            ("1.1", "1.1.1", false),
            ("2.*, 1.1.1", "1.1.1", true),
            ("12.*.1[0-8]", "12.1.10", true),
            ("12.*.1[0-8]", "12.1.9", false),
            ("12.*.1[0-8]", "12.1.1", false),
            ("6.6.[13468]", "6.6.4", true),
            ("6.6.[13468]", "6.6.5", false),
            ("6.6.[13", "6.6.1", false),
            ("", "1.1.1", false),
        ] {
            assert_eq!(matches(patterns, case), is, "{patterns} {case}");
        }
    }

    #[test]
    fn selection() {
        let all = cases("1.1.1 9.3.1 12.1.3 12.1.4 12.5.18 13.7.10");
        assert_eq!(select(&all, "*", "", false), all);
        let quick = select(&all, "*", "", true);
        assert_eq!(quick, cases("1.1.1 9.3.1 12.1.3"));
        let some = select(&all, "9.*,12.*", "12.1.*", false);
        assert_eq!(some, cases("9.3.1 12.5.18"));
    }

    #[test]
    fn grouping() {
        let groups = groups(&cases("1.1.1 1.2.8 2.1 9.3.1 9.4.1 12.1.1 12.1.2"));
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["1", "2", "9.3", "9.4", "12.1"]);
        assert_eq!(groups[4].cases, cases("12.1.1 12.1.2"));
    }

    #[test]
    fn codes() {
        for (case, codes) in [
            ("1.1.1", &[][..]),
            ("2.5", &[1002]),
            ("2.4", &[]),
            ("5.8", &[]),
            ("5.9", &[1002]),
            ("5.19", &[]),
            ("6.6.2", &[]),
            ("6.6.10", &[1007]),
            ("6.11.4", &[]),
            ("6.22.1", &[]),
            ("7.5.1", &[1002, 1007]),
            ("7.7.1", &[]),
        ] {
            assert_eq!(owed(case), codes, "{case}");
        }
    }
}
