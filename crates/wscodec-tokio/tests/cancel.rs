//! Cancel safety: each public future of a connection is dropped after each possible number of polls, over
//! a stream that gives and takes one byte at a time, in both roles, with and without compression. No
//! byte of a message may be lost or sent twice.

use std::pin::Pin;

use futures_util::{SinkExt, StreamExt};
use wscodec::message::{Kind, MessageRef, Prepared};
use wscodec_tokio::{Error, Message, Outbox, Piece, ReadHalf, WebSocket, WriteHalf};

#[path = "common/dropped.rs"]
mod dropped;
#[path = "common/narrow.rs"]
mod narrow;
use dropped::{ENOUGH, Way, polls};
use narrow::Narrow;

type Socket = WebSocket<Narrow>;

fn text(len: usize) -> Message {
    Message::text("abcdefghij".repeat(len.div_ceil(10))[..len].to_owned())
}

/// An end, whole or in halves.
enum End {
    Whole(Socket),
    Halves(WriteHalf<Narrow>, ReadHalf<Narrow>),
}

impl End {
    fn new(ws: Socket, halves: bool) -> Self {
        match halves {
            false => Self::Whole(ws),
            true => {
                let (writer, reader) = ws.split();
                Self::Halves(writer, reader)
            }
        }
    }

