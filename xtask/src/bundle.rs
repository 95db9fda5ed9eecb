//! From TypeScript to `pkg/dist`, by the scripts in `js/build`.
//!
//! Problem: the package needs bundles for several module systems, declarations, adapters and size
//! limits. The tools for these are programs of Node, and this driver is in Rust.
//!
//! Choice: the scripts in `js/build` use the tools directly, and this file only runs them in order, so
//! that a failed step has the name of its script. tsc makes the declarations from the sources alone,
//! into a folder that is emptied before. Otherwise the declaration of a deleted file would stay in the
//! package.
//!
//! Invariants: adapters import the library from the file beside them, so a program has one wasm module
//! whichever entries it uses. `sizes` fails when a module or a bundle exceeds its limit in
//! `js/build/sizes.mjs`.

use crate::tool::{Failure, Tool};
use crate::{node, paths};

/// `index.mjs`, `index.cjs`, `wscodec.wasm`, `cli.mjs`, the page, and the adapters beside them.
pub fn bundle() -> Result<String, Failure> {
    script("bundle.mjs").stdout()?;
    script("page.mjs").stdout()?;
    script("adapters.mjs").stdout().map(last_line)
}

/// The declarations, by tsc from the sources alone.
pub fn declarations() -> Result<String, Failure> {
    let types = paths::target()?.join("wscodec-types");
    if types.exists() {
        std::fs::remove_dir_all(&types).map_err(|error| Failure::file("remove", &types, &error))?;
    }
    node::tool("typescript/bin/tsc")
        .args(["--project", "tsconfig.types.json", "--outDir"])
        .args([&types])
        .dir(&paths::js())
        .run()?;
    script("declarations.mjs")
        .args([&types])
        .stdout()
        .map(last_line)
}

/// Measures the module and the bundle, and fails when they outgrew their budget.
pub fn sizes() -> Result<String, Failure> {
    script("sizes.mjs").stdout().map(|text| {
        let lines = text.lines().map(|line| format!("\n    {line}"));
        lines.collect()
    })
}

/// The tests as plain modules in `folder`, for that runtime.
pub fn tests(folder: &std::path::Path, runtime: &str) -> Result<String, Failure> {
    script("tests.mjs")
        .args([folder.as_os_str(), runtime.as_ref()])
        .stdout()
        .map(last_line)
}

fn script(name: &str) -> Tool {
    node::node().args([paths::js().join("build").join(name)])
}

fn last_line(text: String) -> String {
    text.lines().last().unwrap_or_default().to_owned()
}
