//! The command line: the definitions of all options, from which parsing, help, completions and man
//! pages are made.
//!
//! Every value is checked when it is read, and every error names its option. `inspect` reads its own
//! words, because it is also a command of the npm package: `foreign` makes definitions of its help.

mod client_tls;
mod compression;
mod connect;
mod foreign;
mod input;
#[cfg(not(target_os = "wasi"))]
mod replay;
mod rules;
mod serve;
#[cfg(not(target_os = "wasi"))]
mod tap;
mod values;

use std::ffi::OsString;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use client_tls::ClientTlsArgs;
pub(crate) use connect::ConnectArgs;
pub(crate) use input::{AtEnd, Cut};
#[cfg(not(target_os = "wasi"))]
pub(crate) use replay::ReplayArgs;
pub(crate) use rules::unusable;
pub(crate) use serve::ServeArgs;
#[cfg(not(target_os = "wasi"))]
pub(crate) use tap::{TapArgs, is_har};
pub(crate) use values::Listen;
#[cfg(unix)]
pub(crate) use values::Target;

/// The commands whose options are defined here.
#[cfg(not(target_os = "wasi"))]
const COMMANDS: [&str; 4] = ["serve", "connect", "tap", "replay"];
#[cfg(target_os = "wasi")]
const COMMANDS: [&str; 2] = ["serve", "connect"];

/// Columns of a help text, at most.
const WIDTH: usize = 96;

/// WebSockets from the command line.
#[derive(Debug, Parser)]
#[command(
    name = "wscodec",
    version,
    after_help = "Exit status: 0 for success, 1 if it could not be done, 2 if the command line makes \
                  no sense."
)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(Box<ServeArgs>),
    Connect(Box<ConnectArgs>),
    Inspect(InspectArgs),
    #[cfg(not(target_os = "wasi"))]
    Tap(Box<TapArgs>),
    #[cfg(not(target_os = "wasi"))]
    Replay(Box<ReplayArgs>),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// Show the WebSocket connections, frames and messages of a capture
#[derive(Debug, Args)]
#[command(disable_help_flag = true, override_help = wscodec_inspect::command::HELP)]
pub(crate) struct InspectArgs {
    /// The words that it reads by itself.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) words: Vec<OsString>,
}

/// Write a script that completes this program's options in a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash, for example:\n  wscodec completions bash > \
                  ~/.local/share/bash-completion/completions/wscodec")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_parser = ["bash", "elvish", "fish", "powershell", "zsh"])]
    pub(crate) shell: String,
}

/// Write a man page, or all of them, in the format of roff
#[derive(Debug, Args)]
#[command(after_help = "To read one:\n  wscodec man connect | man -l -")]
pub(crate) struct ManArgs {
    /// The command; default: the program as a whole
    pub(crate) command: Option<String>,
    /// Write the pages of all commands into this directory, as wscodec.1, wscodec-serve.1 and so on
    #[arg(long, value_name = "PATH", conflicts_with = "command")]
    pub(crate) directory: Option<std::path::PathBuf>,
}

impl Command {
    /// Reads the words of the command line.
    pub(crate) fn from_env() -> Result<Self, clap::Error> {
        let matches = program().try_get_matches()?;
        #[cfg_attr(target_os = "wasi", expect(unused_mut, reason = "there is no tap"))]
        let mut command = Program::from_arg_matches(&matches)?.command;
        #[cfg(not(target_os = "wasi"))]
        if let (Self::Tap(arguments), Some(("tap", given))) = (&mut command, matches.subcommand()) {
            arguments.shown = foreign::words(shown(), given);
        }
        Ok(command)
    }
}

/// The definitions, as they are parsed.
fn program() -> clap::Command {
    let program = Program::command()
        .max_term_width(WIDTH)
        .disable_help_subcommand(false);
    #[cfg(not(target_os = "wasi"))]
    let program = program.mut_subcommand("tap", |tap| tap.args(shown()));
    COMMANDS.into_iter().fold(program, |it, name| {
        it.mut_subcommand(name, |command| {
            // The last one counts, so that an alias of the shell can be overruled.
            command.args_override_self(true).mut_args(|arg| {
                match arg.get_action().takes_values() && !arg.is_positional() {
                    // The check of the value says why it is not one.
                    true => arg.allow_negative_numbers(true),
                    false => arg,
                }
            })
        })
    })
}

/// The options of `inspect` that `tap` has as well: those of the output.
#[cfg(not(target_os = "wasi"))]
fn shown() -> impl Iterator<Item = clap::Arg> {
    let all = foreign::arguments(wscodec_inspect::command::HELP);
    all.into_iter().filter(|arg| {
        let of_input = arg.get_help_heading().is_none_or(|it| it == "Input");
        // `--record` writes such a file.
        !of_input && arg.get_id() != "har"
    })
}

/// The definitions of all commands, for completions and man pages.
pub(crate) fn documented() -> clap::Command {
    let mut program = program().mut_subcommand("inspect", |inspect| {
        foreign::command("inspect", wscodec_inspect::command::HELP)
            .about(inspect.get_about().cloned().unwrap_or_default())
    });
    program.build();
    program
}

/// The error for options that can't be used, with the usage of their command.
pub(crate) fn error(command: &str, why: String) -> clap::Error {
    let mut program = documented();
    let error = clap::error::ErrorKind::ValueValidation;
    match program.find_subcommand_mut(command) {
        Some(command) => command.error(error, why),
        None => program.error(error, why),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_definitions_are_consistent() {
        super::program().debug_assert();
        super::documented().debug_assert();
    }
}
