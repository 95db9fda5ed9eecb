//! The component as a process: pauses, its end, limits of the system, and a standard error that
//! nobody reads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::client::{Client, REQUEST, head, open};
use crate::component::{self, Component, LONG, limited, serve, serving, start};

/// Connections that are reset while the server can't accept them.
fn reset(server: &Component, count: usize) {
    server.signal("STOP");
    for _ in 0..count {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        socket.connect(&server.address.into()).unwrap();
    }
    server.signal("CONT");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn usage_errors_have_status_2() {
    for args in [
        &["serve", "--bogus"][..],
        &["dance"],
        &["serve", "--loops", "0"],
    ] {
        let (status, _, errors) = component::run(component::command(args), "");
        assert_eq!(status.code(), Some(2), "{args:?}: {errors}");
    }
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn connections_that_are_reset_before_they_are_accepted_are_no_error() {
    let server = serve(&[]);
    let mut good = Client::new(server.address);
    for _ in 0..5 {
        reset(&server, 300);
        good.echo(b"served meanwhile");
        Client::new(server.address).echo(b"accepted behind them");
    }
    server.stats_when("open", |it| it("open") == 1);
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_standard_error_that_nobody_reads_stops_nobody() {
    let server = start(serving(&[]), false);
    for _ in 0..4 {
        reset(&server, 500);
        Client::new(server.address).echo(b"served");
    }
    for _ in 0..1000 {
        let mut stream = open(server.address);
        stream.write_all(b"no request\r\n\r\n").unwrap();
        assert!(head(&mut stream).starts_with("HTTP/1.1 400 "));
    }
    Client::new(server.address).echo(b"served");
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn requests_and_pongs_that_arrived_while_it_was_stopped_count() {
    let times = [
        "--handshake-timeout",
        "4",
        "--heartbeat",
        "0.3",
        "--pong-timeout",
        "4",
    ];
    let server = serve(&times);
    let mut pinged: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = open(server.address);
            stream.write_all(REQUEST).unwrap();
            head(&mut stream);
            stream
        })
        .collect();
    for stream in &mut pinged {
        let mut ping = [0; 2];
        stream.read_exact(&mut ping).unwrap();
        assert_eq!(&ping, b"\x89\x00");
    }
    let mut begun: Vec<_> = (0..20).map(|_| open(server.address)).collect();
    for stream in &mut begun {
        stream.write_all(&REQUEST[..20]).unwrap();
    }
    server.stats_when("open", |it| it("open") == 80);
    server.signal("STOP");
    for stream in &mut pinged {
        stream.write_all(b"\x8a\x80\0\0\0\0").unwrap();
    }
    for stream in &mut begun {
        stream.write_all(&REQUEST[20..]).unwrap();
    }
    // Longer than both times.
    thread::sleep(Duration::from_millis(4500));
    server.signal("CONT");
    for stream in &mut begun {
        let answer = head(stream);
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    }
    for stream in &mut pinged {
        stream.write_all(b"\x82\x82\0\0\0\0hi").unwrap();
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).unwrap();
        while answer == *b"\x89\x00" {
            stream.write_all(b"\x8a\x80\0\0\0\0").unwrap();
            stream.read_exact(&mut answer).unwrap();
        }
        assert_eq!(&answer, b"\x82\x02", "the echo");
    }
}

fn read_close(stream: &mut TcpStream) {
    let mut close = [0; 4];
    stream.read_exact(&mut close).unwrap();
    assert_eq!((close[0], &close[2..]), (0x88, &b"\x03\xe9"[..]));
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn it_stops_after_all_that_arrived_is_answered() {
    let mut server = serve(&["--grace", "20"]);
    let mut busy = Client::new(server.address).stream;
    let mut half = Client::new(server.address).stream;
    let mut begun = open(server.address);
    begun.write_all(&REQUEST[..20]).unwrap();
    half.write_all(b"\x82\x84\0\0\0\0ha").unwrap();
    server.stats_when("open", |it| it("open") == 3);
    server.signal("STOP");
    busy.write_all(&b"\x82\x82\0\0\0\0hi".repeat(125)).unwrap();
    server.end_input();
    server.signal("CONT");
    assert!(head(&mut begun).starts_with("HTTP/1.1 503 "));
    let mut answers = vec![0; 500];
    busy.read_exact(&mut answers).unwrap();
    assert_eq!(answers, b"\x82\x02hi".repeat(125));
    read_close(&mut busy);
    half.write_all(b"lf").unwrap();
    let mut answer = [0; 6];
    half.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"\x82\x04half");
    read_close(&mut half);
    for stream in [&mut busy, &mut half] {
        stream.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    }
    drop((busy, half, begun));
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn without_descriptors_it_rests_and_goes_on_when_there_are_some() {
    let server = start(
        limited("ulimit -n 100", &serving(&["--stats", "0.1"])),
        true,
    );
    let mut good = Client::new(server.address);
    let mut others: Vec<_> = (0..120).map(|_| open(server.address)).collect();
    let begin = Instant::now();
    while !server.log().contains("can't accept connections") {
        assert!(begin.elapsed() < LONG, "{}", server.log());
        thread::sleep(Duration::from_millis(10));
    }
    let before = server.cpu();
    for _ in 0..100 {
        good.echo(b"served meanwhile");
        thread::sleep(Duration::from_millis(10));
    }
    let took = server.cpu() - before;
    println!("{took} hundredths of a second in one second");
    assert!(took < 15, "{took} hundredths of a second in one second");
    let mut last = others.split_off(110);
    drop(others);
    for stream in &mut last {
        stream.write_all(REQUEST).unwrap();
        assert!(head(stream).starts_with("HTTP/1.1 101 "));
    }
}

#[test]
#[ignore = "by `cargo xtask wasi test`"]
fn a_full_queue_stops_reading_only_if_that_is_asked_for() {
    for (pause, read) in [(&[][..], 3), (&["--pause-reading-when-full"], 2)] {
        let server = serve(pause);
        let mut slow = Client::new(server.address);
        // More than the kernel takes on both sides, and below the limit of a message.
        let long = vec![b'x'; 60 << 20];
        slow.send(&long);
        let taken = server.stats_when("bytes_out", |it| it("messages_in") == 1);
        if taken >= 60 << 20 {
            // Up to version 47 wasmtime takes whatever is written, so no queue is ever full.
            println!(
                "the host has taken {taken} bytes, and {:?} are resident",
                server.resident()
            );
            continue;
        }
        slow.send(b"read at once?");
        Client::new(server.address).echo(b"served");
        server.stats_when("messages_in", |it| it("messages_in") == read);
        assert!(slow.next().unwrap() == long);
        assert_eq!(slow.next().unwrap(), b"read at once?");
    }
}
