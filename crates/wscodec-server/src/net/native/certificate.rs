//! The certificate of a server, which can be renewed while it runs.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::vec;
use std::vec::Vec;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, crypto};

use super::tls::Tls;

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
    /// The certificate chain and the key, if they came from files.
    files: Option<(PathBuf, PathBuf)>,
}

impl ServerTls {
    /// Reads a certificate chain, the server's own certificate first, and its private key from PEM
    /// files. TLS 1.2 and 1.3 are spoken, and HTTP/1.1 is agreed on by ALPN (RFC 7301): a client that
    /// offers other protocols only is rejected.
    ///
    /// # Errors
    /// Those of the file system; [`InvalidData`](io::ErrorKind::InvalidData), if a file holds no
    /// certificate or key, or if they don't fit each other.
    pub fn from_files(certificates: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        let files = (certificates.as_ref().into(), key.as_ref().into());
        let config = Mutex::new(read(&files)?);
        let files = Some(files);
        Ok(Self(Arc::new(Shared { config, files })))
    }

    /// A configuration of rustls: for client certificates, several names, keys in hardware. Its
    /// `alpn_protocols` should hold `http/1.1` and nothing else.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        let config = Mutex::new(config);
        Self(Arc::new(Shared {
            config,
            files: None,
        }))
    }

    /// Reads the files anew. Connections that are accepted from now on get the new certificate; open
    /// ones go on with theirs.
    ///
    /// # Errors
    /// As for [`from_files`](Self::from_files), and [`Unsupported`](io::ErrorKind::Unsupported) for a
    /// configuration that was not read from files. The server goes on with the old certificate then.
    pub fn reload(&self) -> io::Result<()> {
        let files = self.0.files.as_ref();
        let files = files.ok_or(io::Error::from(io::ErrorKind::Unsupported))?;
        self.set_config(read(files)?);
        Ok(())
    }

    /// Replaces the configuration for connections that are accepted from now on.
    pub fn set_config(&self, config: Arc<ServerConfig>) {
        *self.0.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The server's end of a new connection.
    pub(super) fn connection(&self) -> io::Result<Tls> {
        let config = self.0.config.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = ServerConnection::new(config.clone());
        connection.map(Tls::new).map_err(io::Error::other)
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_struct("ServerTls");
        tuple.field("files", &self.0.files).finish_non_exhaustive()
    }
}

fn read((certificates, key): &(PathBuf, PathBuf)) -> io::Result<Arc<ServerConfig>> {
    let named = |path: &Path, error: &dyn fmt::Display| {
        let text = format!("{}: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    };
    let chain = std::fs::read(certificates)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.map_err(|e| named(certificates, &e))?;
    if chain.is_empty() {
        return Err(named(certificates, &"there is no certificate in the file"));
    }
    let pem = std::fs::read(key)?;
    let private = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| named(key, &e))?;
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, private);
    let mut config = config.map_err(|e| named(certificates, &e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
