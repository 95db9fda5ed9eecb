//! How connections end, and what the handler and the peer are told of it.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use support::{Client, LONG, REQUEST, Running, open, options, raw, read_some, run};
use wscodec::CloseCode;
use wscodec::frame::CloseFrame;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef, Prepared};
use wscodec::session::Outcome;
use wscodec_server::{
    AcceptOptions, Handler, Id, NotAccepted, Peer, Recipients, Server, ServerOptions,
};

/// Does what its messages say, and tells how its connections end.
struct Told {
    ends: Sender<String>,
}

impl Handler for Told {
    type State = ();

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        assert!(request.path() != "/panic", "a panic that is meant");
        Ok(())
    }

    fn open(&mut self, peer: &mut Peer<'_, ()>) {
        let _ = peer.outbox.text("welcome");
    }

    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        match message.text() {
            Some("panic") => panic!("a panic that is meant"),
            Some("close") => peer.outbox.close(None, "").unwrap(),
            Some("twelve") => {
                for _ in 0..12 {
                    peer.outbox.binary(&vec![7; 1 << 20]).unwrap();
                }
                let outbox = &mut peer.outbox;
                outbox.close(CloseCode::NORMAL, "that was all").unwrap();
            }
            Some("answers") => peer.outbox.binary(&vec![7; 20 << 20]).unwrap(),
            _ => peer.outbox.forward(message).unwrap(),
        }
    }

    fn ping(&mut self, peer: &mut Peer<'_, ()>, payload: &[u8]) {
        if payload == b"by hand" {
            peer.outbox.pong(b"so it is").unwrap();
        }
    }

    fn peer_closes(&mut self, peer: &mut Peer<'_, ()>, close: Option<CloseFrame<'_>>) {
        let code = close.map_or(0, |close| close.code.value());
        peer.outbox.text(&format!("last words, {code}")).unwrap();
        if code == 4000 {
            peer.outbox.close(CloseCode::new(4001), "").unwrap();
        }
    }

    fn close(&mut self, _: Id, (): (), outcome: &Outcome<'_>) {
        let fault = outcome.fault.map_or("-", |fault| fault.error.code());
        let sent = outcome.sent.map_or(0, CloseCode::value);
        let code = outcome.code.value();
        let clean = if outcome.clean { "clean" } else { "unclean" };
        self.ends
            .send(format!("{code} {sent} {clean} {fault}"))
            .unwrap();
    }
}

fn told(options: ServerOptions<'static>) -> (Running, Receiver<String>) {
    let (ends, hears) = mpsc::channel();
    let server = run(options, move |_| Told { ends: ends.clone() });
    (server, hears)
}

/// A client that was welcomed.
fn welcome(address: SocketAddr) -> Client {
    let mut client = Client::new(address);
    assert_eq!(client.next().unwrap(), b"welcome");
    client
}

#[test]
fn a_panic_of_the_handler_ends_its_connection_only() {
    let mut options = options();
    options.loops = 1;
    let (server, hears) = told(options);
    let mut good = welcome(server.address);
    let mut bad = welcome(server.address);
    bad.send(Kind::Text, b"panic");
    assert_eq!(bad.next(), Err(Some(1011)));
    assert_eq!(
        hears.recv_timeout(LONG).unwrap(),
        "1006 1011 unclean HANDLER_FAILED"
    );
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    let panics = request.replace("GET / ", "GET /panic ");
    assert!(raw(server.address, panics.as_bytes()).starts_with(b"HTTP/1.1 500 "));
    // A large message is read to its place, and handled elsewhere.
    good.send(Kind::Binary, &vec![1; 300_000]);
    assert!(good.next().unwrap() == vec![1; 300_000]);
    welcome(server.address);
    assert_eq!(server.stats_when(|it| it.panics == 2).panics, 2);
}

#[test]
fn messages_before_a_panic_are_answered_and_those_behind_it_are_not() {
    let (server, _hears) = told(options());
    let mut client = welcome(server.address);
    let mut out = Vec::new();
    for text in ["one", "two", "panic", "three"] {
        client.session.sender().text(text, &mut out).unwrap();
    }
    client.stream.write_all(&out).unwrap();
    assert_eq!(client.next().unwrap(), b"one");
    assert_eq!(client.next().unwrap(), b"two");
    assert_eq!(client.next(), Err(Some(1011)));
}

/// Panics where no connection is concerned.
struct Fragile;

impl Handler for Fragile {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    fn message(&mut self, _: &mut Peer<'_, ()>, _: MessageRef<'_>) {}

    fn close(&mut self, _: Id, (): (), _: &Outcome<'_>) {
        panic!("a panic that is meant");
    }

    fn tick(&mut self, _: &wscodec_server::ServerHandle) {
        panic!("a panic that is meant");
    }
}

