//! The configuration of a client for rustls.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, KeyLogFile, RootCertStore,
    SignatureScheme,
};

use super::{ClientTls, ClientTlsOptions};
use crate::io::Error;

/// The TLS configuration of a client.
#[derive(Clone)]
pub(super) struct Config(Arc<ClientConfig>);

impl Config {
    pub(super) fn new(options: &ClientTlsOptions) -> io::Result<Self> {
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
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
}

impl ClientTls {
    /// Uses a configuration of rustls, for example one with keys in hardware. Its `alpn_protocols`
    /// should have `http/1.1` only. It needs the feature `tls`.
    pub fn from_config(config: Arc<ClientConfig>) -> Self {
        Self(Config(config))
    }

    /// The configuration of rustls. It needs the feature `tls`.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.0.0
    }

    /// Creates the client's side of a new TLS connection to a host. The host is a name or an address;
    /// an address may be in brackets. It needs the feature `tls`.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the host is neither a name nor an address.
    pub fn connection(&self, host: &str) -> io::Result<ClientConnection> {
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let name = ServerName::try_from(bare.unwrap_or(host).to_owned());
        let name = name.map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
        ClientConnection::new(Arc::clone(self.config()), name).map_err(io::Error::other)
    }

    /// Returns TLS with the certificates that the system trusts. The function reads them once,
    /// because that takes milliseconds.
    pub(in crate::io) fn system() -> Result<&'static Self, Error> {
        static SYSTEM: OnceLock<ClientTls> = OnceLock::new();
        if let Some(tls) = SYSTEM.get() {
            return Ok(tls);
        }
        let tls = Self::new(&ClientTlsOptions::default())?;
        Ok(SYSTEM.get_or_init(|| tls))
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
    // Some systems have certificates that rustls does not accept.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added > 0 {
        return Ok(roots);
    }
    let text = "the system has no certificates of authorities to trust";
    Err(match found.errors.into_iter().next() {
        Some(error) => io::Error::other(error),
        None => io::Error::new(io::ErrorKind::NotFound, text),
    })
}

/// Accepts any certificate, but only signatures by the key of the certificate.
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
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
