//! The installed parts of Rust: targets and toolchains.

use std::path::Path;

use crate::tool::{Failure, Tool};

/// The JavaScript side's target.
pub const WASM: &str = "wasm32-unknown-unknown";
/// The server side's.
pub const WASI: &str = "wasm32-wasip2";

/// Small devices, whose atomics have no compare-and-swap, with the name that cargo has for their
/// flags.
pub const EMBEDDED: [(&str, &str); 2] = [
    (
        "thumbv6m-none-eabi",
        "CARGO_TARGET_THUMBV6M_NONE_EABI_RUSTFLAGS",
    ),
    (
        "riscv32imc-unknown-none-elf",
        "CARGO_TARGET_RISCV32IMC_UNKNOWN_NONE_ELF_RUSTFLAGS",
    ),
];

/// Adds the targets that are missing; says which it added.
pub fn ensure_targets(targets: &[&str]) -> Result<String, Failure> {
    let mut missing = Vec::new();
    for target in targets {
        if !installed(target)? {
            missing.push(*target);
        }
    }
    if missing.is_empty() {
        return Ok(String::new());
    }
    Tool::new("rustup")
        .or_else(
            "it adds the standard library for other targets. Install rustup, or add the \
             targets with what installed this Rust",
        )
        .args(["target", "add"])
        .args(&missing)
        .run()?;
    Ok(format!("added {}", missing.join(", ")))
}

/// Whether the standard library for a target is there.
fn installed(target: &str) -> Result<bool, Failure> {
    let folder = Tool::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .stdout()?;
    Ok(Path::new(folder.trim()).is_dir())
}

/// The name that rustup has for a toolchain of this version, such as `1.88`.
pub fn toolchain(version: &str) -> Option<String> {
    let list = Tool::new("rustup").args(["toolchain", "list"]).stdout();
    let names = list.unwrap_or_default();
    let mut names = names.lines().filter_map(|line| line.split(' ').next());
    let named = |name: &&str| {
        name.strip_prefix(version)
            .is_some_and(|rest| rest.starts_with(['-', '.']))
    };
    names.find(named).map(str::to_owned)
}
