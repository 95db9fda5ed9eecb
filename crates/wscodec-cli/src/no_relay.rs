//! `wscodec serve --pipe` and `--forward` where there are no Unix processes and sockets.

use std::time::Duration;

use wscodec_server::ServerHandle;

use crate::Failure;
use crate::args::{ServeArgs, unusable};
use crate::program::Program;

/// There is none here.
pub(crate) enum Relay {}

pub(crate) fn start(
    arguments: &ServeArgs,
    _: Duration,
    _: ServerHandle,
) -> Result<Option<Relay>, Failure> {
    match arguments.has_backends() {
        true => Err(unusable("serve", "--pipe and --forward need a Unix system")),
        false => Ok(None),
    }
}

/// There is nothing to kill. WASI has no signals that ask for it either.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn kill_all() {}

impl Relay {
    pub(crate) fn handler(&self) -> Program {
        match *self {}
    }

    pub(crate) fn end(self) {
        match self {}
    }
}
