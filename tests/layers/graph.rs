//! Files and the files that they use.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The files that each file uses.
pub(crate) type Uses = BTreeMap<String, BTreeSet<String>>;

/// The shortest circle through each file that is in one; a circle that several files share is
/// given once.
pub(crate) fn circles(uses: &Uses) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let found = uses.keys().filter_map(|file| circle(uses, file));
    found
        .filter(|circle| seen.insert(circle.iter().copied().collect::<BTreeSet<_>>()))
        .map(|circle| circle.join(" → "))
        .collect()
}

/// The shortest way from a file back to it.
fn circle<'a>(uses: &'a Uses, file: &'a str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut next = VecDeque::from([file]);
    while let Some(at) = next.pop_front() {
        for used in uses.get(at).into_iter().flatten() {
            if used == file {
                let mut way = vec![file];
                let mut step = at;
                while step != file {
                    way.push(step);
                    step = before[step];
                }
                way.push(file);
                way.reverse();
                return Some(way);
            }
            if !before.contains_key(&**used) {
                before.insert(used, at);
                next.push_back(used);
            }
        }
    }
    None
}

#[test]
fn circles_are_found() {
    let uses = |lines: &[(&str, &[&str])]| -> Uses {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let line = |(file, used): &(&str, &[&str])| ((*file).to_owned(), owned(used));
        lines.iter().map(line).collect()
    };
    let straight = uses(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["elsewhere"])]);
    assert_eq!(circles(&straight), [""; 0]);
    let mut round = straight.clone();
    round.get_mut("c").unwrap().insert("b".to_owned());
    assert_eq!(circles(&round), ["b → c → b"]);
    round.get_mut("c").unwrap().clear();
    round.get_mut("c").unwrap().insert("a".to_owned());
    assert_eq!(circles(&round), ["a → c → a", "b → c → a → b"]);
}
