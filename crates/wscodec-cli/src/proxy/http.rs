//! A tunnel through a proxy of HTTP, by CONNECT (RFC 9110 §9.3.6).

use std::io::{self, Read, Write};

use wscodec::head::start_line;
use wscodec::io::Url;
use wscodec_inspect::safe::safe;

use super::tunnel::Tunnel;
use crate::target::Credentials;

/// Bytes of the proxy's heads, together.
const MOST: usize = 64 << 10;

/// Asks for a tunnel to the host and port of the URL.
pub(super) fn ask(
    tunnel: &mut Tunnel,
    url: &Url,
    credentials: Option<&Credentials>,
) -> io::Result<()> {
    let host = format!("{}:{}", url.host(), url.port());
    let mut request = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n");
    if let Some(credentials) = credentials {
        request += &format!("Proxy-Authorization: {}\r\n", credentials.basic());
    }
    request += "\r\n";
    tunnel.write_all(request.as_bytes())?;
    let mut left = MOST;
    loop {
        let head = read_head(tunnel, &mut left)?;
        let [version, status, reason] = start_line(&head);
        let refused = match status {
            _ if !version.starts_with(b"HTTP/1.") => "the proxy does not speak HTTP/1.1".to_owned(),
            // Interim answers come first (RFC 9110 §15.2).
            [b'1', _, _] => continue,
            [b'2', _, _] => return Ok(()),
            b"407" => "the proxy asks for a user and a password: give them in its URL".to_owned(),
            _ => format!("the proxy answered {} {}", safe(status), safe(reason)),
        };
        return Err(io::Error::other(refused));
    }
}

/// Reads one head, a byte at a time: the bytes behind the last one are the server's.
fn read_head(tunnel: &mut Tunnel, left: &mut usize) -> io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if *left == 0 {
            return Err(io::Error::other("the proxy's answer is too long"));
        }
        *left -= 1;
        tunnel.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(head)
}
