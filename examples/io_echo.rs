//! An echo server, a thread for each connection.
//!
//! ```sh
//! cargo run --example io_echo -- 127.0.0.1:9001
//! ```

use std::net::{TcpListener, TcpStream};
use std::{env, thread};

use wscodec::Error;

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut ws = wscodec::accept(stream)?;
    while let Some(message) = ws.read()? {
        ws.send(message)?;
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
    Ok(())
}
