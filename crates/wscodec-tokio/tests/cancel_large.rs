//! Large messages, whose payloads the queue keeps instead of copying them: a future that sends is dropped
//! after each possible number of polls, over a stream whose writes end anywhere. No byte may be lost, sent
//! twice, or sent in another place.

use bytes::Bytes;
use futures_util::SinkExt;
use wscodec_tokio::{Message, WebSocket};

#[path = "common/dropped.rs"]
mod dropped;
#[path = "common/narrow.rs"]
mod narrow;
use dropped::{ENOUGH, Way, polls};
use narrow::Narrow;

/// Bytes of a payload: longer than those that are copied.
const LARGE: usize = 20 << 10;

fn large(seed: u8) -> Bytes {
    let bytes = (0..LARGE).map(|i| (i / 7) as u8 ^ seed);
    bytes.collect::<Vec<_>>().into()
}

#[derive(Clone, Copy, Debug)]
enum Sending {
    Send,
    Feed,
    SinkSend,
}

/// Sends a message; `false` if the future was dropped before it was ready.
async fn send(ws: &mut WebSocket<Narrow>, how: Sending, message: Message, most: usize) -> bool {
    let sent = match how {
        Sending::Send => polls(ws.send(message), most).await,
        Sending::Feed => polls(ws.feed(message), most).await,
        Sending::SinkSend => polls(SinkExt::send(ws, message), most).await,
    };
    sent.map(Result::unwrap).is_some()
}

#[tokio::test]
async fn large_payloads_leave_whole_and_in_order() {
    for way in Way::ALL {
        for how in [Sending::Send, Sending::Feed, Sending::SinkSend] {
            let mut dropped = true;
            let mut most = 0;
            while dropped {
                dropped = false;
                most += 1;
                assert!(most < ENOUGH);
                // The queue has room for two of the messages.
                let (mut ws, mut peer) = way.pair(1 << 20, LARGE + 1).await;
                for ws in [&ws, &peer] {
                    ws.with_stream(|stream| stream.most = 3001);
                }
                // Each message, and whether it may be missing.
                let mut sent = Vec::new();
                for seed in 0..3 {
                    let message = match seed {
                        1 => Message::text("x".repeat(LARGE)),
                        _ => Message::binary(large(seed)),
                    };
                    let small = Message::text(format!("after {seed}"));
                    let before = ws.queued();
                    let whole = send(&mut ws, how, message.clone(), most).await;
                    dropped |= !whole;
                    match how {
                        // A dropped future has queued the whole message or nothing; which, the receiver sees.
                        Sending::Feed if !whole => assert!(ws.queued() <= before),
                        _ => sent.push((message, !whole)),
                    }
                    ws.feed(small.clone()).await.unwrap();
                    sent.push((small, false));
                }
                let flushing = tokio::spawn(async move {
                    ws.flush().await.unwrap();
                    ws
                });
                let mut expected = sent.into_iter().peekable();
                while expected.peek().is_some() {
                    let message = peer.recv().await.unwrap().unwrap();
                    let found = expected.find(|(sent, maybe)| *sent == message || !maybe);
                    assert!(
                        found.is_some_and(|(sent, _)| sent == message),
                        "{way:?} {how:?} {most}"
                    );
                }
                let _ = flushing.await.unwrap();
            }
        }
    }
}
