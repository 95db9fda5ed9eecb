//! A client over TLS, with an `Authorization` header and a heartbeat.
//!
//! ```sh
//! cargo run --package wscodec-tokio --features rustls-native-roots --example tokio_tls_client -- \
//!     wss://example.com/chat TOKEN
//! ```

use std::time::Duration;

use wscodec::CloseCode;
use wscodec_tokio::{ConnectionOptions, Connector, Error, Message};

/// Sends one message, and gives the first that comes back.
pub(crate) async fn ask(
    connector: Connector,
    url: &str,
    token: &str,
    question: &str,
) -> Result<Option<Message>, Error> {
    let mut options = ConnectionOptions::default();
    options.session.heartbeat = Some(Duration::from_secs(30));
    let connecting = connector
        .header("Authorization", format!("Bearer {token}"))
        .options(options)
        .proxy_from_env()
        .connect(url)
        .await;
    let mut ws = match connecting {
        Err(Error::Rejected(rejected)) => {
            // The server's explanation.
            eprintln!("{}", String::from_utf8_lossy(rejected.body()));
            return Err(Error::Rejected(rejected));
        }
        connecting => connecting?,
    };
    ws.send(question).await?;
    let answer = ws.recv().await.transpose()?;
    ws.close(CloseCode::NORMAL, "").await?;
    Ok(answer)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or("wss://example.com/".to_owned());
    let token = arguments.next().unwrap_or_default();
    println!("{:?}", ask(Connector::new(), &url, &token, "Hello").await?);
    Ok(())
}
