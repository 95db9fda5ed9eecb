//! The project's own programs: the `wscodec` binary serves and an example is the client; for tokio,
//! both are examples.

use std::env;
use std::path::PathBuf;

use serde_json::Value;

use super::start::{Ready, Role, Start};
use crate::paths;
use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::{WASI, ensure_targets};
use crate::wasi as runner;

/// Whether the crate has this role's program at all.
pub fn exists(role: Role) -> Result<bool, Failure> {
    Ok(required_features(&program(role))?.is_some())
}

/// Builds it for this machine.
pub fn native(role: Role) -> Result<Ready, Failure> {
    on_this_machine(&program(role))
}

/// Builds the examples of the crate for tokio.
pub fn tokio(role: Role) -> Result<Ready, Failure> {
    on_this_machine(&match role {
        Role::Server => Program {
            package: "wscodec-tokio",
            kind: "example",
            name: "tokio_echo",
            choose: ["--example", "tokio_echo"],
            folder: "examples",
            args: &["127.0.0.1:{port}"],
        },
        Role::Client => Program {
            package: "wscodec-tokio",
            kind: "example",
            name: "tokio_autobahn_client",
            choose: ["--example", "tokio_autobahn_client"],
            folder: "examples",
            args: &["{url}", "{agent}"],
        },
    })
}

fn on_this_machine(program: &Program) -> Result<Ready, Failure> {
    let file = match build(program, None)? {
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

/// Builds it as a component, for the runner that can be had.
pub fn wasi(role: Role) -> Result<Ready, Failure> {
    let runner = match runner::any() {
        Ok(runner) => runner,
        Err(failure) => return Ok(Ready::No(failure.to_string())),
    };
    ensure_targets(&[WASI])?;
    let program = program(role);
    let file = match build(&program, Some(WASI))? {
        Ok(file) => file.with_extension("wasm"),
        Err(why) => return Ok(Ready::No(why)),
    };
    let mut words = runner.words.into_iter();
    let first = words.next().unwrap_or_default();
    let words = words.map(|word| word.to_string_lossy().into_owned());
    let mut args: Vec<_> = words.collect();
    args.push(file.to_string_lossy().into_owned());
    args.extend(program.args.iter().map(|arg| (*arg).to_owned()));
    Ok(Ready::Yes(Start {
        program: first,
        args,
        env: Vec::new(),
        runtime: runner.version,
    }))
}

/// The sources of the native and the WASI target.
struct Program {
    package: &'static str,
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
            package: "wscodec-cli",
            kind: "bin",
            name: "wscodec",
            choose: ["--bin", "wscodec"],
            folder: "",
            args: &["serve", "--listen", "127.0.0.1:{port}"],
        },
        Role::Client => Program {
            package: "wscodec",
            kind: "example",
            name: "autobahn_client",
            choose: ["--example", "autobahn_client"],
            folder: "examples",
            args: &["{url}", "{agent}"],
        },
    }
}

/// The features that a program of the crate needs; `None` if there is no such program.
fn required_features(program: &Program) -> Result<Option<Vec<String>>, Failure> {
    let text = cargo()
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdout()?;
    let metadata = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("cargo metadata gave no JSON: {error}")))?;
    Ok(features(&metadata, program))
}

fn features(metadata: &Value, program: &Program) -> Option<Vec<String>> {
    let packages = metadata["packages"].as_array()?.iter();
    let mut targets = packages
        .filter(|package| package["name"] == program.package)
        .flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let target = targets
        .find(|target| target["name"] == program.name && target["kind"][0] == program.kind)?;
    let features = target["required-features"].as_array().into_iter().flatten();
    let features = features.filter_map(|feature| feature.as_str().map(str::to_owned));
    Some(features.collect())
}

/// Builds a program of the crate, and gives the file; an error text if there is none.
fn build(program: &Program, triple: Option<&str>) -> Result<Result<PathBuf, String>, Failure> {
    let Some(features) = required_features(program)? else {
        let (kind, name) = (program.kind, program.name);
        return Ok(Err(format!("the crate has no {kind} target `{name}`")));
    };
    let mut tool = cargo()
        .args(["build", "--release", "--package", program.package])
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Role, features, program};

    #[test]
    fn finds_the_programs() {
        let metadata = json!({ "packages": [
            { "name": "other", "targets": [{ "name": "autobahn_client", "kind": ["example"] }] },
            { "name": "wscodec", "targets": [{ "name": "wscodec", "kind": ["lib"] }] },
            { "name": "wscodec-cli", "targets": [
                { "name": "wscodec", "kind": ["bin"], "required-features": ["server", "std"] },
            ] },
        ] });
        let server = features(&metadata, &program(Role::Server));
        assert_eq!(server, Some(vec!["server".to_owned(), "std".to_owned()]));
        assert_eq!(features(&metadata, &program(Role::Client)), None);
    }
}
