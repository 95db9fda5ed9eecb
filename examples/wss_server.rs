//! An echo server over TLS, by rustls.
//!
//! ```sh
//! cargo run --example wss_server -- 127.0.0.1:9443 certificate.pem key.pem
//! ```

use std::error::Error;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::{env, thread};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use wscodec::io::{Acceptor, Transport};

type Tls = StreamOwned<ServerConnection, TcpStream>;

/// The time-outs are those of the socket below.
const TRANSPORT: Transport<Tls> = Transport {
    read_timeout: Some(|tls, time| tls.sock.set_read_timeout(time)),
    write_timeout: Some(|tls, time| tls.sock.set_write_timeout(time)),
    shutdown: Some(|tls| {
        tls.conn.send_close_notify();
        tls.flush()?;
        tls.sock.shutdown(Shutdown::Write)
    }),
    secure: true,
};

pub(crate) fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
) -> Result<(), wscodec::io::Error> {
    stream.set_nodelay(true)?;
    let tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let tls = StreamOwned::new(tls, stream);
    let mut ws = Acceptor::default().accept_over(tls, TRANSPORT, |_, _| Ok(()))?;
    while let Some((message, mut outbox)) = ws.read()? {
        outbox.forward(message)?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [listen, certificate, key] = &arguments[..] else {
        return Err("usage: wss_server HOST:PORT CERTIFICATE KEY".into());
    };
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(chain, key)?);
    for stream in TcpListener::bind(listen)?.incoming() {
        let (stream, config) = (stream?, Arc::clone(&config));
        thread::spawn(move || {
            if let Err(error) = serve(stream, config) {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
    Ok(())
}
