//! The `wscodec` command: an echo server, a plain client, and an inspector of captures.

mod args;
mod connect;
mod failed;
mod help;
mod inspect;
mod json;
mod listen;
mod log;
mod out;
mod serve;
mod stop;
mod talk;
mod target;
mod tls;

use std::process::ExitCode;

/// How a run ends otherwise than by success.
#[derive(Debug)]
enum Failure {
    /// The arguments make no sense: status 2.
    Usage(String),
    /// It can't be done: status 1, with a line that says why.
    Run(String),
    /// The status says all.
    Status(u8),
}

fn main() -> ExitCode {
    let mut arguments = args::Arguments::from_env();
    let result = match arguments.command() {
        Ok(args::Command::Serve) => serve::run(&mut arguments),
        Ok(args::Command::Connect) => connect::run(&mut arguments),
        Ok(args::Command::Inspect) => inspect::run(&mut arguments),
        Ok(args::Command::Print(text)) => out::print(text),
        Err(failure) => Err(failure),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Run(why)) => failed(1, &format!("wscodec: {why}\n")),
        Err(Failure::Status(status)) => exit(status),
        Err(Failure::Usage(why)) => failed(2, &format!("wscodec: {why}; see `wscodec --help`\n")),
    }
}

/// Says why, and ends with this status. The process ends even if nobody reads its standard error.
fn failed(status: u8, why: &str) -> ExitCode {
    log::line(why.to_owned());
    log::finish();
    exit(status)
}

fn exit(status: u8) -> ExitCode {
    // The standard library's exit on WASI knows success and failure only.
    #[cfg(target_os = "wasi")]
    wasi::cli::exit::exit_with_code(status);
    ExitCode::from(status)
}
