//! The client that the Autobahn suite asks for: asks a fuzzing server how many cases it has, echoes the
//! messages of each of them, and has the report written.
//!
//! ```sh
//! cargo run --release --package wscodec-tokio --example tokio_autobahn_client -- \
//!     ws://127.0.0.1:9001 wscodec-tokio
//! ```

use wscodec::CloseCode;
use wscodec_tokio::{Error, Message, connect};

async fn run(url: &str, agent: &str) -> Result<u32, Error> {
    let mut ws = connect(format!("{url}/getCaseCount")).await?;
    let count = match ws.recv().await.transpose()? {
        Some(Message::Text(text)) => text.parse().ok(),
        _ => None,
    };
    let count = count.ok_or_else(|| std::io::Error::other("no number of cases"))?;
    ws.close(CloseCode::NORMAL, "").await?;
    for case in 1..=count {
        let url = format!("{url}/runCase?case={case}&agent={agent}");
        match echo(&url).await {
            // Whether the case was meant to end so is for the suite to say.
            Ok(()) | Err(Error::Fault(_)) => {}
            Err(Error::Io(error)) if error.kind() != std::io::ErrorKind::ConnectionRefused => {
                eprintln!("case {case}: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    let mut ws = connect(format!("{url}/updateReports?agent={agent}")).await?;
    while ws.recv().await.transpose()?.is_some() {}
    Ok(count)
}

async fn echo(url: &str) -> Result<(), Error> {
    let mut ws = connect(url).await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, agent] = &arguments[..] else {
        return Err(std::io::Error::other("usage: ws://HOST:PORT AGENT").into());
    };
    let count = run(url.trim_end_matches('/'), agent).await?;
    println!("{count} cases");
    Ok(())
}
