//! The table of checks; `test` is all of them in this order.

use crate::report::Report;
use crate::{js, package, rust};

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
    rust_check("fmt", "rustfmt finds nothing to change", rust::fmt),
    rust_check(
        "lint",
        "Clippy, warnings as errors: feature sets, the wasm face, MSRV",
        rust::lint,
    ),
    rust_check("doc", "rustdoc, warnings as errors", rust::doc),
    rust_check(
        "rust",
        "Rust tests and doc examples on the feature sets",
        rust::test,
    ),
    rust_check(
        "targets",
        "The crate for WASI and wasm, and without std",
        rust::targets,
    ),
    rust_check(
        "msrv",
        "The crate with the oldest compiler it promises",
        rust::msrv,
    ),
    js_check("types", "TypeScript's checker on js/", js::types),
    js_check("node", "JavaScript tests in Node", js::node),
    js_check("deno", "JavaScript tests in Deno", js::deno),
    js_check(
        "package",
        "The packed package, installed into a fresh folder",
        package::check,
    ),
];

const fn rust_check(name: &'static str, about: &'static str, run: Run) -> Check {
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
