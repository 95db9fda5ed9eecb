//! Commands that reach connections from elsewhere: closes, rooms, events of the program; and handlers that
//! send and receive more than memory holds.

mod support;

use std::any::Any;
use std::io::Write;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use support::{Client, LONG, REQUEST, Running, open, options, raw, read_some, run};
use wscodec::deflate::DeflateOptions;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef, Prepared};
use wscodec::session::{Outcome, Piece};
use wscodec::{CloseCode, MisuseError};
use wscodec_server::{AcceptOptions, Handler, Id, NotAccepted, Peer, Recipients, ServerOptions};

/// A chat with rooms. It tells who comes and how each one ends.
struct Chat {
    came: Sender<Id>,
    ends: Sender<String>,
}

impl Handler for Chat {
    type State = Vec<String>;

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Vec<String>, NotAccepted> {
        Ok(Vec::new())
    }

    fn open(&mut self, peer: &mut Peer<'_, Vec<String>>) {
        self.came.send(peer.id()).unwrap();
    }

    fn message(&mut self, peer: &mut Peer<'_, Vec<String>>, message: MessageRef<'_>) {
        let text = message.text().unwrap();
        peer.state.push(text.to_owned());
        match text.split_once(' ') {
            Some(("join", room)) => {
                peer.subscribe(room);
                let text = format!("somebody joins {room}");
                peer.handle()
                    .publish(room, &Prepared::text(&text).unwrap())
                    .unwrap();
            }
            Some(("leave", room)) => peer.unsubscribe(room),
            _ => {}
        }
    }

    fn user_event(&mut self, peer: &mut Peer<'_, Vec<String>>, event: &(dyn Any + Send + Sync)) {
        let number = event.downcast_ref::<u32>().expect("a panic that is meant");
        let text = format!("{number} after {:?}", peer.state);
        peer.outbox.text(&text).unwrap();
    }

    fn close(&mut self, _: Id, _: Vec<String>, outcome: &Outcome<'_>) {
        let sent = outcome.sent.map(CloseCode::value);
        let fault = outcome.fault.map(|fault| fault.error.code());
        self.ends.send(format!("{sent:?} {fault:?}")).unwrap();
    }
}

fn chat(options: ServerOptions<'static>) -> (Running, Receiver<Id>, Receiver<String>) {
    let ((came, ids), (ends, ended)) = (mpsc::channel(), mpsc::channel());
    let server = run(options, move |_| Chat {
        came: came.clone(),
        ends: ends.clone(),
    });
    (server, ids, ended)
}

fn prepared(text: &str) -> Prepared {
    Prepared::text(text).unwrap()
}

#[test]
fn others_close_connections_with_a_code_and_a_reason() {
    let (server, ids, ends) = chat(options());
    let mut kicked = open(server.address);
    kicked.write_all(REQUEST).unwrap();
    let id = ids.recv_timeout(LONG).unwrap();
    let mut stays = Client::new(server.address);
    let stayer = ids.recv_timeout(LONG).unwrap();
    let handle = &server.handle;
    let long = "x".repeat(124);
    let code = CloseCode::new(4000);
    let close = |code, reason: &str| handle.close(Recipients::All, code, reason);
    assert_eq!(close(code, &long), Err(MisuseError::CloseReasonTooLong));
    assert_eq!(
        close(CloseCode::ABNORMAL, ""),
        Err(MisuseError::CloseCodeNotSendable)
    );
    handle
        .send(Recipients::One(id), &prepared("the last word"))
        .unwrap();
    handle
        .close(Recipients::One(id), code, "be polite")
        .unwrap();
    // Messages behind the close are dropped.
    handle
        .send(Recipients::One(id), &prepared("too late"))
        .unwrap();
    handle
        .close(Recipients::One(id), CloseCode::NORMAL, "again")
        .unwrap();
    let mut came = Vec::new();
    while !came.ends_with(b"be polite") {
        assert!(read_some(&mut kicked, &mut came) > 0);
    }
    assert!(came.ends_with(b"\r\n\r\n\x81\x0dthe last word\x88\x0b\x0f\xa0be polite"));
    kicked.write_all(b"\x88\x82\0\0\0\0\x0f\xa0").unwrap();
    assert_eq!(
        read_some(&mut kicked, &mut came),
        0,
        "nothing comes behind the close"
    );
    assert_eq!(ends.recv_timeout(LONG).unwrap(), "Some(4000) None");
    // An id is not used again.
    handle.close(Recipients::One(id), code, "").unwrap();
    handle
        .send(Recipients::One(stayer), &prepared("you stay"))
        .unwrap();
    assert_eq!(stays.next().unwrap(), b"you stay");
    // One that does not answer is not waited for longer than for any close.
    let mut options = options();
    options.session.close_timeout = Duration::from_millis(100);
    let (server, ids, ends) = chat(options);
    let _silent = Client::new(server.address);
    let id = ids.recv_timeout(LONG).unwrap();
    server
        .handle
        .close(Recipients::Some([id].into()), code, "")
        .unwrap();
    assert_eq!(
        ends.recv_timeout(LONG).unwrap(),
        "Some(4000) Some(\"NO_CLOSE\")"
    );
}

