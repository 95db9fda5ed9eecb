//! The `wscodec` command: an echo server and a plain client, to try things with.

mod args;
mod connect;
mod help;
mod log;
mod serve;
mod stop;

use std::process::ExitCode;

/// What a run can end with besides success.
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
        Ok(args::Command::Help(text)) => {
            print!("{text}");
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Run(why)) => {
            eprintln!("wscodec: {why}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(why)) => {
            eprintln!("wscodec: {why}; see `wscodec --help`");
            ExitCode::from(2)
        }
    }
}
