//! TLS by rustls, for `wss:` URLs.

use crate::names::Error;
use crate::stream::BoxStream;

/// TLS with the roots that the features name.
#[cfg(any(feature = "rustls-native-roots", feature = "rustls-webpki-roots"))]
pub(crate) async fn connect_by_default(
    host: String,
    stream: BoxStream,
) -> Result<BoxStream, Error> {
    Ok(connect(by_default()?, host, stream).await?)
}

/// There are no roots.
#[cfg(not(any(feature = "rustls-native-roots", feature = "rustls-webpki-roots")))]
pub(crate) async fn connect_by_default(_: String, _: BoxStream) -> Result<BoxStream, Error> {
    Err(wscodec::MisuseError::NoTls.into())
}

#[cfg(any(feature = "rustls-native-roots", feature = "rustls-webpki-roots"))]
use by_rustls::by_default;
#[cfg(feature = "rustls")]
pub(crate) use by_rustls::connect;

#[cfg(feature = "rustls")]
mod by_rustls {
    use std::io;
    use std::sync::Arc;

    use rustls::ClientConfig;
    use rustls::pki_types::ServerName;
    use tokio_rustls::TlsConnector;

    use crate::stream::BoxStream;

    /// A client's end of TLS.
    pub(crate) async fn connect(
        config: Arc<ClientConfig>,
        host: String,
        stream: BoxStream,
    ) -> io::Result<BoxStream> {
        let name = ServerName::try_from(host);
        let name = name.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(Box::new(stream))
    }

    /// The configuration with the roots that the features name, made once.
    #[cfg(any(feature = "rustls-native-roots", feature = "rustls-webpki-roots"))]
    pub(super) fn by_default() -> io::Result<Arc<ClientConfig>> {
        use std::sync::OnceLock;

        use rustls::crypto::{CryptoProvider, ring};

        static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
        if let Some(config) = CONFIG.get() {
            return Ok(Arc::clone(config));
        }
        let mut roots = rustls::RootCertStore::empty();
        #[cfg(feature = "rustls-native-roots")]
        {
            let found = rustls_native_certs::load_native_certs();
            // Systems have certificates that rustls does not take.
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0
                && cfg!(not(feature = "rustls-webpki-roots"))
                && let Some(error) = found.errors.into_iter().next()
            {
                return Err(io::Error::other(error));
            }
        }
        #[cfg(feature = "rustls-webpki-roots")]
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = CryptoProvider::get_default().cloned();
        let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::clone(CONFIG.get_or_init(|| Arc::new(config))))
    }
}