#[test]
fn messages_to_a_room_reach_its_members_on_all_loops() {
    let (server, ids, _ends) = chat(options());
    let mut clients: Vec<_> = (0..4).map(|_| Client::new(server.address)).collect();
    let members: Vec<_> = (0..4).map(|_| ids.recv_timeout(LONG).unwrap()).collect();
    for i in 0..3 {
        clients[i].send(Kind::Text, b"join tea");
        for client in &mut clients[..=i] {
            assert_eq!(client.next().unwrap(), b"somebody joins tea");
        }
    }
    // From outside: the last one joins two rooms, twice the same.
    for room in ["tea", "coffee", "tea"] {
        server.handle.subscribe(members[3], room);
    }
    server.handle.publish("tea", &prepared("hot")).unwrap();
    server.handle.publish("coffee", &prepared("black")).unwrap();
    for client in &mut clients {
        assert_eq!(client.next().unwrap(), b"hot");
    }
    assert_eq!(clients[3].next().unwrap(), b"black");
    // One leaves by itself, one by the handle, one by its end.
    clients[0].send(Kind::Text, b"leave tea");
    server.handle.unsubscribe(members[1], "tea");
    drop(clients.remove(2));
    server.stats_when(|it| it.open == 3 && it.messages_in == 4);
    server.handle.publish("tea", &prepared("cold")).unwrap();
    server
        .handle
        .publish("nowhere", &prepared("nobody hears"))
        .unwrap();
    server
        .handle
        .send(Recipients::All, &prepared("end"))
        .unwrap();
    assert_eq!(clients[2].next().unwrap(), b"cold");
    for client in &mut clients {
        assert_eq!(client.next().unwrap(), b"end");
    }
    let room = Recipients::Room("tea".into());
    server.handle.close(room, CloseCode::new(4001), "").unwrap();
    assert_eq!(clients[2].next(), Err(Some(4001)));
}

#[test]
fn events_of_the_program_find_the_connections_state() {
    let (server, ids, ends) = chat(options());
    let mut clients: Vec<_> = (0..3).map(|_| Client::new(server.address)).collect();
    let members: Vec<_> = (0..3).map(|_| ids.recv_timeout(LONG).unwrap()).collect();
    for (client, text) in clients.iter_mut().zip(["a", "b", "c"]) {
        client.send(Kind::Text, text.as_bytes());
    }
    server.stats_when(|it| it.messages_in == 3);
    server.handle.subscribe(members[1], "two");
    let handle = server.handle.clone();
    let some = Recipients::Some([members[0], members[2]].into());
    let broker = thread::spawn(move || {
        handle.send_event(some, 1_u32).unwrap();
        handle
            .send_event(Recipients::Room("two".into()), 2_u32)
            .unwrap();
    });
    broker.join().unwrap();
    for (client, text) in
        clients
            .iter_mut()
            .zip(["1 after [\"a\"]", "2 after [\"b\"]", "1 after [\"c\"]"])
    {
        assert_eq!(client.next().unwrap(), text.as_bytes());
    }
    // An event that the handler panics at ends its connection only.
    server
        .handle
        .send_event(Recipients::One(members[0]), "text")
        .unwrap();
    assert_eq!(clients[0].next(), Err(Some(1011)));
    assert_eq!(
        ends.recv_timeout(LONG).unwrap(),
        "Some(1011) Some(\"HANDLER_FAILED\")"
    );
    server.handle.send_event(Recipients::All, 3_u32).unwrap();
    assert_eq!(clients[1].next().unwrap(), b"3 after [\"b\"]");
}

/// Sends as many pieces as it is asked for, no faster than they are read.
struct Stream;

const PIECE: usize = 10_000;

impl Handler for Stream {
    type State = usize;

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<usize, NotAccepted> {
        Ok(0)
    }

    fn message(&mut self, peer: &mut Peer<'_, usize>, message: MessageRef<'_>) {
        *peer.state += message.text().unwrap().parse::<usize>().unwrap();
        self.drain(peer);
    }

