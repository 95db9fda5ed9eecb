//! As many idle connections in one process as are asked for, and their memory. Run by
//! `cargo xtask capacity`.
//!
//! A client's address has some 28,000 ports for connections to one server, so the clients have several
//! addresses of the loopback network. Both ends of a connection need a descriptor, in a process each,
//! and the system limits them: the test measures fewer connections if it must, and says so.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use socket2::{Domain, Socket, Type};

use crate::served::Served;
use crate::wire::{LONG, request};

/// Connections from one address of the client: the system searches for a free port, and the search
/// takes long once most ports are taken.
const EACH: usize = 5_000;
/// Descriptors that a process needs besides those of the connections.
const OTHERS: usize = 100;
/// Bytes of memory for a connection, as the documentation states it, and the parts of the allocator.
const MOST: usize = 1 << 10;

/// The descriptors that this process and its children may have.
fn most_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.map_or(1024, |soft| soft.parse().unwrap_or(usize::MAX))
}

fn open(server: SocketAddr, number: usize) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let address = u32::from(Ipv4Addr::new(127, 0, 0, 2)) + (number / EACH) as u32;
    socket
        .bind(&SocketAddr::from((Ipv4Addr::from(address), 0)).into())
        .unwrap();
    socket.connect(&server.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Reads the answer to the request, up to its end.
fn accepted(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(b"\r\n\r\n") {
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{}", answer.escape_ascii());
        answer.extend_from_slice(&buffer[..n]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
}

#[test]
#[ignore = "cargo xtask capacity"]
fn idle_connections_cost_little_memory() {
    let asked = std::env::var("WSCODEC_CAPACITY").ok();
    let asked = asked.map_or(100_000, |it| it.parse::<usize>().unwrap());
    let most = most_files().saturating_sub(OTHERS);
    let number = asked.min(most);
    let limits = ["--max-connections", "1000000", "--max-per-address", "none"];
    let served = Served::new(&[&limits[..], &["--log", "error"]].concat());
    let before = served.resident().unwrap_or(0);
    let start = Instant::now();
    // The request comes at once, because the time for it is limited.
    let request = request("");
    let connect = |number| {
        let mut stream = open(served.address, number);
        stream.write_all(&request).unwrap();
        stream
    };
    let mut streams: Vec<_> = (0..number).map(connect).collect();
    streams.iter_mut().for_each(accepted);
    let took = start.elapsed();
    let open = number as u64;
    served.figure_when("open", |it| it >= open);
    served.figure_when("memory", |it| it > open * 100);
    let counted = served.figure("memory") / open;
    let resident = served.resident().unwrap_or(0).saturating_sub(before) / open;
    // All of them are alive.
    for stream in &mut streams {
        stream.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    }
    for stream in &mut streams {
        let mut echo = [0; 4];
        stream.read_exact(&mut echo).unwrap();
        assert_eq!(&echo, b"\x81\x02hi");
    }
    println!(
        "{number} connections: {counted} bytes each by the server's count, {resident} bytes each in \
         the process, opened in {took:.1?}"
    );
    if number < asked {
        println!("fewer than {asked}, because `ulimit -n` leaves {most} for them");
    }
    assert!(counted < MOST as u64, "{counted} bytes for a connection");
}
