//! The attacks of `tests/hostile` that take long, on an optimised server.

use crate::report::{Outcome, Report};
use crate::tool::{Failure, cargo};

/// Floods, bombs, thousands of connections: about a minute.
pub fn floods(report: &mut Report) {
    report.step("hostile: floods", || run("floods::", &[]));
}

/// Connections that come and go, half of them hostile or stuck.
pub fn churn(report: &mut Report, arguments: &[String]) -> Result<(), String> {
    let minutes = match arguments {
        [] => "1",
        [option, minutes] if option == "--minutes" => match minutes.parse::<f64>() {
            Ok(number) if (0.0..=60.0).contains(&number) => minutes,
            _ => return Err(format!("`{minutes}` is no number of minutes up to 60")),
        },
        _ => return Err("`churn` takes --minutes N and nothing else".to_owned()),
    };
    report.step("hostile: churn", || {
        run("churn::", &[("WSCODEC_CHURN_MINUTES", minutes)])
    });
    Ok(())
}

/// Runs the ignored tests of this name, one after the other, and shows what they measured.
fn run(name: &str, environment: &[(&str, &str)]) -> Result<Outcome, Failure> {
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
