//! The configuration of a build without TLS: a type without a value.

use std::io;

use super::options::ClientTlsOptions;
use crate::error::MisuseError;
use crate::io::Error;

/// The TLS configuration of a client.
#[derive(Clone)]
pub(super) enum Config {}

impl Config {
    pub(super) fn new(_: &ClientTlsOptions) -> io::Result<Self> {
        // `?` in this crate gives the caller the misuse itself, not an error of the file system.
        let error = Error::from(MisuseError::NoTls);
        Err(io::Error::new(io::ErrorKind::Unsupported, error))
    }
}
