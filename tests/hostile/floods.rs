//! Tests that take long: floods in numbers and sizes beyond those of the other tests. Run by
//! `cargo xtask hostile`, or `cargo test --release --features server --test hostile -- --ignored`.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::bits::{Bits, zeros};
use crate::common::zlib::Compressor;
use crate::good::Good;
use crate::served::{Served, on_wasi};
use crate::wire::{
    End, LONG, Open, close, connect, converse, deflating, frame, read_to_end, request, text,
};

/// Writes the same bytes for that long, or until nothing goes any more.
fn flood(address: SocketAddr, request: &[u8], bytes: &[u8], time: Duration) -> u64 {
    let mut open = Open::new(address, request);
    open.stream.set_nonblocking(true).unwrap();
    let (start, mut went) = (Instant::now(), 0);
    while start.elapsed() < time {
        let at = went as usize % bytes.len();
        match open.stream.write(&bytes[at..]) {
            Ok(n) => went += n as u64,
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(_) => break,
        }
    }
    went
}

#[test]
#[ignore = "takes 30 seconds"]
fn floods_from_several_sides_at_once() {
    let served = Served::new(&["--stall-timeout", "5"]);
    let compressed = Compressor::new(6, 15, false).message(&[b'x'; 1000]);
    let kinds = [
        ("pings", request(""), frame(0x89, &[1; 125]).repeat(500)),
        ("pongs", request(""), frame(0x8a, &[1; 125]).repeat(500)),
        ("empty fragments", request(""), {
            let begin = frame(0x01, b"");
            [begin, frame(0x00, b"").repeat(1000), frame(0x80, b"")].concat()
        }),
        ("texts", request(""), text("hello").repeat(5000)),
        (
            "compressed",
            deflating(),
            frame(0xc2, &compressed).repeat(500),
        ),
        // Each small as it comes, and 1 MiB when it is inflated.
        (
            "small bombs",
            deflating(),
            frame(0xc2, &zeros(1_000_000)).repeat(4),
        ),
    ];
    // Each by itself, then all.
    for (name, request, bytes) in &kinds {
        let good = Good::start(served.address);
        let went = flood(served.address, request, bytes, Duration::from_secs(3));
        assert!(went > 0);
        println!(
            "{name}: {went} bytes went; good client: waited {:?} at most",
            good.finish()
        );
    }
    let good = Good::start(served.address);
    let address = served.address;
    let floods = kinds.map(|(_, request, bytes)| {
        thread::spawn(move || flood(address, &request, &bytes, Duration::from_secs(10)))
    });
    let went: u64 = floods.into_iter().map(|it| it.join().unwrap()).sum();
    let worst = good.finish();
    println!("all: {went} bytes went; good client: waited {worst:?} at most");
    println!("server: {:?} bytes at most", served.peak());
    served.figure_when("open", |open| open <= 1);
    served.assert_peak_below(32 << 20);
}

#[test]
#[ignore = "inflates gigabytes"]
fn bombs_of_a_gigabyte() {
    // Without any limit of the ratio, and with the default size.
    let served = Served::new(&["--max-inflation", "4294967295"]);
    let good = Good::start(served.address);
    let bomb = frame(0xc2, &zeros(1 << 30));
    for _ in 0..10 {
        let answer = converse(served.address, &[&deflating()[..], &bomb].concat());
        assert_eq!((answer.code(), answer.end), (1009, End::Eof));
    }
    println!("good client: waited {:?} at most", good.finish());
    // One message of 64 MiB is allowed, and may be copied as it grows.
    served.assert_peak_below(256 << 20);
    served.figure_when("memory", |memory| memory < 2 << 20);

    // A message of several gigabytes, each frame of it allowed.
    let served = Served::new(&["--max-message", "16M"]);
    let good = Good::start(served.address);
    let piece = Bits::default().stored(false, &[7; 65_000]).bytes();
    let pieces = [frame(0x42, &piece), frame(0x00, &piece).repeat(500)].concat();
    let answer = converse(served.address, &[deflating(), pieces].concat());
    assert_eq!(answer.code(), 1009);
    good.finish();
    served.assert_peak_below(64 << 20);
}

