//! Many and bad clients, and what wasmtime makes of them. Two of these tests fail without what
//! `server/net/wasi` does about wasmtime's faults: see there.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use wscodec::deflate;

use crate::client::{Client, REQUEST, head, open, open_narrow};
use crate::common::rng::Rng;
use crate::component::{Component, LONG, read_all, serve};

/// How long a stream takes no byte before it counts as full: the server may still be at work.
const FULL: Duration = Duration::from_secs(3);

/// Without it the server reads on, and drops a client that reads nothing when too much is queued.
const PAUSE: &str = "--pause-reading-when-full";

/// Clients of a server with [`PAUSE`] that have written until no stream took more, and read nothing.
fn stalled(server: &Component, count: usize) -> Vec<TcpStream> {
    let mut frame = vec![0x82, 0xfe, 0xff, 0xff, 0, 0, 0, 0];
    frame.resize(frame.len() + 0xffff, 7);
    let open = |_| Client::over(open_narrow(server.address), None).stream;
    let mut streams: Vec<_> = (0..count).map(open).collect();
    let mut sent = vec![0; count];
    let start = Instant::now();
    let mut moved = start;
    while moved.elapsed() < FULL {
        assert!(start.elapsed() < LONG, "they take more and more");
        for (stream, sent) in streams.iter_mut().zip(&mut sent) {
            stream.set_nonblocking(true).unwrap();
            match stream.write(&frame[*sent % frame.len()..]) {
                Ok(n) => (*sent, moved) = (*sent + n, Instant::now()),
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(e) => panic!("{e} after {sent} bytes"),
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    streams
}

/// wasmtime up to 48: once 128 operations succeeded without a pause, nothing can be written.
#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn hundreds_that_are_ready_at_once_are_all_served() {
    let server = serve(&[]);
    let mut clients: Vec<_> = (0..800).map(|_| Client::new(server.address)).collect();
    // While the server is at this, the others become ready.
    let mut busy = Client::with(server.address, Some(deflate::DeflateOptions::default()));
    let mut rng = Rng(1);
    let long: Vec<u8> = (0..4 << 20).map(|_| b'a' + (rng.byte() & 15)).collect();
    for round in 0..5 {
        let text = format!("round {round}");
        busy.send(&long);
        for client in &mut clients {
            client.send(text.as_bytes());
        }
        for client in &mut clients {
            assert_eq!(client.next().unwrap(), text.as_bytes());
        }
        assert!(busy.next().unwrap() == long);
    }
}

/// The same, and wasmtime reports no more than 128 at once: always the first ones.
#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn of_hundreds_that_are_always_ready_none_starves() {
    const CLIENTS: usize = 500;
    const BYTES: usize = 4;
    let server = serve(&[]);
    // Masked with nothing, so that it comes back as it is but for the mask.
    let frame = [0x82, 0x80 | BYTES as u8, 0, 0, 0, 0, 1, 2, 3, 4];
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut stream = open(server.address);
            stream.write_all(REQUEST).unwrap();
            head(&mut stream);
            stream.write_all(&frame).unwrap();
            stream.set_nonblocking(true).unwrap();
            (stream, 0)
        })
        .collect();
    let (mut bytes, mut all) = ([0; 2 + BYTES], 0);
    let start = Instant::now();
    while all < 60 * CLIENTS {
        assert!(start.elapsed() < LONG, "{all} answers");
        for (stream, answers) in &mut clients {
            match stream.read(&mut bytes) {
                Ok(n) => {
                    assert_eq!((n, &bytes[2..]), (bytes.len(), &frame[6..]));
                    (*answers, all) = (*answers + 1, all + 1);
                    stream.write_all(&frame).unwrap();
                }
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
            }
        }
    }
    let least = clients.iter().map(|it| it.1).min().unwrap();
    assert!(least >= 15, "one got {least} answers of {all}");
}

/// wasmtime 48 and 49: to drop a stream whose bytes are not out makes the whole component wait.
#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_stalled_reader_that_is_dropped_makes_nobody_wait() {
    let mut server = serve(&[PAUSE, "--stall-timeout", "0.5", "--grace", "0.5"]);
    let mut good = Client::new(server.address);
    let _stuck = stalled(&server, 3);
    good.echo(b"served beside them");
    server.stats_when("open", |it| it("open") == 1 && it("failed") == 3);
    for _ in 0..100 {
        good.echo(b"served after them");
    }
    // It does not wait for them either when it stops.
    let _late = stalled(&server, 1);
    server.end_input();
    assert_eq!(good.next(), Err(1001));
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
}

/// A connection that is dropped but not closed yet is one to the system, and counts as one.
#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn dropped_readers_that_are_not_closed_are_limited() {
    let server = serve(&[PAUSE, "--stall-timeout", "0.5", "--max-connections", "4"]);
    let stuck = stalled(&server, 4);
    server.stats_when("open", |it| it("open") == 0 && it("failed") == 4);
    let mut stream = open(server.address);
    stream.write_all(REQUEST).unwrap();
    let answer = head(&mut stream);
    // Runners without the fault have closed them.
    let full = answer.starts_with("HTTP/1.1 503 ");
    assert!(full || answer.starts_with("HTTP/1.1 101 "), "{answer}");
    drop((stuck, stream));
    server.stats_when("open", |it| it("open") == 0);
    Client::new(server.address).echo(b"there is room again");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_thousand_stalled_readers_hold_little_and_are_dropped() {
    let server = serve(&[PAUSE, "--stall-timeout", "10"]);
    let mut good = Client::new(server.address);
    let _stuck = stalled(&server, 1000);
    good.echo(b"served");
    let memory = server.stats_when("memory", |it| it("memory") > 0);
    assert!(memory < 200 << 20, "{memory} bytes");
    server.stats_when("open", |it| it("failed") == 1000);
    good.echo(b"still");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_thousand_half_open_handshakes_hold_little_and_are_refused() {
    const HALF: u64 = 1000;
    let server = serve(&["--handshake-timeout", "3"]);
    let mut good = Client::new(server.address);
    let mut resident = Vec::new();
    for wave in 1..=3 {
        let half: Vec<_> = (0..HALF)
            .map(|_| {
                let mut stream = open(server.address);
                stream.write_all(&REQUEST[..100]).unwrap();
                stream
            })
            .collect();
        let (start, mut memory) = (Instant::now(), 0);
        while server.figure("rejected") != Some(wave * HALF) {
            assert!(start.elapsed() < LONG, "{}", server.log());
            good.echo(b"served meanwhile");
            memory = memory.max(server.figure("memory").unwrap_or(0));
            thread::sleep(Duration::from_millis(5));
        }
        for stream in half {
            assert!(read_all(stream).starts_with(b"HTTP/1.1 408 "));
        }
        server.stats_when("open", |it| it("open") == 1);
        assert!(memory < 2 << 20, "{memory} bytes");
        resident.push(server.resident());
    }
    if let [Some(first), _, Some(last)] = resident[..] {
        // A thousand that were left behind would be more.
        let most = first + (2 << 20);
        assert!(last < most, "{resident:?}");
    }
    good.echo(b"still");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn idle_connections_cost_less_than_a_kibibyte() {
    let server = serve(&[]);
    let before = server.stats_when("memory", |it| it("memory") > 0);
    let mut clients: Vec<_> = (0..1000).map(|_| Client::new(server.address)).collect();
    for client in &mut clients {
        client.echo(b"something");
    }
    let after = server.stats_when("memory", |it| {
        it("messages_out") == 1000 && it("memory") > before
    });
    let each = (after - before) / 1000;
    assert!((1..1024).contains(&each), "{each} bytes");
}
