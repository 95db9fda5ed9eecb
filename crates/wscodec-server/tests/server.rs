//! The event loop, over loopback.

#[path = "../../../tests/common/mod.rs"]
mod common;
mod support;

use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use common::rng::Rng;
use socket2::{Domain, Socket, Type};
use support::{Client, LONG, REQUEST, Running, echo, open, options, raw, read_some, run};
use wscodec::CloseCode;
use wscodec::deflate;
use wscodec::handshake::{Origin, UpgradeRequest};
use wscodec::message::{Kind, MessageRef, Prepared};
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, Memory, NotAccepted, Peer, Response, Server, ServerHandle,
    ServerOptions,
};

#[test]
fn thousands_of_messages_in_one_write_come_back_in_order() {
    let server = echo(options());
    let mut client = Client::new(server.address);
    let mut out = Vec::new();
    for i in 0..5000 {
        client
            .session
            .sender()
            .text(&format!("message {i}"), &mut out)
            .unwrap();
    }
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&out).unwrap());
    for i in 0..5000 {
        assert_eq!(client.next().unwrap(), format!("message {i}").as_bytes());
    }
    writing.join().unwrap();
    client
        .session
        .sender()
        .close(None, "", &mut Vec::new())
        .unwrap();
    let stats = server.stats_when(|it| it.messages_out == 5000);
    assert_eq!((stats.accepted, stats.messages_in), (1, 5000));
}

#[test]
fn messages_of_every_size_come_back() {
    let mut rng = Rng(1);
    for loops in [1, 2] {
        let mut options = options();
        options.loops = loops;
        let server = echo(options);
        for deflate in [None, Some(deflate::DeflateOptions::default())] {
            let mut client = Client::with(server.address, deflate);
            for len in [0, 1, 125, 126, 65535, 65536, 100_000, 5 << 20] {
                let payload: Vec<u8> = (0..len).map(|_| rng.byte() & 0x3f).collect();
                let mut out = Vec::new();
                client.session.sender().binary(&payload, &mut out).unwrap();
                let mut writer = client.stream.try_clone().unwrap();
                let writing = thread::spawn(move || writer.write_all(&out).unwrap());
                assert!(client.next().unwrap() == payload, "{len}");
                writing.join().unwrap();
            }
        }
    }
}

#[test]
fn compressed_conversations_share_an_engine_or_have_their_own() {
    for memory in [Memory::default(), Memory::Dedicated] {
        let mut options = options();
        options.memory = memory;
        let server = echo(options);
        let config = Some(deflate::DeflateOptions::default());
        let mut clients: Vec<_> = (0..8)
            .map(|_| Client::with(server.address, config))
            .collect();
        for round in 0..20 {
            for (i, client) in clients.iter_mut().enumerate() {
                let text = format!("client {i} says the same again and again, {round}").repeat(20);
                client.send(Kind::Text, text.as_bytes());
                assert_eq!(client.next().unwrap(), text.as_bytes());
            }
        }
        let stats = server.stats_when(|it| it.memory > 0);
        let text = "client 0 says the same again and again, 0".repeat(20).len() as u64;
        assert!(
            stats.bytes_in < stats.messages_in * text / 4,
            "it was compressed"
        );
    }
}

