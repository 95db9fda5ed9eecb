//! A proxy: for each client a connection to another server, with the same path and subprotocol,
//! and messages relayed both ways in pieces as they come.
//!
//! ```sh
//! cargo run --example proxy -- 127.0.0.1:9002 ws://127.0.0.1:9001
//! ```

use std::io::{Read, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::{env, thread};

use wscodec::CloseCode;
use wscodec::handshake::Rejection;
use wscodec::io::{Acceptor, Connector, Error, ReadHalf, WriteHalf};

pub(crate) fn serve(stream: TcpStream, upstream: &str) -> Result<(), Error> {
    let mut server = None;
    let client = Acceptor::default().accept_with(stream, |request, answer| {
        let offered: Vec<_> = request.protocols().collect();
        let mut connector = Connector::DEFAULT;
        connector.protocols = &offered;
        match connector.connect(&format!("{upstream}{}", request.path_and_query())) {
            Ok(ws) => {
                // The server can choose only from the offers.
                let _ = answer.choose_protocol(ws.protocol());
                server = Some(ws);
                Ok(())
            }
            Err(Error::Rejected(rejected)) => answer
                .reject(Rejection::new(rejected.status().clamp(300, 599)).body(rejected.body())),
            Err(error) => answer.reject(Rejection::new(502).body(error.code().as_bytes())),
        }
    })?;
    let Some(server) = server else { return Ok(()) };
    let (mut from_client, mut to_client) = client.split()?;
    let (mut from_server, mut to_server) = server.split()?;
    let upwards = thread::spawn(move || relay(&mut from_client, &mut to_server));
    let downwards = relay(&mut from_server, &mut to_client);
    let upwards = upwards.join().expect("does not panic");
    upwards.and(downwards)
}

fn relay<R: Read + Write, W: Write>(
    from: &mut ReadHalf<R>,
    to: &mut WriteHalf<W>,
) -> Result<(), Error> {
    let result = messages(from, to);
    // How one side ends is told to the other, unless that ended first.
    let _ = match from.outcome() {
        Some(end) if end.code.is_sendable() => to.close(end.code, end.reason),
        Some(end) if end.clean => to.close(CloseCode::NORMAL, ""),
        _ => to.close(CloseCode::GOING_AWAY, "the other side is gone"),
    };
    result
}

fn messages<R: Read + Write, W: Write>(
    from: &mut ReadHalf<R>,
    to: &mut WriteHalf<W>,
) -> Result<(), Error> {
    while let Some(mut message) = from.reader()? {
        let mut writer = to.writer(message.kind());
        copy(&mut message, &mut writer)?;
        writer.finish()?;
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [listen, upstream] = &arguments[..] else {
        eprintln!("usage: proxy HOST:PORT ws://HOST:PORT");
        std::process::exit(2);
    };
    let listener = TcpListener::bind(listen)?;
    for stream in listener.incoming() {
        let (stream, upstream) = (stream?, upstream.clone());
        thread::spawn(move || {
            if let Err(error) = serve(stream, upstream.trim_end_matches('/')) {
                eprintln!("{error} ({})", error.code());
            }
        });
    }
    Ok(())
}
