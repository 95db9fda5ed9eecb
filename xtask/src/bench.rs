//! `cargo xtask bench`: us and other implementations on the same bytes in the same run.
//!
//! The measuring is done by programs of their own, in `bench/`; they give their tables as
//! JSON. Here they are built and started, and what they gave is kept and printed.

mod server;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{build, node, package, paths, table};

const KINDS: [&str; 7] = [
    "native",
    "js",
    "handshake",
    "deflate",
    "server",
    "size",
    "growth",
];

/// What was asked for.
struct Plan {
    kind: &'static str,
    rounds: u32,
    json: Option<PathBuf>,
    quick: bool,
    runtime: Option<String>,
    /// Of servers: which cases, if not all; which of those that are known here; and others, by
    /// name and command.
    cases: Option<String>,
    only: Option<String>,
    peers: Vec<(String, String)>,
}

/// Runs `bench` with these arguments; an error is what is wrong with them.
pub fn bench(report: &mut Report, arguments: &[String]) -> Result<ExitCode, String> {
    if let Some((first, files)) = arguments.split_first()
        && first == "table"
    {
        return Ok(show(files));
    }
    if let Some((first, words)) = arguments.split_first()
        && first == "plot"
    {
        plot(report, words)?;
        return Ok(report.close());
    }
    let plan = plan(arguments)?;
    let mut results = Vec::new();
    if plan.kind == "server" {
        if server::measure(report, &plan, &mut results) {
            keep(report, &plan, &results);
        }
        return Ok(report.close());
    }
    if plan.kind != "size" && !native(report, &plan, &mut results) {
        return Ok(report.close());
    }
    if !matches!(plan.kind, "native" | "growth") && !javascript(report, &plan, &mut results) {
        return Ok(report.close());
    }
    keep(report, &plan, &results);
    Ok(report.close())
}

/// Keeps what was measured in a file, and prints it.
fn keep(report: &mut Report, plan: &Plan, results: &[Value]) {
    let result = describe(plan, results);
    report.step("bench: result", || {
        let path = match &plan.json {
            Some(path) => path.clone(),
            None => folder()?.join(format!("{}.json", plan.kind)),
        };
        let text =
            serde_json::to_string_pretty(&result).map_err(|e| Failure::new(e.to_string()))?;
        fs::write(&path, text + "\n").map_err(|error| Failure::file("write", &path, &error))?;
        let shown = path.strip_prefix(paths::root()).unwrap_or(&path);
        Ok(Outcome::Done(shown.display().to_string()))
    });
    println!("\n{}", table::markdown(&result));
}

/// Draws tables of an earlier result.
fn plot(report: &mut Report, words: &[String]) -> Result<(), String> {
    if words.len() < 2 {
        return Err("`bench plot` takes a result, the SVG to write, and titles of tables".into());
    }
    report.step("bench: plot", || {
        cargo()
            .args(["run", "--release", "--manifest-path"])
            .args(["bench/plot/Cargo.toml", "--target-dir"])
            .args([folder()?.join("plot")])
            .args(["--"])
            .args(words)
            .run()
            .map(|_| Outcome::Done(words[1].clone()))
    });
    Ok(())
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let kinds = KINDS.join(", ");
    let mut words = arguments.iter();
    let mut kind = None;
    let mut rounds = None;
    let mut json = None;
    let mut quick = false;
    let mut runtime = None;
    let (mut cases, mut only, mut peers) = (None, None, Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => quick = true,
            "--rounds" => {
                let number = words.next().and_then(|text| text.parse().ok());
                let number = number.filter(|number| *number > 0);
                rounds = Some(number.ok_or("`--rounds` takes a number above 0")?);
            }
            "--json" => json = Some(words.next().ok_or("`--json` takes a file")?.into()),
            "--runtime" => {
                let name = words
                    .next()
                    .ok_or("`--runtime` takes a name or a program")?;
                runtime = Some(name.clone());
            }
            "--cases" => cases = Some(words.next().ok_or("`--cases` takes a list")?.clone()),
            "--only" => only = Some(words.next().ok_or("`--only` takes a list")?.clone()),
            "--peer" => {
                let peer = words.next().and_then(|text| text.split_once('='));
                let peer = peer.filter(|(_, command)| command.contains("{port}"));
                let (name, command) =
                    peer.ok_or("`--peer` takes NAME=COMMAND, with {port} where it listens")?;
                peers.push((name.to_owned(), command.to_owned()));
            }
            word => match KINDS.iter().find(|kind| **kind == word) {
                Some(found) if kind.is_none() => kind = Some(*found),
                _ => return Err(format!("`bench` takes one of {kinds}, not `{word}`")),
            },
        }
    }
    let kind = kind.ok_or(format!("`bench` takes one of {kinds}"))?;
    if runtime.is_some() && kind != "js" {
        return Err("`--runtime` is for `bench js`".to_owned());
    }
    if kind != "server" && (cases.is_some() || only.is_some() || !peers.is_empty()) {
        return Err("`--cases`, `--only` and `--peer` are for `bench server`".to_owned());
    }
    Ok(Plan {
        kind,
        rounds: rounds.unwrap_or(if quick { 3 } else { 9 }),
        json,
        quick,
        runtime,
        cases,
        only,
        peers,
    })
}

