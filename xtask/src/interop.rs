//! `cargo xtask interop`: conversations with other people's clients and servers.
//!
//! The peers are installed into the target folder at pinned versions; what can't be had is skipped
//! by name. `tests/interop/run.mjs` talks to them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::report::{Outcome, Report};
use crate::tool::{Failure, Tool, cargo};
use crate::{node, paths};

/// npm's ws and Python's websockets, without options: a part of `test`.
pub fn check(report: &mut Report) {
    report.step("interop: ws and websockets", || {
        if let Err(why) = node::version() {
            return Ok(Outcome::Skipped(why.to_string().trim().to_owned()));
        }
        let table = talk(true)?;
        Ok(Outcome::Done(summary(&table)))
    });
}

/// All peers, and the table.
pub fn all(report: &mut Report) -> ExitCode {
    let mut table = None;
    report.step("interop", || {
        let text = talk(false)?;
        let outcome = Outcome::Done(summary(&text));
        table = Some(text);
        Ok(outcome)
    });
    if let Some(table) = table {
        println!("\n{table}");
    }
    report.close()
}

fn summary(table: &str) -> String {
    table.lines().last().unwrap_or_default().to_owned()
}

/// Builds, installs and runs; what the script printed.
fn talk(quick: bool) -> Result<String, Failure> {
    let target = paths::target()?;
    cargo()
        .args(["build", "--release", "--package", "wscodec-cli"])
        .args(["--bin", "wscodec"])
        .run()?;
    let binary = target.join("release").join("wscodec");
    cargo()
        .args(["build", "--release", "--package", "wscodec-tokio"])
        .args(["--example", "tokio_interop"])
        .run()?;
    let on_tokio = target.join("release/examples/tokio_interop");
    let folder = target.join("wscodec-interop");
    let source = paths::root().join("tests/interop");
    copy(&source, &folder)?;
    let mut facts = Facts::default();
    facts.npm(&folder)?;
    facts.python(&folder)?;
    if !quick {
        facts.gorilla(&folder)?;
        facts.program(
            "chromium",
            "chromium",
            "--version",
            "the package `chromium`",
        );
        facts.program("nginx", "nginx", "-v", "the package `nginx-light`");
        facts.program("haproxy", "haproxy", "-v", "the package `haproxy`");
    }
    let file = folder.join("facts.json");
    let text = Value::Object(facts.values).to_string();
    fs::write(&file, text).map_err(|error| Failure::file("write", &file, &error))?;
    let mut script = node::node().args([folder.join("run.mjs"), binary, on_tokio, folder, file]);
    if quick {
        script = script.args(["--quick"]);
    }
    let table = script.stdout()?;
    if summary(&table).starts_with("0 passed") {
        return Err(Failure::new("there was nobody to talk to"));
    }
    Ok(table)
}

/// Copies the scripts to where their packages are installed; what is there already stays.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::create_dir_all(to).map_err(|error| Failure::file("make", to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| Failure::file("read", from, &error))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().filter(|name| *name != "node_modules") else {
            continue;
        };
        let target = to.join(name);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(|error| Failure::file("copy", &path, &error))?;
        }
    }
    Ok(())
}

/// The peers: versions, programs, and why one is missing.
#[derive(Default)]
struct Facts {
    values: Map<String, Value>,
}

impl Facts {
    fn set(&mut self, group: &str, name: &str, value: impl Into<Value>) {
        let entry = self.values.entry(group).or_insert_with(|| json!({}));
        entry[name] = value.into();
    }

    fn missing(&mut self, name: &str, why: &str) {
        self.set("missing", name, why);
    }

