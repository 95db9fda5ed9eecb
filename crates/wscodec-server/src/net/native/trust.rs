//! TLS for a client: which certificates it trusts, and the one that it shows.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec::Vec;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, KeyLogFile, RootCertStore,
    SignatureScheme,
};

use super::tls::Tls;

/// How a client speaks TLS. With feature `tls`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
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

/// TLS for a client, made of [`ClientTlsOptions`]. Clones are the same. With feature `tls`.
#[derive(Clone)]
pub struct ClientTls(Arc<ClientConfig>);

impl ClientTls {
    /// Reads the files that the options name, or the certificates that the system trusts.
    ///
    /// # Errors
    /// Those of the file system; [`InvalidData`](io::ErrorKind::InvalidData) for files that hold
    /// something else, or no certificate at all.
    pub fn new(options: &ClientTlsOptions) -> io::Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?;
        let builder = match options.dangerously_accept_any_certificate {
            true => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))),
            false => builder.with_root_certificates(roots(options.authorities.as_deref())?),
        };
        let mut config = match &options.identity {
            None => builder.with_no_client_auth(),
            Some((certificates, key)) => {
                let chain = certificates_in(certificates)?;
                let pem = std::fs::read(key)?;
                let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| unusable(key, &e))?;
                let config = builder.with_client_auth_cert(chain, key);
                config.map_err(|e| unusable(certificates, &e))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if options.key_log {
            config.key_log = Arc::new(KeyLogFile::new());
        }
        Ok(Self(Arc::new(config)))
    }

    /// A configuration of rustls. Its `alpn_protocols` should hold `http/1.1` and nothing else.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self(config)
    }

    /// The client's end of a new connection to a host: a name, or an address, which may be in
    /// brackets.
    pub(super) fn connection(&self, host: &str) -> io::Result<Tls> {
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let name = ServerName::try_from(bare.unwrap_or(host).to_owned());
        let name = name.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        let connection = ClientConnection::new(self.0.clone(), name);
        connection.map(Tls::new).map_err(io::Error::other)
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls").finish_non_exhaustive()
    }
}

fn unusable(path: &Path, error: &dyn fmt::Display) -> io::Error {
    let text = format!("{}: {error}", path.display());
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn certificates_in(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.map_err(|e| unusable(path, &e))?;
    match found.is_empty() {
        true => Err(unusable(path, &"there is no certificate in the file")),
        false => Ok(found),
    }
}

fn roots(authorities: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        for certificate in certificates_in(path)? {
            roots.add(certificate).map_err(|e| unusable(path, &e))?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    // Systems have certificates that rustls does not take.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    match found.errors.into_iter().next() {
        Some(error) if added == 0 => Err(io::Error::other(error)),
        _ => Ok(roots),
    }
}

/// Accepts any certificate, but not a signature that is not by its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
