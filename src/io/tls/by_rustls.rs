//! The configuration of a client for rustls.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use std::io;
use std::path::Path;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, KeyLogFile, RootCertStore, SignatureScheme};

use super::options::ClientTlsOptions;
use super::pem::{read_certificates, read_private_key, unusable};

/// The TLS configuration of a client.
#[derive(Clone)]
pub(super) struct Config(pub(super) Arc<ClientConfig>);

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
                let chain = read_certificates(certificates)?;
                let key = read_private_key(key)?;
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

fn roots(authorities: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        for certificate in read_certificates(path)? {
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
