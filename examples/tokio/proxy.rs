//! A transparent proxy: accepts clients, connects to a server for each with the same path and
//! subprotocol, and passes messages, pings and close frames on in both directions.
//!
//! ```sh
//! cargo run --package wscodec-tokio --example tokio_proxy -- 127.0.0.1:9002 ws://127.0.0.1:9001
//! ```

use futures_util::StreamExt;
use tokio::net::{TcpListener, TcpStream};
use wscodec::handshake::Rejection;
use wscodec_tokio::{Acceptor, ConnectionOptions, Connector, Error};

/// The answers to pings come from the other end.
fn options() -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    options.session.auto_pong = false;
    options
}

pub(crate) async fn pass(stream: TcpStream, server: &str) -> Result<(), Error> {
    let acceptor = Acceptor {
        options: options(),
        ..Acceptor::default()
    };
    let incoming = acceptor.read_request(stream).await?;
    let request = incoming.request();
    let url = format!("{server}{}", request.target());
    let mut connector = Connector::new().options(options());
    for protocol in request.protocols() {
        connector = connector.protocol(protocol);
    }
    let upstream = match connector.connect(url).await {
        Ok(upstream) => upstream,
        Err(Error::Rejected(rejected)) => {
            let rejection = Rejection::new(rejected.status().clamp(300, 599));
            return incoming.reject(rejection.body(rejected.body())).await;
        }
        Err(error) => {
            incoming.reject(Rejection::new(502)).await?;
            return Err(error);
        }
    };
    let protocol = upstream.protocol().map(str::to_owned);
    let downstream = incoming.protocol(protocol.as_deref()).accept().await?;
    let (to_client, from_client) = downstream.split();
    let (to_server, from_server) = upstream.split();
    // A sink is closed when its stream ends, and by the close frame that is passed on before.
    let there = from_client.forward(to_server);
    let back = from_server.forward(to_client);
    let (there, back) = tokio::join!(there, back);
    there.and(back)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or("127.0.0.1:9002".to_owned());
    let server = arguments.next().unwrap_or("ws://127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        let server = server.clone();
        tokio::spawn(async move {
            if let Err(error) = pass(stream, &server).await {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
}
