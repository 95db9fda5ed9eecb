//! The arguments of `cargo xtask autobahn`.

use std::path::PathBuf;
use std::thread;

use super::start::{Role, Start};
use super::target::{TARGETS, Target};
use crate::arguments::{Arguments, Wrong, unknown};

/// The thing that is tested.
#[derive(Debug)]
pub enum Peer {
    Target(Target),
    /// Another implementation, by its command line.
    Command(Start),
}

impl Peer {
    pub fn name(&self) -> &str {
        match self {
            Self::Target(target) => target.name,
            Self::Command(_) => "peer",
        }
    }
}

/// The parsed command line.
#[derive(Debug)]
pub struct Plan {
    pub peer: Peer,
    pub role: Role,
    pub cases: String,
    pub exclude: String,
    pub quick: bool,
    pub jobs: usize,
    pub json: Option<PathBuf>,
}

impl Plan {
    /// The part of `cargo xtask test`.
    pub fn quick(target: Target, role: Role) -> Self {
        Self {
            peer: Peer::Target(target),
            role,
            cases: "*".to_owned(),
            exclude: String::new(),
            quick: true,
            jobs: cores(),
            json: None,
        }
    }

    /// Reads the arguments; `None` if there are none.
    pub fn read(arguments: &mut Arguments) -> Result<Option<Self>, Wrong> {
        let mut peer = None;
        let mut role = None;
        let mut cases = "*".to_owned();
        let mut exclude = String::new();
        let mut quick = false;
        let mut jobs = cores();
        let mut json = None;
        let mut empty = true;
        while let Some(word) = arguments.word()? {
            empty = false;
            match &word[..] {
                "--quick" => quick = true,
                "--target" => peer = Some(target(&arguments.text()?)?),
                "--peer" => peer = Some(command(&arguments.text()?)?),
                "--role" => role = Some(read_role(&arguments.text()?)?),
                "--cases" => cases = arguments.text()?,
                "--exclude" => exclude = arguments.text()?,
                "--json" => json = Some(arguments.text()?.into()),
                "--jobs" => {
                    let fits = |jobs: &usize| (1..=64).contains(jobs);
                    jobs = arguments.value("a number from 1 to 64", fits)?;
                }
                other => return Err(unknown(other)),
            }
        }
        if empty {
            return Ok(None);
        }
        Ok(Some(Self {
            peer: peer.ok_or_else(|| format!("`autobahn` needs `--target {}`", names()))?,
            role: role.ok_or("`autobahn` needs `--role server` or `--role client`")?,
            cases,
            exclude,
            quick,
            jobs,
            json,
        }))
    }
}

fn target(name: &str) -> Result<Peer, String> {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    let found = found.map(Peer::Target);
    found.ok_or_else(|| format!("`--target` takes one of {}, not `{name}`", names()))
}

fn command(line: &str) -> Result<Peer, String> {
    let start = Start::line(line).map(Peer::Command);
    start.ok_or("`--peer` takes a command line".to_owned())
}

fn read_role(name: &str) -> Result<Role, String> {
    let mut roles = [Role::Server, Role::Client].into_iter();
    let found = roles.find(|role| role.name() == name);
    found.ok_or_else(|| format!("`--role` takes server or client, not `{name}`"))
}

fn names() -> String {
    TARGETS.map(|target| target.name).join("|")
}

/// As many processes as there are cores, but not too many for the time limits of the cases.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

#[cfg(test)]
mod tests {
    use super::{Peer, Plan};
    use crate::arguments::{Arguments, Wrong};
    use crate::autobahn::start::Role;

    fn read(line: &str) -> Result<Plan, Wrong> {
        let plan = Plan::read(&mut Arguments::of(line.split_whitespace()))?;
        plan.ok_or_else(|| "nothing is asked for".into())
    }

    #[test]
    fn right() {
        let plan =
            read("--target wasi --role client --cases 1.*,2.* --exclude 2.1 --quick --jobs 3");
        let plan = plan.expect("this is right");
        assert_eq!((plan.peer.name(), plan.role), ("wasi", Role::Client));
        assert_eq!((&*plan.cases, &*plan.exclude), ("1.*,2.*", "2.1"));
        assert_eq!((plan.quick, plan.jobs, plan.json), (true, 3, None));
    }

    #[test]
    fn a_peers_command() {
        let words = ["--role", "server", "--peer", "node peer.mjs {port}"];
        let plan = Plan::read(&mut Arguments::of(words)).expect("this is right");
        let plan = plan.expect("something is asked for");
        assert!(matches!(plan.peer, Peer::Command(start) if start.args == ["peer.mjs", "{port}"]));
    }

    #[test]
    fn wrong() {
        for line in [
            "",
            "--target native",
            "--role server",
            "--target all --role server",
            "--target native --role both",
            "--target native --role server --jobs 0",
            "--target native --role server --jobs",
            "--target native --role server --json --quick",
            "--target native --role server 1.*",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
