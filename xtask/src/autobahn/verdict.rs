//! The meaning of a case's report, taken strictly.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::cases::{Group, owed};

/// How a case ended.
#[derive(Debug)]
pub struct Verdict {
    pub case: String,
    /// The suite's word on the messages.
    pub behavior: String,
    /// The suite's word on how the connection ended.
    pub close: String,
    /// The close code that came.
    pub code: Option<u64>,
    /// The close codes of which one was owed.
    pub owed: &'static [u16],
    pub milliseconds: u64,
    /// Why it failed: what was expected, and what came. Empty if it passed.
    pub why: Vec<String>,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        self.why.is_empty()
    }

    /// Whether the code that was owed really came.
    pub fn paid(&self) -> bool {
        self.code
            .is_some_and(|code| self.owed.iter().any(|owed| u64::from(*owed) == code))
    }
}

/// Reads the verdicts of a group's cases from the folder of its reports.
pub fn read(group: &Group, folder: &Path) -> Vec<Verdict> {
    let index = json(&folder.join("index.json")).unwrap_or_default();
    let entry = |case: &str| {
        // By agent, then by case; there is one agent.
        let agents = index.as_object().into_iter().flatten();
        let mut entries = agents.filter_map(|(_, cases)| cases.get(case));
        entries.next()
    };
    let cases = group.cases.iter();
    cases
        .map(|case| {
            let report = entry(case).and_then(|entry| {
                let name = entry["reportfile"].as_str()?;
                json(&folder.join(name))
            });
            judge(case, report.as_ref())
        })
        .collect()
}

/// The verdict of a case's report; without a report the case was not run.
pub fn judge(case: &str, report: Option<&Value>) -> Verdict {
    let mut verdict = Verdict {
        case: case.to_owned(),
        behavior: "NOT RUN".to_owned(),
        close: "NOT RUN".to_owned(),
        code: None,
        owed: owed(case),
        milliseconds: 0,
        why: Vec::new(),
    };
    let Some(report) = report else {
        verdict.why.push("there is no report".to_owned());
        return verdict;
    };
    verdict.behavior = text(&report["behavior"]);
    verdict.close = text(&report["behaviorClose"]);
    verdict.code = report["remoteCloseCode"].as_u64();
    verdict.milliseconds = report["duration"].as_u64().unwrap_or_default();
    let mut why = Vec::new();
    if !good(&verdict.behavior) {
        why.push(text(&report["result"]));
        why.push(format!("expected: {}", text(&report["expectation"])));
        why.push(format!("expected events: {}", text(&report["expected"])));
        why.push(format!("came: {}", text(&report["received"])));
    }
    if !good(&verdict.close) {
        why.push(text(&report["resultClose"]));
        why.push(format!("expected: {}", text(&report["expectedClose"])));
    }
    if !verdict.owed.is_empty() && !verdict.paid() {
        let owed: Vec<String> = verdict.owed.iter().map(u16::to_string).collect();
        why.push(format!("expected: close code {}", owed.join(" or ")));
    }
    if suite_owes(report) != verdict.owed {
        why.push("the suite asks for another close code than this runner knows of".to_owned());
    }
    if !why.is_empty() {
        why.push(match verdict.code {
            Some(code) => format!("came: close code {code}"),
            None => "came: no close code".to_owned(),
        });
    }
    verdict.why = why;
    verdict
}

fn good(word: &str) -> bool {
    matches!(word, "OK" | "INFORMATIONAL")
}

/// The codes that the report lists, if they say that the peer has to fail the connection.
fn suite_owes(report: &Value) -> Vec<u16> {
    let codes = report["expectedClose"]["closeCode"].as_array();
    let codes: Vec<u16> = codes
        .into_iter()
        .flatten()
        .filter_map(|code| u16::try_from(code.as_u64()?).ok())
        .collect();
    match codes.iter().all(|code| matches!(code, 1002 | 1007)) {
        true => codes,
        false => Vec::new(),
    }
}

/// A value for people: a text as it is, anything else as JSON, and not too much of it.
fn text(value: &Value) -> String {
    const MOST: usize = 400;
    let full = match value {
        Value::String(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    };
    match full.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &full[..end]),
        None => full,
    }
}

fn json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str(&without_surrogates(&text)).ok()
}

