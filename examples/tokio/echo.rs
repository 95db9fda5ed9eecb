//! An echo server on tokio: the handshake by hand, then a socket that answers pings and closes by itself.
//!
//! ```sh
//! cargo run --package wscodec-tokio --example tokio_echo -- 127.0.0.1:9001
//! ```

use std::env;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wscodec::handshake::{Rejection, UpgradeRequestReader};
use wscodec::io::Error;
use wscodec::message::Unmasked;
use wscodec::session::{In, Out, Policy, SessionOptions};
use wscodec::{Limits, PeerError};
use wscodec_tokio::{Item, Socket};

pub(crate) async fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut socket = accept(stream).await?;
    while let Some(item) = socket.next().await {
        if let item @ (Item::Text(_) | Item::Binary(_)) = item? {
            socket.send(item).await?;
        }
    }
    Ok(())
}

async fn accept(mut stream: TcpStream) -> Result<Socket<TcpStream, Unmasked, In, Out>, Error> {
    let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
    let (mut came, mut out) = (bytes::BytesMut::new(), Vec::new());
    loop {
        if stream.read_buf(&mut came).await? == 0 {
            return Err(wscodec::ErrorKind::from(PeerError::UnexpectedEof).into());
        }
        let fault = match reader.read(&came) {
            Ok(None) => continue,
            Ok(Some(request)) => match Policy::DEFAULT.judge(&request) {
                Ok(upgrade) => {
                    upgrade.accept().write(&mut out)?;
                    stream.write_all(&out).await?;
                    let session = upgrade.session(&SessionOptions::default());
                    let rest = &came[request.head_len()..];
                    return Ok(Socket::new(stream, session, rest));
                }
                Err(fault) => fault,
            },
            Err(fault) => fault,
        };
        if let Some(rejection) = Rejection::of(fault) {
            rejection.write(&mut out)?;
        }
        stream.write_all(&out).await?;
        return Err(fault.into());
    }
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let address = address.as_deref().unwrap_or("127.0.0.1:9001");
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(async {
                if let Err(error) = serve(stream).await {
                    eprintln!("{error} ({})", error.code());
                }
            });
        }
    })
}
