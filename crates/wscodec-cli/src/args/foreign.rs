//! Definitions of a command that reads its own words, made of its help: for completions and man
//! pages.
//!
//! The help has a line for each option, indented by two, with the description behind at least two
//! spaces or in the lines below, and headings that end with a colon.

#[cfg(not(target_os = "wasi"))]
use std::ffi::OsString;

#[cfg(not(target_os = "wasi"))]
use clap::ArgMatches;
use clap::{Arg, ArgAction, Command};

/// The command, as its help describes it.
pub(crate) fn command(name: &'static str, help: &'static str) -> Command {
    Command::new(name)
        .disable_help_flag(false)
        .args(arguments(help))
}

/// The words that a command with such arguments was given, for the one that reads its own words.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn words(arguments: impl Iterator<Item = Arg>, given: &ArgMatches) -> Vec<OsString> {
    let mut words = Vec::new();
    for arg in arguments {
        let name = arg.get_id().as_str();
        if !arg.get_action().takes_values() {
            words.extend(given.get_flag(name).then(|| format!("--{name}").into()));
            continue;
        }
        for value in given.get_many::<String>(name).into_iter().flatten() {
            words.push(format!("--{name}={value}").into());
        }
    }
    words
}

/// The arguments that a help describes.
pub(crate) fn arguments(help: &'static str) -> Vec<Arg> {
    let mut arguments = Vec::new();
    let mut heading = None;
    let mut lines = help.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(text) = line.strip_suffix(':').filter(|it| !it.starts_with(' ')) {
            heading = Some(text);
        }
        let Some(entry) = line.strip_prefix("  ").filter(|it| !it.starts_with(' ')) else {
            continue;
        };
        let (names, text) = entry.split_once("  ").unwrap_or((entry, ""));
        let mut text = text.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("     ")) {
            text = format!("{text} {}", more.trim()).trim().to_owned();
        }
        for name in names.split(", ") {
            arguments.push(arg(name, &text).help_heading(heading));
        }
    }
    arguments
}

/// An option such as `--preview BYTES`, or a positional argument such as `FILE`.
fn arg(name: &'static str, help: &str) -> Arg {
    let (name, value) = name.split_once(' ').unwrap_or((name, ""));
    match name.strip_prefix("--") {
        None => Arg::new(name).help(help.to_owned()).num_args(1..),
        Some(long) => {
            let arg = Arg::new(long).long(long).help(help.to_owned());
            match value {
                "" => arg.action(ArgAction::SetTrue),
                value => arg.value_name(value).action(ArgAction::Append),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_is_read() {
        let help = "\
Does things.

Usage: it [OPTION...] FILE

  FILE                    A file.
                          Or none.

Which things:
  --color, --no-color     Colours.
  --a-long-option VALUE
                          All of it.
";
        let command = command("it", help);
        let found: Vec<_> = command.get_arguments().map(Arg::get_id).collect();
        assert_eq!(found, ["FILE", "color", "no-color", "a-long-option"]);
        let last = command.get_arguments().last().unwrap();
        assert_eq!(last.get_help().unwrap().to_string(), "All of it.");
        assert_eq!(last.get_help_heading(), Some("Which things"));
        assert!(last.get_action().takes_values());
    }
}