#[test]
fn requests_that_are_wrong_get_their_status() {
    let mut options = options();
    options.session.limits.head = 1000;
    options.policy.origin = Origin::SameHost;
    let server = echo(options);
    let long = [REQUEST.strip_suffix(b"\r\n").unwrap(), &[b'x'; 1000]].concat();
    let foreign = [
        &REQUEST[..REQUEST.len() - 2],
        b"Origin: https://evil.example\r\n\r\n",
    ]
    .concat();
    for (bytes, status) in [
        (&b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "405"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"),
        (b"GET / HTTP/1.1\nHost: x\r\n\r\n", "400"),
        (&long, "431"),
        (&foreign, "403"),
    ] {
        let answer = raw(server.address, bytes);
        let line = String::from_utf8_lossy(&answer[..answer.len().min(12)]).into_owned();
        assert_eq!(line, format!("HTTP/1.1 {status}"));
    }
    server.stats_when(|it| it.rejected == 5 && it.open == 0);
}

#[test]
fn frames_that_are_wrong_get_their_close_code_and_the_end() {
    let mut options = options();
    options.session.limits.message = 1000;
    options.session.limits.frame = Some(1000);
    let server = echo(options);
    for (frame, code) in [
        (&b"\x81\x00"[..], 1002_u16),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x82\xfe\x03\xe9\0\0\0\0", 1009),
        (b"\x88\x82\0\0\0\0\x03\xe8", 1000),
    ] {
        let answer = raw(server.address, &[REQUEST, frame].concat());
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(answer[end], 0x88);
        assert_eq!(answer[end + 2..end + 4], code.to_be_bytes());
        let len = usize::from(answer[end + 1]);
        assert_eq!(answer.len(), end + 2 + len, "one close frame and no more");
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_with_a_frame_behind_it() {
    let server = echo(options());
    let mut stream = open(server.address);
    let bytes = [REQUEST, b"\x81\x82\0\0\0\0hi"].concat();
    for byte in bytes {
        stream.write_all(&[byte]).unwrap();
    }
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        assert!(read_some(&mut stream, &mut answer) > 0);
    }
}

#[test]
fn slow_requests_are_refused_and_full_servers_say_so() {
    let mut options = options();
    options.handshake_timeout = Duration::from_millis(100);
    options.max_connections = 2;
    let server = echo(options);
    let answer = raw(server.address, b"GET / HTTP/1.1\r\nHost:");
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    server.stats_when(|it| it.open == 0);
    let mut first = Client::new(server.address);
    let second = Client::new(server.address);
    let answer = raw(server.address, REQUEST);
    assert!(answer.starts_with(b"HTTP/1.1 503 "));
    first.send(Kind::Text, b"unharmed");
    assert_eq!(first.next().unwrap(), b"unharmed");
    drop(second);
    server.stats_when(|it| it.open == 1);
    Client::new(server.address);
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from_and_then_dropped() {
    let mut options = options();
    options.loops = 1;
    options.stall_timeout = Duration::from_millis(300);
    let server = echo(options);
    let mut stuck = Client::new(server.address);
    let mut out = Vec::new();
    stuck
        .session
        .sender()
        .binary(&vec![1; 100_000], &mut out)
        .unwrap();
    stuck
        .stream
        .set_write_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let mut good = Client::new(server.address);
    // Until nothing more goes: what the system holds, and what the server does.
    while stuck.stream.write_all(&out).is_ok() {}
    good.send(Kind::Text, b"served");
    assert_eq!(good.next().unwrap(), b"served");
    let memory = server.stats_when(|it| it.memory > 0).memory;
    assert!(memory < 2 << 20, "{memory} bytes");
    server.stats_when(|it| it.open == 1 && it.failed == 1);
    good.send(Kind::Text, b"still");
    assert_eq!(good.next().unwrap(), b"still");
}

#[test]
fn a_peer_that_reads_late_gets_all_of_it() {
    let mut options = options();
    options.loops = 1;
    let server = echo(options);
    let mut client = Client::new(server.address);
    let messages = 300;
    let mut out = Vec::new();
    for i in 0..messages {
        client
            .session
            .sender()
            .binary(&vec![i as u8; 50_000], &mut out)
            .unwrap();
    }
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&out).unwrap());
    thread::sleep(Duration::from_millis(200));
    for i in 0..messages {
        assert!(client.next().unwrap() == vec![i as u8; 50_000], "{i}");
    }
    writing.join().unwrap();
}

#[test]
fn idle_connections_are_closed_and_dead_ones_given_up() {
    let mut options = options();
    options.session.idle = Some(Duration::from_millis(100));
    let server = echo(options);
    let mut client = Client::new(server.address);
    assert_eq!(client.next(), Err(Some(1001)));
    drop(server);

    let mut options = self::options();
    options.session.heartbeat = Some(Duration::from_millis(50));
    options.session.pong_timeout = Duration::from_millis(50);
    let server = echo(options);
    let mut dead = Client::new(server.address);
    let mut bytes = Vec::new();
    while read_some(&mut dead.stream, &mut bytes) > 0 {}
    assert_eq!(bytes[..2], *b"\x89\x00", "a ping that was not answered");
    server.stats_when(|it| it.failed == 1 && it.open == 0);
}

/// Tells what happens to it.
struct Chat {
    told: Sender<String>,
    ids: Vec<Id>,
}

impl Handler for Chat {
    type State = String;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        grant: &mut AcceptOptions<'_>,
    ) -> Result<String, NotAccepted> {
        if request.header("authorization").is_none() && request.path() == "/secret" {
            return Err(Response::new(401).into());
        }
        grant.header("X-Seen", grant.address());
        Ok(request.path_and_query().into_owned())
    }

    fn open(&mut self, peer: &mut Peer<'_, String>) {
        self.ids.push(peer.id());
        let _ = peer.outbox.text("welcome");
    }

    fn message(&mut self, peer: &mut Peer<'_, String>, message: MessageRef<'_>) {
        match message.text() {
            Some("all") => peer.broadcast(&Prepared::text("to all").unwrap()).unwrap(),
            Some("close") => {
                let code = CloseCode::new(4001);
                peer.outbox.close(code, "as you wish").unwrap();
                assert!(peer.outbox.text("late").is_err());
            }
            _ => peer.outbox.forward(message).unwrap(),
        }
    }

    fn close(&mut self, id: Id, state: String, outcome: &Outcome<'_>) {
        assert!(self.ids.contains(&id));
        let told = format!("{state} {} {}", outcome.code.value(), outcome.clean);
        let _ = self.told.send(told);
    }
}

