//! The limits of a server that was given an address and nothing else: they are those that
//! `docs/server.md` lists, and they hold. Options that make no sense are refused by name.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use support::{LONG, REQUEST, Running, echo, open, options, raw, read_some};
use wscodec::handshake::Origin;
use wscodec::message::Prepared;
use wscodec_server::{Metrics, Recipients, Server, ServerOptions};

fn defaults() -> Running {
    echo(ServerOptions::new(SocketAddr::from(([127, 0, 0, 1], 0))))
}

#[test]
fn the_page_lists_the_defaults() {
    let options = ServerOptions::default();
    let session = &options.session;
    let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
    let time = |time: Option<Duration>| time.map_or("never".to_owned(), seconds);
    let bytes = |n: u64| format!("{n} bytes");
    let number = |n: usize| n.to_string();
    let expected = [
        ("max_connections", number(options.max_connections)),
        (
            "max_connections_per_address",
            number(options.max_connections_per_address.unwrap()),
        ),
        (
            "max_opening_per_address",
            number(options.max_opening_per_address.unwrap()),
        ),
        ("max_memory", bytes(options.max_memory.unwrap() as u64)),
        ("handshake_timeout", seconds(options.handshake_timeout)),
        ("session.limits.head", bytes(session.limits.head as u64)),
        ("session.limits.headers", number(session.limits.headers)),
        ("session.limits.message", bytes(session.limits.message)),
        (
            "session.limits.fragments",
            session.limits.fragments.to_string(),
        ),
        ("max_buffered", bytes(options.max_buffered as u64)),
        ("high_water", bytes(options.high_water as u64)),
        ("stall_timeout", seconds(options.stall_timeout)),
        ("session.close_timeout", seconds(session.close_timeout)),
        ("session.pong_timeout", seconds(session.pong_timeout)),
        ("session.heartbeat", time(session.heartbeat)),
        ("session.idle", time(session.idle)),
        ("linger", seconds(options.linger)),
        ("grace", seconds(options.grace)),
    ];
    let page = include_str!("../../../docs/server.md");
    let (_, table) = page.split_once("| option | default | past it |").unwrap();
    let rows = table
        .lines()
        .skip(2)
        .map_while(|line| line.strip_prefix("| `"));
    let rows: Vec<_> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            (name, cells.next().unwrap().replace(',', ""))
        })
        .collect();
    assert_eq!(rows, expected);
}

/// The close code in a server's last frame.
fn close_code(answer: &[u8]) -> u16 {
    let at = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let frame = &answer[at..];
    assert_eq!(frame[0], 0x88, "{frame:?}");
    u16::from_be_bytes([frame[2], frame[3]])
}

#[test]
fn messages_fragments_and_heads_are_limited() {
    let server = defaults();
    // A byte more than 64 MiB, by its header.
    let long = b"\x82\xff\0\0\0\0\x04\0\0\x01\0\0\0\0";
    assert_eq!(
        close_code(&raw(server.address, &[REQUEST, long].concat())),
        1009
    );
    let mut fragments = b"\x01\x80\0\0\0\0".to_vec();
    fragments.extend(b"\x00\x80\0\0\0\0".repeat(131_072));
    let answer = raw(server.address, &[REQUEST, &fragments].concat());
    assert_eq!(close_code(&answer), 1008);
    let request = |lines: &str| format!("GET / HTTP/1.1\r\n{lines}").into_bytes();
    let many = "X: y\r\n".repeat(101);
    let large = format!("X: {}\r\n", "y".repeat(16 << 10));
    for lines in [many, large] {
        let answer = raw(server.address, &request(&lines));
        assert!(answer.starts_with(b"HTTP/1.1 431 "));
    }
}

