//! `cargo xtask fuzz`: coverage-guided fuzzing on stable Rust.
//!
//! `cargo fuzz` needs a nightly compiler for its flags. The instrumentation itself is a pass of LLVM
//! that the stable compiler has too, so libFuzzer works with the flags below. The address sanitizer
//! is left out: there is no `unsafe` in these crates, so panics, overflows and the targets' own
//! assertions are what a run can find.
//!
//! Each target has a corpus that is kept in `fuzz/corpus`, minimal by libFuzzer's measure. A run
//! starts from a copy of it and from seeds made of the recordings, so the checkout stays clean;
//! `--merge` puts what a run has found back into the kept corpus.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use crate::arguments::{Arguments, Wrong, unknown};
use crate::paths;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};

/// The targets below `fuzz/targets`.
const TARGETS: [&str; 12] = [
    "header",
    "frames",
    "messages",
    "heads",
    "parameters",
    "urls",
    "deflate",
    "captures",
    "inspector",
    "conversations",
    "filters",
    "sessions",
];

const RUSTFLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing -Ccodegen-units=1";

/// Longer inputs find little that shorter ones do not, and slow a run down.
const MAX_LEN: &str = "-max_len=4096";

/// The request to `fuzz`.
struct Plan {
    targets: Vec<String>,
    seconds: u64,
    merge: bool,
}

/// Reads the arguments, and runs the targets one after the other.
pub fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let plan = plan(arguments)?;
    report.verbose = arguments.verbose;
    run(report, &plan);
    Ok(report.close())
}

fn plan(arguments: &mut Arguments) -> Result<Plan, Wrong> {
    let mut plan = Plan {
        targets: Vec::new(),
        seconds: 60,
        merge: false,
    };
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--minutes" => {
                let fits = |minutes: &f64| (0.0..=100_000.0).contains(minutes);
                let minutes: f64 = arguments.value("a number of minutes", fits)?;
                plan.seconds = (minutes * 60.0).ceil() as u64;
            }
            "--seconds" => plan.seconds = arguments.value("a number of seconds", |n| *n > 0)?,
            "--merge" => plan.merge = true,
            name if TARGETS.contains(&name) => plan.targets.push(word),
            other => return Err(unknown(other)),
        }
    }
    if plan.targets.is_empty() {
        plan.targets = TARGETS.map(str::to_owned).to_vec();
    }
    Ok(plan)
}

/// The part of `cargo xtask test`: a few seconds for each target.
pub fn check(report: &mut Report) {
    let plan = Plan {
        targets: TARGETS.map(str::to_owned).to_vec(),
        seconds: 5,
        merge: false,
    };
    run(report, &plan);
}

fn run(report: &mut Report, plan: &Plan) {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        report.skip(
            "fuzz",
            "the way to fuzz on stable Rust was only tried on x86-64 Linux",
        );
        return;
    }
    if !report.step("fuzz: build", || {
        build().map(|()| Outcome::Done(String::new()))
    }) {
        return;
    }
    let mut all = 0;
    for target in &plan.targets {
        report.step(&format!("fuzz: {target}"), || {
            let executions = fuzz(target, plan)?;
            all += executions;
            log(target, executions, plan.seconds)?;
            Ok(Outcome::Done(format!("{executions} executions")))
        });
    }
    let targets = plan.targets.len();
    println!("{all} executions of {targets} targets; {LOG} in the target folder has all runs");
}

/// The log of all runs, below the target folder.
const LOG: &str = "fuzz/runs.tsv";

/// Adds a line to the log: the time in seconds since 1970, the target, its executions, and the seconds
/// that it was given.
fn log(target: &str, executions: u64, seconds: u64) -> Result<(), Failure> {
    let path = paths::target()?.join(LOG);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| writeln!(file, "{now}\t{target}\t{executions}\t{seconds}"))
        .map_err(|error| Failure::file("write", &path, &error))
}

fn folder() -> Result<PathBuf, Failure> {
    Ok(paths::target()?.join("fuzz"))
}

/// The host is named as a target, so that build scripts are not instrumented.
const HOST: &str = "x86_64-unknown-linux-gnu";

fn build() -> Result<(), Failure> {
    cargo()
        .args(["build", "--release", "--target", HOST])
        .args(["--manifest-path", "fuzz/Cargo.toml", "--target-dir"])
        .args([folder()?])
        .env("RUSTFLAGS", RUSTFLAGS)
        .run()
        .map(drop)
}

/// Runs a target, and gives the number of its executions.
fn fuzz(target: &str, plan: &Plan) -> Result<u64, Failure> {
    let folder = folder()?;
    let program = folder.join(HOST).join("release").join(target);
    let kept = paths::root().join("fuzz/corpus").join(target);
    let found = folder.join("corpus").join(target);
    let artifacts = folder.join("artifacts").join(target);
    for folder in [&kept, &found, &artifacts] {
        fs::create_dir_all(folder).map_err(|error| Failure::file("make", folder, &error))?;
    }
    seed(target, &found)?;
    let libfuzzer = || Tool::at(program.as_os_str(), target).args([MAX_LEN]);
    let output = libfuzzer()
        .args([format!("-max_total_time={}", plan.seconds)])
        .args([format!("-artifact_prefix={}/", artifacts.display())])
        .args(["-print_final_stats=1", "-timeout=20"])
        .args([&found, &kept])
        .run()?;
    let executions = output
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units: "))
        .and_then(|number| number.trim().parse().ok())
        .ok_or_else(|| Failure::new("the fuzzer did not say how many inputs it ran"))?;
    if plan.merge {
        // The set is made anew: what other inputs cover goes.
        let new = folder.join("merged").join(target);
        let _ = fs::remove_dir_all(&new);
        fs::create_dir_all(&new).map_err(|error| Failure::file("make", &new, &error))?;
        libfuzzer()
            .args(["-set_cover_merge=1"])
            .args([&new, &kept, &found])
            .run()?;
        fs::remove_dir_all(&kept).map_err(|error| Failure::file("empty", &kept, &error))?;
        copy(&new, &kept)?;
    }
    Ok(executions)
}

