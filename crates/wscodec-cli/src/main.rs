//! The `wscodec` command: an echo server and a plain client, to try things with.

mod args;
mod connect;
mod failed;
mod help;
mod log;
mod out;
mod safe;
mod serve;
mod stop;
mod talk;
mod target;

use std::process::ExitCode;

/// How a run ends otherwise than by success.
#[derive(Debug)]
enum Failure {
    /// The arguments make no sense: status 2.
    Usage(String),
    /// It can't be done: status 1, with a line that says why.
    Run(String),
}

fn main() -> ExitCode {
    let mut arguments = args::Arguments::from_env();
    let result = match arguments.command() {
        Ok(args::Command::Serve) => serve::run(&mut arguments),
        Ok(args::Command::Connect) => connect::run(&mut arguments),
        Ok(args::Command::Print(text)) => out::print(text),
        Err(failure) => Err(failure),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Run(why)) => {
            out::say(&why);
            ExitCode::FAILURE
        }
        Err(Failure::Usage(why)) => {
            out::say(&format!("{why}; see `wscodec --help`"));
            ExitCode::from(2)
        }
    }
}
