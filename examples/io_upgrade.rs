//! A look at each request before it is answered: the subprotocol is chosen by the path, a header
//! tells which server this is, and what the client said goes into the connection.
//!
//! ```sh
//! cargo run --example io_upgrade -- 127.0.0.1:9001
//! ```

use std::env;
use std::net::{TcpListener, TcpStream};

use wscodec::handshake::Rejection;
use wscodec::io::{Acceptor, Error};

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut acceptor = Acceptor::default();
    acceptor.policy.protocols = &["v2.chat", "v1.chat"];
    let mut agent = String::new();
    let mut ws = acceptor.accept_with(stream, |request, answer| {
        if request.path() == "/old" && answer.choose_protocol(Some("v1.chat")).is_err() {
            return answer.reject(Rejection::new(400).body(b"v1.chat is spoken here\n"));
        }
        for header in request.headers() {
            if header.name.eq_ignore_ascii_case("User-Agent") {
                agent = String::from_utf8_lossy(header.value).into_owned();
            }
        }
        answer.header("X-Served-By", "io_upgrade");
        Ok(())
    })?;
    let greeting = format!("{agent:?} speaks {:?}", ws.protocol());
    ws.outbox().text(&greeting)?;
    while ws.read()?.is_some() {}
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
