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
use wscodec::io::{Connector, Error, Transport, Url, WebSocket};

const MAX_HEAD: usize = 8 << 10;

pub(crate) fn connect(proxy: &str, url: &str) -> Result<WebSocket<TcpStream>, Error> {
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
    let (mut head, mut byte) = (Vec::new(), [0]);
    // A byte at a time: what follows the head is the tunnel's.
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > MAX_HEAD {
            return Err(io::Error::other("the proxy's answer is too long").into());
        }
    }
    if !head.starts_with(b"HTTP/1.1 2") && !head.starts_with(b"HTTP/1.0 2") {
        let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        return Err(io::Error::other(format!("the proxy refuses: {line}")).into());
    }
    // For wss, TLS goes in between here, as in the example wss_client.
    Connector::DEFAULT.connect_over(stream, Transport::tcp(), url)
}

fn main() -> Result<(), Error> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [proxy, url] = &arguments[..] else {
        eprintln!("usage: connect_proxy HOST:PORT URL");
        process::exit(2);
    };
    let mut ws = connect(proxy, url)?;
    ws.text("Hello")?;
    if let Some((message, _)) = ws.read()? {
        println!("{:?}", message.text());
    }
    ws.close(CloseCode::NORMAL, "")?;
    Ok(())
}
