//! What the suite is run against: a table of our programs, or any command line.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::{WASI, ensure_targets};
use crate::{node as nodejs, paths};

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

/// One of ours.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    /// Whether it needs the npm package built.
    pub package: bool,
    /// Builds it.
    pub prepare: fn(Role) -> Result<Ready, Failure>,
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
    /// What runs it, with its version.
    pub runtime: String,
}

/// All of ours. A server listens on a port of 127.0.0.1 and echoes messages; that it listens
/// is known by a connection that succeeds. A client asks `{url}/getCaseCount` for the number
/// of cases, echoes in `{url}/runCase?case=N&agent={agent}` for each, asks for
/// `{url}/updateReports?agent={agent}`, and ends.
pub const TARGETS: [Target; 5] = [
    target("native", native),
    target("wasi", wasi),
    javascript("node", node),
    javascript("deno", deno),
    javascript("bun", bun),
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

/// What the native and the WASI target are built from.
struct Program {
    kind: &'static str,
    name: &'static str,
    /// Arguments for cargo.
    choose: [&'static str; 2],
    folder: &'static str,
    args: &'static [&'static str],
}

fn program(role: Role) -> Program {
    match role {
        Role::Server => Program {
            kind: "bin",
            name: "wscodec",
            choose: ["--bin", "wscodec"],
            folder: "",
            args: &["serve", "--listen", "127.0.0.1:{port}"],
        },
        Role::Client => Program {
            kind: "example",
            name: "autobahn_client",
            choose: ["--example", "autobahn_client"],
            folder: "examples",
            args: &["{url}", "{agent}"],
        },
    }
}

/// The features that a program of the crate needs; `None` if there is no such program.
fn required_features(kind: &str, name: &str) -> Result<Option<Vec<String>>, Failure> {
    let text = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdout()?;
    let metadata: serde_json::Value = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("cargo metadata gave no JSON: {error}")))?;
    let targets = metadata["packages"].as_array().into_iter().flatten();
    let mut targets = targets
        .filter(|package| package["name"] == "wscodec")
        .flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let found = targets.find(|target| target["name"] == name && target["kind"][0] == kind);
    Ok(found.map(|target| {
        let features = target["required-features"].as_array().into_iter().flatten();
        features
            .filter_map(|feature| feature.as_str().map(str::to_owned))
            .collect()
    }))
}

/// Whether the crate has this role's program at all.
pub fn exists(role: Role) -> Result<bool, Failure> {
    let program = program(role);
    Ok(required_features(program.kind, program.name)?.is_some())
}

/// Builds a program of the crate, and gives the file; an error text if there is none.
fn build(program: &Program, triple: Option<&str>) -> Result<Result<PathBuf, String>, Failure> {
    let Some(features) = required_features(program.kind, program.name)? else {
        let (kind, name) = (program.kind, program.name);
        return Ok(Err(format!("the crate has no {kind} target `{name}`")));
    };
    let mut tool = cargo()
        .args(["build", "--release", "--package", "wscodec"])
        .args(program.choose);
    if !features.is_empty() {
        tool = tool.args(["--features", &features.join(",")]);
    }
    let mut file = paths::target()?;
    if let Some(triple) = triple {
        tool = tool.args(["--target", triple]);
        file.push(triple);
    }
    tool.run()?;
    file.push("release");
    file.push(program.folder);
    Ok(Ok(file.join(program.name)))
}

fn native(role: Role) -> Result<Ready, Failure> {
    let program = program(role);
    let file = match build(&program, None)? {
        Ok(file) => file,
        Err(why) => return Ok(Ready::No(why)),
    };
    let compiler = Tool::new("rustc").args(["--version"]).stdout()?;
    Ok(Ready::Yes(Start {
        program: file.with_extension(env::consts::EXE_EXTENSION).into(),
        args: program.args.iter().map(|arg| (*arg).to_owned()).collect(),
        env: Vec::new(),
        runtime: compiler.trim().to_owned(),
    }))
}

