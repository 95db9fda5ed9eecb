//! TLS of `wscodec serve` and of the commands that connect to a server. SIGHUP makes `serve` read its
//! certificate again.

use std::path::{Path, PathBuf};

use wscodec::io::{ClientTls, ClientTlsOptions};
use wscodec_server::Server;

use crate::Failure;
use crate::args::{ClientTlsArgs, unusable};

/// Has all listeners of the server speak TLS, with the certificate and the key in these files.
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub(crate) fn use_files(
    certificate: &Path,
    key: &Path,
    server: &mut Server<'_>,
) -> Result<(), Failure> {
    server.use_tls(&from_files(certificate, key)?);
    Ok(())
}

/// The certificate and the key in these files, which are read again at SIGHUP.
#[cfg(all(feature = "tls", not(target_os = "wasi")))]
pub(crate) fn from_files(
    certificate: &Path,
    key: &Path,
) -> Result<wscodec_server::ServerTls, Failure> {
    let unusable = |e: std::io::Error| {
        let files = format!("{} and {}", certificate.display(), key.display());
        Failure::Run(format!(
            "the certificate and key in {files} can't be used: {e}"
        ))
    };
    let tls = wscodec_server::ServerTls::from_files(certificate, key).map_err(unusable)?;
    let files = tls.clone();
    let reload = move || match files.reload() {
        Ok(()) => log::info!("the certificate was read again"),
        Err(e) => log::error!("the old certificate stays, because the new one can't be used: {e}"),
    };
    crate::stop::at_hangup(reload).map_err(|e| Failure::Run(e.to_string()))?;
    Ok(tls)
}

/// There is no TLS in this build.
#[cfg(not(all(feature = "tls", not(target_os = "wasi"))))]
pub(crate) fn use_files(_: &Path, _: &Path, _: &mut Server<'_>) -> Result<(), Failure> {
    Err(unusable("serve", "--cert: this build has no TLS"))
}

/// Reads the files that the options of a command name. The identity is a certificate chain and its key.
pub(crate) fn client(
    command: &str,
    arguments: &ClientTlsArgs,
    identity: Option<(PathBuf, PathBuf)>,
) -> Result<ClientTls, Failure> {
    if !cfg!(all(feature = "tls", not(target_os = "wasi"))) {
        let why = "this build speaks no TLS: for wss:// put a TLS proxy in between";
        return Err(unusable(command, why));
    }
    let mut options = ClientTlsOptions::default();
    options.authorities.clone_from(&arguments.ca);
    options.identity = identity;
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

/// TLS over a socket that is connected to this host. The handshake is done, until then at the latest.
#[cfg(not(target_os = "wasi"))]
pub(crate) fn over(
    socket: std::net::TcpStream,
    tls: &ClientTls,
    host: &str,
    until: Option<std::time::Instant>,
) -> std::io::Result<wscodec::io::ClientStream> {
    #[cfg(feature = "tls")]
    {
        wscodec::io::ClientStream::with_tls(socket, tls.connection(host)?, until)
    }
    #[cfg(not(feature = "tls"))]
    {
        let _ = (socket, tls, host, until);
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// TLS with the clients that a program accepts by itself. There is none in a build without TLS.
#[cfg(not(target_os = "wasi"))]
#[derive(Debug)]
pub(crate) struct Acceptor(
    #[cfg(feature = "tls")] wscodec_server::ServerTls,
    #[cfg(not(feature = "tls"))] std::convert::Infallible,
);

#[cfg(not(target_os = "wasi"))]
impl Acceptor {
    /// With the certificate and the key in these files, which are read again at SIGHUP.
    pub(crate) fn from_files(
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_variables, reason = "there is no TLS")
        )]
        certificate: &Path,
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_variables, reason = "there is no TLS")
        )]
        key: &Path,
    ) -> Result<Self, Failure> {
        #[cfg(feature = "tls")]
        {
            from_files(certificate, key).map(Self)
        }
        #[cfg(not(feature = "tls"))]
        {
            Err(unusable("tap", "--cert: this build has no TLS"))
        }
    }

    /// The handshake of TLS with a client, until then at the latest.
    pub(crate) fn accept(
        &self,
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_variables, reason = "there is no TLS")
        )]
        socket: std::net::TcpStream,
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_variables, reason = "there is no TLS")
        )]
        until: std::time::Instant,
    ) -> std::io::Result<wscodec::io::ClientStream> {
        #[cfg(feature = "tls")]
        {
            wscodec::io::ClientStream::with_tls(socket, self.0.connection()?, Some(until))
        }
        #[cfg(not(feature = "tls"))]
        {
            match self.0 {}
        }
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
        Some(_) => {
            let _ = host;
            Err(wscodec::MisuseError::NoTls.into())
        }
    }
}
