//! JSON read and written straight through messages: nothing is put together in between.
//!
//! ```sh
//! cargo run --example io_json -- 127.0.0.1:9001
//! ```

use std::env;
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};
use wscodec::io::{self, Error};
use wscodec::message::Kind;

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut ws = io::Acceptor::default().accept(stream)?;
    while let Some(message) = ws.reader()? {
        let request: Value = serde_json::from_reader(message).map_err(std::io::Error::from)?;
        let answer = json!({ "id": request["id"], "result": request["params"] });
        let mut writer = ws.writer(Kind::Text);
        serde_json::to_writer(&mut writer, &answer).map_err(std::io::Error::from)?;
        writer.finish()?;
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    for stream in listener.incoming() {
        if let Err(error) = serve(stream?) {
            eprintln!("{error} ({})", error.code());
        }
    }
    Ok(())
}
