//! The server's allocations: nothing for a message, and for a connection only itself.

#[path = "support/counting.rs"]
mod counting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use counting::{ALLOCATIONS, COUNTED, HELD};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;
use wscodec_server::{AcceptOptions, Handler, NotAccepted, Peer, Server, ServerOptions};

struct Echo;

impl Handler for Echo {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        peer.outbox.forward(message).unwrap();
    }
}

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n\r\n";

fn open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(REQUEST).unwrap();
    let mut answer = [0; 129];
    stream.read_exact(&mut answer).unwrap();
    assert!(answer.ends_with(b"\r\n\r\n"));
    stream
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn nothing_for_a_message_and_less_than_a_kibibyte_for_a_connection() {
    let mut options = ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.loops = 1;
    let server = Server::bind(options).unwrap();
    let (address, handle) = (server.addresses()[0], server.handle());
    let running = thread::spawn(move || {
        COUNTED.set(true);
        server.run(|_| Echo).unwrap();
        COUNTED.set(false);
    });

    // Messages: small and pipelined, and one that comes in two reads.
    let mut stream = open(address);
    let mut wire = b"\x81\x85\0\0\0\0hello".repeat(100);
    wire.extend(b"\x82\xfe\x40\x00\0\0\0\0");
    wire.extend([7; 16384]);
    let mut back = vec![0; 100 * 7 + 4 + 16384];
    let mut round = |stream: &mut TcpStream| {
        stream.write_all(&wire).unwrap();
        stream.read_exact(&mut back).unwrap();
        assert!(back.starts_with(b"\x81\x05hello") && back.ends_with(&[7; 100]));
    };
    for _ in 0..20 {
        round(&mut stream);
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..500 {
        round(&mut stream);
    }
    let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
    assert!(allocated <= 10, "{allocated} for 50,500 messages");

    // Connections: the table and the timers grow by doubling, each connection is one allocation.
    let mut streams: Vec<_> = (0..200).map(|_| open(address)).collect();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    let held = HELD.load(Ordering::Relaxed);
    streams.extend((0..600).map(|_| open(address)));
    let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
    let held = (HELD.load(Ordering::Relaxed) - held) / 600;
    assert!(allocated <= 610, "{allocated} for 600 connections");
    println!("{held} bytes for an idle connection");
    assert!(held <= 1024);

    handle.stop();
    drop(streams);
    drop(stream);
    running.join().unwrap();
}
