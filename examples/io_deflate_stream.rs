//! Messages of any size, compressed both ways, echoed while they come: a few KiB of each are in
//! memory at a time.
//!
//! ```sh
//! cargo run --example io_deflate_stream -- 127.0.0.1:9001
//! ```

use std::io::copy;
use std::net::{TcpListener, TcpStream};
use std::{env, thread};

use wscodec::deflate::DeflateOptions;
use wscodec::io::{Acceptor, Error};

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut acceptor = Acceptor::default();
    let mut deflate = DeflateOptions::default();
    // Most messages are not small, and many are alike.
    deflate.threshold = 0;
    acceptor.policy.deflate = Some(deflate);
    acceptor.options.session.limits.message = 1 << 40;
    let (mut reader, mut writer) = acceptor.accept(stream)?.split()?;
    while let Some(mut message) = reader.reader()? {
        let mut echo = writer.writer(message.kind());
        copy(&mut message, &mut echo)?;
        echo.finish()?;
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
