//! `cargo xtask bench wasm`: the same work natively, in Node and in wasmtime, in turns.

use std::ffi::OsString;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::plan::Plan;
use super::run::folder;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{node, paths, toolchain, wasi};

/// Which both runtimes run, and Node nothing newer.
const TARGET: &str = "wasm32-wasip1";
const SIMD: &str = r#"target.wasm32-wasip1.rustflags=["-C", "target-feature=+simd128"]"#;

/// Builds both, and puts the table with the results.
pub(super) fn measure(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    let built = report.step("bench: build for wasm", || {
        let added = toolchain::ensure_targets(&[TARGET])?;
        build(&["--features", "simd"])?;
        build(&["--target", TARGET, "--config", SIMD])?;
        Ok(Outcome::Done(added))
    });
    built
        && report.step("bench: native and wasm", || {
            let runner = wasi::tested()?;
            let hosts: [(&str, Vec<OsString>); 3] = [
                ("native", vec![native()?.into()]),
                ("Node", node_words()?),
                ("wasmtime", {
                    let module = module()?.into();
                    runner.words.iter().cloned().chain([module]).collect()
                }),
            ];
            let milliseconds = if plan.quick { "20" } else { "200" };
            let mut runs = vec![Vec::new(); hosts.len()];
            for _ in 0..plan.rounds {
                for ((_, words), runs) in hosts.iter().zip(&mut runs) {
                    let tool = Tool::at(&words[0], "the benchmark").args(&words[1..]);
                    let text = tool.args([milliseconds]).stdout()?;
                    let times: Map<String, Value> = serde_json::from_str(&text)
                        .map_err(|error| Failure::new(format!("it gave no JSON: {error}")))?;
                    runs.push(times);
                }
            }
            let columns: Vec<&String> = runs[0][0].keys().collect();
            let rows = hosts.iter().zip(&runs).map(|((name, _), runs)| {
                let cells = columns.iter().map(|column| cell(runs, column));
                json!({ "name": name, "cells": cells.collect::<Vec<_>>() })
            });
            let table = json!({
                "title": "the same work natively and in wasm",
                "unit": "ns",
                "base": "native",
                "columns": columns,
                "rows": rows.collect::<Vec<_>>(),
            });
            let versions = json!({ "node": node::version()?, "wasmtime": runner.version });
            results.push(json!({ "tables": [table], "versions": versions }));
            Ok(Outcome::Done(String::new()))
        })
}

fn build(words: &[&str]) -> Result<(), Failure> {
    cargo()
        .args(["build", "--release", "--manifest-path"])
        .args(["bench/wasm/Cargo.toml", "--target-dir"])
        .args([target()?])
        .args(words)
        .run()
        .map(drop)
}

fn target() -> Result<PathBuf, Failure> {
    Ok(folder()?.join("wasm"))
}

fn native() -> Result<PathBuf, Failure> {
    let name = format!("wscodec-bench-wasm{}", std::env::consts::EXE_SUFFIX);
    Ok(target()?.join("release").join(name))
}

fn module() -> Result<PathBuf, Failure> {
    let folder = target()?.join(TARGET).join("release");
    Ok(folder.join("wscodec-bench-wasm.wasm"))
}

/// With the optimising compiler from the start: what a program settles at that runs for long.
fn node_words() -> Result<Vec<OsString>, Failure> {
    let script = paths::root().join("bench/wasm/run.mjs");
    let words = ["node", "--no-warnings", "--no-liftoff"].map(Into::into);
    let more = [script.into(), module()?.into()];
    Ok(words.into_iter().chain(more).collect())
}

/// The median of the rounds, and the fastest and the slowest.
fn cell(runs: &[Map<String, Value>], column: &str) -> Value {
    let mut times: Vec<f64> = runs
        .iter()
        .filter_map(|run| run.get(column)?.as_f64())
        .collect();
    times.sort_by(f64::total_cmp);
    json!({
        "median": times.get(times.len() / 2),
        "min": times.first(),
        "max": times.last(),
    })
}
