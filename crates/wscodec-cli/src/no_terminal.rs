//! There is no line editor on this platform.

use std::path::Path;

use wscodec_server::client::{Input, Stop};

use crate::Failure;

pub(crate) fn is_there() -> bool {
    false
}

pub(crate) fn input(_: Stop, _: Option<&Path>) -> Result<Input, Failure> {
    Ok(Input::standard())
}

pub(crate) fn is_edited() -> bool {
    false
}

pub(crate) fn print(_: &[u8]) -> bool {
    false
}

pub(crate) fn end() {}

pub(crate) fn restore() {}
