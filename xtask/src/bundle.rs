//! From TypeScript to `pkg/dist`, by the scripts in `js/build`.

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
