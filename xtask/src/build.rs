//! `cargo xtask build`: from the crate to the npm package.

use crate::report::{Outcome, Report};
use crate::tool::Failure;
use crate::toolchain::WASM;
use crate::{bundle, node, toolchain, wasm};

/// One step's work; it may say a few words.
pub type Work = fn() -> Result<String, Failure>;

/// Builds the package. Each step needs the one before it, so the first failure ends
/// the build.
pub fn steps(report: &mut Report) {
    let plan: [(&str, Work); 8] = [
        ("Node", node::version),
        ("Rust target", || toolchain::ensure_targets(&[WASM])),
        ("wasm modules", wasm::compile),
        ("npm ci", node::ensure_packages),
        ("bindings, wasm-opt, SIMD", wasm::finish),
        ("bundles", bundle::bundle),
        ("declarations", bundle::declarations),
        ("sizes", bundle::sizes),
    ];
    let built = plan
        .iter()
        .all(|(name, run)| report.step(&format!("build: {name}"), || run().map(Outcome::Done)));
    report.built = Some(built);
}

/// Builds the package unless this run did, and tells whether it is there. If not,
/// the step that needs it is noted as skipped.
pub fn needed_by(report: &mut Report, step: &str) -> bool {
    if report.built.is_none() {
        steps(report);
    }
    let built = report.built == Some(true);
    if !built {
        report.skip(step, "it needs the package, and the build failed");
    }
    built
}
