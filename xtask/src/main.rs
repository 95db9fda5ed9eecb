//! The build and test driver: `cargo xtask` lists its commands.
//!
//! A command is a list of steps. A step prints its name when it starts, and its
//! time when it ends; what its tools print is kept back and shown when one of them
//! fails, with the command line that repeats it.

mod arguments;
mod autobahn;
mod bench;
mod build;
mod bundle;
mod checks;
mod component;
mod demo;
mod differential;
mod features;
mod fuzz;
mod growth;
mod hostile;
mod installed;
mod interop;
mod js;
mod manifest;
mod mutants;
mod node;
mod package;
mod paths;
mod release;

mod report;
mod root;
mod rust;
mod simd;
mod supply;
mod table;
mod tool;
mod toolchain;
mod wasi;
mod wasm;

use std::process::ExitCode;

use arguments::{Arguments, Wrong};
use report::Report;

fn main() -> ExitCode {
    let mut report = Report::default();
    match command(&mut report, &mut Arguments::from_env()) {
        Ok(status) => status,
        Err(Wrong::Help) => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        Err(Wrong::Usage(sentence)) => {
            eprint!("cargo xtask: {sentence}.\n\n{}", usage());
            ExitCode::from(2)
        }
    }
}

fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let Some(first) = arguments.word()? else {
        return Err(Wrong::Help);
    };
    match &first[..] {
        "help" => return Err(Wrong::Help),
        "wasi" => return wasi::command(report, arguments),
        "autobahn" => return autobahn::command(report, arguments),
        "bench" => return bench::bench(report, arguments),
        "capacity" => return hostile::capacity(report, arguments),
        "churn" => return hostile::churn(report, arguments),
        "differential" => return differential::command(report, arguments),
        "fuzz" => return fuzz::command(report, arguments),
        "hostile" => return hostile::floods(report, arguments),
        "mutants" => return mutants::command(report, arguments),
        _ => {}
    }
    let rest = arguments.words()?;
    report.verbose = arguments.verbose;
    match (&first[..], &rest[..]) {
        ("test", [_, ..]) => {
            Err("`test` takes no arguments; a single check is a command of its own".into())
        }
        ("demo", []) => Ok(demo::demo(report, None)),
        ("demo", [name]) => Ok(demo::demo(report, Some(name))),
        ("demo", _) => Err("`demo` takes one argument at most, a folder of tests/captures".into()),
        ("interop", []) => Ok(interop::all(report)),
        ("component", rest @ [_, ..]) => component::command(report, rest),
        ("bun", []) => {
            js::bun(report);
            Ok(report.close())
        }
        ("model", []) => {
            rust::model(report);
            Ok(report.close())
        }
        ("coverage", []) => {
            mutants::coverage(report);
            Ok(report.close())
        }
        ("deny", []) => {
            supply::deny(report);
            Ok(report.close())
        }
        ("sbom", []) => {
            supply::sbom(report);
            Ok(report.close())
        }
        ("reproducible", names) => {
            supply::reproducible(report, names)?;
            Ok(report.close())
        }
        ("soak", rest) => {
            let messages = match rest {
                [] => "10000000",
                [number] if number.parse::<u32>().is_ok_and(|n| n >= 10_000) => number,
                _ => return Err("`soak` takes a number of messages from 10000 on".into()),
            };
            js::soak(report, messages);
            Ok(report.close())
        }
        ("release", rest) => Ok(release::command(report, rest)?),
        ("packages", names) => Ok(package::matrix(report, names)?),
        _ => run(report, [first].into_iter().chain(rest)),
    }
}

/// Runs the commands in the order given.
fn run(report: &mut Report, names: impl Iterator<Item = String>) -> Result<ExitCode, Wrong> {
    let mut chosen = Vec::new();
    for name in names {
        match &name[..] {
            "build" => chosen.push(build::steps as checks::Run),
            "test" => chosen.extend(checks::CHECKS.iter().map(|check| check.run)),
            "js" => chosen.extend(checks::CHECKS.iter().filter(|c| c.js).map(|c| c.run)),
            name => chosen.push(checks::named(name)?),
        }
    }
    for command in chosen {
        command(report);
    }
    Ok(report.close())
}

fn usage() -> String {
    let mut text = String::from(
        "Usage: cargo xtask COMMAND... [--verbose]\n\n\
         Commands:\n  \
         build     Build the npm package into pkg/dist\n  \
         test      Run every check below\n  \
         demo      Build the package and inspect a recorded conversation with it\n  \
         bench     Measure us and others:\n            \
         bench native|js|handshake|deflate|server|size|growth\n            \
         [--rounds N] [--json FILE] [--quick] [--runtime node|deno|bun|PROGRAM];\n            \
         bench server also [--cases LIST] [--only NAME;...] [--peer NAME=COMMAND];\n            \
         bench table FILE... shows results, bench plot FILE OUT.svg [TITLE...] draws\n  \
         fuzz      Coverage-guided fuzzing: fuzz [TARGET...] [--minutes N] [--merge]\n  \
         model     Search the session's states against the model in tests/model, deeply\n  \
         hostile   Floods, bombs and thousands of connections, about a minute\n            \
         [--target native|wasi]; on WASI all attacks\n  \
         churn     20,000 connections, half of them hostile: churn [--minutes N]\n            \
         [--target native|wasi]\n  \
         capacity  Idle connections in one process: capacity [--connections N]\n  \
         interop   Conversations with other clients and servers, and through proxies\n  \
         bun       JavaScript tests in Bun, which npm installs first\n  \
         soak      10,000,000 messages in Node: is memory flat? soak [MESSAGES]\n  \
         release   Everything that must hold before a release; release URL writes the address\n            \
         of the project into the manifests\n  \
         packages  The packed package in each runtime and bundler: packages [NAME...]\n  \
         differential\n            \
         The same streams for wscodec and other implementations:\n            \
         differential [--minutes N] [--seed N]\n  \
         mutants   Changes of the core that no test notices: mutants [LAYER...]\n            \
         [--file PATTERN] [--iterate] [--shard K/N]\n  \
         coverage  Lines and regions of the core that its tests run\n  \
         deny      Licences, sources and versions of the dependencies, by cargo-deny\n  \
         sbom      Bills of materials of the npm package and the component, in target\n  \
         reproducible [NAME...]\n            \
         Builds the wasm modules twice in different places, and compares the bytes\n  \
         autobahn  The Autobahn test suite: autobahn\n            \
         --target native|wasi|node|deno|bun --role server|client [--quick]\n            \
         [--cases LIST] [--exclude LIST] [--jobs N] [--json FILE]\n            \
         (without arguments: the check below)\n  \
         component The codec as a component: component build|wheel|host|compose|bench\n            \
         (without arguments: the check below)\n  \
         wasi      The WASI component: wasi [--runner NAME] serve|connect ARGUMENT...\n            \
         runs it, wasi [--runner NAME] test tests it (without arguments: the\n            \
         check below)\n\n\
         Checks, each a part of `test`:\n",
    );
    for check in checks::CHECKS {
        text += &format!("  {:<9} {}\n", check.name, check.about);
    }
    text += "  js        The five checks of the package: types, reference, node, deno, package\n\n\
             Options:\n  \
             --verbose Show what the tools print while they run\n";
    text
}
