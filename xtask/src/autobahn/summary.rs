//! The results of a run: for people, and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::cases::{Group, OWED};
use super::environment::{Environment, suite};
use super::options::Plan;
use super::verdict::Verdict;
use crate::bench;

/// A run's results.
pub struct Summary {
    pub verdicts: Vec<Verdict>,
    /// The other failures.
    pub notes: Vec<String>,
    pub time: Duration,
}

impl Summary {
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|v| v.passed()).count()
    }

    pub fn failed(&self) -> usize {
        self.verdicts.len() - self.passed()
    }

    /// How many of the owed close codes came.
    pub fn codes(&self) -> usize {
        self.verdicts.iter().filter(|v| v.paid()).count()
    }

    /// How many close codes were owed by the cases that were chosen.
    pub fn owed(&self) -> usize {
        self.verdicts.iter().filter(|v| !v.owed.is_empty()).count()
    }

    /// `N passed, N failed, codes N/117`.
    pub fn line(&self) -> String {
        let (passed, failed) = (self.passed(), self.failed());
        format!(
            "{passed} passed, {failed} failed, codes {}/{}",
            self.codes(),
            self.owed()
        )
    }

    /// The groups with their counts.
    pub fn table(&self, groups: &[Group]) -> String {
        let mut text = format!(
            "{:<6} {:>5} {:>6} {:>9}  verdicts\n",
            "group", "cases", "passed", "seconds"
        );
        for group in groups {
            let of = || {
                let all = self.verdicts.iter();
                all.filter(|verdict| group.cases.contains(&verdict.case))
            };
            let mut words: BTreeMap<String, usize> = BTreeMap::new();
            for verdict in of() {
                let word = match verdict.behavior == verdict.close {
                    true => verdict.behavior.clone(),
                    false => format!("{} / {}", verdict.behavior, verdict.close),
                };
                *words.entry(word).or_default() += 1;
            }
            let words: Vec<String> = words
                .iter()
                .map(|(word, count)| format!("{count} {word}"))
                .collect();
            let passed = of().filter(|verdict| verdict.passed()).count();
            let milliseconds: u64 = of().map(|verdict| verdict.milliseconds).sum();
            let seconds = Duration::from_millis(milliseconds).as_secs_f64();
            let (name, cases) = (&group.name, group.cases.len());
            let words = words.join(", ");
            let _ = writeln!(
                text,
                "{name:<6} {cases:>5} {passed:>6} {seconds:>9.1}  {words}"
            );
        }
        text
    }

    /// The cases that failed, with what was expected and what came.
    pub fn failures(&self) -> String {
        let mut text = String::new();
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.passed()) {
            let (case, behavior, close) = (&verdict.case, &verdict.behavior, &verdict.close);
            let _ = writeln!(text, "FAILED {case}: behavior {behavior}, close {close}");
            for line in &verdict.why {
                let _ = writeln!(text, "    {line}");
            }
        }
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text
    }

    /// All of it, with versions and date.
    pub fn json(&self, plan: &Plan, environment: &Environment, runtime: &str) -> Value {
        let failures: Vec<Value> = self
            .verdicts
            .iter()
            .filter(|verdict| !verdict.passed())
            .map(|verdict| {
                json!({
                    "case": verdict.case, "behavior": verdict.behavior,
                    "behaviorClose": verdict.close, "closeCode": verdict.code,
                    "owed": verdict.owed, "why": verdict.why,
                })
            })
            .collect();
        json!({
            "date": bench::today(),
            "versions": {
                "autobahntestsuite": suite(),
                "python": environment.python,
                "wscodec": version(),
                "runtime": runtime,
            },
            "target": plan.peer.name(),
            "role": plan.role.name(),
            "selection": {
                "cases": plan.cases, "exclude": plan.exclude, "quick": plan.quick,
                "of": environment.cases.len(),
            },
            "seconds": self.time.as_secs(),
            "jobs": plan.jobs,
            "cases": self.verdicts.len(),
            "passed": self.passed(),
            "failed": self.failed(),
            "codes": { "sent": self.codes(), "owed": self.owed(), "of": OWED },
            "failures": failures,
            "notes": self.notes,
        })
    }
}

/// The crate's version.
fn version() -> &'static str {
    let manifest = include_str!("../../../Cargo.toml");
    let mut lines = manifest.lines();
    let version = lines.find_map(|line| line.strip_prefix("version = "));
    version.unwrap_or_default().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Summary, version};
    use crate::autobahn::cases::groups;
    use crate::autobahn::verdict::judge;

    #[test]
    fn counts() {
        let good = json!({ "behavior": "OK", "behaviorClose": "OK", "remoteCloseCode": 1002,
                           "expectedClose": { "closeCode": [1002] } });
        let summary = Summary {
            verdicts: vec![
                judge("3.1", Some(&good)),
                judge("3.2", None),
                judge("9.1.1", None),
            ],
            notes: vec!["group 9.1: wstest took too long, and was stopped".to_owned()],
            time: Duration::ZERO,
        };
        assert_eq!(summary.line(), "1 passed, 2 failed, codes 1/2");
        let groups = groups(&["3.1", "3.2", "9.1.1"].map(str::to_owned));
        let table = summary.table(&groups);
        assert!(table.contains("1 NOT RUN, 1 OK"), "{table}");
        let failures = summary.failures();
        assert!(!failures.contains("FAILED 3.1"), "{failures}");
        assert!(
            failures.contains("FAILED 3.2: behavior NOT RUN"),
            "{failures}"
        );
        assert!(failures.ends_with("note: group 9.1: wstest took too long, and was stopped\n"));
    }

    #[test]
    fn the_crates_version() {
        assert_eq!(version().split('.').count(), 3);
    }
}
