//! TLS of `wscodec serve`: its certificate, which is read again at SIGHUP.

use std::path::PathBuf;

use wscodec_server::Server;

use crate::Failure;

/// The files of a certificate chain and its key.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
}

impl Files {
    /// Whether TLS is asked for.
    pub(crate) fn are_given(&self) -> bool {
        self.certificate.is_some() || self.key.is_some()
    }

    /// Has all listeners of the server speak TLS, if that is asked for.
    pub(crate) fn use_for(&self, server: &mut Server<'_>) -> Result<(), Failure> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(()),
            (Some(certificate), Some(key)) => use_files(certificate, key, server),
            _ => Err(Failure::Usage(
                "--tls-cert and --tls-key are given together".into(),
            )),
        }
    }
}

#[cfg(all(feature = "tls", not(target_os = "wasi")))]
fn use_files(
    certificate: &std::path::Path,
    key: &std::path::Path,
    server: &mut Server<'_>,
) -> Result<(), Failure> {
    let unusable = |e: std::io::Error| {
        let files = format!("{} and {}", certificate.display(), key.display());
        Failure::Run(format!(
            "the certificate and key in {files} can't be used: {e}"
        ))
    };
    let tls = wscodec_server::ServerTls::from_files(certificate, key).map_err(unusable)?;
    server.use_tls(&tls);
    let reload = move || match tls.reload() {
        Ok(()) => log::info!("the certificate was read again"),
        Err(e) => log::error!("the old certificate stays, because the new one can't be used: {e}"),
    };
    crate::stop::at_hangup(reload).map_err(|e| Failure::Run(e.to_string()))
}

#[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
fn use_files(_: &std::path::Path, _: &std::path::Path, _: &mut Server<'_>) -> Result<(), Failure> {
    Err(Failure::Usage("--tls-cert: this build has no TLS".into()))
}
