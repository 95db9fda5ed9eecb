//! `wscodec completions` and `wscodec man`: scripts for shells and man pages, made of the definitions
//! of the options.

use std::io;
use std::path::Path;

use clap_complete::Shell;
use clap_mangen::Man;

use crate::args::{self, CompletionsArgs, ManArgs};
use crate::out::print;
use crate::{Failure, args::unusable};

pub(crate) fn completions(arguments: &CompletionsArgs) -> Result<(), Failure> {
    // The parser has checked the name.
    let Ok(shell) = arguments.shell.parse::<Shell>() else {
        return Err(unusable("completions", "there is no such shell"));
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::documented(), "wscodec", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(crate) fn man(arguments: &ManArgs) -> Result<(), Failure> {
    let program = args::documented();
    if let Some(directory) = &arguments.directory {
        let commands = program
            .get_subcommands()
            .filter(|it| it.get_name() != "help");
        for command in [&program].into_iter().chain(commands) {
            write(command, directory).map_err(|e| {
                Failure::Run(format!("can't write to {}: {e}", directory.display()))
            })?;
        }
        return Ok(());
    }
    let command = match &arguments.command {
        None => &program,
        Some(name) => match program.find_subcommand(name) {
            Some(command) => command,
            None => return Err(unusable("man", format!("there is no command {name:?}"))),
        },
    };
    print(&String::from_utf8_lossy(&page(command)))
}

fn write(command: &clap::Command, directory: &Path) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    std::fs::write(directory.join(format!("{name}.1")), page(command))
}

/// The page of a command. Writing to memory does not fail.
fn page(command: &clap::Command) -> Vec<u8> {
    let mut page = Vec::new();
    let version = concat!("wscodec ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone())
        .manual("User Commands")
        .source(version);
    let _ = man.render(&mut page);
    page
}
