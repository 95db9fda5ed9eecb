//! A client behind an HTTP proxy, which it asks for a tunnel (RFC 9110 §9.3.6).
//!
//! ```sh
//! cargo run --example connect_proxy -- 127.0.0.1:3128 ws://127.0.0.1:9001/
//! ```

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use std::{env, process};

use wscodec::CloseCode;
use wscodec::io::{Connection, Connector, Error, Transport, Url};

const MAX_HEAD: usize = 8 << 10;

pub(crate) fn connect(proxy: &str, url: &str) -> Result<Connection<TcpStream>, Error> {
    let target = Url::parse(url)?;
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let host = match target.host() {
        address if address.contains(':') => format!("[{address}]:{}", target.port()),
        name => format!("{name}:{}", target.port()),
    };
    // Where a proxy wants a password: a line with Proxy-Authorization.
    write!(stream, "CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n")?;
    // Interim answers come first (RFC 9110 §15.2).
    let mut head = read_head(&mut stream)?;
    while status(&head).starts_with(b"1") {
        head = read_head(&mut stream)?;
    }
    if !status(&head).starts_with(b"2") {
        let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        return Err(io::Error::other(format!("the proxy refuses: {line}")).into());
    }
    // For wss, TLS goes in between here, as in the example wss_client.
    Connector::DEFAULT.connect_over(stream, Transport::tcp(), url)
}

/// Reads one head, a byte at a time: what follows the last one is the tunnel's.
fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > MAX_HEAD {
            return Err(io::Error::other("the proxy's answer is too long"));
        }
    }
    Ok(head)
}

/// The status of an answer of HTTP/1; nothing if it is none.
fn status(head: &[u8]) -> &[u8] {
    match head {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0' | b'1',
            b' ',
            status @ ..,
        ] => status,
        _ => b"",
    }
}

fn main() -> Result<(), Error> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [proxy, url] = &arguments[..] else {
        eprintln!("usage: connect_proxy HOST:PORT URL");
        process::exit(2);
    };
    let mut ws = connect(proxy, url)?;
    ws.outbox().text("Hello")?;
    if let Some((message, _)) = ws.read()? {
        println!("{:?}", message.text());
    }
    ws.close(CloseCode::NORMAL, "")?;
    Ok(())
}
