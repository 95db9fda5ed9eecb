//! Handlers that stop reading from a connection, and handlers that answer a close frame later.

mod support;

use std::any::Any;
use std::io::{ErrorKind, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use support::{Client, LONG, REQUEST, Running, open, options, read_some, run};
use wscodec::CloseCode;
use wscodec::frame::CloseFrame;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{Kind, MessageRef};
use wscodec::session::{Outcome, Piece};
use wscodec_server::{AcceptOptions, Handler, Id, NotAccepted, Peer, Recipients, ServerOptions};

/// Pauses after each message, and resumes at an event. Closes at an event after the peer's close.
struct Slow {
    came: Sender<Id>,
    messages: Sender<Vec<u8>>,
    ends: Sender<u16>,
}

/// An event: how many bytes are sent before the connection is closed.
struct CloseAfter(usize);

impl Handler for Slow {
    type State = Vec<u8>;

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<Vec<u8>, NotAccepted> {
        Ok(Vec::new())
    }

    fn open(&mut self, peer: &mut Peer<'_, Vec<u8>>) {
        self.came.send(peer.id()).unwrap();
    }

    fn message(&mut self, peer: &mut Peer<'_, Vec<u8>>, message: MessageRef<'_>) {
        self.messages.send(message.payload.to_vec()).unwrap();
        peer.pause_reading();
    }

    fn piece(&mut self, peer: &mut Peer<'_, Vec<u8>>, piece: Piece<'_>) {
        match piece {
            Piece::Data(data) => peer.state.extend_from_slice(data),
            Piece::End => {
                self.messages.send(std::mem::take(peer.state)).unwrap();
                peer.pause_reading();
            }
            _ => {}
        }
    }

    fn peer_closes(&mut self, peer: &mut Peer<'_, Vec<u8>>, _: Option<CloseFrame<'_>>) {
        peer.answer_close_later();
    }

    fn user_event(&mut self, peer: &mut Peer<'_, Vec<u8>>, event: &(dyn Any + Send + Sync)) {
        match event.downcast_ref() {
            Some(&CloseAfter(len)) => {
                peer.outbox.binary(&vec![7; len]).unwrap();
                peer.outbox.close(CloseCode::new(4000), "").unwrap();
            }
            None => peer.resume_reading(),
        }
    }

    fn close(&mut self, _: Id, _: Vec<u8>, outcome: &Outcome<'_>) {
        let _ = self.ends.send(outcome.code.value());
    }
}

fn slow(
    options: ServerOptions<'static>,
) -> (Running, Receiver<Id>, Receiver<Vec<u8>>, Receiver<u16>) {
    let (came, ids) = mpsc::channel();
    let (messages, received) = mpsc::channel();
    let (ends, ended) = mpsc::channel();
    let server = run(options, move |_| Slow {
        came: came.clone(),
        messages: messages.clone(),
        ends: ends.clone(),
    });
    (server, ids, received, ended)
}

#[test]
fn nothing_is_read_until_the_handler_resumes() {
    for pieces in [false, true] {
        let mut options = options();
        options.pieces = pieces;
        let (server, ids, messages, ends) = slow(options);
        let mut client = Client::new(server.address);
        let id = ids.recv_timeout(LONG).unwrap();
        // All of them arrive together.
        let count = 50;
        for i in 0..count {
            client.send(Kind::Binary, &[i; 100]);
        }
        for i in 0..count {
            assert_eq!(messages.recv_timeout(LONG).unwrap(), [i; 100]);
            // The others have arrived, and wait.
            server.stats_when(|it| it.messages_in == u64::from(i) + 1);
            assert!(messages.try_recv().is_err());
            server.handle.send_event(Recipients::One(id), 0_u8).ok();
        }
        assert!(messages.try_recv().is_err());
        drop(client);
        // The end of the stream is noticed once the handler reads again.
        server.handle.send_event(Recipients::One(id), 0_u8).ok();
        assert_eq!(ends.recv_timeout(LONG).unwrap(), 1006);
    }
}

#[test]
fn a_peer_that_is_not_read_can_not_send_without_end() {
    let (server, ids, messages, _ends) = slow(options());
    let mut client = Client::new(server.address);
    let id = ids.recv_timeout(LONG).unwrap();
    client.stream.set_nonblocking(true).unwrap();
    // A frame that the kernel's buffers do not hold many times.
    let frame = [
        &b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0"[..],
        &vec![7; 1 << 20],
    ]
    .concat();
    let (mut sent, mut idle) = (0_usize, 0);
    while idle < 20 {
        let at = sent % frame.len();
        match client.stream.write(&frame[at..]) {
            Ok(n) => (sent, idle) = (sent + n, 0),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                idle += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(e) => panic!("{e}"),
        }
        assert!(sent < 64 << 20, "the server reads on");
    }
    assert_eq!(messages.try_iter().count(), 1);
    assert!(server.stats_when(|_| true).memory < 4 << 20);
    // It goes on where it was.
    server.handle.send_event(Recipients::One(id), 0_u8).unwrap();
    assert_eq!(messages.recv_timeout(LONG).unwrap().len(), 1 << 20);
}

#[test]
fn a_close_frame_is_answered_later_and_messages_go_before() {
    let mut options = options();
    options.session.auto_close = false;
    let (server, ids, _messages, ends) = slow(options);
    let mut stream = open(server.address);
    stream.write_all(REQUEST).unwrap();
    let id = ids.recv_timeout(LONG).unwrap();
    stream.write_all(b"\x88\x82\0\0\0\0\x03\xe8").unwrap();
    let mut came = Vec::new();
    while !came.ends_with(b"\r\n\r\n") {
        assert!(read_some(&mut stream, &mut came) > 0);
    }
    came.clear();
    stream.set_nonblocking(true).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let early = std::io::Read::read(&mut stream, &mut [0]);
    assert!(early.is_err(), "the close frame is answered");
    stream.set_nonblocking(false).unwrap();
    let event = CloseAfter(100);
    server
        .handle
        .send_event(Recipients::One(id), event)
        .unwrap();
    while read_some(&mut stream, &mut came) > 0 {}
    let expected = [&b"\x82\x64"[..], &[7; 100], b"\x88\x02\x0f\xa0"].concat();
    assert_eq!(came, expected);
    assert_eq!(ends.recv_timeout(LONG).unwrap(), 1000);
}
