//! TLS of `wscodec serve`, whose certificate is read again at SIGHUP, and of `wscodec connect`.

use std::path::Path;

use wscodec::io::{ClientTls, ClientTlsOptions};
use wscodec_server::Server;

use crate::Failure;
use crate::args::{ConnectArgs, unusable};

/// Has all listeners of the server speak TLS, with the certificate and the key in these files.
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub(crate) fn use_files(
    certificate: &Path,
    key: &Path,
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

/// There is no TLS in this build.
#[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
pub(crate) fn use_files(_: &Path, _: &Path, _: &mut Server<'_>) -> Result<(), Failure> {
    Err(unusable("serve", "--cert: this build has no TLS"))
}

/// Reads the files that the options name.
pub(crate) fn client(arguments: &ConnectArgs) -> Result<ClientTls, Failure> {
    if !cfg!(all(feature = "tls", not(target_os = "wasi"))) {
        let why = "this build speaks no TLS: for wss:// put a TLS proxy in between";
        return Err(unusable("connect", why));
    }
    let mut options = ClientTlsOptions::default();
    options.authorities.clone_from(&arguments.ca);
    options.identity = arguments.cert.clone().map(|cert| {
        // The key may be in the file of the certificate.
        let key = arguments.key.clone().unwrap_or_else(|| cert.clone());
        (cert, key)
    });
    options.dangerously_accept_any_certificate = arguments.insecure;
    options.key_log = true;
    if arguments.insecure {
        crate::out::say(
            "WARNING: --insecure: the server's certificate is not checked, and whoever is on the \
             way can read and change everything",
        );
    }
    ClientTls::new(&options).map_err(|e| Failure::Run(format!("TLS can't be used: {e}")))
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
        Some(_) => {
            let _ = host;
            Err(wscodec::MisuseError::NoTls.into())
        }
    }
}