#[test]
fn a_panic_in_close_and_in_tick_is_counted_and_ends_nothing_else() {
    let mut options = options();
    options.loops = 1;
    options.tick = Some(Duration::from_millis(1));
    let server = run(options, |_| Fragile);
    drop(Client::new(server.address));
    server.stats_when(|it| it.panics > 3 && it.open == 0 && it.failed == 1);
    Client::new(server.address);
}

#[test]
fn a_loop_that_dies_stops_the_server_and_run_says_so() {
    let mut options = options();
    options.loops = 3;
    let server = Server::bind(options).unwrap();
    let running = thread::spawn(move || {
        server.run(|index| {
            assert!(index != 1, "no handler for this one");
            Fragile
        })
    });
    let error = running.join().unwrap().unwrap_err().to_string();
    assert!(error.contains("event loop 1 panicked"), "{error}");
    assert!(error.contains("no handler for this one"), "{error}");
}

#[test]
fn without_auto_pong_and_auto_close_the_handler_is_asked() {
    let mut options = options();
    options.session.auto_pong = false;
    options.session.auto_close = false;
    let (server, hears) = told(options);
    for (code, answer) in [(4000_u16, 4001_u16), (4002, 4002)] {
        let mut client = welcome(server.address);
        let mut out = Vec::new();
        client.session.sender().ping(b"by hand", &mut out).unwrap();
        client.stream.write_all(&out).unwrap();
        let mut bytes = [0; 10];
        client.stream.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"\x8a\x08so it is");
        let [high, low] = code.to_be_bytes();
        let close = [0x88, 0x82, 0, 0, 0, 0, high, low];
        client.stream.write_all(&close).unwrap();
        let mut rest = Vec::new();
        while read_some(&mut client.stream, &mut rest) > 0 {}
        let words = format!("last words, {code}");
        let [high, low] = answer.to_be_bytes();
        let expected = [
            &[0x81, words.len() as u8],
            words.as_bytes(),
            &[0x88, 2, high, low],
        ]
        .concat();
        assert_eq!(rest, expected);
        let end = hears.recv_timeout(LONG).unwrap();
        assert_eq!(end, format!("{code} {answer} clean -"));
    }
}

#[test]
fn a_slow_reader_of_a_long_answer_and_a_close_ends_cleanly() {
    let mut options = options();
    // Far less than the answer takes.
    options.session.close_timeout = Duration::from_secs(1);
    let (server, hears) = told(options);
    let mut client = welcome(server.address);
    client.send(Kind::Text, b"twelve");
    let (mut bytes, mut buf) = (0, vec![0; 256 << 10]);
    let mut last = Vec::new();
    while bytes < 12 << 20 {
        let n = client.stream.read(&mut buf).unwrap();
        assert!(n > 0, "{bytes} bytes");
        bytes += n;
        last = buf[..n].to_vec();
        thread::sleep(Duration::from_millis(60));
    }
    while !last.ends_with(b"that was all") {
        assert!(read_some(&mut client.stream, &mut last) > 0);
    }
    client
        .stream
        .write_all(b"\x88\x82\0\0\0\0\x03\xe8")
        .unwrap();
    assert_eq!(hears.recv_timeout(LONG).unwrap(), "1000 1000 clean -");
}

#[test]
fn a_steady_reader_of_a_long_answer_is_alive_although_no_pong_comes() {
    let mut options = options();
    options.loops = 1;
    options.session.heartbeat = Some(Duration::from_millis(100));
    options.session.pong_timeout = Duration::from_secs(1);
    let (server, _hears) = told(options);
    let mut client = welcome(server.address);
    client.send(Kind::Text, b"answers");
    let (mut bytes, mut buf) = (0, vec![0; 512 << 10]);
    // The ping waits behind the answer, and the pong for the client to come to it.
    while bytes < 20 << 20 {
        let n = client.stream.read(&mut buf).unwrap();
        assert!(n > 0, "dropped after {bytes} bytes");
        bytes += n;
        thread::sleep(Duration::from_millis(60));
    }
    client.send(Kind::Text, b"still");
    let mut rest = Vec::new();
    while !rest.windows(7).any(|it| it == b"\x81\x05still") {
        assert!(read_some(&mut client.stream, &mut rest) > 0, "dropped");
    }
}

/// Sends to a client that reads nothing, until the server has had enough.
fn flood(client: &mut Client) {
    let mut out = Vec::new();
    client
        .session
        .sender()
        .binary(&vec![1; 100_000], &mut out)
        .unwrap();
    let wait = Some(Duration::from_millis(100));
    client.stream.set_write_timeout(wait).unwrap();
    let start = Instant::now();
    // Until nothing more goes, or the server has dropped it.
    while client.stream.write_all(&out).is_ok() {
        assert!(start.elapsed() < LONG, "it takes more and more");
    }
}

