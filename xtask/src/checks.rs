//! The table of checks; `test` is all of them in this order.

use crate::report::Report;
use crate::{
    autobahn, component, features, fuzz, interop, js, package, release, rust, supply, wasi,
};

/// Adds a check's steps to a report.
pub type Run = fn(&mut Report);

/// One check: a command of its own, and a part of `test`.
pub struct Check {
    pub name: &'static str,
    pub about: &'static str,
    /// Whether it checks the npm package, and so needs it built.
    pub js: bool,
    pub run: Run,
}

/// Cheap checks first.
pub const CHECKS: &[Check] = &[
    check("fmt", "rustfmt finds nothing to change", rust::fmt),
    check(
        "lint",
        "Clippy, warnings as errors: feature sets, the wasm face, MSRV",
        rust::lint,
    ),
    check("doc", "rustdoc, warnings as errors", rust::doc),
    check(
        "unsafe",
        "The dependencies that contain unsafe, and the reason for each",
        supply::unsafe_code,
    ),
    check(
        "rust",
        "Rust tests and doc examples on the feature sets",
        rust::test,
    ),
    check(
        "features",
        "Every set of features compiles, and none changes a public type",
        features::check,
    ),
    check(
        "targets",
        "The crate for WASI and wasm, and without std",
        rust::targets,
    ),
    check(
        "msrv",
        "The crate with the oldest compiler it promises",
        rust::msrv,
    ),
    check(
        "publish",
        "The crates can be packed for the registry",
        release::check,
    ),
    check(
        "fuzz",
        "Five seconds of fuzzing for each target, from the kept corpus",
        fuzz::check,
    ),
    check(
        "captures",
        "Recorded conversations against their account, by other means",
        rust::captures,
    ),
    check(
        "peers",
        "Conversations with npm ws and Python's websockets, both roles",
        interop::check,
    ),
    check(
        "autobahn",
        "The quick cases of the Autobahn suite, natively, both roles",
        autobahn::check,
    ),
    check(
        "wasi",
        "The WASI component, end to end, on a wasmtime that it finds or installs",
        wasi::check,
    ),
    check(
        "component",
        "The codec as a component imports nothing and passes the vectors, in Python and Node",
        component::check,
    ),
    js_check("types", "TypeScript's checker on js/", js::types),
    js_check(
        "reference",
        "The JavaScript reference is that of the declarations",
        js::reference,
    ),
    js_check("node", "JavaScript tests in Node", js::node),
    js_check("deno", "JavaScript tests in Deno", js::deno),
    js_check(
        "package",
        "The packed package in fresh projects: Node, Deno, types",
        package::check,
    ),
];

/// The steps of the check of this name.
pub fn named(name: &str) -> Result<Run, String> {
    let check = CHECKS.iter().find(|check| check.name == name);
    check.map_or_else(
        || Err(format!("there is no command `{name}`")),
        |check| Ok(check.run),
    )
}

const fn check(name: &'static str, about: &'static str, run: Run) -> Check {
    Check {
        name,
        about,
        js: false,
        run,
    }
}

const fn js_check(name: &'static str, about: &'static str, run: Run) -> Check {
    Check {
        name,
        about,
        js: true,
        run,
    }
}
