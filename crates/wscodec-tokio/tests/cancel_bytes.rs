//! Cancel safety of the stream of bytes: reads, writes and shutdowns are dropped after each possible
//! number of polls, over a stream that gives and takes one byte at a time, in both roles, with and
//! without compression. No byte may be lost or doubled.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wscodec_tokio::ByteStream;

#[path = "common/dropped.rs"]
mod dropped;
#[path = "common/narrow.rs"]
mod narrow;
use dropped::{ENOUGH, Way, polls};
use narrow::Narrow;

const SENT: &[u8] = b"some bytes, and some more, and again some more";

async fn streams(way: Way) -> (ByteStream<Narrow>, ByteStream<Narrow>) {
    let (ws, peer) = way.pair(8, 16).await;
    (ws.into_byte_stream(), peer.into_byte_stream())
}

#[tokio::test]
async fn reads_that_are_dropped_lose_nothing() {
    for way in Way::ALL {
        let mut dropped = true;
        let mut most = 0;
        while dropped {
            dropped = false;
            most += 1;
            assert!(most < ENOUGH);
            let (mut stream, mut peer) = streams(way).await;
            let sending = tokio::spawn(async move {
                for part in SENT.chunks(5) {
                    peer.write_all(part).await.unwrap();
                }
                peer.shutdown().await.unwrap();
                let mut back = Vec::new();
                peer.read_to_end(&mut back).await.unwrap();
                back
            });
            let mut all = Vec::new();
            loop {
                // More than one byte, so that a read can find more than it is asked for later.
                let mut buf = [0; 3];
                match polls(stream.read(&mut buf), most).await {
                    Some(Ok(0)) => break,
                    Some(len) => all.extend_from_slice(&buf[..len.unwrap()]),
                    None => {
                        dropped = true;
                        tokio::task::yield_now().await;
                    }
                }
            }
            assert_eq!(all, SENT, "{way:?} {most}");
            stream.write_all(b"got it").await.unwrap();
            stream.shutdown().await.unwrap();
            assert_eq!(sending.await.unwrap(), b"got it");
        }
    }
}

#[tokio::test]
async fn writes_that_are_dropped_have_written_nothing() {
    for way in Way::ALL {
        let mut dropped = true;
        let mut most = 0;
        while dropped {
            dropped = false;
            most += 1;
            assert!(most < ENOUGH);
            let (mut stream, mut peer) = streams(way).await;
            let receiving = tokio::spawn(async move {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).await.unwrap();
                peer.shutdown().await.unwrap();
                all
            });
            let mut rest = SENT;
            while !rest.is_empty() {
                let part = &rest[..rest.len().min(5)];
                match polls(stream.write(part), most).await {
                    Some(len) => rest = &rest[len.unwrap()..],
                    None => {
                        dropped = true;
                        tokio::task::yield_now().await;
                    }
                }
            }
            while polls(stream.flush(), most).await.is_none() {
                dropped = true;
                tokio::task::yield_now().await;
            }
            loop {
                match polls(stream.shutdown(), most).await {
                    Some(result) => break result.unwrap(),
                    None => {
                        dropped = true;
                        tokio::task::yield_now().await;
                    }
                }
            }
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
            assert_eq!(receiving.await.unwrap(), SENT, "{way:?} {most}");
            assert!(stream.outcome().unwrap().clean);
        }
    }
}
