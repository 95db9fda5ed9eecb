//! The certificate of a server, which can be renewed while it runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};

use super::tls::Tls;
use wscodec::io::{read_certificates, read_private_key};

/// How a server speaks TLS: the files that it reads. With feature `tls`.
///
/// ```no_run
/// use wscodec_server::{ServerTls, ServerTlsOptions};
///
/// let mut options = ServerTlsOptions::new("certificate.pem", "key.pem");
/// options.client_authorities = Some("authorities.pem".into());
/// let tls = ServerTls::new(options)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerTlsOptions {
    /// A PEM file with the server's certificate chain, its own certificate first.
    pub certificates: PathBuf,
    /// A PEM file with the private key of the server's own certificate. It may be the same file.
    pub key: PathBuf,
    /// A PEM file with authorities: clients must then show a certificate that one of them has
    /// issued, and the handler gets it by
    /// [`AcceptOptions::client_certificate`](crate::AcceptOptions::client_certificate). Default:
    /// clients show none.
    pub client_authorities: Option<PathBuf>,
}

impl ServerTlsOptions {
    /// A certificate chain and its key, and nothing that clients must show.
    pub fn new(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificates: certificates.into(),
            key: key.into(),
            client_authorities: None,
        }
    }
}

/// TLS for a server: its certificate and key, and all that rustls can be configured for. Clones are
/// the same configuration. With feature `tls`.
///
/// ```no_run
/// use wscodec_server::{Echo, Server, ServerOptions, ServerTls};
///
/// let tls = ServerTls::from_files("certificate.pem", "key.pem")?;
/// let mut server = Server::bind(ServerOptions::new("0.0.0.0:443".parse()?))?;
/// server.use_tls(&tls);
/// // Later, from any thread, when the files are new: tls.reload()?;
/// server.run(|_| Echo)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerTls(Arc<Shared>);

struct Shared {
    config: Mutex<Arc<ServerConfig>>,
    /// The files, if it came from files.
    options: Option<ServerTlsOptions>,
}

impl ServerTls {
    /// Reads the files. TLS 1.2 and 1.3 are spoken, and HTTP/1.1 is agreed on by ALPN (RFC 7301): a
    /// client that offers other protocols only is rejected. A client that comes again resumes its
    /// session by a ticket (RFC 8446 §2.2), for which the server keeps no memory. A request that is
    /// not encrypted gets status 400.
    ///
    /// # Errors
    /// Those of the file system; [`InvalidData`](io::ErrorKind::InvalidData), if a file holds no
    /// certificate or key, or if they don't fit each other.
    pub fn new(options: ServerTlsOptions) -> io::Result<Self> {
        let config = Mutex::new(read(&options)?);
        let options = Some(options);
        Ok(Self(Arc::new(Shared { config, options })))
    }

    /// Reads a certificate chain, the server's own certificate first, and its private key from PEM
    /// files.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn from_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(ServerTlsOptions::new(certificates.as_ref(), key.as_ref()))
    }

    /// A configuration of rustls: for several names, keys in hardware, tickets of several hosts. Its
    /// `alpn_protocols` should hold `http/1.1` and nothing else.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        let config = Mutex::new(config);
        Self(Arc::new(Shared {
            config,
            options: None,
        }))
    }

    /// Reads the files anew. Connections that are accepted from now on get the new certificate; open
    /// ones go on with theirs. Tickets from before are not accepted any more, because they would let in
    /// clients whose authority is not trusted any more.
    ///
    /// # Errors
    /// As for [`new`](Self::new), and [`Unsupported`](io::ErrorKind::Unsupported) for a
    /// configuration that was not read from files. The server goes on with the old certificate then.
    pub fn reload(&self) -> io::Result<()> {
        let options = self.0.options.as_ref();
        let options = options.ok_or(io::Error::from(io::ErrorKind::Unsupported))?;
        self.set_config(read(options)?);
        Ok(())
    }

    /// Replaces the configuration for connections that are accepted from now on.
    pub fn set_config(&self, config: Arc<ServerConfig>) {
        *self.0.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The server's end of a new connection, for a program that accepts sockets by itself: see
    /// [`ClientStream::with_tls`](wscodec::io::ClientStream::with_tls).
    ///
    /// # Errors
    /// If the configuration can't be used.
    pub fn connection(&self) -> io::Result<ServerConnection> {
        let config = self.0.config.lock().unwrap_or_else(PoisonError::into_inner);
        ServerConnection::new(config.clone()).map_err(io::Error::other)
    }

    /// The server's end of a new connection of an event loop.
    pub(super) fn end(&self) -> io::Result<Tls> {
        self.connection().map(Tls::new)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

fn named(path: &Path, error: &dyn fmt::Display) -> io::Error {
    let text = format!("{}: {error}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn read(options: &ServerTlsOptions) -> io::Result<Arc<ServerConfig>> {
    let chain = read_certificates(&options.certificates)?;
    let key = read_private_key(&options.key)?;
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match &options.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in read_certificates(path)? {
                roots.add(certificate).map_err(|e| named(path, &e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = verifier.build().map_err(|e| named(path, &e))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(chain, key);
    let mut config = config.map_err(|e| named(&options.certificates, &e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(io::Error::other)?;
    Ok(Arc::new(config))
}
