//! A client over TLS: sends a line and prints the answer.
//!
//! ```sh
//! cargo run --features tls --example wss_client -- wss://localhost:9443/ certificate.pem
//! ```
//!
//! The certificate is the one to trust. Without it, those of the system are.

use std::error::Error;
use std::path::Path;

use wscodec::io::{ClientStream, ClientTls, ClientTlsOptions, Connector};
use wscodec::{CloseCode, WebSocket};

pub(crate) fn connect(
    url: &str,
    authority: Option<&Path>,
) -> Result<WebSocket<ClientStream>, wscodec::Error> {
    let mut options = ClientTlsOptions::default();
    options.authorities = authority.map(Into::into);
    let tls = ClientTls::new(&options)?;
    let mut connector = Connector::DEFAULT;
    connector.tls = Some(&tls);
    Ok(connector.connect(url)?.into())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments
        .next()
        .ok_or("usage: wss_client URL [CERTIFICATE]")?;
    let authority = arguments.next();
    let mut ws = connect(&url, authority.as_ref().map(Path::new))?;
    ws.send("Hello")?;
    println!("{:?}", ws.read()?);
    ws.close(CloseCode::NORMAL, "")?;
    Ok(())
}
