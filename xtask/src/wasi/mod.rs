//! `cargo xtask wasi`: the WASI component, built, run and tested.

mod runner;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use runner::{Lack, Runner, any, jco, named, wasmtime_python as python};

use crate::arguments::{Arguments, Wrong};
use crate::paths;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::{WASI, ensure_targets};

/// The version whose faults the server has to live with.
const FAULTY: &str = "wasmtime-48";

/// The packages of `examples/wasi`.
const EXAMPLES: [&str; 3] = ["wasi-authenticated-echo", "wasi-blocking", "wasi-chat"];

/// Runs `wasi` with these arguments; without any, the check.
pub fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let mut name = None;
    let mut tests = false;
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--runner" => name = Some(arguments.text()?),
            "test" => tests = true,
            "serve" | "connect" if !tests => {
                let rest = arguments.rest()?;
                let words = [OsString::from(word)].into_iter().chain(rest).collect();
                return Ok(run(name.as_deref(), words).unwrap_or_else(|failure| {
                    println!("{failure}");
                    ExitCode::FAILURE
                }));
            }
            _ => {
                return Err(
                    "`wasi` takes `serve` or `connect` with their arguments, or `test`; \
                            before them `--runner NAME`"
                        .into(),
                );
            }
        }
    }
    report.verbose = arguments.verbose;
    match (tests, &name) {
        (true, name) => run_tests(
            report,
            &name.iter().map(|name| &name[..]).collect::<Vec<_>>(),
        ),
        (false, None) => check(report),
        (false, Some(_)) => return Err("`--runner` is for `serve`, `connect` and `test`".into()),
    }
    Ok(report.close())
}

/// Builds the component, and runs it with this process's input and output.
fn run(name: Option<&str>, arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    let component = build()?;
    let runner = match name {
        Some(name) => named(name)?,
        None => any()?,
    };
    eprintln!("{}: {}", runner.name, runner.version);
    let [program, words @ ..] = &runner.words[..] else {
        return Err(Failure::new("the runner has no program"));
    };
    let status = Tool::at(program, runner.name)
        .args(words)
        .args([component])
        .args(arguments)
        .inherit()?;
    Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
}

/// The runtime that the component is measured on: the version whose faults it works around.
pub fn tested() -> Result<Runner, Failure> {
    named(FAULTY)
}

/// Builds the component, and gives its path.
pub fn build() -> Result<PathBuf, Failure> {
    ensure_targets(&[WASI])?;
    build_in(paths::root(), &paths::target()?, |tool| tool)
}

/// Builds the component of a checkout in a target folder, and gives its path. `with` may add to the
/// command.
pub fn build_in(
    checkout: &Path,
    target: &Path,
    with: impl FnOnce(Tool) -> Tool,
) -> Result<PathBuf, Failure> {
    with(cargo().dir(checkout))
        .args(["build", "--release", "--package", "wscodec-cli"])
        .args(["--bin", "wscodec", "--no-default-features"])
        .args(["--target", WASI, "--target-dir"])
        .args([target])
        .run()?;
    Ok(target.join(WASI).join("release/wscodec.wasm"))
}

/// Builds the components of `examples/wasi`, beside the other one.
fn build_examples() -> Result<(), Failure> {
    let packages = EXAMPLES.iter().flat_map(|name| ["--package", name]);
    cargo()
        .args(["build", "--release"])
        .args(packages)
        .args(["--target", WASI])
        .run()?;
    Ok(())
}

/// The part of `cargo xtask test`: on the first runner that can be had, and on the version of
/// wasmtime whose faults are worked around.
pub fn check(report: &mut Report) {
    run_tests(report, &[]);
}

/// Tests the component on these runners.
fn run_tests(report: &mut Report, names: &[&str]) {
    let mut component = None;
    report.step("wasi: build", || {
        component = Some(build()?);
        build_examples()?;
        Ok(Outcome::Done(String::new()))
    });
    let Some(component) = component else { return };
    let mut runners = Vec::new();
    for name in names {
        report.step(&format!("wasi: {name}"), || {
            let runner = named(name)?;
            let version = runner.version.clone();
            runners.push(runner);
            Ok(Outcome::Done(version))
        });
    }
    if names.is_empty() {
        report.step("wasi: a runner", || match any() {
            Ok(runner) => {
                let version = runner.version.clone();
                runners.push(runner);
                Ok(Outcome::Done(version))
            }
            Err(failure) => Ok(Outcome::Skipped(failure.to_string())),
        });
        report.step(&format!("wasi: {FAULTY}"), || match named(FAULTY) {
            Ok(runner) => {
                let version = runner.version.clone();
                if runners.iter().all(|other| other.version != version) {
                    runners.push(runner);
                }
                Ok(Outcome::Done(version))
            }
            Err(failure) => Ok(Outcome::Skipped(failure.to_string())),
        });
    }
    for runner in runners {
        report.step(&format!("wasi: tests, {}", runner.name), || {
            tests(&runner, &component)
        });
    }
}

/// Runs `tests/wasi`, which is told how to start the component.
fn tests(runner: &Runner, component: &Path) -> Result<Outcome, Failure> {
    let mut words: Vec<OsString> = runner.words.clone();
    words.push(component.into());
    let skipped = runner.lacks.iter().flat_map(|it| ["--skip", it.test]);
    let output = cargo()
        .args(["test", "--package", "wscodec-cli", "--test", "wasi"])
        .args(["--", "--ignored"])
        .args(skipped)
        .env(
            "WSCODEC_COMPONENT",
            words.join(OsString::from("\n").as_os_str()),
        )
        .run()?;
    let outcome = crate::rust::counted(&output)?;
    let without = |lack: &Lack| format!("\n  without {}: {}", lack.test, lack.why);
    let without: String = runner.lacks.iter().map(without).collect();
    Ok(match outcome {
        Outcome::Done(count) => Outcome::Done(count + &without),
        other => other,
    })
}
