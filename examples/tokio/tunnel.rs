//! Two ends of a tunnel for TCP over WebSocket: for SSH, MQTT, databases behind a proxy.
//!
//! ```sh
//! cargo run --package wscodec-tokio --example tokio_tunnel -- server 127.0.0.1:9001 127.0.0.1:22
//! cargo run --package wscodec-tokio --example tokio_tunnel -- client 127.0.0.1:2222 ws://127.0.0.1:9001
//! ```

use std::io;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use wscodec::session::Policy;

/// The server's end: a WebSocket comes in, and TCP goes out.
pub(crate) async fn server(stream: TcpStream, target: &str) -> io::Result<(u64, u64)> {
    let ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
    let mut target = TcpStream::connect(target).await?;
    copy_bidirectional(&mut ws.into_byte_stream(), &mut target).await
}

/// The client's end: TCP comes in, and a WebSocket goes out.
pub(crate) async fn client(mut stream: TcpStream, url: &str) -> io::Result<(u64, u64)> {
    let ws = wscodec_tokio::connect(url).await?;
    copy_bidirectional(&mut stream, &mut ws.into_byte_stream()).await
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [end, listen, target] = &arguments[..] else {
        return Err(io::Error::other("arguments: server|client LISTEN TARGET"));
    };
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let (end, target) = (end.clone(), target.clone());
        tokio::spawn(async move {
            let copied = match &*end {
                "server" => server(stream, &target).await,
                _ => client(stream, &target).await,
            };
            match copied {
                Ok((there, back)) => println!("{there} bytes there, {back} bytes back"),
                Err(error) => eprintln!("{error}"),
            }
        });
    }
}
