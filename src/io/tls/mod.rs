//! TLS for clients: which certificates they trust, and the one that they show. With the feature
//! `tls` it is rustls that speaks it; without the feature the types are the same, and there is no
//! value of [`ClientTls`].

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

/// How a client speaks TLS.
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
/// A literal ends with `..ClientTlsOptions::default()`, because fields are added with time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTlsOptions {
    /// A PEM file with the certificates of the authorities to trust. Default: those that the system
    /// trusts.
    pub authorities: Option<PathBuf>,
    /// PEM files with a certificate chain and its key, by which the client shows who it is.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Accept any certificate: whoever is on the way can then read and change everything.
    pub dangerously_accept_any_certificate: bool,
    /// Append the secrets of each connection to the file that the environment variable
    /// `SSLKEYLOGFILE` names, so that other programs can decrypt what they record.
    pub key_log: bool,
}

/// TLS for a client, made of [`ClientTlsOptions`]. Clones are the same. With feature `tls`; without
/// it nothing makes one.
#[derive(Clone)]
pub struct ClientTls(Config);

impl ClientTls {
    /// Reads the files that the options name, or the certificates that the system trusts. TLS 1.2
    /// and 1.3 are spoken, and HTTP/1.1 is offered by ALPN (RFC 7301).
    ///
    /// # Errors
    /// Those of the file system; [`InvalidData`](io::ErrorKind::InvalidData) for files that hold
    /// something else, or no certificate at all; [`Unsupported`](io::ErrorKind::Unsupported) without
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
