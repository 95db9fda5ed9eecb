//! `cargo xtask bench`: us and other implementations on the same bytes in the same run.
//!
//! The measuring is done by programs of their own, in `bench/`; they give their tables as
//! JSON. Here they are built and started, and what they gave is kept and printed.

mod growth;
mod plan;
mod result;
mod run;
mod server;
mod wasm;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::arguments::{Arguments, Wrong};
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{build, js, node, package, paths, table};
use plan::{Asked, Plan, read};
use result::keep;
pub use result::today;
use run::{folder, measure};

/// Runs `bench` with these arguments.
pub fn bench(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let asked = read(arguments)?;
    report.verbose = arguments.verbose;
    let plan = match asked {
        Asked::Measure(plan) => plan,
        Asked::Table(files) => return Ok(show(&files)),
        Asked::Plot(words) => {
            plot(report, &words)?;
            return Ok(report.close());
        }
    };
    let mut results = Vec::new();
    if matches!(plan.kind, "server" | "tokio") {
        if server::measure(report, &plan, &mut results) {
            keep(report, &plan, &results);
        }
        return Ok(report.close());
    }
    if plan.kind == "wasm" {
        if wasm::measure(report, &plan, &mut results) {
            keep(report, &plan, &results);
        }
        return Ok(report.close());
    }
    if plan.kind != "size" && !native(report, &plan, &mut results) {
        return Ok(report.close());
    }
    if plan.kind == "growth" && !growth::servers(report, &plan, &mut results) {
        return Ok(report.close());
    }
    if !matches!(plan.kind, "native" | "growth") && !javascript(report, &plan, &mut results) {
        return Ok(report.close());
    }
    keep(report, &plan, &results);
    Ok(report.close())
}

/// Draws tables of an earlier result.
fn plot(report: &mut Report, words: &[String]) -> Result<(), Wrong> {
    if words.len() < 2 {
        return Err("`bench plot` takes a result, the SVG to write, and titles of tables".into());
    }
    report.step("bench: plot", || {
        cargo()
            .args(["run", "--release", "--manifest-path"])
            .args(["bench/plot/Cargo.toml", "--target-dir"])
            .args([folder()?.join("plot")])
            .args(["--"])
            .args(words)
            .run()
            .map(|_| Outcome::Done(words[1].clone()))
    });
    Ok(())
}

/// Prints the tables of earlier results.
fn show(files: &[String]) -> ExitCode {
    for file in files {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{}", Failure::file("read", Path::new(file), &error));
                return ExitCode::FAILURE;
            }
        };
        match serde_json::from_str(&text) {
            Ok(result) => println!("{}", table::markdown(&result)),
            Err(error) => {
                eprintln!("{file} is no result of `bench`: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The program that measures Rust, and writes the streams for JavaScript.
fn program() -> Result<Tool, Failure> {
    let name = format!("wscodec-bench{}", std::env::consts::EXE_SUFFIX);
    let path = folder()?.join("release").join(name);
    Ok(Tool::at(path.as_os_str(), "wscodec-bench"))
}

/// Builds the native part, and runs it if it is asked for.
fn native(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    let built = report.step("bench: build", || {
        cargo()
            .args(["build", "--release", "--manifest-path"])
            .args(["bench/native/Cargo.toml", "--target-dir"])
            .args([folder()?])
            .run()
            .map(|_| Outcome::Done(String::new()))
    });
    if plan.kind == "js" {
        return built;
    }
    built
        && measure(report, "bench: native", results, || {
            let milliseconds = if plan.quick { "2" } else { "20" };
            Ok(program()?.args([plan.kind, &plan.rounds.to_string(), milliseconds]))
        })
}

/// Builds the package, and measures it in Node.
fn javascript(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    if !build::needed_by(report, "bench: JavaScript") {
        return false;
    }
    if plan.kind != "size" {
        let written = report.step("bench: streams", || {
            program()?.args(["data".into(), data()?]).run()?;
            Ok(Outcome::Done(String::new()))
        });
        if !written {
            return false;
        }
    }
    measure(report, "bench: JavaScript", results, || {
        Ok(node::node()
            .args([paths::root().join("bench/js/main.mjs")])
            .args([plan.kind, &plan.rounds.to_string()])
            .args([if plan.quick { "quick" } else { "full" }])
            .args([data()?])
            .args(runtime(plan.runtime.as_deref())?))
    })
}

/// The command that starts a script: of Node, of Deno or Bun, or of another Node, by its path.
fn runtime(name: Option<&str>) -> Result<Vec<OsString>, Failure> {
    match name {
        None | Some("node") => Ok(vec!["node".into()]),
        Some("deno") => {
            let deno = paths::js().join("node_modules/deno/bin.cjs");
            let words = ["run", "--allow-all"].into_iter().chain(node::DENO_ALONE);
            let words = words.map(OsString::from);
            Ok(["node".into(), deno.into()]
                .into_iter()
                .chain(words)
                .collect())
        }
        Some("bun") => {
            package::install_peers()?;
            let bun = package::bun()?.ok_or(Failure::new(js::NO_BUN))?;
            Ok(vec![bun.into()])
        }
        Some(program) => Ok(vec![program.into()]),
    }
}

fn data() -> Result<PathBuf, Failure> {
    Ok(folder()?.join("data"))
}
