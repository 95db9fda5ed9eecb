//! TLS for clients.

#[cfg(all(feature = "tls", not(target_family = "wasm")))]
use alloc::{string::String, sync::Arc};
use core::fmt;
use std::io;
use std::sync::OnceLock;

use super::Config;
use super::options::ClientTlsOptions;

/// The TLS configuration of a client, created from [`ClientTlsOptions`]. Clones share it. Without the
/// feature `tls` it has no values.
#[derive(Clone)]
pub struct ClientTls(pub(super) Config);

impl ClientTls {
    /// Reads the files that the options name, or the certificates that the system trusts. The client
    /// supports TLS 1.2 and 1.3, and offers `http/1.1` by ALPN (RFC 7301).
    ///
    /// # Errors
    /// The errors of the file system; [`InvalidData`](io::ErrorKind::InvalidData) for files with
    /// other content or without a certificate; [`Unsupported`](io::ErrorKind::Unsupported) without
    /// the feature `tls`.
    pub fn new(options: &ClientTlsOptions) -> io::Result<Self> {
        Config::new(options).map(Self)
    }

    /// Returns TLS with the certificates that the system trusts. The function reads them once,
    /// because that takes milliseconds.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub(in crate::io) fn system() -> io::Result<&'static Self> {
        static SYSTEM: OnceLock<ClientTls> = OnceLock::new();
        if let Some(tls) = SYSTEM.get() {
            return Ok(tls);
        }
        let tls = Self::new(&ClientTlsOptions::default())?;
        Ok(SYSTEM.get_or_init(|| tls))
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

#[cfg(all(feature = "tls", not(target_family = "wasm")))]
impl ClientTls {
    /// Uses a configuration of rustls, for example one with keys in hardware. Its `alpn_protocols`
    /// should have `http/1.1` only. It needs the feature `tls`.
    pub fn from_config(config: Arc<rustls::ClientConfig>) -> Self {
        Self(Config(config))
    }

    /// The configuration of rustls. It needs the feature `tls`.
    pub fn config(&self) -> &Arc<rustls::ClientConfig> {
        &self.0.0
    }

    /// Creates the client's side of a new TLS connection to a host. The host is a name or an address;
    /// an address may be in brackets. It needs the feature `tls`.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the host is neither a name nor an address.
    pub fn connection(&self, host: &str) -> io::Result<rustls::ClientConnection> {
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let name = rustls::pki_types::ServerName::try_from(String::from(bare.unwrap_or(host)));
        let name = name.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        rustls::ClientConnection::new(Arc::clone(self.config()), name).map_err(io::Error::other)
    }
}
