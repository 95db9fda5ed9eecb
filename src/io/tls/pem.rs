//! Certificates and keys in PEM files (RFC 7468).

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use std::io;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The error for a file that was read and can not be used.
pub(super) fn unusable(path: &Path, error: &dyn fmt::Display) -> io::Error {
    let text = format!("{}: {error}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Reads the certificates of a PEM file, in their order: a chain, or the authorities to trust. It needs the
/// feature `tls`.
///
/// # Errors
/// The errors of the file system; [`InvalidData`](io::ErrorKind::InvalidData), with the path in its text, for a
/// file without a certificate and for a file that is damaged.
pub fn read_certificates(path: impl AsRef<Path>) -> io::Result<Vec<CertificateDer<'static>>> {
    let path = path.as_ref();
    let pem = std::fs::read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|e| unusable(path, &e))?;
    match found.is_empty() {
        true => Err(unusable(path, &"there is no certificate in the file")),
        false => Ok(found),
    }
}

/// Reads the first private key of a PEM file. It needs the feature `tls`.
///
/// # Errors
/// As for [`read_certificates`].
pub fn read_private_key(path: impl AsRef<Path>) -> io::Result<PrivateKeyDer<'static>> {
    let path = path.as_ref();
    let pem = std::fs::read(path)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unusable(path, &error))
}
