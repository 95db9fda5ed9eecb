//! Results: kept as JSON, with where and when they were measured.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::plan::Plan;
use super::run::folder;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool};
use crate::{paths, table};

/// Keeps what was measured in a file, and prints it.
pub fn keep(report: &mut Report, plan: &Plan, results: &[Value]) {
    let result = describe(plan, results);
    report.step("bench: result", || {
        let path = match &plan.json {
            Some(path) => path.clone(),
            None => folder()?.join(format!("{}.json", plan.kind)),
        };
        let text =
            serde_json::to_string_pretty(&result).map_err(|e| Failure::new(e.to_string()))?;
        fs::write(&path, text + "\n").map_err(|error| Failure::file("write", &path, &error))?;
        let shown = path.strip_prefix(paths::root()).unwrap_or(&path);
        Ok(Outcome::Done(shown.display().to_string()))
    });
    println!("\n{}", table::markdown(&result));
}

/// All that was measured, with where and when.
fn describe(plan: &Plan, results: &[Value]) -> Value {
    let mut versions = serde_json::Map::new();
    let compiler = Tool::new("rustc").args(["--version"]).stdout();
    if let Ok(line) = compiler {
        versions.insert("rustc".to_owned(), line.trim().into());
    }
    let mut tables = Vec::new();
    for result in results {
        if let Some(more) = result["versions"].as_object() {
            versions.extend(more.clone());
        }
        tables.extend(result["tables"].as_array().into_iter().flatten().cloned());
    }
    json!({
        "kind": plan.kind,
        "date": today(),
        "machine": machine(),
        "rounds": plan.rounds,
        "quick": plan.quick,
        "versions": versions,
        "tables": tables,
    })
}

fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    json!({
        "cpu": cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "os": std::env::consts::OS,
    })
}

/// Today's date in UTC, such as `2024-02-29`.
pub fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    date(since.map_or(0, |since| since.as_secs() / 86_400))
}

/// The date of a day counted from 1970-01-01.
fn date(day: u64) -> String {
    let mut left = day;
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(20_088), "2024-12-31");
    }
}
