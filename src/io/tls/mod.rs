//! TLS for clients: the certificates that they trust, and the certificate that they present. With the
//! feature `tls`, rustls does the work. Without the feature, the types are the same, and
//! [`ClientTls`] has no values.

use core::fmt;
use std::io;
use std::path::PathBuf;

#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
mod absent;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
mod by_rustls;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
mod stream;

#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
use absent::Config;
#[cfg(not(all(feature = "tls", not(target_family = "wasm"))))]
pub(super) use absent::TlsStream;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
use by_rustls::Config;
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
pub(super) use stream::TlsStream;

/// The TLS options of a client.
///
/// ```no_run
/// use wscodec::io::{ClientTls, ClientTlsOptions, Connector};
///
/// let mut options = ClientTlsOptions::default();
/// options.authorities = Some("authority.pem".into());
/// let tls = ClientTls::new(&options)?;
/// let mut connector = Connector::default();
/// connector.tls = Some(&tls);
/// let ws = connector.connect("wss://localhost:9443/chat")?;
/// # Ok::<(), wscodec::io::Error>(())
/// ```
///
/// End a literal with `..ClientTlsOptions::default()`, because later versions add fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTlsOptions {
    /// A PEM file with the certificates of the authorities to trust. The default is the authorities
    /// that the system trusts.
    pub authorities: Option<PathBuf>,
    /// PEM files with a certificate chain and its key, which the client presents.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Whether to accept any certificate. Every host on the path can then read and change the data.
    pub dangerously_accept_any_certificate: bool,
    /// Whether to append the secrets of each connection to the file that the environment variable
    /// `SSLKEYLOGFILE` names, so that other programs can decrypt recordings.
    pub key_log: bool,
}

/// The TLS configuration of a client, created from [`ClientTlsOptions`]. Clones share it. Without the
/// feature `tls` it has no values.
#[derive(Clone)]
pub struct ClientTls(Config);

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
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}
