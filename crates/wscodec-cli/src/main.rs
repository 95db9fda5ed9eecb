//! The `wscodec` command: a server, a client, an inspector of captures, a tap of live
//! connections, and a replay of recorded ones.

mod args;
mod connect;
mod failed;
mod failure;
mod input;
mod inspect;
mod json;
mod listen;
mod log;
mod out;
#[cfg(not(target_os = "wasi"))]
mod page;
mod pages;
mod pings;
#[cfg(not(target_os = "wasi"))]
mod pointer;
mod program;
#[cfg_attr(target_os = "wasi", path = "no_proxy.rs")]
mod proxy;
#[cfg_attr(not(unix), path = "no_relay.rs")]
mod relay;
#[cfg(not(target_os = "wasi"))]
mod replay;
mod serve;
mod stop;
mod talk;
#[cfg(not(target_os = "wasi"))]
mod tap;
mod target;
#[cfg_attr(not(unix), path = "no_terminal.rs")]
mod terminal;
mod tls;
#[cfg(not(target_os = "wasi"))]
mod upstream;

use std::process::ExitCode;

use args::Command;
use failure::Failure;

fn main() -> ExitCode {
    let result = match Command::from_env() {
        Ok(Command::Serve(arguments)) => serve::run(&arguments),
        Ok(Command::Connect(arguments)) => connect::run(&arguments),
        Ok(Command::Inspect(arguments)) => inspect::run(arguments.words),
        #[cfg(not(target_os = "wasi"))]
        Ok(Command::Tap(arguments)) => tap::run(*arguments),
        #[cfg(not(target_os = "wasi"))]
        Ok(Command::Replay(arguments)) => replay::run(&arguments),
        Ok(Command::Completions(arguments)) => pages::completions(&arguments),
        Ok(Command::Man(arguments)) => pages::man(&arguments),
        // A text that was asked for.
        Err(text) if !text.use_stderr() => out::print(&text.to_string()),
        Err(error) => Err(Failure::Usage(error)),
    };
    terminal::restore();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Run(why)) => failed(1, &format!("wscodec: {why}\n")),
        Err(Failure::Status(status)) => exit(status),
        Err(Failure::Usage(error)) => failed(2, &error.to_string()),
        Err(Failure::Unusable { command, why }) => {
            failed(2, &args::error(&command, why).to_string())
        }
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