#[test]
fn every_ending_that_the_server_causes_keeps_its_reason() {
    // More is queued than may be. The largest message would be another bound.
    let mut full = options();
    full.max_buffered = 100_000;
    full.session.limits.message = 200_000;
    let (server, hears) = told(full);
    let mut client = welcome(server.address);
    flood(&mut client);
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 0 unclean BUFFER_FULL");

    // The same by those that others send.
    let mut client = welcome(server.address);
    let long = Prepared::binary(&vec![0; 50_000]).unwrap();
    let end = loop {
        server.handle.send(Recipients::All, &long).unwrap();
        if let Ok(end) = hears.recv_timeout(Duration::from_millis(1)) {
            break end;
        }
    };
    assert_eq!(end, "1006 0 unclean BUFFER_FULL");
    read_some(&mut client.stream, &mut Vec::new());
    drop(server);

    // The peer reads nothing for too long.
    let mut stalled = options();
    stalled.stall_timeout = Duration::from_millis(200);
    let (server, hears) = told(stalled);
    let mut client = welcome(server.address);
    client.send(Kind::Text, b"answers");
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 0 unclean STALLED");
    drop(server);

    // It does not answer the server's close.
    let mut quick = options();
    quick.session.close_timeout = Duration::from_millis(100);
    let (server, hears) = told(quick);
    let mut client = welcome(server.address);
    client.send(Kind::Text, b"close");
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 1005 unclean NO_CLOSE");
    drop(server);

    // It is idle, and then just leaves.
    let mut idle = options();
    idle.session.idle = Some(Duration::from_millis(100));
    let (server, hears) = told(idle);
    let mut client = welcome(server.address);
    assert_eq!(client.next(), Err(Some(1001)));
    drop(client);
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 1001 unclean IDLE");
    drop(server);

    // The memory of all is at its limit.
    let mut poor = options();
    poor.max_memory = Some(100_000);
    let (server, hears) = told(poor);
    let mut client = welcome(server.address);
    let half = [
        &[0x02, 0xff, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0][..],
        &[7; 200_000],
    ]
    .concat();
    client.stream.write_all(&half[..190_000]).unwrap();
    assert_eq!(client.next(), Err(Some(1013)));
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 1013 unclean OUT_OF_MEMORY");
    drop(server);

    // The server stops, and the peer does not answer.
    let mut stops = options();
    stops.grace = Duration::from_millis(200);
    let (server, hears) = told(stops);
    let _client = welcome(server.address);
    server.handle.stop();
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 1001 unclean NO_CLOSE");
}

#[test]
fn an_answer_that_the_peer_reads_is_no_backlog() {
    let mut options = options();
    options.loops = 1;
    options.max_buffered = 1 << 20;
    let (server, _hears) = told(options);
    let mut client = welcome(server.address);
    client.send(Kind::Text, b"answers");
    server.stats_when(|it| it.messages_out == 2);
    // Far more than `max_buffered` is queued, but by the connection's own handler.
    let news = Prepared::text("news").unwrap();
    server.handle.send(Recipients::All, &news).unwrap();
    assert!(client.next().unwrap().len() == 20 << 20);
    assert_eq!(client.next().unwrap(), b"news");
}

#[test]
fn a_close_code_that_arrived_counts_although_writing_has_failed() {
    let (server, hears) = told(options());
    let mut client = welcome(server.address);
    client
        .stream
        .write_all(b"\x88\x82\0\0\0\0\x03\xf0")
        .unwrap();
    // Bytes that it does not read any more reset the connection when it is closed.
    let mut other = welcome(server.address);
    other.send(Kind::Text, b"answers");
    let mut some = [0; 1000];
    other.stream.read_exact(&mut some).unwrap();
    other.stream.write_all(b"\x88\x82\0\0\0\0\x03\xf0").unwrap();
    other.stream.shutdown(Shutdown::Both).unwrap();
    drop(other);
    for _ in 0..2 {
        let end = hears.recv_timeout(LONG).unwrap();
        assert!(end.starts_with("1008 1008 "), "{end}");
    }
}

#[test]
fn a_full_queue_stops_reading_only_if_that_is_asked_for() {
    for pause in [false, true] {
        let mut options = options();
        options.loops = 1;
        options.pause_reading_when_full = pause;
        let (server, _hears) = told(options);
        let mut slow = welcome(server.address);
        // Far more than the system takes.
        slow.send(Kind::Text, b"answers");
        server.stats_when(|it| it.messages_in == 1);
        slow.send(Kind::Text, b"read at once?");
        let mut good = welcome(server.address);
        for _ in 0..10 {
            good.send(Kind::Text, b"served");
            assert_eq!(good.next().unwrap(), b"served");
        }
        let read = if pause { 11 } else { 12 };
        server.stats_when(|it| it.messages_in == read);
        assert!(slow.next().unwrap().len() == 20 << 20);
        assert_eq!(slow.next().unwrap(), b"read at once?");
    }
}

