//! An echo server on tokio, with compression.
//!
//! ```sh
//! cargo run --package wscodec-tokio --example tokio_echo -- 127.0.0.1:9001
//! ```

use std::env;

use tokio::net::{TcpListener, TcpStream};
use wscodec::session::Policy;
use wscodec_tokio::Error;

pub(crate) async fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001")).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async {
            if let Err(error) = serve(stream).await {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
}