#[test]
fn requests_that_do_not_end_are_answered_with_408() {
    let server = defaults();
    let mut stream = open(server.address);
    stream.write_all(b"GET / HTTP/1.1\r\nX").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[test]
fn messages_for_one_who_does_not_read_are_dropped_with_the_connection() {
    let server = defaults();
    let mut stuck = open(server.address);
    stuck.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(read_some(&mut stuck, &mut answer) > 0);
    }
    let message = Prepared::binary(&vec![0; 1 << 20]).unwrap();
    // 16 MiB, and what the kernel holds.
    let mut sent = 0;
    let dropped = |it: &Metrics| it.faults.contains_key("BUFFER_FULL");
    while !dropped(&server.handle.metrics()) {
        assert!(sent < 100, "nothing is dropped");
        server.handle.send(Recipients::All, &message).unwrap();
        sent += 1;
        server.stats_when(|it| it.open == 0 || it.messages_out == sent);
    }
    assert!(sent > 16, "{sent}");
}

/// The descriptors that this process may have.
fn most_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(0)
}

#[test]
fn one_address_has_4096_requests_that_did_not_arrive() {
    if most_files() < 10_000 {
        println!("skipped: it needs 10,000 descriptors, and `ulimit -n` allows fewer");
        return;
    }
    let server = defaults();
    let opening: Vec<_> = (0..4096).map(|_| open(server.address)).collect();
    server.stats_when(|it| it.open == 4096);
    let surplus = raw(server.address, REQUEST);
    assert!(
        surplus.starts_with(b"HTTP/1.1 429 "),
        "{}",
        surplus.escape_ascii()
    );
    // Those whose request is accepted do not count any more.
    let mut first: TcpStream = opening.into_iter().next().unwrap();
    first.set_read_timeout(Some(LONG)).unwrap();
    first.write_all(REQUEST).unwrap();
    let mut answer = [0; 12];
    first.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
}

#[test]
fn options_are_checked_by_name() {
    let check = |name: &str, change: &dyn Fn(&mut ServerOptions<'static>)| {
        let mut options = options();
        change(&mut options);
        let error = options.check().expect_err(name);
        assert_eq!(error.option, name);
        let error = Server::bind(options).err().expect(name).to_string();
        assert!(error.contains(name), "{error}");
    };
    let none = Duration::ZERO;
    check("listen", &|it| it.listen = vec![it.listen[0]; 257]);
    check("max_connections", &|it| it.max_connections = 0);
    check("max_connections_per_address", &|it| {
        it.max_connections_per_address = Some(0);
    });
    check("max_opening_per_address", &|it| {
        it.max_opening_per_address = Some(0);
    });
    check("max_memory", &|it| it.max_memory = Some(0));
    check("max_buffered", &|it| it.max_buffered = 1);
    check("high_water", &|it| it.high_water = 0);
    check("loops", &|it| it.loops = 0);
    check("tick", &|it| it.tick = Some(none));
    check("handshake_timeout", &|it| it.handshake_timeout = none);
    check("stall_timeout", &|it| it.stall_timeout = none);
    check("session.close_timeout", &|it| {
        it.session.close_timeout = none
    });
    check("session.pong_timeout", &|it| it.session.pong_timeout = none);
    check("session.heartbeat", &|it| it.session.heartbeat = Some(none));
    check("session.idle", &|it| it.session.idle = Some(none));
    check("session.limits", &|it| it.session.limits.message = 0);
    check("session.limits.head", &|it| it.session.limits.head = 0);
    check("session.limits.headers", &|it| {
        it.session.limits.headers = 1000
    });
    check("policy.protocols", &|it| it.policy.protocols = &["a b"]);
    check("policy.protocols", &|it| it.policy.protocols = &["a", "a"]);
    check("policy.origin", &|it| it.policy.origin = Origin::List(&[]));
    check("policy.origin", &|it| {
        it.policy.origin = Origin::List(&["https://example.com/"]);
    });
    check("policy.allowed_hosts", &|it| {
        it.policy.allowed_hosts = Some(&[])
    });
    check("policy.allowed_hosts", &|it| {
        it.policy.allowed_hosts = Some(&["https://example.com"]);
    });
    check("policy.deflate.level", &|it| {
        it.policy.deflate.as_mut().unwrap().level = 99;
    });
    assert_eq!(options().check(), Ok(()));
}
