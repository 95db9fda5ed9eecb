//! The targets of the suite: a table of our programs, or any command line.

use super::start::{Ready, Role};
use super::{program, script};
use crate::tool::Failure;

/// One of ours.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    /// Whether it needs the npm package built.
    pub package: bool,
    /// Builds it.
    pub prepare: fn(Role) -> Result<Ready, Failure>,
}

/// All of ours. A server listens on a port of 127.0.0.1 and echoes messages; that it listens
/// is known by a connection that succeeds. A client asks `{url}/getCaseCount` for the number
/// of cases, echoes in `{url}/runCase?case=N&agent={agent}` for each, asks for
/// `{url}/updateReports?agent={agent}`, and ends.
pub const TARGETS: [Target; 6] = [
    target("native", program::native),
    target("tokio", program::tokio),
    target("wasi", program::wasi),
    javascript("node", script::node),
    javascript("deno", script::deno),
    javascript("bun", script::bun),
];

const fn target(name: &'static str, prepare: fn(Role) -> Result<Ready, Failure>) -> Target {
    Target {
        name,
        package: false,
        prepare,
    }
}

const fn javascript(name: &'static str, prepare: fn(Role) -> Result<Ready, Failure>) -> Target {
    Target {
        name,
        package: true,
        prepare,
    }
}
