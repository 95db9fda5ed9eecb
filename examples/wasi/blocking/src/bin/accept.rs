//! A blocking echo server. A component has no threads, so this server serves one client at a time, and
//! each for at most a minute. With more clients, use `wscodec-server`.
//!
//! ```sh
//! cargo build --release --package wasi-blocking --target wasm32-wasip2
//! wasmtime run -S inherit-network target/wasm32-wasip2/release/wasi-accept.wasm 127.0.0.1:9001
//! ```

use std::env;
use std::io::{Write, stderr};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use wscodec::Error;

/// How long one client may be served while others wait.
const LONGEST: Duration = Duration::from_secs(60);

fn serve(stream: TcpStream) -> Result<usize, Error> {
    let mut ws = wscodec::accept(stream)?;
    ws.connection().set_deadline(Some(Instant::now() + LONGEST));
    let mut count = 0;
    while let Some(message) = ws.read()? {
        ws.send(message)?;
        count += 1;
    }
    Ok(count)
}

fn main() -> std::io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    println!("listening on ws://{}", listener.local_addr()?);
    loop {
        let served = listener.accept().map_err(Error::from);
        // `println!` panics if nobody reads the stream any more, and a panic ends the component.
        let _ = match served.and_then(|(stream, _)| serve(stream)) {
            Ok(count) => writeln!(stderr(), "{count} messages"),
            Err(error) => writeln!(stderr(), "{error} ({})", error.code()),
        };
    }
}
