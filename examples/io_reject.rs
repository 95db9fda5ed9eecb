//! Accepts only clients that ask for the right host and bring a session's cookie.
//!
//! ```sh
//! cargo run --example io_reject -- 127.0.0.1:9001
//! ```

use std::env;
use std::net::{TcpListener, TcpStream};

use wscodec::handshake::{Rejection, UpgradeRequest};
use wscodec::io::{Acceptor, Answer, Error, Rejecting};

fn decide(request: &UpgradeRequest<'_>, answer: &mut Answer<'_>) -> Result<(), Rejecting> {
    if request.host() != "chat.example.com" {
        let body = format!("{} is not served here\n", request.host());
        let rejection = Rejection::new(421).reason("Misdirected Request");
        return answer.reject(rejection.body(body.as_bytes()));
    }
    match request.cookies().value_of(b"session") {
        Some(session) if !session.is_empty() => {
            answer.header("X-Session", String::from_utf8_lossy(session));
            Ok(())
        }
        _ => answer.reject(Rejection::new(401).headers(&[("WWW-Authenticate", "Session")])),
    }
}

pub(crate) fn serve(stream: TcpStream) -> Result<(), Error> {
    let mut ws = Acceptor::default().accept_with(stream, decide)?;
    ws.outbox().text("welcome")?;
    while ws.read()?.is_some() {}
    Ok(())
}

fn main() -> Result<(), Error> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001"))?;
    for stream in listener.incoming() {
        match serve(stream?) {
            Err(Error::Rejected(rejected)) => eprintln!("rejected with {}", rejected.status()),
            Err(error) => eprintln!("{error} ({})", error.code()),
            Ok(()) => {}
        }
    }
    Ok(())
}
