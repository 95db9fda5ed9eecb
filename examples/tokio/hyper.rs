//! hyper without a framework: `/ws` echoes, every other path is not found.
//!
//! ```sh
//! cargo run --package wscodec-tokio --features hyper --example tokio_hyper -- 127.0.0.1:9001
//! ```

use std::convert::Infallible;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use wscodec::session::Policy;
use wscodec_tokio::Error;
use wscodec_tokio::hyper::{Upgrading, rejection, upgrade};

async fn answer(mut request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    if request.uri().path() != "/ws" {
        let mut response = Response::new("not here\n".to_owned());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Ok(response);
    }
    let response = match upgrade(&mut request, &Policy::DEFAULT) {
        Ok((response, upgrading)) => {
            tokio::spawn(async {
                if let Err(error) = echo(upgrading).await {
                    eprintln!("{error} ({})", error.code());
                }
            });
            response
        }
        Err(error) => rejection(error),
    };
    Ok(response.map(|()| String::new()))
}

async fn echo(upgrading: Upgrading) -> Result<(), Error> {
    let mut ws = upgrading.await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

pub(crate) async fn serve(stream: TcpStream) {
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    if let Err(error) = connection.await {
        eprintln!("{error}");
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001")).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(serve(stream));
    }
}