/// Prints the tables of earlier results.
fn show(files: &[String]) -> ExitCode {
    for file in files {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{}", Failure::file("read", Path::new(file), &error));
                return ExitCode::FAILURE;
            }
        };
        match serde_json::from_str(&text) {
            Ok(result) => println!("{}", table::markdown(&result)),
            Err(error) => {
                eprintln!("{file} is no result of `bench`: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Where the benchmark is built, and its streams and results are put.
fn folder() -> Result<PathBuf, Failure> {
    let folder = paths::target()?.join("bench");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    Ok(folder)
}

/// The program that measures Rust, and writes the streams for JavaScript.
fn program() -> Result<Tool, Failure> {
    let name = format!("wscodec-bench{}", std::env::consts::EXE_SUFFIX);
    let path = folder()?.join("release").join(name);
    Ok(Tool::at(path.as_os_str(), "wscodec-bench"))
}

/// Builds the native part, and runs it if it is asked for.
fn native(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    let built = report.step("bench: build", || {
        cargo()
            .args(["build", "--release", "--manifest-path"])
            .args(["bench/native/Cargo.toml", "--target-dir"])
            .args([folder()?])
            .run()
            .map(|_| Outcome::Done(String::new()))
    });
    if plan.kind == "js" {
        return built;
    }
    built
        && measure(report, "bench: native", results, || {
            let milliseconds = if plan.quick { "2" } else { "20" };
            Ok(program()?.args([plan.kind, &plan.rounds.to_string(), milliseconds]))
        })
}

/// Builds the package, and measures it in Node.
fn javascript(report: &mut Report, plan: &Plan, results: &mut Vec<Value>) -> bool {
    if !build::needed_by(report, "bench: JavaScript") {
        return false;
    }
    if plan.kind != "size" {
        let written = report.step("bench: streams", || {
            program()?.args(["data".into(), data()?]).run()?;
            Ok(Outcome::Done(String::new()))
        });
        if !written {
            return false;
        }
    }
    measure(report, "bench: JavaScript", results, || {
        Ok(node::node()
            .args([paths::root().join("bench/js/main.mjs")])
            .args([plan.kind, &plan.rounds.to_string()])
            .args([if plan.quick { "quick" } else { "full" }])
            .args([data()?])
            .args(runtime(plan.runtime.as_deref())?))
    })
}

/// The command that starts a script: of Node, of Deno or Bun, or of another Node, by its path.
fn runtime(name: Option<&str>) -> Result<Vec<OsString>, Failure> {
    match name {
        None | Some("node") => Ok(vec!["node".into()]),
        Some("deno") => {
            let deno = paths::js().join("node_modules/deno/bin.cjs");
            let words = [
                "run",
                "--allow-all",
                "--no-config",
                "--no-lock",
                "--no-remote",
            ];
            let words = words.into_iter().chain(["--node-modules-dir=manual"]);
            let words = words.map(OsString::from);
            Ok(["node".into(), deno.into()]
                .into_iter()
                .chain(words)
                .collect())
        }
        Some("bun") => {
            package::install_peers()?;
            let bun = package::bun()?.ok_or(Failure::new("npm has no Bun for this platform"))?;
            Ok(vec![bun.into()])
        }
        Some(program) => Ok(vec![program.into()]),
    }
}

fn data() -> Result<PathBuf, Failure> {
    Ok(folder()?.join("data"))
}

/// Runs a program that gives tables.
fn measure(
    report: &mut Report,
    name: &str,
    results: &mut Vec<Value>,
    tool: impl FnOnce() -> Result<Tool, Failure>,
) -> bool {
    report.step(name, || {
        let text = tool()?.stdout()?;
        let result = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("it gave no JSON: {error}")))?;
        results.push(result);
        Ok(Outcome::Done(String::new()))
    })
}

/// All that was measured, with where and when.
fn describe(plan: &Plan, results: &[Value]) -> Value {
    let mut versions = serde_json::Map::new();
    let compiler = Tool::new("rustc").args(["--version"]).stdout();
    if let Ok(line) = compiler {
        versions.insert("rustc".to_owned(), line.trim().into());
    }
    let mut tables = Vec::new();
    for result in results {
        if let Some(more) = result["versions"].as_object() {
            versions.extend(more.clone());
        }
        tables.extend(result["tables"].as_array().into_iter().flatten().cloned());
    }
    json!({
        "kind": plan.kind,
        "date": today(),
        "machine": machine(),
        "rounds": plan.rounds,
        "quick": plan.quick,
        "versions": versions,
        "tables": tables,
    })
}

fn machine() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    json!({
        "cpu": cpu.unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "os": std::env::consts::OS,
    })
}

/// Today's date in UTC, such as `2024-02-29`.
pub fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    date(since.map_or(0, |since| since.as_secs() / 86_400))
}

/// The date of a day counted from 1970-01-01.
fn date(day: u64) -> String {
    let mut left = day;
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", left + 1)
}

#[cfg(test)]
mod tests {
    use super::{date, plan};

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(19_782), "2024-02-29");
        assert_eq!(date(19_783), "2024-03-01");
        assert_eq!(date(20_088), "2024-12-31");
    }

    #[test]
    fn arguments() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            plan(&words)
        };
        let plan = read("js --rounds 5 --quick").expect("this is right");
        assert_eq!((plan.kind, plan.rounds, plan.quick), ("js", 5, true));
        let plan = read("server --peer go=./echo:{port} --only wscodec").expect("this is right");
        let peer = ("go".to_owned(), "./echo:{port}".to_owned());
        assert_eq!(
            (plan.peers, plan.only),
            (vec![peer], Some("wscodec".to_owned()))
        );
        for wrong in [
            "",
            "js native",
            "all",
            "js --rounds",
            "js --rounds 0",
            "js --json",
            "js --peer go=./echo:{port}",
            "server --peer go",
            "server --peer go=./echo",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
