//! A blocking client. It sends each line of standard input, prints the answer, and closes.
//!
//! ```sh
//! cargo build --release --package wasi-blocking --target wasm32-wasip2
//! echo hello | wasmtime run -S inherit-network -S allow-ip-name-lookup \
//!     target/wasm32-wasip2/release/wasi-connect.wasm ws://localhost:9001/
//! ```
//!
//! `allow-ip-name-lookup` is for URLs with a host name. A `wss:` URL does not work: there is no TLS on
//! WASI.

use std::env;
use std::error::Error;
use std::io::stdin;
use std::time::{Duration, Instant};

use wscodec::{CloseCode, Message};

/// How long an answer may take.
const LONGEST: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args()
        .nth(1)
        .ok_or("usage: wasi-connect ws://HOST:PORT/PATH")?;
    let mut ws = wscodec::connect(&url)?;
    for line in stdin().lines() {
        ws.send(&*line?)?;
        ws.connection().set_deadline(Some(Instant::now() + LONGEST));
        match ws.read()? {
            Some(Message::Text(text)) => println!("{text}"),
            Some(Message::Binary(bytes)) => println!("{} bytes", bytes.len()),
            None => break,
        }
    }
    ws.close(CloseCode::NORMAL, "")?;
    // The server's messages that were on their way, up to its close frame.
    while ws.read()?.is_some() {}
    Ok(())
}
