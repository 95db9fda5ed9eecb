//! `cargo xtask component`: the codec as a component, built, looked at and tested.
//!
//! The files are in `target/wscodec-component`: `wscodec-codec.wasm`, the component;
//! `wscodec-codec.core.wasm`, its core module, which the Python package drives; and `wit`, a copy of the
//! WIT package. The component has that package, too, in its own encoding.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use walrus::Module;
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::arguments::Wrong;
use crate::build::Work;
use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::toolchain::{WASM, ensure_targets};
use crate::wasm::{put, read};
use crate::{growth, installed, node, paths, simd, wasi, wasm};

/// The component, its core module, and the module of the Python package.
const COMPONENT: &str = "wscodec-codec.wasm";
const CORE: &str = "wscodec-codec.core.wasm";
const PYTHON: &str = "python/src/wscodec/codec.wasm";

/// The arguments of Python that run the tests of the package.
const UNITTEST: [&str; 8] = [
    "-m",
    "unittest",
    "discover",
    "-q",
    "-s",
    "python/tests",
    "-t",
    "python",
];

/// Builds, and runs the vectors in Python and Node.
pub fn check(report: &mut Report) {
    if !build(report) {
        return;
    }
    report.step("component: vectors in Python", || {
        python(&UNITTEST).map(Outcome::Done)
    });
    report.step("component: vectors in Node", || {
        vectors_in_node().map(Outcome::Done)
    });
}

/// Runs `component` with these words.
pub fn command(report: &mut Report, words: &[String]) -> Result<ExitCode, Wrong> {
    match words {
        [word] if word == "build" => {
            build(report);
        }
        [word] if word == "wheel" => {
            if build(report) {
                report.step("component: wheel", || wheel().map(Outcome::Done));
            }
        }
        [word] if word == "bench" => {
            if build(report) {
                report.step("component: speed in Python", || bench().map(Outcome::Done));
                report.step("component: speed in Node", || {
                    let package = paths::pkg().join("dist/index.mjs");
                    if !package.exists() {
                        return Ok(Outcome::Skipped(
                            "it compares with the npm package, which `cargo xtask build` makes"
                                .to_owned(),
                        ));
                    }
                    in_node("bench.mjs", &package).map(|text| Outcome::Done(lines(&text)))
                });
            }
        }
        [word] if word == "compose" => {
            if build(report) {
                report.step("component: a composed guest", || {
                    compose().map(Outcome::Done)
                });
            }
        }
        [word] if word == "host" => {
            if build(report) {
                report.step("component: a host in Rust", || host().map(Outcome::Done));
            }
        }
        _ => {
            return Err(
                "`component` takes `build`, `wheel`, `host`, `compose` or `bench`, or nothing"
                    .into(),
            );
        }
    }
    Ok(report.close())
}

fn build(report: &mut Report) -> bool {
    let plan: [(&str, Work); 3] = [
        ("Rust target", || ensure_targets(&[WASM])),
        ("npm ci", node::ensure_packages),
        ("module and component", finish),
    ];
    plan.iter()
        .all(|(name, run)| report.step(&format!("component: {name}"), || run().map(Outcome::Done)))
}

/// Makes the component of the core module, checks that it imports nothing, and holds it to its budget.
fn finish() -> Result<String, Failure> {
    let folder = folder()?;
    let work = folder.join("work");
    let limited = work.join("limited.wasm");
    let built = wasm::COMPONENT.compile(paths::root(), &paths::target()?, |tool| tool)?;
    put(&limited, &read(&built)?)?;
    growth::limit(&limited, growth::ALL)?;
    let optimised = work.join("optimised.wasm");
    wasm::optimise(&limited, &optimised)?;
    let module = read(&optimised)?;
    if simd::instructions(&module).is_ok_and(|count| count == 0) {
        return Err(Failure::new("the core module has no SIMD instruction"));
    }
    let component = encode(&module)?;
    if let Some(import) = first_import(&component)? {
        return Err(Failure::new(format!("the component imports {import}")));
    }
    let core = without_customs(&module)?;
    put(&folder.join(COMPONENT), &component)?;
    put(&folder.join(CORE), &core)?;
    put(&paths::root().join(PYTHON), &core)?;
    copy_wit(&folder.join("wit"))?;
    node::node()
        .args([paths::js().join("build/component-sizes.mjs"), folder])
        .stdout()
        .map(|text| lines(&text))
}

fn encode(module: &[u8]) -> Result<Vec<u8>, Failure> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| Failure::new(format!("the module cannot become a component: {error:#}")))
}