    fn whole(self) -> Socket {
        match self {
            Self::Whole(ws) => ws,
            Self::Halves(writer, reader) => reader.reunite(writer).unwrap(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Receiving {
    Recv,
    Next,
    Lend,
    Piece,
}

/// The received messages: as they are, and put together from pieces.
#[derive(Debug, Default)]
struct Received {
    messages: Vec<Message>,
    begun: Option<(Kind, Vec<u8>)>,
    /// Calls of the closure of `lend`.
    lent: usize,
}

fn whole_message(kind: Kind, payload: &[u8]) -> Message {
    match kind {
        Kind::Text => Message::text(String::from_utf8(payload.to_vec()).unwrap()),
        Kind::Binary => Message::binary(payload.to_vec()),
    }
}

impl Received {
    fn piece(&mut self, piece: Piece) {
        match piece {
            Piece::Begin(kind) => assert!(self.begun.replace((kind, Vec::new())).is_none()),
            Piece::Data(data) => self.begun.as_mut().unwrap().1.extend_from_slice(&data),
            Piece::End => {
                let (kind, payload) = self.begun.take().unwrap();
                self.messages.push(whole_message(kind, &payload));
            }
            Piece::Ping(payload) => self.messages.push(Message::Ping(payload)),
            Piece::Pong(payload) => self.messages.push(Message::Pong(payload)),
            Piece::Close(frame) => self.messages.push(Message::Close(frame)),
        }
    }

    /// Receives once; `false` if the future was dropped before it was ready.
    async fn receive(&mut self, end: &mut End, how: Receiving, most: usize) -> bool {
        let lent = &mut self.lent;
        let lend = |message: MessageRef<'_>, _: &mut Outbox<'_>| {
            *lent += 1;
            whole_message(message.kind, message.payload)
        };
        let message = match (how, end) {
            (Receiving::Recv, End::Whole(ws)) => polls(ws.recv(), most).await,
            (Receiving::Recv, End::Halves(_, it)) => polls(it.recv(), most).await,
            (Receiving::Next, End::Whole(ws)) => polls(ws.next(), most).await,
            (Receiving::Next, End::Halves(_, it)) => polls(it.next(), most).await,
            (Receiving::Lend, End::Whole(ws)) => polls(ws.lend(lend), most).await,
            (Receiving::Lend, End::Halves(_, it)) => polls(it.lend(lend), most).await,
            (Receiving::Piece, end) => {
                let piece = match end {
                    End::Whole(ws) => polls(ws.recv_piece(), most).await,
                    End::Halves(_, it) => polls(it.recv_piece(), most).await,
                };
                if let Some(piece) = piece {
                    self.piece(piece.unwrap().unwrap());
                    return true;
                }
                None
            }
        };
        if let Some(message) = message {
            self.messages.push(message.unwrap().unwrap());
            return true;
        }
        false
    }
}

/// The peer of a receiver: sends some of everything, and gives the pongs.
async fn send_some(mut peer: Socket) -> (Socket, usize) {
    peer.send(text(0)).await.unwrap();
    peer.send(text(20)).await.unwrap();
    peer.ping("1").await.unwrap();
    peer.begin(Kind::Binary, b"ab").await.unwrap();
    peer.ping("2").await.unwrap();
    peer.more(b"").await.unwrap();
    peer.finish(b"cde").await.unwrap();
    peer.send("end").await.unwrap();
    let mut pongs = 0;
    while pongs < 2 {
        let pong = peer.recv().await.unwrap().unwrap();
        pongs += 1;
        assert_eq!(pong, Message::Pong(pongs.to_string().into()));
    }
    (peer, pongs)
}

#[tokio::test]
async fn each_message_is_received_once() {
    let ping = |payload: &'static str| Message::Ping(payload.into());
    let expected = [
        text(0),
        text(20),
        ping("1"),
        ping("2"),
        Message::binary(&b"abcde"[..]),
        Message::text("end"),
    ];
    let lent: Vec<_> = expected.iter().filter(|it| !it.is_ping()).collect();
    for way in Way::ALL {
        for how in [
            Receiving::Recv,
            Receiving::Next,
            Receiving::Lend,
            Receiving::Piece,
        ] {
            for halves in [false, true] {
                let mut dropped = true;
                let mut most = 0;
                while dropped {
                    dropped = false;
                    most += 1;
                    assert!(most < ENOUGH);
                    let (ws, peer) = way.pair(1 << 10, 4).await;
                    let sending = tokio::spawn(send_some(peer));
                    let mut end = End::new(ws, halves);
                    let mut got = Received::default();
                    while got.messages.last() != expected.last() {
                        if !got.receive(&mut end, how, most).await {
                            dropped = true;
                            tokio::task::yield_now().await;
                        }
                    }
                    match how {
                        Receiving::Lend => {
                            assert_eq!(got.messages.iter().collect::<Vec<_>>(), lent);
                            assert_eq!(got.lent, lent.len());
                        }
                        _ => assert_eq!(got.messages, expected, "{way:?} {how:?} {most}"),
                    }
                    // The last pongs leave while the end receives, though every future is dropped.
                    let receiving = async {
                        loop {
                            assert!(!got.receive(&mut end, how, most.min(3)).await);
                            tokio::task::yield_now().await;
                        }
                    };
                    let peer = tokio::select! {
                        sent = sending => sent.unwrap().0,
                        () = receiving => unreachable!(),
                    };
                    // Both directions are as they were.
                    let (mut ws, mut peer) = (end.whole(), peer);
                    tokio::join!(
                        async {
                            ws.send("one").await.unwrap();
                            assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("two"));
                        },
                        async {
                            peer.send("two").await.unwrap();
                            assert_eq!(peer.recv().await.unwrap().unwrap(), Message::text("one"));
                        }
                    );
                }
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Sending {
    /// A dropped future has sent the whole message or nothing.
    Send,
    Prepared,
    Ping,
    SinkSend,
    /// A dropped future has queued nothing.
    Feed,
    SinkFeed,
    Pieces,
}

impl Sending {
    const ALL: [Self; 7] = [
        Self::Send,
        Self::Prepared,
        Self::Ping,
        Self::SinkSend,
        Self::Feed,
        Self::SinkFeed,
        Self::Pieces,
    ];

    fn message(self) -> Message {
        match self {
            Self::Ping => Message::Ping("a ping of some bytes".into()),
            _ => text(30),
        }
    }

    /// Whether the caller of a dropped future knows that nothing was sent.
    fn is_exact(self) -> bool {
        matches!(self, Self::Feed | Self::SinkFeed | Self::Pieces)
    }
}

type Boxed<'f> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'f>>;

/// The steps that send a message; each is one future.
fn steps(how: Sending) -> usize {
    if matches!(how, Sending::Pieces) { 3 } else { 1 }
}

fn step<'f>(end: &'f mut End, how: Sending, step: usize, prepared: &'f Prepared) -> Boxed<'f> {
    let message = how.message();
    let payload = message.clone().into_data();
    match (how, end) {
        (Sending::Send, End::Whole(ws)) => Box::pin(ws.send(message)),
        (Sending::Send, End::Halves(it, _)) => Box::pin(it.send(message)),
        (Sending::Prepared, End::Whole(ws)) => Box::pin(ws.prepared(prepared)),
        (Sending::Prepared, End::Halves(it, _)) => Box::pin(it.prepared(prepared)),
        (Sending::Ping, End::Whole(ws)) => Box::pin(ws.ping(payload)),
        (Sending::Ping, End::Halves(it, _)) => Box::pin(it.ping(payload)),
        (Sending::SinkSend, End::Whole(ws)) => Box::pin(SinkExt::send(ws, message)),
        (Sending::SinkSend, End::Halves(it, _)) => Box::pin(SinkExt::send(it, message)),
        (Sending::Feed, End::Whole(ws)) => Box::pin(ws.feed(message)),
        (Sending::Feed, End::Halves(it, _)) => Box::pin(it.feed(message)),
        (Sending::SinkFeed, End::Whole(ws)) => Box::pin(SinkExt::feed(ws, message)),
        (Sending::SinkFeed, End::Halves(it, _)) => Box::pin(SinkExt::feed(it, message)),
        (Sending::Pieces, End::Whole(ws)) => match step {
            0 => Box::pin(ws.begin(Kind::Text, b"abcdefghij")),
            1 => Box::pin(ws.more(b"abcdefghij")),
            _ => Box::pin(ws.finish(b"abcdefghij")),
        },
        (Sending::Pieces, End::Halves(it, _)) => match step {
            0 => Box::pin(it.begin(Kind::Text, b"abcdefghij")),
            1 => Box::pin(it.more(b"abcdefghij")),
            _ => Box::pin(it.finish(b"abcdefghij")),
        },
    }
}

fn collect(mut ws: Socket) -> tokio::task::JoinHandle<Vec<Message>> {
    tokio::spawn(async move {
        let mut messages = Vec::new();
        while let Some(message) = ws.recv().await {
            messages.push(message.unwrap());
        }
        messages
    })
}

#[tokio::test]
async fn a_message_is_sent_once_and_whole() {
    let prepared = Prepared::text(text(30).to_text().unwrap()).unwrap();
    for (way, how) in Way::ALL
        .into_iter()
        .flat_map(|way| Sending::ALL.map(|how| (way, how)))
    {
        for (halves, at) in [false, true]
            .into_iter()
            .flat_map(|halves| (0..steps(how)).map(move |at| (halves, at)))
        {
            let mut finished = false;
            for most in 0..ENOUGH {
                let (ws, peer) = way.pair(8, 4).await;
                let collecting = collect(peer);
                let mut end = End::new(ws, halves);
                // The queue is full.
                match &mut end {
                    End::Whole(ws) => ws.feed("before").await.unwrap(),
                    End::Halves(it, _) => it.feed("before").await.unwrap(),
                }
                for before in 0..at {
                    step(&mut end, how, before, &prepared).await.unwrap();
                }
                let done = polls(step(&mut end, how, at, &prepared), most).await;
                let sent = done.is_some();
                assert!(done.is_none_or(|result| result.is_ok()));
                if how.is_exact() && !sent {
                    step(&mut end, how, at, &prepared).await.unwrap();
                }
                for after in at + 1..steps(how) {
                    step(&mut end, how, after, &prepared).await.unwrap();
                }
                let mut ws = end.whole();
                ws.send("after").await.unwrap();
                assert!(ws.close(None, "").await.unwrap().clean);
                let messages = collecting.await.unwrap();
                let (before, after) = (Message::text("before"), Message::text("after"));
                let without = [before, after, Message::Close(None)];
                let mut whole = without.to_vec();
                whole.insert(1, how.message());
                assert!(
                    messages == whole || (!how.is_exact() && !sent && messages == without),
                    "{way:?} {how:?} {halves} {most}: {messages:?}"
                );
                finished = sent;
                if finished {
                    break;
                }
            }
            assert!(finished, "{way:?} {how:?}");
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Flush,
    Close,
    SinkFlush,
    SinkClose,
}

#[tokio::test]
async fn a_flush_or_a_close_that_is_dropped_goes_on() {
    for way in Way::ALL {
        for how in [
            Ending::Flush,
            Ending::Close,
            Ending::SinkFlush,
            Ending::SinkClose,
        ] {
            for halves in [false, true] {
                let mut finished = false;
                for most in 0..ENOUGH {
                    let (ws, peer) = way.pair(8, 4).await;
                    let collecting = collect(peer);
                    let mut end = End::new(ws, halves);
                    match &mut end {
                        End::Whole(ws) => ws.feed(text(30)).await.unwrap(),
                        End::Halves(it, _) => it.feed(text(30)).await.unwrap(),
                    }
                    finished = match (&mut end, how) {
                        (End::Whole(ws), Ending::Flush) => polls(ws.flush(), most).await.is_some(),
                        (End::Halves(it, _), Ending::Flush) => {
                            polls(it.flush(), most).await.is_some()
                        }
                        (End::Whole(ws), Ending::Close) => {
                            polls(ws.close(None, ""), most).await.is_some()
                        }
                        (End::Halves(it, _), Ending::Close) => {
                            polls(it.close(None, ""), most).await.is_some()
                        }
                        (End::Whole(ws), Ending::SinkFlush) => {
                            polls(SinkExt::flush(ws), most).await.is_some()
                        }
                        (End::Halves(it, _), Ending::SinkFlush) => {
                            polls(SinkExt::flush(it), most).await.is_some()
                        }
                        (End::Whole(ws), Ending::SinkClose) => {
                            polls(SinkExt::close(ws), most).await.is_some()
                        }
                        (End::Halves(it, _), Ending::SinkClose) => {
                            polls(SinkExt::close(it), most).await.is_some()
                        }
                    };
                    // A second call, or receiving to the end, brings the rest to the peer.
                    let mut ws = end.whole();
                    assert!(
                        ws.close(None, "").await.unwrap().clean,
                        "{way:?} {how:?} {most}"
                    );
                    let messages = collecting.await.unwrap();
                    assert_eq!(messages.len(), 2, "{way:?} {how:?} {most}: {messages:?}");
                    assert_eq!(messages[0], text(30));
                    assert!(messages[1].is_close());
                    if finished {
                        break;
                    }
                }
                assert!(finished, "{way:?} {how:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_reading_half_ends_a_flush_that_the_writing_half_dropped() {
    for way in Way::ALL {
        let (ws, peer) = way.pair(8, 4).await;
        let (mut sender, mut receiver) = ws.split();
        let collecting = collect(peer);
        assert!(polls(sender.send(text(30)), 1).await.is_none());
        let closing = sender.feed(Message::Close(None));
        assert!(polls(closing, ENOUGH).await.is_some());
        while let Some(message) = receiver.recv().await {
            message.unwrap();
        }
        assert_eq!(collecting.await.unwrap(), [text(30), Message::Close(None)]);
        assert!(receiver.reunite(sender).unwrap().outcome().unwrap().clean);
    }
}

#[tokio::test]
async fn messages_in_both_directions_while_futures_are_dropped() {
    for way in Way::ALL {
        for most in [1, 2, 3, 7] {
            let (mut client, mut server) = way.pair(5, 1 << 10).await;
            let echo = tokio::spawn(async move {
                loop {
                    let Some(done) = polls(server.recv(), most).await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    match done {
                        Some(message) => match message.unwrap() {
                            message if message.is_close() => {}
                            message => server.send(message).await.unwrap(),
                        },
                        None => return server.outcome().unwrap().clean,
                    }
                }
            });
            let mut back = Vec::new();
            for i in 0..20 {
                client.feed(text(i)).await.unwrap();
                if let Some(message) = polls(client.recv(), most).await {
                    back.push(message.unwrap().unwrap());
                }
            }
            while back.len() < 20 {
                back.push(client.recv().await.unwrap().unwrap());
            }
            for (i, message) in back.into_iter().enumerate() {
                assert_eq!(message, text(i));
            }
            assert!(client.close(None, "").await.unwrap().clean);
            assert!(echo.await.unwrap());
        }
    }
}
