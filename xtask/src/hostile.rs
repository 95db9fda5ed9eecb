//! The attacks of `tests/hostile` that take long, on an optimised server.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use crate::arguments::{Arguments, Wrong, unknown};
use crate::report::{Outcome, Report};
use crate::tool::{Failure, cargo};
use crate::wasi;

/// Floods, bombs, thousands of connections: about a minute. On the component all attacks are run,
/// because nothing else does that.
pub fn floods(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let mut on_wasi = false;
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--target" => on_wasi = is_wasi(arguments)?,
            other => return Err(unknown(other)),
        }
    }
    report.verbose = arguments.verbose;
    if on_wasi {
        report.step("hostile: wasi", || {
            on_component(&["--include-ignored", "--skip", "churn::"], Vec::new())
        });
        return Ok(report.close());
    }
    report.step("hostile: floods", || run(&["--ignored", "floods::"], &[]));
    Ok(report.close())
}

/// Connections that come and go, half of them hostile or stuck, to the native server or to the
/// component.
pub fn churn(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let (mut minutes, mut is_on_wasi) = (1.0, false);
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--minutes" => {
                let fits = |minutes: &f64| (0.0..=60.0).contains(minutes);
                minutes = arguments.value("a number of minutes up to 60", fits)?;
            }
            "--target" => is_on_wasi = is_wasi(arguments)?,
            other => return Err(unknown(other)),
        }
    }
    report.verbose = arguments.verbose;
    let tests = ["--ignored", "churn::"];
    let environment = vec![("WSCODEC_CHURN_MINUTES", minutes.to_string().into())];
    if is_on_wasi {
        report.step("hostile: churn, wasi", || on_component(&tests, environment));
    } else {
        report.step("hostile: churn", || run(&tests, &environment));
    }
    Ok(report.close())
}

/// Idle connections in one process of the server, and their memory.
pub fn capacity(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let mut number = 100_000;
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--connections" => {
                let fits = |number: &u32| (1..=1_000_000).contains(number);
                number = arguments.value("a number up to 1000000", fits)?;
            }
            other => return Err(unknown(other)),
        }
    }
    report.verbose = arguments.verbose;
    let environment = [("WSCODEC_CAPACITY", number.to_string().into())];
    report.step("capacity", || {
        run(&["--ignored", "capacity::"], &environment)
    });
    Ok(report.close())
}

/// Whether the target that is named is the component.
fn is_wasi(arguments: &mut Arguments) -> Result<bool, Wrong> {
    match &arguments.text()?[..] {
        "native" => Ok(false),
        "wasi" => Ok(true),
        _ => Err("`--target` takes native or wasi".into()),
    }
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
            let starts = ["fewer than", "with "]
                .iter()
                .any(|it| line.starts_with(it));
            let is_figure = line.contains("bytes") || starts;
            is_figure.then_some(line)
        })
        .collect();
    let figures = figures.join("\n  ");
    Ok(Outcome::Done(format!(", {passed}\n  {figures}")))
}