/// The name of the first import of the component itself. Its parts import from each other.
fn first_import(component: &[u8]) -> Result<Option<String>, Failure> {
    let wrong = |error| Failure::new(format!("the component cannot be read: {error}"));
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(wrong)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) if depth > 0 => depth -= 1,
            Payload::ComponentImportSection(imports) if depth == 0 => {
                if let Some(import) = imports.into_iter().next() {
                    return Ok(Some(import.map_err(wrong)?.name.0.to_owned()));
                }
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The module without the sections that describe the component and its tools.
fn without_customs(module: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut module = Module::from_buffer(module)
        .map_err(|error| Failure::new(format!("the core module cannot be read: {error:#}")))?;
    let customs: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in customs {
        module.customs.delete(id);
    }
    Ok(module.emit_wasm())
}

fn copy_wit(to: &Path) -> Result<(), Failure> {
    let from = paths::root().join("crates/wscodec-component/wit");
    let files = fs::read_dir(&from).map_err(|error| Failure::file("read", &from, &error))?;
    for file in files {
        let file = file.map_err(|error| Failure::file("read", &from, &error))?;
        put(&to.join(file.file_name()), &read(&file.path())?)?;
    }
    Ok(())
}

/// Runs Python with its wasmtime, and with the package as it is in the checkout.
fn python(arguments: &[&str]) -> Result<String, Failure> {
    let python = wasi::python()?;
    Tool::at(python.as_os_str(), "venv/bin/python")
        .env("PYTHONPATH", paths::root().join("python/src"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(arguments)
        .run()
}

/// Makes the wheel of the Python package, and tests it as pip installs it.
fn wheel() -> Result<String, Failure> {
    let dist = paths::root().join("python/dist");
    let pip = |python: &Path| Tool::at(python.as_os_str(), "venv/bin/python").args(["-m", "pip"]);
    pip(&wasi::python()?)
        .args(["wheel", "--quiet", "--no-deps", "--wheel-dir"])
        .args([&dist, &paths::root().join("python")])
        .run()?;
    let wheel = dist.join("wscodec-0.1.0-py3-none-any.whl");
    let home = folder()?.join("wheel-test");
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| Failure::file("remove", &home, &error))?;
    }
    Tool::new("python3")
        .args(["-m", "venv"])
        .args([&home])
        .run()?;
    let python = home.join("bin/python");
    pip(&python)
        .args(["install", "--quiet"])
        .args([&wheel])
        .run()?;
    Tool::at(python.as_os_str(), "venv/bin/python")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(UNITTEST)
        .run()?;
    Ok("python/dist/wscodec-0.1.0-py3-none-any.whl".to_owned())
}

/// Builds a guest in Python by componentize-py, plugs the codec into its imports, and runs the result.
fn compose() -> Result<String, Failure> {
    let example = paths::root().join("examples/component");
    let work = folder()?.join("guest");
    let wit = work.join("wit");
    put(
        &wit.join("guest.wit"),
        &read(&example.join("guest/guest.wit"))?,
    )?;
    copy_wit(&wit.join("deps/codec"))?;
    let python = installed::python("componentize-py", &example.join("guest/requirements.txt"))?;
    let guest = work.join("guest.wasm");
    let program = python.with_file_name("componentize-py");
    Tool::at(program.as_os_str(), "componentize-py")
        .args(["--world", "guest", "--wit-path"])
        .args([&wit])
        .args(["componentize", "app", "--python-path"])
        .args([&example.join("guest"), Path::new("--output"), &guest])
        .run()?;
    let composed = work.join("composed.wasm");
    cargo()
        .args([
            "run",
            "--manifest-path",
            "examples/component/compose/Cargo.toml",
        ])
        .args([
            "--target-dir".as_ref(),
            folder()?.join("compose").as_os_str(),
        ])
        .args(["--".as_ref(), guest.as_os_str()])
        .args([&folder()?.join(COMPONENT), &composed])
        .run()?;
    let runner = wasi::named("wasmtime-48")?;
    let (program, words) = runner
        .words
        .split_first()
        .ok_or_else(|| Failure::new("the runner has no program"))?;
    Tool::at(program, "wasmtime")
        .args(words)
        .args(["--invoke".as_ref(), "run()".as_ref(), composed.as_os_str()])
        .stdout()
        .map(|text| lines(&text))
}

/// Builds the host in Rust, which takes ten minutes of CPU time, and runs it.
fn host() -> Result<String, Failure> {
    let folder = folder()?;
    cargo()
        .args([
            "run",
            "--release",
            "--manifest-path",
            "tests/component-host/Cargo.toml",
        ])
        .args(["--target-dir".as_ref(), folder.join("host").as_os_str()])
        .args(["--".as_ref(), folder.join(COMPONENT).as_os_str()])
        .stdout()
        .map(|text| lines(&text))
}

/// Measures decoding in Python.
fn bench() -> Result<String, Failure> {
    let requirements = paths::root().join("python/bench/requirements.txt");
    let python = installed::python("component-bench", &requirements)?;
    Tool::at(python.as_os_str(), "venv/bin/python")
        .env("PYTHONPATH", paths::root().join("python/src"))
        .args(["python/bench/decode.py"])
        .run()
        .map(|text| lines(&text))
}

/// Translates the component by jco, and runs the vectors through that.
fn vectors_in_node() -> Result<String, Failure> {
    let vectors = paths::root().join("tests/vectors");
    let text = in_node("vectors.mjs", &vectors)?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

/// Runs a script of `tests/component` with the component and another path.
fn in_node(name: &str, other: &Path) -> Result<String, Failure> {
    let home = wasi::jco()?;
    // A module finds its packages beside it.
    for name in ["load.mjs", name] {
        let from = paths::root().join("tests/component").join(name);
        put(&home.join(name), &read(&from)?)?;
    }
    node::node()
        .args([&home.join(name), &folder()?.join(COMPONENT)])
        .args([other])
        .stdout()
}

fn folder() -> Result<PathBuf, Failure> {
    Ok(paths::target()?.join("wscodec-component"))
}

fn lines(text: &str) -> String {
    text.lines().map(|line| format!("\n    {line}")).collect()
}
