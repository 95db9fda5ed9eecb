//! TLS of `wscodec serve`, whose certificate is read again at SIGHUP, and of `wscodec connect`.

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

/// The options of TLS of `wscodec connect`.
#[derive(Default)]
pub(crate) struct ClientFiles {
    pub(crate) authorities: Option<PathBuf>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) insecure: bool,
}

/// TLS for the connections of `wscodec connect`.
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub(crate) type ClientTls = wscodec_server::client::ClientTls;

/// There is none in this build.
#[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
pub(crate) enum ClientTls {}

impl ClientFiles {
    /// Reads the files.
    #[cfg(all(feature = "tls", not(target_os = "wasi")))]
    pub(crate) fn read(&self) -> Result<ClientTls, Failure> {
        let mut options = wscodec_server::client::ClientTlsOptions::default();
        options.authorities.clone_from(&self.authorities);
        options.identity = match (&self.certificate, &self.key) {
            (None, None) => None,
            // The key may be in the file of the certificate.
            (Some(certificate), None) => Some((certificate.clone(), certificate.clone())),
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, Some(_)) => {
                return Err(Failure::Usage("--key: its --cert is missing".into()));
            }
        };
        options.dangerously_accept_any_certificate = self.insecure;
        options.key_log = true;
        if self.insecure {
            crate::out::say(
                "WARNING: --insecure: the server's certificate is not checked, and whoever is on the \
                 way can read and change everything",
            );
        }
        ClientTls::new(&options).map_err(|e| Failure::Run(format!("TLS can't be used: {e}")))
    }

    /// There is no TLS in this build.
    #[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
    pub(crate) fn read(&self) -> Result<ClientTls, Failure> {
        let _ = (
            &self.authorities,
            &self.certificate,
            &self.key,
            self.insecure,
        );
        let why = "this build speaks no TLS: for wss:// put a TLS proxy in between";
        Err(Failure::Usage(why.into()))
    }
}

/// Calls the server, over TLS if there is some.
pub(crate) fn call(
    call: wscodec_server::client::Call<'_>,
    tls: Option<&ClientTls>,
    host: &str,
    talk: &mut impl wscodec_server::client::Talk,
) -> Result<wscodec_server::client::Ended, wscodec::io::Error> {
    match tls {
        None => wscodec_server::client::call(call, talk),
        #[cfg(all(feature = "tls", not(target_os = "wasi")))]
        Some(tls) => wscodec_server::client::call_over_tls(call, tls, host, talk),
        #[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
        Some(tls) => {
            let _ = host;
            match *tls {}
        }
    }
}
