//! The bytes of attackers and broken peers, over TCP to the `wscodec` command as others run it. The
//! bytes are written by hand, and so is what reads the answers: nothing of the library is between.
//!
//! Each test has a server of its own, with one event loop, so that what one connection does to it
//! concerns all; while a test attacks, a [good client](good::Good) talks on. `docs/hostile-input.md` says which
//! line is tested where. What takes long is ignored, and run by `cargo xtask hostile`.

#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod bits;
mod capacity;
mod churn;
mod client;
mod control;
mod deflate;
mod extension;
mod floods;
mod frames;
mod good;
mod handshake;
mod sending;
mod served;
mod wire;