    /// The packages of `package.json`, at the versions of its lock file.
    fn npm(&mut self, folder: &Path) -> Result<(), Failure> {
        let text = include_str!("../../tests/interop/package.json");
        let manifest: Value = serde_json::from_str(text)
            .map_err(|error| Failure::new(format!("tests/interop/package.json: {error}")))?;
        for (name, version) in manifest["dependencies"].as_object().into_iter().flatten() {
            self.values.insert(name.clone(), version.clone());
        }
        // There is a `missing` in any case.
        self.values.entry("missing").or_insert_with(|| json!({}));
        let install = || node::npm().args(["ci"]).dir(folder).run();
        if !once(
            folder,
            "npm",
            include_str!("../../tests/interop/package-lock.json"),
            install,
        )? {
            self.missing("npm", "npm could not install it");
        }
        let deno = folder.join("node_modules/deno/bin.cjs");
        if node::node()
            .args([deno.as_os_str(), "--version".as_ref()])
            .run()
            .is_err()
        {
            self.missing("deno", node::NO_DENO);
        }
        Ok(())
    }

    /// websockets, in a virtual environment.
    fn python(&mut self, folder: &Path) -> Result<(), Failure> {
        let pins = include_str!("../../tests/interop/requirements.txt");
        let version = pins.trim().strip_prefix("websockets==").unwrap_or("?");
        self.values.insert("websockets".to_owned(), version.into());
        let home = folder.join("venv");
        let install = || {
            Tool::new("python3")
                .args(["-m", "venv"])
                .args([&home])
                .run()?;
            Tool::at(home.join("bin/python").as_os_str(), "venv/bin/python")
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--disable-pip-version-check",
                ])
                .args(["--requirement"])
                .args([folder.join("requirements.txt")])
                .run()
        };
        if !once(folder, "python", pins, install)? {
            self.missing("python", "Python 3 with venv and pip could not install it");
        }
        Ok(())
    }

    /// gorilla/websocket as Debian has it: source for GOPATH.
    fn gorilla(&mut self, folder: &Path) -> Result<(), Failure> {
        let built = Tool::new("go")
            .args(["build", "-o", "../gorilla", "gorilla/main.go"])
            .dir(&folder.join("go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", "/usr/share/gocode")
            .run();
        let package = "golang-github-gorilla-websocket-dev";
        let version = Tool::new("dpkg-query")
            .args(["-W", "-f", "${Version}", package])
            .stdout();
        self.values
            .insert("gorilla".to_owned(), version.unwrap_or_default().into());
        if built.is_err() {
            self.missing(
                "gorilla",
                "the packages golang-go and golang-github-gorilla-websocket-dev",
            );
        }
        Ok(())
    }

    /// A program of the system's packages.
    fn program(&mut self, name: &str, program: &str, version: &str, package: &str) {
        let paths = ["", "/usr/sbin/"].map(|folder| PathBuf::from(format!("{folder}{program}")));
        let found = paths.iter().find_map(|path| {
            let output = Tool::at(path.as_os_str(), name)
                .args([version])
                .run()
                .ok()?;
            Some((path, output))
        });
        let Some((path, output)) = found else {
            return self.missing(name, package);
        };
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let mut numbers = output
            .split(|c: char| !is_number(c))
            .filter(|it| it.contains('.') && it.len() > 2);
        self.set("programs", name, path.to_string_lossy().into_owned());
        self.values
            .insert(name.to_owned(), numbers.next().unwrap_or_default().into());
    }
}

/// Installs unless the same was installed before; whether it is there.
fn once(
    folder: &Path,
    name: &str,
    pins: &str,
    install: impl Fn() -> Result<String, Failure>,
) -> Result<bool, Failure> {
    let stamp = folder.join(format!(".{name}-installed"));
    if fs::read_to_string(&stamp).is_ok_and(|old| old == pins) {
        return Ok(true);
    }
    if let Err(failure) = install() {
        // Said in the table in short, and here in full.
        eprintln!("{failure}");
        return Ok(false);
    }
    fs::write(&stamp, pins).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_is_pinned() {
        let manifest = include_str!("../../tests/interop/package.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).expect("JSON");
        let packages = manifest["dependencies"].as_object().expect("dependencies");
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        assert!(packages.values().all(|it| it.as_str().is_some_and(digits)));
        let pins = include_str!("../../tests/interop/requirements.txt");
        assert!(
            pins.lines()
                .all(|line| line.split_once("==").is_some_and(|it| digits(it.1)))
        );
        let lock = include_str!("../../tests/interop/package-lock.json");
        assert!(
            !lock.contains("\"resolved\""),
            "the lock file names a registry"
        );
    }
}
