//! Echo servers by others, as their own examples have them.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

type Outcome = Result<(), Box<dyn Error>>;

/// A thread a connection, and no WebSocket at all behind the handshake: the bytes come back. The
/// floor.
pub fn raw(port: &str) -> Outcome {
    use mio::net::TcpListener;
    use mio::{Events, Interest, Poll, Token};

    let mut poll = Poll::new()?;
    let address = (Ipv4Addr::LOCALHOST, port.parse::<u16>()?).into();
    let mut listener = TcpListener::bind(address)?;
    let own = Token(usize::MAX);
    poll.registry()
        .register(&mut listener, own, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut streams = Vec::new();
    let mut bytes = vec![0; 64 << 10];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == own {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let token = Token(streams.len());
                    poll.registry()
                        .register(&mut stream, token, Interest::READABLE)?;
                    streams.push(Some((stream, false)));
                }
                continue;
            }
            let place = &mut streams[event.token().0];
            let Some((stream, open)) = place else {
                continue;
            };
            loop {
                let n = match stream.read(&mut bytes) {
                    Ok(0) => {
                        *place = None;
                        break;
                    }
                    Ok(n) => n,
                    Err(_) => break,
                };
                if !*open {
                    *open = true;
                    stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
                    continue;
                }
                let mut sent = 0;
                while sent < n {
                    match stream.write(&bytes[sent..n]) {
                        Ok(more) => sent += more,
                        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                        Err(e) => return Err(e.into()),
                    }
                }
                if n < bytes.len() {
                    break;
                }
            }
        }
    }
}

/// A thread a connection.
pub fn tungstenite(port: &str) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        thread::Builder::new()
            .stack_size(256 << 10)
            .spawn(move || {
                let Ok(mut ws) = tungstenite::accept(stream) else {
                    return;
                };
                while let Ok(message) = ws.read() {
                    if (message.is_text() || message.is_binary()) && ws.send(message).is_err() {
                        return;
                    }
                }
            })?;
    }
    Ok(())
}