fn wasi(role: Role) -> Result<Ready, Failure> {
    let runner = env::var_os("WASMTIME").unwrap_or_else(|| "wasmtime".into());
    let version = Tool::at(&runner, "wasmtime").args(["--version"]).stdout();
    let Ok(version) = version else {
        return Ok(Ready::No(
            "there is no wasmtime on PATH, nor named in WASMTIME".to_owned(),
        ));
    };
    ensure_targets(&[WASI])?;
    let program = program(role);
    let file = match build(&program, Some(WASI))? {
        Ok(file) => file.with_extension("wasm"),
        Err(why) => return Ok(Ready::No(why)),
    };
    let mut args = ["run", "-S", "inherit-network"].map(str::to_owned).to_vec();
    args.push(file.to_string_lossy().into_owned());
    args.extend(program.args.iter().map(|arg| (*arg).to_owned()));
    Ok(Ready::Yes(Start {
        program: runner,
        args,
        env: Vec::new(),
        runtime: version.trim().to_owned(),
    }))
}

/// The program of a runtime: `js/autobahn/node/server.mjs PORT`, and `client.mjs URL AGENT`.
fn script(runtime: &str, role: Role) -> Result<PathBuf, String> {
    let name = format!("js/autobahn/{runtime}/{}.mjs", role.name());
    let file = paths::root().join(&name);
    match file.exists() {
        true => Ok(file),
        false => Err(format!("there is no {name}")),
    }
}

fn runs(
    program: impl Into<OsString>,
    before: &[String],
    script: PathBuf,
    role: Role,
    runtime: String,
) -> Ready {
    let mut args = before.to_vec();
    args.push(script.to_string_lossy().into_owned());
    match role {
        Role::Server => args.push("{port}".to_owned()),
        Role::Client => args.extend(["{url}", "{agent}"].map(str::to_owned)),
    }
    Ready::Yes(Start {
        program: program.into(),
        args,
        env: Vec::new(),
        runtime,
    })
}

fn node(role: Role) -> Result<Ready, Failure> {
    let version = nodejs::version()?;
    Ok(match script("node", role) {
        Ok(script) => runs("node", &[], script, role, format!("Node {version}")),
        Err(why) => Ready::No(why),
    })
}

fn deno(role: Role) -> Result<Ready, Failure> {
    let Some(version) = nodejs::deno_version() else {
        return Ok(Ready::No(nodejs::NO_DENO.to_owned()));
    };
    let script = match script("deno", role) {
        Ok(script) => script,
        Err(why) => return Ok(Ready::No(why)),
    };
    let deno = paths::js().join("node_modules/deno/bin.cjs");
    let before = [
        &*deno.to_string_lossy(),
        "run",
        "--allow-all",
        "--no-config",
        "--no-lock",
        "--no-remote",
        "--node-modules-dir=manual",
    ]
    .map(str::to_owned);
    let mut ready = runs("node", &before, script, role, version);
    if let Ready::Yes(start) = &mut ready {
        let cache = paths::target()?.join("wscodec-deno");
        start.env = vec![
            ("DENO_DIR", cache.into()),
            ("DENO_NO_UPDATE_CHECK", "1".into()),
            ("NO_COLOR", "1".into()),
        ];
    }
    Ok(ready)
}

fn bun(role: Role) -> Result<Ready, Failure> {
    let installed = paths::js().join("node_modules/bun/bin/bun.exe");
    let bun: OsString = match installed.exists() {
        true => installed.into(),
        false => "bun".into(),
    };
    let Ok(version) = Tool::at(&bun, "bun").args(["--version"]).stdout() else {
        return Ok(Ready::No("there is no Bun that starts here".to_owned()));
    };
    Ok(match script("bun", role) {
        Ok(script) => runs(bun, &[], script, role, format!("Bun {}", version.trim())),
        Err(why) => Ready::No(why),
    })
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
