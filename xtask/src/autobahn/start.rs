//! The start of a program that the suite tests.

use std::ffi::OsString;
use std::process::Command;

use crate::paths;

/// Which end of the connection is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Server,
    Client,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// Whether a target can be run here.
pub enum Ready {
    Yes(Start),
    /// Why not, as half a sentence.
    No(String),
}

/// How to start a program. In its arguments `{port}` stands for the port that a server has to
/// listen on, `{url}` for the base URL that a client has to connect to, and `{agent}` for the
/// name that it has to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    pub program: OsString,
    pub args: Vec<String>,
    pub env: Vec<(&'static str, OsString)>,
    /// The program that runs it, with its version.
    pub runtime: String,
}

impl Start {
    /// A command line split at its spaces.
    pub fn line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some(Self {
            program: words.next()?.into(),
            args: words.collect(),
            env: Vec::new(),
            runtime: line.to_owned(),
        })
    }

    /// The command with a port filled in.
    pub fn command(&self, port: u16, agent: &str) -> Command {
        let mut command = Command::new(&self.program);
        let url = format!("ws://127.0.0.1:{port}");
        for arg in &self.args {
            command.arg(
                arg.replace("{port}", &port.to_string())
                    .replace("{url}", &url)
                    .replace("{agent}", agent),
            );
        }
        command.envs(self.env.iter().cloned());
        command.current_dir(paths::root());
        command
    }
}

#[cfg(test)]
mod tests {
    use super::Start;

    #[test]
    fn fills_in() {
        let start = Start::line("node peer.mjs {port} {url}/x {agent}").expect("a command");
        let command = start.command(9001, "someone");
        let args: Vec<_> = command.get_args().collect();
        let expected = ["peer.mjs", "9001", "ws://127.0.0.1:9001/x", "someone"];
        assert_eq!(args, expected);
        assert_eq!(command.get_program(), "node");
        assert_eq!(Start::line("  "), None);
    }
}
