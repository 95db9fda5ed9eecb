//! The WASI component, end to end. `cargo xtask wasi test` builds it, finds what runs it, and tells
//! that to these tests; by themselves they are ignored.

#[path = "../common/mod.rs"]
mod common;

mod client;
mod component;
mod examples;
mod faults;
mod memory;
mod serves;
#[cfg(target_os = "linux")]
mod system;
mod vectors;
