//! A server that speaks TLS, and clients for it.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};
use wscodec::io::{Connection, Connector, Transport};
use wscodec_server::{Echo, ServerOptions, ServerTls};

use super::{Running, open, run_over};

pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for `localhost` in PEM files, which are removed when it is dropped.
pub(crate) struct Files {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Files {
    pub(crate) fn new(name: &str) -> (Self, CertificateDer<'static>) {
        let path = |end: &str| {
            let name = format!("wscodec-{name}-{}-{end}.pem", std::process::id());
            std::env::temp_dir().join(name)
        };
        let this = Self {
            certificate: path("certificate"),
            key: path("key"),
        };
        let certificate = this.renew();
        (this, certificate)
    }

    pub(crate) fn renew(&self) -> CertificateDer<'static> {
        let new = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(&self.certificate, new.cert.pem()).unwrap();
        fs::write(&self.key, new.signing_key.serialize_pem()).unwrap();
        new.cert.into()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.certificate);
        let _ = fs::remove_file(&self.key);
    }
}

pub(crate) fn serve(options: ServerOptions<'static>, tls: &ServerTls) -> Running {
    run_over(options, |server| server.use_tls(tls), |_| Echo)
}

pub(crate) fn config(trusted: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

pub(crate) fn tls(config: ClientConfig, address: SocketAddr) -> Tls {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(client, open(address))
}

/// A client that trusts the certificate in these files.
pub(crate) fn tls_of(files: &Files, address: SocketAddr) -> Tls {
    let pem = fs::read(&files.certificate).unwrap();
    tls(
        config(&CertificateDer::from_pem_slice(&pem).unwrap()),
        address,
    )
}

pub(crate) const TRANSPORT: Transport<Tls> = Transport {
    read_timeout: Some(|tls, time| tls.sock.set_read_timeout(time)),
    write_timeout: Some(|tls, time| tls.sock.set_write_timeout(time)),
    shutdown: Some(|tls| {
        tls.conn.send_close_notify();
        tls.flush()?;
        tls.sock.shutdown(Shutdown::Write)
    }),
    secure: true,
};

pub(crate) fn connect(
    trusted: &CertificateDer<'static>,
    address: SocketAddr,
) -> Result<Connection<Tls>, wscodec::io::Error> {
    let tls = tls(config(trusted), address);
    Connector::DEFAULT.connect_over(tls, TRANSPORT, "wss://localhost/")
}

pub(crate) fn echoes(ws: &mut Connection<Tls>, payload: &[u8]) {
    ws.outbox().binary(payload).unwrap();
    let (message, _) = ws.read().unwrap().unwrap();
    assert!(message.payload == payload);
}
