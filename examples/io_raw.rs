//! An echo server over the bare stream, as small as it can be: the handshake by [`Acceptor`], then each
//! frame by hand. No rule of the protocol is kept but those of a single header's form, so this is for
//! trusted peers; `io_echo_frames` keeps the rules.
//!
//! ```sh
//! cargo run --example io_raw -- 127.0.0.1:9001
//! ```

use std::env;
use std::io::Read;
use std::net::{TcpListener, TcpStream};

use wscodec::Error;
use wscodec::frame::OpCode;
use wscodec::io::{Acceptor, Parts, read_frame, write_frame};

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let ws = Acceptor::default().without_compression().accept(stream)?;
    let Parts { stream, read, .. } = ws.into_parts();
    let mut reader = read.chain(&stream); // frames may have come right behind the request
    let mut payload = Vec::new();
    loop {
        let mut header = read_frame(&mut reader, &mut payload, 1 << 20)?;
        header.mask = None; // a server's frames are not masked
        write_frame(&mut &stream, header, &payload)?;
        if header.opcode == OpCode::Close {
            return Ok(());
        }
    }
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}