/// Copies the files of a folder, without its folders.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file("make", to, &error))?;
    let files = fs::read_dir(from).map_err(|error| Failure::file("read", from, &error))?;
    for file in files.flatten() {
        let path = file.path();
        fs::copy(&path, to.join(file.file_name()))
            .map_err(|error| Failure::file("copy", &path, &error))?;
    }
    Ok(())
}

/// Makes inputs of the recordings in `tests/captures`: the bytes of a direction, with the choices of
/// the target in front.
fn seed(target: &str, folder: &Path) -> Result<(), Failure> {
    if matches!(target, "captures" | "inspector") {
        return seed_files(folder);
    }
    let captures = paths::root().join("tests/captures");
    let recordings =
        fs::read_dir(&captures).map_err(|error| Failure::file("read", &captures, &error))?;
    for recording in recordings.flatten() {
        let name = recording.file_name().to_string_lossy().into_owned();
        for (direction, client) in [("c2s.bin", false), ("s2c.bin", true)] {
            let path = recording.path().join(direction);
            if !path.exists() {
                continue;
            }
            let bytes = read(&path)?;
            let end = bytes.windows(4).position(|it| it == b"\r\n\r\n");
            let (head, frames) = bytes.split_at(end.map_or(0, |at| at + 4));
            let role = u8::from(client);
            let inputs = match target {
                "heads" => vec![[&[role], head].concat()],
                "frames" => vec![[&[role, 1, 3], frames].concat()],
                "messages" => [0, 1 | 2 | 7 << 2]
                    .map(|coded| [&[role, coded, 3], frames].concat())
                    .to_vec(),
                "conversations" => vec![turns(&bytes, role)],
                "parameters" => extensions(head).map(<[u8]>::to_vec).into_iter().collect(),
                _ => Vec::new(),
            };
            for (i, input) in inputs.iter().enumerate() {
                put(folder, &format!("{name}-{role}-{i}"), input)?;
            }
        }
    }
    if target == "filters" {
        let text =
            b"dir == c2s and (type in (text, ping) or size >= 1K) and not payload contains 0x00ff";
        put(folder, "filter", text)?;
    }
    if target == "urls" {
        put(folder, "url", b"wss://user@[::1]:8443/a%20b?c=d#e")?;
    }
    Ok(())
}

/// Makes inputs of the files that the inspector reads.
fn seed_files(folder: &Path) -> Result<(), Failure> {
    for source in ["tests/pcap", "tests/sources"] {
        let files = fs::read_dir(paths::root().join(source))
            .into_iter()
            .flatten();
        for file in files.flatten() {
            let bytes = read(&file.path())?;
            let name = file.file_name().to_string_lossy().into_owned();
            put(folder, &name, &[&[3], &bytes[..]].concat())?;
        }
    }
    Ok(())
}

/// The value of a head's `Sec-WebSocket-Extensions`.
fn extensions(head: &[u8]) -> Option<&[u8]> {
    let name = b"sec-websocket-extensions: ";
    let lines = head.split(|&byte| byte == b'\n');
    lines.into_iter().find_map(|line| {
        let (front, value) = line.split_at_checked(name.len())?;
        front.eq_ignore_ascii_case(name).then_some(value)
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::file("read", path, &error))
}

/// The bytes of a direction as the target `conversations` takes them, in turns of 200.
fn turns(bytes: &[u8], role: u8) -> Vec<u8> {
    let turns = bytes.chunks(200).map(|turn| {
        let head = [role | 2 << 1, turn.len() as u8];
        [&head, turn].concat()
    });
    [vec![0], turns.collect::<Vec<_>>().concat()].concat()
}

/// Writes a seed, no longer than an input may be.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(format!("seed-{name}"));
    let len = bytes.len().min(4096);
    fs::write(&path, &bytes[..len]).map_err(|error| Failure::file("write", &path, &error))
}

#[cfg(test)]
mod tests {
    use super::{Arguments, TARGETS, extensions, plan};

    #[test]
    fn lists_the_targets_of_the_manifest() {
        let manifest = include_str!("../../fuzz/Cargo.toml");
        let bins: Vec<_> = manifest
            .lines()
            .filter_map(|line| line.strip_prefix("path = \"targets/"))
            .map(|line| line.trim_end_matches(".rs\""))
            .collect();
        assert_eq!(bins, TARGETS);
    }

    #[test]
    fn reads_its_arguments() {
        let plan_of = |words: &[&str]| plan(&mut Arguments::of(words.to_vec()));
        let minutes = plan_of(&["messages", "--minutes", "0.5"]).ok().unwrap();
        assert_eq!(
            (minutes.targets, minutes.seconds),
            (vec!["messages".to_owned()], 30)
        );
        assert_eq!(plan_of(&[]).ok().unwrap().targets, TARGETS);
        assert!(plan_of(&["nothing"]).is_err());
    }

    #[test]
    fn finds_the_extensions_of_a_head() {
        let head = b"GET / HTTP/1.1\r\nSec-WebSocket-Extensions: a; b\r\n\r\n";
        assert_eq!(extensions(head), Some(&b"a; b\r"[..]));
    }
}