fn chat() -> (Running, Receiver<String>) {
    let (told, hears) = mpsc::channel();
    let server = run(options(), move |_| Chat {
        told: told.clone(),
        ids: Vec::new(),
    });
    (server, hears)
}

#[test]
fn handlers_greet_broadcast_close_and_hear_of_the_end_once() {
    let (server, hears) = chat();
    let mut clients: Vec<_> = (0..6).map(|_| Client::new(server.address)).collect();
    for client in &mut clients {
        assert_eq!(client.next().unwrap(), b"welcome");
    }
    clients[0].send(Kind::Text, b"all");
    for client in &mut clients {
        assert_eq!(client.next().unwrap(), b"to all");
    }
    let outside =
        deflate::prepare_text("from outside", &deflate::DeflateOptions::default()).unwrap();
    let all = wscodec_server::Recipients::All;
    server.handle.send(all, &outside).unwrap();
    for client in &mut clients {
        assert_eq!(client.next().unwrap(), b"from outside");
    }
    clients[0].send(Kind::Text, b"close");
    assert_eq!(clients[0].next(), Err(Some(4001)));
    let mut out = Vec::new();
    // The session has answered; it is for us to send that.
    out.extend(b"\x88\x82\0\0\0\0\x0f\xa1");
    clients[0].stream.write_all(&out).unwrap();
    assert_eq!(hears.recv_timeout(LONG).unwrap(), "/ 4001 true");
    drop(clients.pop());
    assert_eq!(hears.recv_timeout(LONG).unwrap(), "/ 1006 false");
    assert_eq!(server.stats_when(|it| it.open == 4).failed, 1);
}

#[test]
fn handlers_refuse_and_add_headers() {
    let (server, _hears) = chat();
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    let secret = request.replace("GET / ", "GET /secret ");
    assert!(raw(server.address, secret.as_bytes()).starts_with(b"HTTP/1.1 401 "));
    let mut stream = open(server.address);
    stream.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"welcome") {
        assert!(read_some(&mut stream, &mut answer) > 0);
    }
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("\r\nX-Seen: 127.0.0.1:"));
}

