//! `cargo xtask autobahn`: the Autobahn test suite against what this project has, strictly.
//!
//! A case passes when the suite calls both its behaviour and the end of its connection OK or
//! INFORMATIONAL, and when the close code that is owed really came. `docs/autobahn.md` has the details.

mod cases;
mod environment;
mod options;
mod process;
mod program;
mod script;
mod start;
mod summary;
mod target;
mod verdict;
mod wstest;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use cases::Group;
use environment::{Environment, NO_PYTHON};
use options::{Peer, Plan};
use start::{Ready, Role, Start};
use summary::Summary;
use target::TARGETS;
use wstest::Run;

use crate::arguments::{Arguments, Wrong};
use crate::report::{Outcome, Report};
use crate::tool::Failure;
use crate::{build, paths};

/// Exit status when nothing could be tested: not passed, and not failed.
const NOT_RUN: u8 = 3;

/// How long one group of cases may take, and all of them together.
const FULL: [Duration; 2] = [
    Duration::from_secs(30 * 60),
    Duration::from_secs(3 * 60 * 60),
];
const QUICK: [Duration; 2] = [Duration::from_secs(5 * 60), Duration::from_secs(15 * 60)];

/// Runs `autobahn` with these arguments; without any, the check.
pub fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let plan = Plan::read(arguments)?;
    report.verbose = arguments.verbose;
    let Some(plan) = plan else {
        check(report);
        return Ok(report.close());
    };
    let Some(environment) = environment(report) else {
        return Ok(ExitCode::from(NOT_RUN));
    };
    let groups = groups(&plan, &environment);
    if groups.is_empty() {
        return Err("no case is left to run".into());
    }
    let start = match start(report, &plan) {
        Ok(start) => start,
        Err(status) => return Ok(ExitCode::from(status)),
    };
    let mut found = None;
    let verbose = report.verbose;
    report.step(&name(&plan), || {
        found = Some(run(&plan, &environment, &start, &groups, verbose)?);
        Ok(Outcome::Done(format!("reports in {}", shown(&plan)?)))
    });
    let Some(summary) = found else {
        return Ok(ExitCode::FAILURE);
    };
    print!("\n{}\n{}", summary.table(&groups), summary.failures());
    let json = summary.json(&plan, &environment, &start.runtime);
    let kept = plan.json.as_ref().is_none_or(|path| {
        let written = fs::write(path, format!("{json:#}\n"));
        written
            .map_err(|error| println!("{}", Failure::file("write", path, &error)))
            .is_ok()
    });
    println!("{}", summary.line());
    let good = kept && summary.failed() == 0;
    Ok(ExitCode::from(u8::from(!good)))
}

/// The part of `cargo xtask test`: the quick cases, natively, in both roles.
pub fn check(report: &mut Report) {
    let mut suite = None;
    for role in [Role::Server, Role::Client] {
        let [native, ..] = TARGETS;
        let plan = Plan::quick(native, role);
        let name = name(&plan);
        match program::exists(role) {
            Ok(true) => {}
            Ok(false) => {
                report.skip(&name, "the crate has no such program");
                continue;
            }
            Err(failure) => {
                report.step(&name, || Err(failure));
                continue;
            }
        }
        if suite.is_none() {
            if environment::python27().is_none() {
                let why = "Python 2.7, which the Autobahn suite needs, is not installed; \
                           docs/autobahn.md names another way";
                report.skip("autobahn", why);
                return;
            }
            suite = environment(report);
        }
        let Some(environment) = &suite else {
            return;
        };
        let Ok(start) = start(report, &plan) else {
            continue;
        };
        let verbose = report.verbose;
        report.step(&name, || {
            let groups = groups(&plan, environment);
            let summary = run(&plan, environment, &start, &groups, verbose)?;
            let line = summary.line();
            match summary.failed() {
                0 => Ok(Outcome::Done(line)),
                _ => Err(Failure::new(summary.failures() + &line)),
            }
        });
    }
}

fn name(plan: &Plan) -> String {
    format!("autobahn: {} {}", plan.peer.name(), plan.role.name())
}

/// Everything of ours is in this folder of the target folder.
fn folder() -> Result<PathBuf, Failure> {
    let folder = paths::target()?.join("autobahn");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    Ok(folder)
}

/// Where a plan's reports and logs are put.
fn reports(plan: &Plan) -> Result<PathBuf, Failure> {
    Ok(folder()?.join(format!("{}-{}", plan.peer.name(), plan.role.name())))
}

fn shown(plan: &Plan) -> Result<String, Failure> {
    let path = reports(plan)?;
    let path = path.strip_prefix(paths::root()).unwrap_or(&path);
    Ok(path.display().to_string())
}

/// A step that makes wstest's environment, where that is possible.
fn environment(report: &mut Report) -> Option<Environment> {
    let mut made = None;
    report.step("autobahn: wstest", || {
        let Some(python) = environment::python27() else {
            return Ok(Outcome::Skipped(NO_PYTHON.to_owned()));
        };
        process::stop_all_when_interrupted()?;
        let environment = environment::ensure(&python, &folder()?)?;
        let owed = environment.cases.iter();
        let owed = owed.filter(|case| !cases::owed(case).is_empty()).count();
        if owed != cases::OWED {
            return Err(Failure::new(format!(
                "by the table of cases that are owed a close code there are {owed} of them, \
                 and there must be {}: is this another suite?",
                cases::OWED
            )));
        }
        let (suite, python) = (environment::suite(), &environment.python);
        let note = format!("autobahntestsuite {suite} on Python {python}");
        made = Some(environment);
        Ok(Outcome::Done(note))
    });
    made
}

fn groups(plan: &Plan, environment: &Environment) -> Vec<Group> {
    let all = &environment.cases;
    let chosen = cases::select(all, &plan.cases, &plan.exclude, plan.quick);
    cases::groups(&chosen)
}

/// Steps that build what is tested; if there is nothing to test, gives the exit status.
fn start(report: &mut Report, plan: &Plan) -> Result<Start, u8> {
    let target = match &plan.peer {
        Peer::Command(start) => return Ok(start.clone()),
        Peer::Target(target) => target,
    };
    if target.package && !build::needed_by(report, &name(plan)) {
        return Err(1);
    }
    let mut ready = Err(1);
    report.step(&format!("{}: build", name(plan)), || {
        match (target.prepare)(plan.role)? {
            Ready::Yes(start) => {
                let runtime = start.runtime.clone();
                ready = Ok(start);
                Ok(Outcome::Done(runtime))
            }
            Ready::No(why) => {
                ready = Err(NOT_RUN);
                Ok(Outcome::Skipped(why))
            }
        }
    });
    ready
}

/// Runs the groups, and reads what came of them.
fn run(
    plan: &Plan,
    environment: &Environment,
    start: &Start,
    groups: &[Group],
    verbose: bool,
) -> Result<Summary, Failure> {
    let folder = reports(plan)?;
    // The reports of an earlier run would pass for this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| Failure::file("remove", &folder, &error))?;
    }
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    let [each, all] = if plan.quick { QUICK } else { FULL };
    let began = Instant::now();
    let run = Run {
        wstest: &environment.wstest,
        role: plan.role,
        start,
        agent: plan.peer.name(),
        folder: &folder,
        jobs: plan.jobs,
        each,
        until: began + all,
        verbose,
    };
    let notes = run.all(groups)?;
    let verdicts = groups
        .iter()
        .flat_map(|group| verdict::read(group, &run.reports(group)));
    Ok(Summary {
        verdicts: verdicts.collect(),
        notes,
        time: began.elapsed(),
    })
}
