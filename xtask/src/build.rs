//! `cargo xtask build`: from the crate to the npm package.

use crate::report::{Outcome, Report};
use crate::toolchain::WASM;
use crate::{bundle, node, toolchain, wasm};

/// Builds the package. Each step needs the one before it, so the first failure ends
/// the build.
pub fn steps(report: &mut Report) {
    let built = report.step("build: Rust target", || {
        toolchain::ensure_targets(&[WASM]).map(Outcome::Done)
    }) && report.step("build: wasm module", || wasm::compile().map(Outcome::Done))
        && report.step("build: Node", || node::version().map(Outcome::Done))
        && report.step("build: npm ci", || {
            node::ensure_packages().map(Outcome::Done)
        })
        && report.step("build: bindings, wasm-opt, SIMD", || {
            wasm::finish().map(Outcome::Done)
        })
        && report.step("build: bundles", || bundle::bundle().map(Outcome::Done))
        && report.step("build: declarations", || {
            bundle::declarations().map(Outcome::Done)
        })
        && report.step("build: sizes", || bundle::sizes().map(Outcome::Done));
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