#[test]
fn stopping_says_1001_to_all_and_waits_for_them_but_not_for_ever() {
    let (server, hears) = chat();
    let mut good = Client::new(server.address);
    let _silent = Client::new(server.address);
    let _half = open(server.address);
    assert_eq!(good.next().unwrap(), b"welcome");
    server.stats_when(|it| it.open == 3);
    server.handle.stop();
    assert_eq!(good.next(), Err(Some(1001)));
    good.stream.write_all(b"\x88\x82\0\0\0\0\x03\xe9").unwrap();
    drop(server);
    let mut ends: Vec<_> = hears.try_iter().collect();
    ends.sort();
    assert_eq!(ends, ["/ 1001 true", "/ 1006 false"]);
}

/// Stops after three ticks.
struct Clock(u32);

impl Handler for Clock {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn message(&mut self, _: &mut Peer<'_, ()>, _: MessageRef<'_>) {}

    fn tick(&mut self, handle: &ServerHandle) {
        self.0 += 1;
        if self.0 == 3 {
            handle.stop();
        }
    }
}

#[test]
fn handlers_are_called_as_time_passes() {
    let mut options = options();
    options.loops = 1;
    options.tick = Some(Duration::from_millis(1));
    Server::bind(options).unwrap().run(|_| Clock(0)).unwrap();
}

#[test]
fn an_address_in_use_is_an_error() {
    let server = echo(options());
    let again = Server::bind(ServerOptions::new(server.address));
    assert_eq!(again.err().unwrap().kind(), ErrorKind::AddrInUse);
}

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let server = echo(options());
    for round in 0..300 {
        match round % 5 {
            0 => drop(open(server.address)),
            1 => drop(Client::new(server.address)),
            2 => {
                let mut stream = open(server.address);
                let _ = stream.write_all(&REQUEST[..50]);
            }
            3 => {
                let mut client =
                    Client::with(server.address, Some(deflate::DeflateOptions::default()));
                client.send(Kind::Text, &[b'x'; 1000]);
                client.next().unwrap();
            }
            _ => {
                raw(server.address, &[REQUEST, &[0xff; 14]].concat());
            }
        }
    }
    let stats = server.stats_when(|it| it.open == 0);
    assert_eq!(stats.accepted, 180);
    let left = server.stats_when(|it| it.memory > 0).memory;
    assert!(
        left < 1 << 20,
        "{left} bytes, engines and buffers of the loops among them"
    );
}

#[test]
fn one_address_does_not_take_the_whole_server() {
    let mut options = options();
    options.max_connections_per_address = Some(4);
    options.max_opening_per_address = Some(2);
    let server = echo(options);
    // Two that send nothing.
    let silent = [open(server.address), open(server.address)];
    server.stats_when(|it| it.open == 2);
    assert!(raw(server.address, REQUEST).starts_with(b"HTTP/1.1 429 "));
    // Another address is served.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into())
        .unwrap();
    socket.connect(&server.address.into()).unwrap();
    let mut other = std::net::TcpStream::from(socket);
    other.set_read_timeout(Some(LONG)).unwrap();
    other.write_all(REQUEST).unwrap();
    let mut answer = Vec::new();
    assert!(read_some(&mut other, &mut answer) > 0 && answer.starts_with(b"HTTP/1.1 101 "));
    drop(silent);
    server.stats_when(|it| it.open == 1);
    let mut clients: Vec<_> = (0..4).map(|_| Client::new(server.address)).collect();
    assert!(raw(server.address, REQUEST).starts_with(b"HTTP/1.1 429 "));
    // Past the few that wait for their rejection, connections are closed.
    let waiting: Vec<_> = (0..12).map(|_| open(server.address)).collect();
    server.stats_when(|it| it.open == 1 + 4 + 8 && it.rejected == 6);
    let metrics = server.handle.metrics();
    assert_eq!(metrics.rejections.get(&(429, "ADDRESS")), Some(&6));
    drop(waiting);
    drop(clients.pop());
    server.stats_when(|it| it.open == 4);
    let mut again = Client::new(server.address);
    again.send(Kind::Text, b"me");
    assert_eq!(again.next().unwrap(), b"me");
}
