//! The attacks of `tests/hostile` that take long, on an optimised server.

use std::ffi::{OsStr, OsString};

use crate::report::{Outcome, Report};
use crate::tool::{Failure, cargo};
use crate::wasi;

/// Floods, bombs, thousands of connections: about a minute.
pub fn floods(report: &mut Report) {
    report.step("hostile: floods", || run("floods::", &[]));
}

/// Connections that come and go, half of them hostile or stuck, to the native server or to the
/// component.
pub fn churn(report: &mut Report, arguments: &[String]) -> Result<(), String> {
    let (mut minutes, mut on_wasi) = ("1", false);
    let mut words = arguments.iter().map(String::as_str);
    while let Some(word) = words.next() {
        match (word, words.next()) {
            ("--minutes", Some(text)) => match text.parse::<f64>() {
                Ok(number) if (0.0..=60.0).contains(&number) => minutes = text,
                _ => return Err(format!("`{text}` is no number of minutes up to 60")),
            },
            ("--target", Some("native")) => on_wasi = false,
            ("--target", Some("wasi")) => on_wasi = true,
            _ => {
                let what = "`churn` takes --minutes N, --target native|wasi, and nothing else";
                return Err(what.to_owned());
            }
        }
    }
    if !on_wasi {
        report.step("hostile: churn", || {
            run("churn::", &[("WSCODEC_CHURN_MINUTES", minutes.into())])
        });
        return Ok(());
    }
    report.step("hostile: churn, wasi", || {
        let component = wasi::build()?;
        let runner = match wasi::tested() {
            Ok(runner) => runner,
            Err(failure) => return Ok(Outcome::Skipped(failure.to_string())),
        };
        let mut words = runner.words;
        words.push(component.into());
        let environment = [
            ("WSCODEC_CHURN_MINUTES", minutes.into()),
            ("WSCODEC_COMPONENT", words.join(OsStr::new("\n"))),
        ];
        match run("churn::", &environment)? {
            Outcome::Done(note) => Ok(Outcome::Done(format!("{}{note}", runner.version))),
            other => Ok(other),
        }
    });
    Ok(())
}

/// Runs the ignored tests of this name, one after the other, and shows what they measured.
fn run(name: &str, environment: &[(&str, OsString)]) -> Result<Outcome, Failure> {
    let mut tool = cargo().args(["test", "--release", "--package", "wscodec"]);
    tool = tool.args(["--features", "server", "--test", "hostile", "--"]);
    tool = tool.args(["--ignored", "--nocapture", "--test-threads", "1", name]);
    for (name, value) in environment {
        tool = tool.env(name, value);
    }
    let output = tool.stdout()?;
    let ran = output
        .lines()
        .any(|line| line.starts_with("test result: ok. ") && !line.contains(" 0 passed"));
    if !ran {
        return Err(Failure::new("there was no test to run"));
    }
    let figures: Vec<&str> = output
        .lines()
        .filter_map(|line| {
            let line = line.split_once(" ... ").map_or(line, |it| it.1);
            line.contains("bytes").then_some(line)
        })
        .collect();
    Ok(Outcome::Done(format!("\n  {}", figures.join("\n  "))))
}