    fn drain(&mut self, peer: &mut Peer<'_, usize>) {
        while *peer.state > 0 && !peer.is_full() {
            *peer.state -= 1;
            peer.outbox.binary(&vec![*peer.state as u8; PIECE]).unwrap();
        }
    }
}

#[test]
fn a_stream_is_sent_as_fast_as_it_is_read_and_starves_nobody() {
    let mut options = options();
    options.loops = 1;
    let server = run(options, |_| Stream);
    let mut slow = Client::new(server.address);
    let mut fast = Client::new(server.address);
    let pieces = 5000;
    slow.send(Kind::Text, pieces.to_string().as_bytes());
    server.stats_when(|it| it.messages_in == 1);
    fast.send(Kind::Text, b"2000");
    for i in (0..2000).rev() {
        assert!(fast.next().unwrap() == [i as u8; PIECE], "{i}");
    }
    // 50 MB are not in the queue of one who does not read.
    let memory = server.stats_when(|it| it.memory > 0).memory;
    assert!(memory < 2 << 20, "{memory} bytes");
    for i in (0..pieces).rev() {
        assert!(slow.next().unwrap() == [i as u8; PIECE], "{i}");
    }
    server.stats_when(|it| it.messages_out == pieces + 2000);
}

/// Counts pieces, and answers the sum of each message.
struct Sums;

impl Handler for Sums {
    type State = (u64, u64, u64);

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Self::State, NotAccepted> {
        Ok((0, 0, 0))
    }

    fn message(&mut self, _: &mut Peer<'_, Self::State>, _: MessageRef<'_>) {
        unreachable!("messages come in pieces");
    }

    fn piece(&mut self, peer: &mut Peer<'_, Self::State>, piece: Piece<'_>) {
        let (frames, len, sum) = &mut *peer.state;
        match piece {
            Piece::Frame(header) => *frames += u64::from(!header.opcode.is_control()),
            Piece::Data(data) => {
                *len += data.len() as u64;
                *sum += data.iter().map(|&b| u64::from(b)).sum::<u64>();
            }
            Piece::End => {
                let text = format!("{frames} frames, {len} bytes, {sum}");
                *peer.state = (0, 0, 0);
                peer.outbox.text(&text).unwrap();
            }
            _ => {}
        }
    }

    fn ping(&mut self, peer: &mut Peer<'_, Self::State>, payload: &[u8]) {
        let _ = peer.outbox.pong(&[payload, b" and this"].concat());
    }
}

#[test]
fn messages_come_in_pieces_that_hold_no_memory() {
    let mut options = options();
    options.loops = 1;
    options.pieces = true;
    options.session.auto_pong = false;
    options.session.limits.message = 100 << 20;
    let server = run(options, |_| Sums);
    for deflate in [None, Some(DeflateOptions::default())] {
        let mut client = Client::with(server.address, deflate);
        client.send(Kind::Binary, &vec![2; 30 << 20]);
        let len = 30 << 20;
        let text = format!("1 frames, {len} bytes, {}", 2 * len);
        assert_eq!(client.next().unwrap(), text.as_bytes());
        client.send(Kind::Text, b"");
        assert_eq!(client.next().unwrap(), b"1 frames, 0 bytes, 0");
    }
    let metrics = server.handle.metrics();
    assert_eq!(metrics.received_sizes.sum(), 2 * (30 << 20));
    // Half of a large message.
    let mut half = open(server.address);
    half.write_all(REQUEST).unwrap();
    half.write_all(b"\x82\xff\0\0\0\0\x02\0\0\0\0\0\0\0")
        .unwrap();
    half.write_all(&vec![0; 16 << 20]).unwrap();
    server.stats_when(|it| it.bytes_in > 16 << 20);
    let memory = server.stats_when(|it| it.memory > 0).memory;
    assert!(memory < 1 << 20, "{memory} bytes");
    // Fragments with a ping between them, and a fault in the middle of a text.
    let bytes = b"\x01\x82\0\0\0\0ab\x89\x81\0\0\0\0p\x80\x81\0\0\0\0c\x01\x81\0\0\0\0d\x80\x81\0\0\0\0\xff";
    let answer = raw(server.address, &[REQUEST, bytes].concat());
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let frames = &answer[end..];
    assert!(
        frames.starts_with(b"\x8a\x0ap and this\x81\x162 frames, 3 bytes, 294"),
        "{frames:?}"
    );
    assert_eq!(frames[12 + 24..][..4], *b"\x88\x19\x03\xef", "1007");
}
