//! `cargo xtask bench server`: echo servers in turns, ours and those of others. `bench tokio`: those on
//! tokio, in more cases.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::plan::Plan;
use super::run;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{build, paths, wasi};

/// The servers that are measured, and those that do not have to be built.
struct Server {
    name: &'static str,
    way: Way,
}

enum Way {
    /// Our program, with one event loop.
    Native,
    /// The component on a wasmtime.
    Component,
    /// One of the program that makes the load.
    Peer(&'static str),
    /// One of them on tokio's multi-thread runtime with two workers.
    Workers(&'static str),
    /// A script in `bench/server`, which Node runs.
    Script(&'static str),
}

/// The cases of `bench tokio`: each number of connections with one and with 16 messages on the way, by
/// three lengths, and compressed JSON.
const TOKIO: &str = "1x1x64,100x1x64,1000x1x64,1x16x64,100x16x64,1000x16x64,\
    1x1x1024,100x1x1024,1000x1x1024,1x16x1024,100x16x1024,1000x16x1024,\
    1x1x16384,100x1x16384,1000x1x16384,1x16x16384,100x16x16384,1000x16x16384,\
    100x1x100z,100x16x100z,100x1x1024z,100x16x1024z";

/// The first is what the others are compared with.
const SERVERS: [Server; 22] = [
    server("wscodec", Way::Native),
    server("wscodec on WASI", Way::Component),
    server("raw bytes, one loop", Way::Peer("raw")),
    server("wscodec-tokio, send", Way::Peer("tokio send 1")),
    server("wscodec-tokio, feed", Way::Peer("tokio feed 1")),
    server("wscodec-tokio, lend", Way::Peer("tokio lend 1")),
    server("fastwebsockets", Way::Peer("tokio fastwebsockets 1")),
    server("sockudo-ws", Way::Peer("tokio sockudo-ws 1")),
    server("tokio-tungstenite", Way::Peer("tokio tokio-tungstenite 1")),
    server("tokio-websockets", Way::Peer("tokio tokio-websockets 1")),
    server("yawc", Way::Peer("tokio yawc 1")),
    server(
        "wscodec-tokio, send, two workers",
        Way::Workers("tokio send 2"),
    ),
    server(
        "wscodec-tokio, feed, two workers",
        Way::Workers("tokio feed 2"),
    ),
    server(
        "wscodec-tokio, lend, two workers",
        Way::Workers("tokio lend 2"),
    ),
    server(
        "fastwebsockets, two workers",
        Way::Workers("tokio fastwebsockets 2"),
    ),
    server(
        "sockudo-ws, two workers",
        Way::Workers("tokio sockudo-ws 2"),
    ),
    server(
        "tokio-tungstenite, two workers",
        Way::Workers("tokio tokio-tungstenite 2"),
    ),
    server(
        "tokio-websockets, two workers",
        Way::Workers("tokio tokio-websockets 2"),
    ),
    server("yawc, two workers", Way::Workers("tokio yawc 2")),
    server("tungstenite, a thread each", Way::Peer("tungstenite")),
    server("wscodec in Node", Way::Script("node.mjs")),
    server("ws with bufferutil", Way::Script("ws.mjs")),
];

const fn server(name: &'static str, way: Way) -> Server {
    Server { name, way }
}

/// Builds what there is to build, and loads all servers in turns. What can't be had is skipped.
pub(super) fn measure(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    let mut load = None;
    report.step("bench: the load", || {
        load = Some(build_load()?);
        Ok(Outcome::Done(String::new()))
    });
    let Some(load) = load else {
        return false;
    };
    let mut commands = Vec::new();
    for server in SERVERS.iter().filter(|it| chosen(plan, it)) {
        if let Way::Script("node.mjs") = server.way
            && !build::needed_by(report, &format!("bench: {}", server.name))
        {
            continue;
        }
        report.step(&format!("bench: {}", server.name), || {
            Ok(match command(&server.way, &load)? {
                Ok((words, version)) => {
                    let words: Vec<_> = words.iter().map(|it| it.to_string_lossy()).collect();
                    // The words of a command have tabs between them.
                    commands.push((server.name.to_owned(), words.join("\t")));
                    Outcome::Done(version)
                }
                Err(why) => Outcome::Skipped(why),
            })
        });
    }
    for (name, command) in &plan.peers {
        let words: Vec<_> = command.split_whitespace().collect();
        commands.push((name.clone(), words.join("\t")));
    }
    run::measure(report, "bench: servers", results, || {
        let time = match (plan.quick, plan.kind) {
            (true, _) => "100",
            (false, "tokio") => "400",
            (false, _) => "1000",
        };
        let cases = match plan.kind {
            "tokio" => TOKIO,
            _ => "all",
        };
        let mut tool = Tool::at(load.as_os_str(), "wscodec-bench-server")
            .args(["compare", &plan.rounds.to_string(), time])
            .args([plan.cases.as_deref().unwrap_or(cases)]);
        for (name, command) in &commands {
            tool = tool.args([name, command]);
        }
        Ok(tool)
    })
}

fn chosen(plan: &Plan, server: &Server) -> bool {
    if plan.kind == "tokio" && !server.way.is_on_tokio() {
        return false;
    }
    let list = plan.only.as_deref();
    list.is_none_or(|list| list.split(';').any(|it| it == server.name))
}

impl Way {
    fn is_on_tokio(&self) -> bool {
        matches!(self, Self::Peer(name) | Self::Workers(name) if name.starts_with("tokio "))
    }
}

fn target() -> Result<PathBuf, Failure> {
    Ok(run::folder()?.join("server"))
}

fn program(name: &str) -> Result<PathBuf, Failure> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(target()?.join("release").join(name))
}

/// The program that makes the load, and has some of the peers in it.
fn build_load() -> Result<PathBuf, Failure> {
    cargo()
        .args(["build", "--release", "--manifest-path"])
        .args(["bench/server/Cargo.toml", "--target-dir"])
        .args([target()?])
        .run()?;
    program("wscodec-bench-server")
}

/// The words that start a server, `{port}` among them, and what is to be said of its version; or
/// why it can't be had.
type Words = Result<(Vec<OsString>, String), String>;

fn command(way: &Way, load: &Path) -> Result<Words, Failure> {
    let port = || OsString::from("{port}");
    let listen = ["--listen", "127.0.0.1:{port}"].map(OsString::from);
    let (mut words, version) = match way {
        Way::Native => {
            cargo()
                .args([
                    "build",
                    "--release",
                    "--package",
                    "wscodec-cli",
                    "--target-dir",
                ])
                .args([target()?])
                .run()?;
            let words = ["serve", "--loops", "1"].map(OsString::from);
            let program = program("wscodec")?.into();
            ([vec![program], words.into()].concat(), String::new())
        }
        Way::Component => {
            let runner = match wasi::tested() {
                Ok(runner) => runner,
                Err(failure) => return Ok(Err(failure.to_string())),
            };
            let component = wasi::build()?.into();
            let words = [component, "serve".into()];
            ([runner.words, words.into()].concat(), runner.version)
        }
        Way::Peer(name) | Way::Workers(name) => {
            let all = matches!(way, Way::Workers(_)).then(|| "all-cores".into());
            let name = name.split_whitespace().map(OsString::from);
            let words = all.into_iter().chain([load.into()]).chain(name);
            let words = words.chain([port()]).collect();
            return Ok(Ok((words, String::new())));
        }
        Way::Script(name) => {
            let script = paths::root().join("bench/server").join(name);
            // It fails where something is missing, such as a build of bufferutil.
            let probe = Tool::new("node").args([script.as_os_str(), "probe".as_ref()]);
            if probe.run().is_err() {
                let why = format!("`node bench/server/{name} probe` says what is missing");
                return Ok(Err(why));
            }
            let words = vec!["node".into(), script.into(), port()];
            return Ok(Ok((words, String::new())));
        }
    };
    words.extend(listen);
    Ok(Ok((words, version)))
}
