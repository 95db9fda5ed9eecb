//! The memory that compression takes in a component.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::client::{head, open};
use crate::common::rng::Rng;
use crate::common::zlib::Compressor;
use crate::component::serve;

const CONNECTIONS: u64 = 1000;
/// A connection without compression, and what the loop has once: a buffer and the engines.
const ITSELF: u64 = 1 << 10;
const ONCE: u64 = 1 << 20;

/// Opens a connection, and has a compressed message echoed that fills all windows.
fn compressing(address: SocketAddr, parameters: &str, message: &[u8]) -> TcpStream {
    let mut stream = open(address);
    let request = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: permessage-deflate{parameters}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    assert!(head(&mut stream).contains("permessage-deflate"));
    // Masked with nothing.
    let [a, b] = u16::try_from(message.len()).unwrap().to_be_bytes();
    let frame = [&[0xc2, 0xfe, a, b, 0, 0, 0, 0], message].concat();
    stream.write_all(&frame).unwrap();
    let mut header = [0; 4];
    stream.read_exact(&mut header).unwrap();
    let [0xc2, 126, a, b] = header else {
        panic!("{header:?}");
    };
    let mut answer = vec![0; u16::from_be_bytes([a, b]).into()];
    stream.read_exact(&mut answer).unwrap();
    stream
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_thousand_that_compress_hold_what_the_readme_says() {
    let mut rng = Rng(1);
    let words: Vec<u8> = (0..40_000).map(|_| b'a' + (rng.byte() & 7)).collect();
    let message = Compressor::new(6, 15, true).message(&words);
    let without = "; server_no_context_takeover; client_no_context_takeover";
    // To receive, and to send: a window and what is kept of it.
    for (parameters, held) in [("", 32_768 + 4_096), (without, 0)] {
        let server = serve(&[]);
        let first = compressing(server.address, parameters, &message);
        let before = server.resident();
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|_| compressing(server.address, parameters, &message))
            .collect();
        let opened = CONNECTIONS + 1;
        let counted = server.stats_when("memory", |it| {
            it("open") == opened && it("messages_out") == opened && it("memory") > opened * held
        });
        if let (Some(before), Some(after)) = (before, server.resident()) {
            let grown = after.saturating_sub(before) / CONNECTIONS;
            println!(
                "{held} bytes a connection by the table, {} counted, {grown} resident",
                counted / opened
            );
        }
        assert!(counted < opened * (held + ITSELF) + ONCE, "{counted} bytes");
        drop((first, connections));
    }
}
