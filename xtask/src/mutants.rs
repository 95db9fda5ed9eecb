//! `cargo xtask mutants` and `cargo xtask coverage`: how much of the core the tests notice.
//!
//! cargo-mutants changes one place of the core at a time and runs the tests that belong to the layer.
//! A change that no test notices needs a test, or an entry with a reason in `.cargo/mutants.toml`.

use std::fs;
use std::process::ExitCode;

use crate::arguments::{Arguments, Wrong, unknown};
use crate::installed;
use crate::paths;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool};

const MUTANTS: &str = "27.1.0";
const COVERAGE: &str = "0.9.1";

/// A layer of the core with the tests that are run for each of its mutants, beside those in its
/// modules. Tests that take long are left out: each is run for every mutant.
const LAYERS: [(&str, &[&str]); 5] = [
    ("frame", &["vectors", "limits", "pieces"]),
    ("head", &["head_grammar", "handshake_server"]),
    ("message", &["vectors", "limits", "pieces", "extension"]),
    (
        "handshake",
        &[
            "handshake_server",
            "handshake_client",
            "handshake_answers",
            "handshake_mutations",
        ],
    ),
    ("session", &["session", "session_vectors", "model"]),
];

/// The arguments of `mutants`.
#[derive(Default)]
struct Plan {
    layers: Vec<String>,
    /// Only the files whose paths match.
    files: Vec<String>,
    /// Skip the mutants that an earlier run has caught.
    iterate: bool,
    /// `k/n`: every n-th mutant.
    shard: Option<String>,
}

/// Reads the arguments, and runs the layers one after the other.
pub fn command(report: &mut Report, arguments: &mut Arguments) -> Result<ExitCode, Wrong> {
    let mut plan = Plan::default();
    while let Some(word) = arguments.word()? {
        match &word[..] {
            "--iterate" => plan.iterate = true,
            "--file" => plan.files.push(arguments.text()?),
            "--shard" => plan.shard = Some(arguments.text()?),
            name if LAYERS.iter().any(|it| it.0 == name) => plan.layers.push(word),
            other => return Err(unknown(other)),
        }
    }
    report.verbose = arguments.verbose;
    for (layer, tests) in LAYERS {
        if plan.layers.is_empty() || plan.layers.iter().any(|it| it == layer) {
            report.step(&format!("mutants: {layer}"), || mutate(layer, tests, &plan));
        }
    }
    Ok(report.close())
}

