//! The environment of wstest: a Python 2.7 of its own under the target folder.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::paths;
use crate::tool::{Failure, Tool};

/// Pinned: the suite and all that it imports.
const REQUIREMENTS: &str = include_str!("../../autobahn/requirements.txt");

/// The last version that makes environments of Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.21.1";

/// Prints the ids of all cases. To make a protocol object first shows whether the pinned
/// packages work together: a `txaio` that does not fit fails here and not on import.
const LIST: &str = "\
from autobahntestsuite.fuzzing import FuzzingClientProtocol
FuzzingClientProtocol()
from autobahntestsuite.case import Cases
for case in Cases:
    print(case.__name__[len('Case'):].replace('_', '.'))
";

/// The advice to a user without Python 2.7.
pub const NO_PYTHON: &str = "\
the Autobahn test suite runs on Python 2.7 only, and none was found. Install one (with pyenv: \
`pyenv install 2.7.18`) or name it in PYTHON27. Or use the public image, with the server started \
by hand:
  docker run --rm --network host -v \"$PWD/reports:/reports\" crossbario/autobahn-testsuite \\
    wstest --mode fuzzingclient --spec /reports/spec.json
where spec.json holds
  {\"outdir\": \"/reports\", \"servers\": [{\"url\": \"ws://127.0.0.1:9001\"}], \"cases\": [\"*\"]}";

/// A suite that is ready to run.
pub struct Environment {
    /// The program.
    pub wstest: PathBuf,
    /// Every case of the suite, in its order.
    pub cases: Vec<String>,
    /// Python's version.
    pub python: String,
}

/// The suite's version, as pinned.
pub fn suite() -> &'static str {
    let pin = |line: &'static str| line.strip_prefix("autobahntestsuite==");
    REQUIREMENTS.lines().find_map(pin).unwrap_or("unknown")
}

/// Looks for a Python 2.7 that runs: a name alone proves nothing, since pyenv puts a
/// `python2.7` on the path that may only complain.
pub fn python27() -> Option<PathBuf> {
    let run = "import sys; sys.exit(sys.version_info[:2] != (2, 7))";
    candidates().into_iter().find(|python| {
        let tool = Tool::at(python.as_os_str(), "python2.7");
        tool.args(["-c", run]).run().is_ok()
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = env::var_os("PYTHON27")
        .map(Into::into)
        .into_iter()
        .collect();
    let pyenv = env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".pyenv")));
    if let Some(entries) = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok()) {
        let mut versions: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| is_version_27(path))
            .map(|path| path.join("bin/python2.7"))
            .collect();
        versions.sort();
        found.extend(versions);
    }
    found.push("python2.7".into());
    found
}

fn is_version_27(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name == "2.7" || name.starts_with("2.7.")
}

/// Makes the environment in this folder, unless it is there as pinned.
pub fn ensure(python: &Path, folder: &Path) -> Result<Environment, Failure> {
    let home = folder.join("venv");
    // Written last, so a half-made environment is made anew; a change of pins does that too.
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == REQUIREMENTS)
        && let Ok(environment) = open(&home)
    {
        return Ok(environment);
    }
    for old in [&home, &folder.join("virtualenv")] {
        if old.exists() {
            fs::remove_dir_all(old).map_err(|error| Failure::file("remove", old, &error))?;
        }
    }
    install(python, folder, &home)?;
    let environment = open(&home)?;
    fs::write(&stamp, REQUIREMENTS).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(environment)
}

fn install(python: &Path, folder: &Path, home: &Path) -> Result<(), Failure> {
    let maker = folder.join("virtualenv");
    let quiet = ["--quiet", "--disable-pip-version-check"];
    Tool::new("python3")
        .args(["-m", "pip", "install", "--target"])
        .args([&maker])
        .args(quiet)
        .args([VIRTUALENV])
        .run()?;
    Tool::new("python3")
        .env("PYTHONPATH", &maker)
        .args(["-m", "virtualenv", "--quiet", "--python"])
        .args([python, home])
        .run()?;
    // wsaccel asks for Cython to be built, though its C files come with it: so it is built
    // without what it asks for.
    Tool::at(home.join("bin/python").as_os_str(), "venv/bin/python")
        .args(["-W", "ignore", "-m", "pip", "install", "--no-deps"])
        .args(["--no-build-isolation", "--requirement"])
        .args([paths::root().join("xtask/autobahn/requirements.txt")])
        .args(quiet)
        .run()?;
    Ok(())
}

/// Asks the suite for its cases, which also shows that it runs.
fn open(home: &Path) -> Result<Environment, Failure> {
    let python = || Tool::at(home.join("bin/python").as_os_str(), "venv/bin/python");
    let cases: Vec<String> = python()
        .args(["-W", "ignore", "-c", LIST])
        .stdout()?
        .lines()
        .map(str::to_owned)
        .collect();
    let version = "import platform; print(platform.python_version())";
    Ok(Environment {
        wstest: home.join("bin/wstest"),
        cases,
        python: python().args(["-c", version]).stdout()?.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{REQUIREMENTS, is_version_27, suite};

    #[test]
    fn everything_is_pinned() {
        let lines = REQUIREMENTS.lines().map(str::trim);
        let pins = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut count = 0;
        for pin in pins {
            let (name, version) = pin.split_once("==").expect("a pin");
            assert!(!name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit()));
            count += 1;
        }
        assert!(count > 0);
        assert!(suite().starts_with(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn versions_by_folder() {
        for (folder, is) in [
            ("/versions/2.7.18", true),
            ("/versions/2.7", true),
            ("/versions/2.70", false),
            ("/versions/3.12.1", false),
            ("/versions/pypy2.7-7.3", false),
        ] {
            assert_eq!(is_version_27(Path::new(folder)), is, "{folder}");
        }
    }
}