#[test]
fn what_arrived_before_the_stop_is_answered_and_half_messages_may_complete() {
    let mut options = options();
    options.loops = 1;
    options.grace = LONG;
    let (server, hears) = told(options);
    let mut many = welcome(server.address);
    let mut half = welcome(server.address);
    let mut header = welcome(server.address);
    let mut begun = open(server.address);
    begun.write_all(&REQUEST[..50]).unwrap();
    server.stats_when(|it| it.open == 4);
    let mut out = Vec::new();
    for i in 0..20_000 {
        many.session
            .sender()
            .text(&format!("message {i}"), &mut out)
            .unwrap();
    }
    let mut frame = Vec::new();
    half.session
        .sender()
        .text("in two parts", &mut frame)
        .unwrap();
    half.stream.write_all(&frame[..10]).unwrap();
    let mut second = Vec::new();
    header
        .session
        .sender()
        .text("cut in its header", &mut second)
        .unwrap();
    header.stream.write_all(&second[..1]).unwrap();
    server.stats_when(|it| it.bytes_in >= 11);
    // The server reads it all before it closes: it lies in its socket.
    many.stream.set_nonblocking(true).unwrap();
    let sent = many.stream.write(&out).unwrap();
    many.stream.set_nonblocking(false).unwrap();
    server.handle.stop();
    let mut answers = 0;
    let code = loop {
        match many.next() {
            Ok(answer) => assert_eq!(answer, format!("message {answers}").as_bytes()),
            Err(code) => break code,
        }
        answers += 1;
    };
    // A frame of the client is 4 bytes longer; the last one may be cut.
    let mut bytes = 0;
    let whole = (0..20_000)
        .take_while(|i| {
            bytes += 6 + format!("message {i}").len();
            bytes <= sent
        })
        .count();
    if bytes == sent {
        assert_eq!((answers, code), (whole, Some(1001)));
    } else {
        assert!(answers == whole, "{answers} of {whole}, {code:?}");
    }
    let mut answer = Vec::new();
    while read_some(&mut begun, &mut answer) > 0 {}
    assert!(answer.starts_with(b"HTTP/1.1 503 "));
    half.stream.write_all(&frame[10..]).unwrap();
    assert_eq!(half.next().unwrap(), b"in two parts");
    assert_eq!(half.next(), Err(Some(1001)));
    header.stream.write_all(&second[1..]).unwrap();
    assert_eq!(header.next().unwrap(), b"cut in its header");
    assert_eq!(header.next(), Err(Some(1001)));
    drop((many, half, header));
    for _ in 0..3 {
        let end = hears.recv_timeout(LONG).unwrap();
        assert!(end.contains(" 1001 "), "{end}");
    }
}

#[test]
fn a_half_message_that_does_not_complete_gets_1001_when_the_time_is_over() {
    let mut options = options();
    options.loops = 1;
    options.grace = Duration::from_millis(300);
    let (server, hears) = told(options);
    let mut half = welcome(server.address);
    half.stream.write_all(b"\x81\x85\0\0\0\0he").unwrap();
    server.stats_when(|it| it.bytes_in > REQUEST.len() as u64 + 7);
    server.handle.stop();
    assert_eq!(half.next(), Err(Some(1001)));
    let end = hears.recv_timeout(LONG).unwrap();
    assert_eq!(end, "1006 1001 unclean NO_CLOSE");
}

#[test]
fn a_connection_that_received_a_large_message_is_closed_before_the_time_is_over() {
    let mut options = options();
    options.loops = 1;
    options.grace = Duration::from_secs(2);
    let (server, hears) = told(options);
    let mut client = welcome(server.address);
    // The server reads it into the buffer of the message.
    let large = vec![7; 300_000];
    client.send(Kind::Binary, &large);
    assert_eq!(client.next().unwrap(), large);
    server.handle.stop();
    assert_eq!(client.next(), Err(Some(1001)));
    client
        .stream
        .write_all(b"\x88\x82\0\0\0\0\x03\xe9")
        .unwrap();
    assert_eq!(hears.recv_timeout(LONG).unwrap(), "1001 1001 clean -");
}

#[test]
fn only_allowed_hosts_are_served() {
    let mut options = options();
    options.policy.allowed_hosts = Some(&["localhost"]);
    let (server, _hears) = told(options);
    welcome(server.address);
    let request = String::from_utf8(REQUEST.to_vec()).unwrap();
    let rebound = request.replace("Host: localhost", "Host: evil.example");
    assert!(raw(server.address, rebound.as_bytes()).starts_with(b"HTTP/1.1 421 "));
}
