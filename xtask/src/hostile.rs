//! The attacks of `tests/hostile` that take long, on an optimised server.

use std::ffi::{OsStr, OsString};

use crate::report::{Outcome, Report};
use crate::tool::{Failure, cargo};
use crate::wasi;

/// Floods, bombs, thousands of connections: about a minute. On the component all attacks are run,
/// because nothing else does that.
pub fn floods(report: &mut Report, arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => {}
        [option, target] if option == "--target" && target == "native" => {}
        [option, target] if option == "--target" && target == "wasi" => {
            report.step("hostile: wasi", || {
                on_component(&["--include-ignored", "--skip", "churn::"], Vec::new())
            });
            return Ok(());
        }
        _ => return Err("`hostile` takes --target native|wasi, and nothing else".to_owned()),
    }
    report.step("hostile: floods", || run(&["--ignored", "floods::"], &[]));
    Ok(())
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
    let tests = ["--ignored", "churn::"];
    let environment = vec![("WSCODEC_CHURN_MINUTES", minutes.into())];
    if on_wasi {
        report.step("hostile: churn, wasi", || on_component(&tests, environment));
    } else {
        report.step("hostile: churn", || run(&tests, &environment));
    }
    Ok(())
}

/// Runs tests with the component in the place of the native program.
fn on_component(
    tests: &[&str],
    mut environment: Vec<(&str, OsString)>,
) -> Result<Outcome, Failure> {
    let component = wasi::build()?;
    let runner = match wasi::tested() {
        Ok(runner) => runner,
        Err(failure) => return Ok(Outcome::Skipped(failure.to_string())),
    };
    let mut words = runner.words;
    words.push(component.into());
    environment.push(("WSCODEC_COMPONENT", words.join(OsStr::new("\n"))));
    match run(tests, &environment)? {
        Outcome::Done(note) => Ok(Outcome::Done(format!("{}{note}", runner.version))),
        other => Ok(other),
    }
}

/// Runs these tests, one after the other, and shows what they measured.
fn run(tests: &[&str], environment: &[(&str, OsString)]) -> Result<Outcome, Failure> {
    let mut tool = cargo().args(["test", "--release", "--package", "wscodec-cli"]);
    tool = tool.args(["--test", "hostile", "--"]);
    tool = tool
        .args(["--nocapture", "--test-threads", "1"])
        .args(tests);
    for (name, value) in environment {
        tool = tool.env(name, value);
    }
    let output = tool.stdout()?;
    let mut results = output
        .lines()
        .filter_map(|line| line.strip_prefix("test result: ok. "));
    let passed = results.find(|line| !line.starts_with("0 passed"));
    let passed = passed.and_then(|line| line.split(';').next());
    let passed = passed.ok_or_else(|| Failure::new("there was no test to run"))?;
    let figures: Vec<&str> = output
        .lines()
        .filter_map(|line| {
            let line = line.split_once(" ... ").map_or(line, |it| it.1);
            line.contains("bytes").then_some(line)
        })
        .collect();
    let figures = figures.join("\n  ");
    Ok(Outcome::Done(format!(", {passed}\n  {figures}")))
}
