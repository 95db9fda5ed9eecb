//! Cancel safety: each public future is dropped after each possible number of polls, over a stream
//! that gives and takes one byte at a time. No byte of a message may be lost or sent twice.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use futures_util::{SinkExt, StreamExt};
use wscodec::frame::Role;
use wscodec::message::Prepared;
use wscodec_tokio::{Error, Message, ReadHalf, WebSocket};

#[path = "common/narrow.rs"]
mod narrow;
use narrow::Narrow;

/// More polls than any of the futures here needs.
const ENOUGH: usize = 400;

fn pair(pipe: usize) -> (WebSocket<Narrow>, WebSocket<Narrow>) {
    let (here, there) = Narrow::pair(pipe);
    (
        WebSocket::from_stream(here, Role::Server).unwrap(),
        WebSocket::from_stream(there, Role::Client).unwrap(),
    )
}

/// Polls a future so many times; its result if it was ready by then.
async fn polls<F: Future>(future: F, most: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|cx| {
        if polls == most {
            return Poll::Ready(None);
        }
        polls += 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Receives a message; its future is dropped after `most` polls, again and again.
async fn recv(ws: &mut WebSocket<Narrow>, most: usize) -> Message {
    loop {
        if let Some(message) = polls(ws.recv(), most).await {
            return message.unwrap().unwrap();
        }
        tokio::task::yield_now().await;
    }
}

fn collect(mut ws: WebSocket<Narrow>) -> tokio::task::JoinHandle<Vec<Message>> {
    tokio::spawn(async move {
        let mut messages = Vec::new();
        while let Some(message) = ws.recv().await {
            messages.push(message.unwrap());
        }
        messages
    })
}

fn text(len: usize) -> Message {
    Message::text("abcdefghij".repeat(len.div_ceil(10))[..len].to_owned())
}

#[tokio::test]
async fn recv_and_next_and_lend_give_each_message_once() {
    for most in 1..40 {
        let (mut server, mut client) = pair(1 << 10);
        let sending = tokio::spawn(async move {
            for len in [0, 1, 20] {
                client.send(text(len)).await.unwrap();
                client.send(Message::Ping("?".into())).await.unwrap();
            }
            client
        });
        for len in [0, 1, 20] {
            assert_eq!(recv(&mut server, most).await, text(len));
            assert_eq!(recv(&mut server, most).await, Message::Ping("?".into()));
        }
        let mut client = sending.await.unwrap();
        // The pongs have left, or leave while the server receives.
        let receiving = async {
            for _ in 0..3 {
                assert_eq!(
                    client.next().await.unwrap().unwrap(),
                    Message::Pong("?".into())
                );
            }
        };
        let serving = async {
            loop {
                polls(server.next(), most).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = receiving => {}
            () = serving => {}
        }
        client.feed("lent").await.unwrap();
        let sending = async {
            client.flush().await.unwrap();
            client.recv().await
        };
        let lending = async {
            let mut shown = 0;
            while shown == 0 {
                let lend = server.lend(|message, outbox| {
                    shown += 1;
                    outbox.forward(message).unwrap();
                });
                polls(lend, most).await;
                tokio::task::yield_now().await;
            }
            loop {
                polls(server.recv(), most).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            echo = sending => assert_eq!(echo.unwrap().unwrap(), Message::text("lent")),
            () = lending => {}
        }
    }
}

/// Runs a future that sends, dropped after `most` polls, and then flushes. The peer has got the message
/// once, or not at all; and those before and after it.
async fn send_is_whole<'f, F>(most: usize, send: F) -> bool
where
    F: for<'w> FnOnce(
        &'w mut WebSocket<Narrow>,
    ) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'w>>,
{
    let (server, mut client) = pair(8);
    let collecting = collect(server);
    client.send("before").await.unwrap();
    let done = polls(send(&mut client), most).await;
    if let Some(result) = &done {
        assert!(result.is_ok());
    }
    client.send("after").await.unwrap();
    let outcome = client.close(None, "").await.unwrap();
    assert!(outcome.clean);
    let messages = collecting.await.unwrap();
    let whole = [
        Message::text("before"),
        text(30),
        Message::text("after"),
        Message::Close(None),
    ];
    let without = [
        Message::text("before"),
        Message::text("after"),
        Message::Close(None),
    ];
    assert!(
        messages == whole || (done.is_none() && messages == without),
        "{most}: {messages:?}"
    );
    done.is_some()
}

#[tokio::test]
async fn a_message_is_sent_whole_or_not_at_all() {
    for kind in 0..4 {
        let mut finished = false;
        for most in 0..ENOUGH {
            finished = send_is_whole(most, |ws| match kind {
                0 => Box::pin(ws.send(text(30))),
                1 => Box::pin(ws.feed(text(30))),
                2 => Box::pin(async move {
                    let prepared = Prepared::text(text(30).to_text()?)?;
                    ws.prepared(&prepared).await
                }),
                _ => Box::pin(SinkExt::send(ws, text(30))),
            })
            .await;
            if finished {
                break;
            }
        }
        assert!(finished, "{kind}");
    }
}

#[tokio::test]
async fn a_flush_that_is_dropped_goes_on() {
    for most in 0..ENOUGH {
        let (server, mut client) = pair(8);
        let collecting = collect(server);
        client.feed(text(30)).await.unwrap();
        let done = polls(client.flush(), most).await.is_some();
        client.close(None, "").await.unwrap();
        assert_eq!(collecting.await.unwrap(), [text(30), Message::Close(None)]);
        if done {
            return;
        }
    }
    panic!("it was never done");
}

#[tokio::test]
async fn a_close_that_is_dropped_can_be_called_again() {
    for most in 0..ENOUGH {
        let (server, mut client) = pair(8);
        let collecting = collect(server);
        client.feed(text(30)).await.unwrap();
        let done = polls(client.close(None, ""), most).await.is_some();
        if !done {
            assert!(client.close(None, "").await.unwrap().clean);
        }
        assert_eq!(collecting.await.unwrap(), [text(30), Message::Close(None)]);
        if done {
            return;
        }
    }
    panic!("it was never done");
}

#[tokio::test]
async fn the_reading_half_ends_a_flush_that_the_writing_half_dropped() {
    let (server, client) = pair(8);
    let (mut sender, mut receiver) = client.split();
    let collecting = collect(server);
    assert!(polls(sender.send(text(30)), 3).await.is_none());
    sender.feed(Message::Close(None)).await.unwrap();
    async fn drain(receiver: &mut ReadHalf<Narrow>) {
        while let Some(message) = receiver.recv().await {
            message.unwrap();
        }
    }
    drain(&mut receiver).await;
    assert_eq!(collecting.await.unwrap(), [text(30), Message::Close(None)]);
    assert!(receiver.reunite(sender).unwrap().outcome().unwrap().clean);
}

#[tokio::test]
async fn messages_in_both_directions_while_futures_are_dropped() {
    for most in [1, 2, 3, 7] {
        let (mut server, mut client) = pair(5);
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