/// Python 2 writes what was no UTF-8 as escapes of half characters, which JSON readers refuse:
/// puts the replacement character in their place.
fn without_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out += before;
        if is_half(escape.as_bytes()) {
            out += r"\ufffd";
            rest = &escape[6..];
        } else {
            // An escaped backslash is taken whole, so that it begins no other escape.
            let end = escape.char_indices().nth(2).map_or(escape.len(), |at| at.0);
            out += &escape[..end];
            rest = &escape[end..];
        }
    }
    out + rest
}

/// Whether it begins with an escape from `\ud800` to `\udfff`.
fn is_half(escape: &[u8]) -> bool {
    let [b'\\', b'u', b'd' | b'D', hex @ ..] = escape else {
        return false;
    };
    let digits = hex.iter().take(3).filter(|byte| byte.is_ascii_hexdigit());
    digits.count() == 3 && !matches!(hex[0], b'0'..=b'7')
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{judge, without_surrogates};

    fn report(behavior: &str, close: &str, codes: &[u16], code: Option<u16>) -> Value {
        json!({
            "behavior": behavior, "behaviorClose": close, "duration": 7,
            "expectedClose": { "closeCode": codes }, "remoteCloseCode": code,
            "result": "Not what was to come.", "resultClose": "Closed somehow.",
            "expectation": "An  echo.", "expected": { "OK": [["message", "a", false]] },
            "received": [["message", "b", false]],
        })
    }

    #[test]
    fn passes_what_is_good() {
        for (behavior, close) in [
            ("OK", "OK"),
            ("INFORMATIONAL", "OK"),
            ("OK", "INFORMATIONAL"),
        ] {
            let verdict = judge("1.1.1", Some(&report(behavior, close, &[1000], Some(1000))));
            assert!(verdict.passed(), "{behavior} {close}: {:?}", verdict.why);
            assert_eq!(verdict.milliseconds, 7);
        }
    }

    #[test]
    fn fails_what_is_not() {
        for (behavior, close) in [
            ("NON-STRICT", "OK"),
            ("UNIMPLEMENTED", "OK"),
            ("FAILED", "OK"),
            ("OK", "FAILED"),
            ("OK", "WRONG CODE"),
            ("OK", "UNCLEAN"),
            ("", "OK"),
        ] {
            let verdict = judge("1.1.1", Some(&report(behavior, close, &[1000], Some(1000))));
            assert!(!verdict.passed(), "{behavior} {close}");
        }
        let verdict = judge("1.1.1", None);
        assert_eq!((verdict.passed(), &*verdict.close), (false, "NOT RUN"));
    }

    #[test]
    fn says_what_was_expected() {
        let verdict = judge("1.1.1", Some(&report("FAILED", "OK", &[1000], None)));
        assert_eq!(
            verdict.why,
            [
                "Not what was to come.",
                "expected: An echo.",
                r#"expected events: {"OK":[["message","a",false]]}"#,
                r#"came: [["message","b",false]]"#,
                "came: no close code",
            ]
        );
    }

    #[test]
    fn wants_the_code_that_is_owed() {
        for (case, codes, code, passes) in [
            ("3.1", &[1002][..], Some(1002), true),
            ("3.1", &[1002], Some(1007), false),
            ("3.1", &[1002], None, false),
            ("6.3.1", &[1007], Some(1007), true),
            ("7.5.1", &[1002, 1007], Some(1007), true),
            ("7.5.1", &[1002, 1007], Some(1000), false),
            // A suite whose cases are not the ones that are known.
            ("1.1.1", &[1002], Some(1002), false),
            ("3.1", &[1000], Some(1002), false),
        ] {
            let verdict = judge(case, Some(&report("OK", "OK", codes, code)));
            assert_eq!(verdict.passed(), passes, "{case} {codes:?} {code:?}");
        }
    }

    #[test]
    fn half_characters() {
        for (text, expected) in [
            (r#""\ud800""#, "\"\u{fffd}\""),
            (r#""a\uDFFFb""#, "\"a\u{fffd}b\""),
            (r#""\\ud800""#, r#""\\ud800""#),
            (r#""\u00e9""#, r#""é""#),
            (r#""\n\"""#, r#""\n\"""#),
            ("\"é\\\\\"", "\"é\\\\\""),
        ] {
            let read = |text: &str| serde_json::from_str::<String>(text).expect("a string");
            assert_eq!(read(&without_surrogates(text)), read(expected), "{text}");
        }
        assert_eq!(without_surrogates("\\"), "\\");
        assert_eq!(without_surrogates("\\ud8éé"), "\\ud8éé");
    }
}
