//! A client over TLS, by rustls: sends a line and prints the answer.
//!
//! ```sh
//! cargo run --example wss_client -- wss://localhost:9443/ certificate.pem
//! ```
//!
//! The certificate is the one to trust; for servers of the world, fill the root store from
//! `rustls-platform-verifier` or `webpki-roots`.

use std::error::Error;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::{env, io};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use wscodec::io::{Connection, Connector, Transport, Url};

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// The time-outs are those of the socket below.
const TRANSPORT: Transport<Tls> = Transport {
    read_timeout: Some(|tls, time| tls.sock.set_read_timeout(time)),
    write_timeout: Some(|tls, time| tls.sock.set_write_timeout(time)),
    shutdown: Some(|tls| {
        tls.conn.send_close_notify();
        tls.flush()?;
        tls.sock.shutdown(Shutdown::Write)
    }),
};

pub(crate) fn connect(
    url: &str,
    config: Arc<ClientConfig>,
) -> Result<Connection<Tls>, wscodec::io::Error> {
    let connector = Connector::DEFAULT;
    let parts = Url::parse(url)?;
    let name = ServerName::try_from(parts.host().to_owned()).map_err(io::Error::other)?;
    let tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
    let tls = StreamOwned::new(tls, connector.dial(&parts)?);
    connector.connect_over(tls, TRANSPORT, url)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [url, certificate] = &arguments[..] else {
        return Err("usage: wss_client URL CERTIFICATE".into());
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate)? {
        roots.add(certificate?)?;
    }
    let config = ClientConfig::builder().with_root_certificates(roots);
    let mut ws = connect(url, Arc::new(config.with_no_client_auth()))?;
    ws.outbox().text("Hello")?;
    if let Some((message, _)) = ws.read()? {
        println!("{:?}", message.text());
    }
    ws.close(wscodec::CloseCode::NORMAL, "")?;
    Ok(())
}
