//! The options of TLS for clients.

use std::path::PathBuf;

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
