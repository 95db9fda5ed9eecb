//! The folder of the benchmarks, and their programs.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::paths;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool};

/// Where the benchmark is built, and its streams and results are put.
pub(super) fn folder() -> Result<PathBuf, Failure> {
    let folder = paths::target()?.join("bench");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    Ok(folder)
}

/// Runs a program that gives tables.
pub(super) fn measure(
    report: &mut Report,
    name: &str,
    results: &mut Vec<Value>,
    tool: impl FnOnce() -> Result<Tool, Failure>,
) -> bool {
    report.step(name, || {
        let text = tool()?.stdout()?;
        let result = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("it gave no JSON: {error}")))?;
        results.push(result);
        Ok(Outcome::Done(String::new()))
    })
}
