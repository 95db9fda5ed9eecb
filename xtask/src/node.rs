//! Node, npm and the tools they run.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::paths;
use crate::tool::{Failure, Tool};

/// The oldest Node that the package promises to run on.
const OLDEST: u32 = 20;

const MISSING: &str = "the npm package needs Node 20 or later, which brings npm. Install it \
                       from your system's packages or from nodejs.org";

/// Node with a script or options.
pub fn node() -> Tool {
    Tool::new("node").or_else(MISSING)
}

/// npm; its name differs on Windows.
pub fn npm() -> Tool {
    let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
    Tool::at(program.as_ref(), "npm").or_else(MISSING)
}

/// A command of an npm package, started without the shell scripts in `.bin`.
pub fn tool(script: &str) -> Tool {
    node().args([paths::js().join("node_modules").join(script)])
}

/// Deno as npm installed it, kept from the network and from the home folder.
pub fn deno(command: &[&str]) -> Result<Tool, Failure> {
    Ok(tool("deno/bin.cjs")
        .env("DENO_DIR", paths::target()?.join("wscodec-deno"))
        .env("DENO_NO_UPDATE_CHECK", "1")
        .env("NO_COLOR", "1")
        .args(command)
        .args(DENO_ALONE))
}

/// Keeps Deno to what is in the checkout.
pub const DENO_ALONE: [&str; 4] = [
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--node-modules-dir=manual",
];

/// Deno's version, if it is there.
pub fn deno_version() -> Option<String> {
    let text = tool("deno/bin.cjs").args(["--version"]).stdout().ok()?;
    text.lines().next().map(str::to_owned)
}

/// Why there may be none.
pub const NO_DENO: &str = "npm has no Deno for this platform, or it does not start here";

/// Node's version, if it is new enough.
pub fn version() -> Result<String, Failure> {
    let text = node().args(["--version"]).stdout()?;
    let version = text.trim().trim_start_matches('v');
    let major = version
        .split('.')
        .next()
        .and_then(|m| m.parse::<u32>().ok());
    match major {
        Some(major) if major >= OLDEST => Ok(version.to_owned()),
        _ => Err(Failure::new(format!(
            "this is Node {version}, and the npm package needs Node {OLDEST} or later: install \
             a newer one from your system's packages or from nodejs.org"
        ))),
    }
}

/// Installs the pinned tools into `js/node_modules`, unless that was done already.
pub fn ensure_packages() -> Result<String, Failure> {
    ensure_installed(&paths::js())
}

/// Installs what the lock file in a folder has, unless that was done already.
pub fn ensure_installed(folder: &Path) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    for name in ["package.json", "package-lock.json"] {
        let path = folder.join(name);
        fs::read(&path)
            .map_err(|error| Failure::file("read", &path, &error))?
            .hash(&mut hasher);
    }
    let state = format!("{:016x}", hasher.finish());
    // npm empties the folder first, so a half-done installation leaves no stamp.
    let stamp = folder.join("node_modules/.installed");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == state) {
        return Ok("unchanged".to_owned());
    }
    npm().args(["ci"]).dir(folder).run()?;
    fs::write(&stamp, state).map_err(|error| Failure::file("write", &stamp, &error))?;
    Ok(String::new())
}