#[test]
#[ignore = "opens thousands of connections"]
fn thousands_of_half_open_handshakes() {
    let served = Served::new(&["--handshake-timeout", "3"]);
    let good = Good::start(served.address);
    let half = &request("")[..60];
    let count = 4000;
    let mut streams: Vec<TcpStream> = (0..count)
        .map(|i| {
            let mut stream = connect(served.address);
            // Some say nothing at all.
            if i % 3 > 0 {
                stream.write_all(half).unwrap();
            }
            stream
        })
        .collect();
    let memory = served.figure_when("memory", |memory| memory > 0);
    println!("{memory} bytes for {count} half-open handshakes");
    for stream in &mut streams {
        let answer = read_to_end(stream);
        assert_eq!((answer.status(), answer.end), (Some(408), End::Eof));
    }
    drop(streams);
    println!("good client: waited {:?} at most", good.finish());
    served.figure_when("open", |open| open <= 1);
    served.assert_peak_below(16 << 20);
}

#[test]
#[ignore = "opens thousands of connections"]
fn thousands_of_idle_connections() {
    for (request, most) in [(request(""), 1 << 10), (deflating(), 53 << 10)] {
        let served = Served::new(&[]);
        let good = Good::start(served.address);
        let before = served.resident();
        let count = 4000;
        let message = frame(
            0xc2,
            &Bits::default().stored(false, &[b'x'; 5000]).flushed(),
        );
        let idle: Vec<_> = (0..count)
            .map(|_| {
                let mut open = Open::new(served.address, &request);
                if most > 1 << 10 {
                    open.send(&message);
                    open.next().unwrap();
                }
                open
            })
            .collect();
        served.figure_when("open", |open| open > count);
        let memory = served.figure_when("memory", |memory| memory > 1 << 20);
        if let (Some(before), Some(after)) = (before, served.resident()) {
            let each = (after - before) / count;
            println!("{each} bytes resident each; {memory} in all as the server counts");
            // Sockets and streams of the component are in the memory of what runs it.
            let host = if on_wasi() { 2 << 10 } else { 0 };
            assert!(each < most * 3 / 2 + host, "{each} bytes a connection");
        }
        drop(idle);
        good.finish();
        served.figure_when("open", |open| open <= 1);
        served.figure_when("memory", |memory| memory < 1 << 20);
    }
}

#[test]
#[ignore = "fills the server for ten seconds"]
fn a_full_server_refuses_and_recovers() {
    let served = Served::new(&["--max-connections", "200", "--handshake-timeout", "2"]);
    let good = Good::start(served.address);
    let start = Instant::now();
    let mut refused = 0;
    while start.elapsed() < Duration::from_secs(5) {
        // Nobody of these says anything; those beyond the limit are told so, or closed.
        let silent: Vec<_> = (0..400).map(|_| connect(served.address)).collect();
        let mut one = connect(served.address);
        if one.write_all(&request("")).is_ok() {
            let answer = read_to_end_or_cut(&mut one);
            refused += u32::from(answer);
        }
        drop(silent);
    }
    assert!(refused > 0);
    served.figure_when("open", |open| open <= 1);
    let answer = converse(served.address, &[request(""), close(1000, b"")].concat());
    assert_eq!(answer.code(), 1000);
    assert!(start.elapsed() < LONG * 2);
    good.finish();
}

/// Whether the server refused, with a status or by closing.
fn read_to_end_or_cut(stream: &mut TcpStream) -> bool {
    let mut head = [0; 12];
    match std::io::Read::read_exact(stream, &mut head) {
        Ok(()) => head == *b"HTTP/1.1 503",
        Err(_) => true,
    }
}
