//! A client that connects again whenever the connection is lost: after 1 second, then after 2, 4 and so
//! on, and after 1 second again once a message has come.
//!
//! ```sh
//! cargo run --package wscodec-tokio --example tokio_reconnect -- ws://127.0.0.1:9001
//! ```

use std::time::Duration;

use wscodec::CloseCode;
use wscodec_tokio::{ConnectionOptions, Connector, Error, Message};

/// Shows each message to `f` until that says `false`.
pub(crate) async fn follow(
    url: &str,
    first: Duration,
    mut f: impl FnMut(Message) -> bool,
) -> Result<(), Error> {
    let mut options = ConnectionOptions::default();
    // A server that is gone without a word shows by this.
    options.session.heartbeat = Some(Duration::from_secs(20));
    let connector = Connector::new().options(options);
    let mut wait = first;
    loop {
        match connector.connect(url).await {
            Ok(mut ws) => {
                while let Some(Ok(message)) = ws.recv().await {
                    wait = first;
                    if (message.is_text() || message.is_binary()) && !f(message) {
                        ws.close(CloseCode::NORMAL, "").await?;
                        return Ok(());
                    }
                }
                eprintln!("lost: {:?}", ws.outcome());
            }
            // The URL, or a request that the server will not grant the next time either.
            Err(error @ Error::Misuse(_)) => return Err(error),
            Err(Error::Rejected(rejected)) if rejected.status() < 500 => {
                return Err(Error::Rejected(rejected));
            }
            Err(error) => eprintln!("{error} ({})", error.code()),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(60));
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1);
    let url = url.as_deref().unwrap_or("ws://127.0.0.1:9001");
    follow(url, Duration::from_secs(1), |message| {
        println!("{message}");
        true
    })
    .await
}
