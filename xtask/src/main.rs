//! The build and test driver: `cargo xtask` lists its commands.
//!
//! A command is a list of steps. A step prints its name when it starts, and its
//! time when it ends; what its tools print is kept back and shown when one of them
//! fails, with the command line that repeats it.

mod autobahn;
mod bench;
mod build;
mod bundle;
mod checks;
mod demo;
mod features;
mod hostile;
mod interop;
mod js;
mod node;
mod package;
mod paths;
mod report;
mod rust;
mod simd;
mod table;
mod tool;
mod toolchain;
mod wasi;
mod wasm;

use std::process::ExitCode;

use report::Report;

fn main() -> ExitCode {
    let mut report = Report::default();
    let mut words = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            // Its own programs have options of these names.
            _ if words.first().is_some_and(|first| first == "wasi") => words.push(argument),
            "-v" | "--verbose" => report.verbose = true,
            "-h" | "--help" | "help" => {
                print!("{}", usage());
                return ExitCode::SUCCESS;
            }
            _ => words.push(argument),
        }
    }
    match words.split_first() {
        None => {
            print!("{}", usage());
            ExitCode::SUCCESS
        }
        Some((first, _)) if first == "test" && words.len() > 1 => {
            complain("`test` takes no arguments; a single check is a command of its own")
        }
        Some((first, rest)) if first == "demo" => match rest {
            [] => demo::demo(&mut report, None),
            [name] => demo::demo(&mut report, Some(name)),
            _ => complain("`demo` takes one argument at most, a folder of tests/captures"),
        },
        Some((first, rest)) if first == "autobahn" && !rest.is_empty() => {
            autobahn::command(&mut report, rest).unwrap_or_else(|wrong| complain(&wrong))
        }
        Some((first, rest)) if first == "wasi" && !rest.is_empty() => {
            wasi::command(&mut report, rest).unwrap_or_else(|wrong| complain(&wrong))
        }
        Some((first, [])) if first == "interop" => interop::all(&mut report),
        Some((first, rest)) if first == "churn" => match hostile::churn(&mut report, rest) {
            Ok(()) => report.close(),
            Err(wrong) => complain(&wrong),
        },
        Some((first, rest)) if first == "hostile" => match hostile::floods(&mut report, rest) {
            Ok(()) => report.close(),
            Err(wrong) => complain(&wrong),
        },
        Some((first, [])) if first == "bun" => {
            js::bun(&mut report);
            report.close()
        }
        Some((first, rest)) if first == "soak" => {
            let messages = match rest {
                [] => "10000000",
                [number] if number.parse::<u32>().is_ok_and(|n| n >= 10_000) => number,
                _ => return complain("`soak` takes a number of messages from 10000 on"),
            };
            js::soak(&mut report, messages);
            report.close()
        }
        Some((first, rest)) if first == "packages" => {
            package::matrix(&mut report, rest).unwrap_or_else(|wrong| complain(&wrong))
        }
        Some((first, rest)) if first == "bench" => {
            bench::bench(&mut report, rest).unwrap_or_else(|wrong| complain(&wrong))
        }
        Some(_) => run(&mut report, &words),
    }
}

/// Runs the commands in the order given.
fn run(report: &mut Report, words: &[String]) -> ExitCode {
    let mut chosen = Vec::new();
    for word in words {
        match word.as_str() {
            "build" => chosen.push(build::steps as checks::Run),
            "test" => chosen.extend(checks::CHECKS.iter().map(|check| check.run)),
            "js" => chosen.extend(checks::CHECKS.iter().filter(|c| c.js).map(|c| c.run)),
            name => match checks::CHECKS.iter().find(|check| check.name == name) {
                Some(check) => chosen.push(check.run),
                None => return complain(&format!("there is no command `{name}`")),
            },
        }
    }
    for command in chosen {
        command(report);
    }
    report.close()
}

fn complain(what: &str) -> ExitCode {
    eprint!("cargo xtask: {what}.\n\n{}", usage());
    ExitCode::from(2)
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
         hostile   Floods, bombs and thousands of connections, about a minute\n            \
         [--target native|wasi]; on WASI all attacks\n  \
         churn     20,000 connections, half of them hostile: churn [--minutes N]\n            \
         [--target native|wasi]\n  \
         interop   Conversations with other clients and servers, and through proxies\n  \
         bun       JavaScript tests in Bun, which npm installs first\n  \
         soak      10,000,000 messages in Node: is memory flat? soak [MESSAGES]\n  \
         packages  The packed package in each runtime and bundler: packages [NAME...]\n  \
         autobahn  The Autobahn test suite: autobahn\n            \
         --target native|wasi|node|deno|bun --role server|client [--quick]\n            \
         [--cases LIST] [--exclude LIST] [--jobs N] [--json FILE]\n            \
         (without arguments: the check below)\n  \
         wasi      The WASI component: wasi [--runner NAME] serve|connect ARGUMENT...\n            \
         runs it, wasi [--runner NAME] test tests it (without arguments: the\n            \
         check below)\n\n\
         Checks, each a part of `test`:\n",
    );
    for check in checks::CHECKS {
        text += &format!("  {:<9} {}\n", check.name, check.about);
    }
    text += "  js        The four checks of the package: types, node, deno, package\n\n\
             Options:\n  \
             --verbose Show what the tools print while they run\n";
    text
}
