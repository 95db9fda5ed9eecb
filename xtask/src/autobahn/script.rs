//! The npm package's programs, a folder of `js/autobahn` for each runtime.

use std::ffi::OsString;
use std::path::PathBuf;

use super::start::{Ready, Role, Start};
use crate::tool::{Failure, Tool};
use crate::{node, paths};

/// In Node.
pub fn node(role: Role) -> Result<Ready, Failure> {
    let version = node::version()?;
    Ok(match script("node", role) {
        Ok(script) => runs("node", &[], script, role, format!("Node {version}")),
        Err(why) => Ready::No(why),
    })
}

/// In Deno, as npm installed it.
pub fn deno(role: Role) -> Result<Ready, Failure> {
    let Some(version) = node::deno_version() else {
        return Ok(Ready::No(node::NO_DENO.to_owned()));
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

/// In Bun, as npm installed it or from the path.
pub fn bun(role: Role) -> Result<Ready, Failure> {
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