fn mutate(layer: &str, tests: &[&str], plan: &Plan) -> Result<Outcome, Failure> {
    let program = installed::program("cargo-mutants", MUTANTS)?;
    let output = paths::target()?.join("wscodec-mutants").join(layer);
    fs::create_dir_all(&output).map_err(|error| Failure::file("make", &output, &error))?;
    let all = [format!("src/{layer}/**")];
    let files = if plan.files.is_empty() {
        &all[..]
    } else {
        &plan.files
    };
    // Given to cargo in both phases, so that only these tests are compiled.
    let tests = tests
        .iter()
        .map(|test| format!("--cargo-arg=--test={test}"));
    let mut tool = Tool::at(program.as_os_str(), "cargo-mutants")
        .args(["mutants", "--package", "wscodec", "--jobs", "1"])
        .args(["--timeout", "120", "--build-timeout", "900"])
        .args(["--no-shuffle", "--colors", "never", "--no-times"])
        .args(["--output".as_ref(), output.as_os_str()])
        .args(files.iter().flat_map(|file| ["--file", file]));
    if plan.iterate {
        tool = tool.args(["--iterate"]);
    }
    if let Some(shard) = &plan.shard {
        tool = tool.args(["--shard", shard]);
    }
    let ran = tool.args(["--cargo-arg=--lib"]).args(tests).run();
    let list = |name: &str| {
        let text = fs::read_to_string(output.join("mutants.out").join(name));
        let text = text.unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let survived = [list("missed.txt"), list("timeout.txt")].concat();
    if !survived.is_empty() {
        let survived = survived.join("\n  ");
        return Err(Failure::new(format!(
            "no test notices these changes; each needs a test, or a reason in \
             .cargo/mutants.toml:\n  {survived}"
        )));
    }
    ran?;
    let caught = list("caught.txt").len();
    if caught == 0 {
        return Err(Failure::new("there was nothing to change"));
    }
    let unviable = list("unviable.txt").len();
    Ok(Outcome::Done(format!(
        "{caught} caught, {unviable} do not compile"
    )))
}

/// Measures the lines and regions of the core that its tests run.
pub fn coverage(report: &mut Report) {
    report.step("coverage: run", || {
        llvm_cov()?
            .args(["--no-report", "--all-features", "--tests"])
            .run()?;
        Ok(Outcome::Done(String::new()))
    });
    report.step("coverage: report", || {
        let text = llvm_cov()?
            .args(["report", "--json", "--summary-only"])
            .args(["--ignore-filename-regex", "/(crates|tests|examples)/"])
            .stdout()?;
        let table = table(&text)?;
        print!("\n\n{table}");
        Ok(Outcome::Done(String::new()))
    });
}

fn llvm_cov() -> Result<Tool, Failure> {
    let program = installed::program("cargo-llvm-cov", COVERAGE)?;
    Ok(Tool::at(program.as_os_str(), "cargo-llvm-cov").args(["llvm-cov", "--package", "wscodec"]))
}

/// A row for each layer.
fn table(text: &str) -> Result<String, Failure> {
    let wrong = || Failure::new("the summary of cargo-llvm-cov was not understood");
    let summary: serde_json::Value = serde_json::from_str(text).map_err(|_| wrong())?;
    let source = paths::root().join("src");
    let mut rows = std::collections::BTreeMap::<String, [u64; 4]>::new();
    for file in summary["data"][0]["files"].as_array().ok_or_else(wrong)? {
        let path = std::path::Path::new(file["filename"].as_str().ok_or_else(wrong)?);
        let Ok(path) = path.strip_prefix(&source) else {
            continue;
        };
        let layer = path.iter().next().ok_or_else(wrong)?.to_string_lossy();
        let row = rows.entry(layer.replace(".rs", "")).or_default();
        let figures = [("lines", 0), ("regions", 2)];
        for (kind, at) in figures {
            let of = &file["summary"][kind];
            row[at] += of["covered"].as_u64().ok_or_else(wrong)?;
            row[at + 1] += of["count"].as_u64().ok_or_else(wrong)?;
        }
    }
    let percent = |part: u64, all: u64| match all {
        0 => String::new(),
        _ => format!("{:.1} %", part as f64 * 100.0 / all as f64),
    };
    let mut text =
        String::from("| layer | lines | covered | regions covered |\n|---|---:|---:|---:|\n");
    for (layer, [lines, all_lines, regions, all_regions]) in rows {
        let (lines, regions) = (percent(lines, all_lines), percent(regions, all_regions));
        text += &format!("| `{layer}` | {all_lines} | {lines} | {regions} |\n");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::{LAYERS, table};
    use crate::paths;

    #[test]
    fn the_tests_exist() {
        for (layer, tests) in LAYERS {
            assert!(paths::root().join("src").join(layer).is_dir());
            for test in tests {
                let file = paths::root().join("tests").join(test);
                assert!(
                    file.is_dir() || file.with_extension("rs").is_file(),
                    "{test}"
                );
            }
        }
    }

    #[test]
    fn sums_the_files_of_a_layer() {
        let file = |name: &str, covered: u64| {
            let count = serde_json::json!({ "covered": covered, "count": 4 });
            serde_json::json!({
                "filename": paths::root().join("src").join(name),
                "summary": { "lines": count, "regions": count },
            })
        };
        let files = [
            file("frame/a.rs", 1),
            file("frame/b.rs", 2),
            file("utf8.rs", 4),
        ];
        let text = serde_json::json!({ "data": [{ "files": files }] }).to_string();
        let table = table(&text).unwrap();
        assert!(
            table.contains("| `frame` | 8 | 37.5 % | 37.5 % |\n"),
            "{table}"
        );
        assert!(table.contains("| `utf8` | 4 | 100.0 % | 100.0 % |\n"));
    }
}
