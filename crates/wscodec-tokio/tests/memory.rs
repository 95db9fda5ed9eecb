//! The memory of connections that wait, measured from outside as the resident memory of the process.
//! Everything is counted but the socket: the task, the connection, and what the allocator adds.

#![cfg(target_os = "linux")]

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use wscodec::deflate::{AgreedDeflate, Compressor, DeflateOptions};
use wscodec::message::MessageEncoder;
use wscodec::session::Policy;
use wscodec_tokio::accept;

/// The figure for each connection is the same with ten times as many; this is enough to measure it.
const CONNECTIONS: usize = 2_000;

/// Gives some bytes, and then nothing more. Takes everything.
struct Script {
    rest: Arc<[u8]>,
    at: usize,
    step: usize,
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let rest = &self.rest[self.at..];
        let len = rest.len().min(self.step).min(buf.remaining());
        if len == 0 {
            return Poll::Pending;
        }
        buf.put_slice(&rest[..len]);
        self.at += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<usize>()
        .unwrap()
        * 1024
}

/// Bytes for each of many connections that read this script, echo its messages, and wait.
async fn held(script: Vec<u8>, messages: usize, policy: &'static Policy<'static>) -> usize {
    let script: Arc<[u8]> = script.into();
    let ready = Arc::new(Notify::new());
    let serve = move |script: Arc<[u8]>, ready: Arc<Notify>| async move {
        let (at, step) = (0, 600);
        let mut ws = accept(
            Script {
                rest: script,
                at,
                step,
            },
            policy,
        )
        .await
        .unwrap();
        for _ in 0..messages {
            let message = ws.recv().await.unwrap().unwrap();
            ws.send(message).await.unwrap();
        }
        ready.notify_one();
        while ws.recv().await.is_some() {}
        pending::<()>().await;
    };
    let mut tasks = Vec::with_capacity(CONNECTIONS + 100);
    let mut before = 0;
    for i in 0..CONNECTIONS + 100 {
        if i == 100 {
            // Buffers and engines of the thread are there.
            before = resident();
        }
        tasks.push(tokio::spawn(serve(Arc::clone(&script), Arc::clone(&ready))));
        ready.notified().await;
    }
    let each = (resident() - before) / CONNECTIONS;
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    each
}

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Version: 13\r\n";

/// One test after the other, so that each sees only its own memory.
#[tokio::test]
async fn waiting_connections_hold_little() {
    let plain = format!("{REQUEST}\r\n").into_bytes();
    let idle = held(plain, 0, &Policy::DEFAULT).await;
    println!("idle: {idle} bytes");
    // 1.5 KiB beyond the task and the socket; the task is within that here.
    assert!(idle <= 1536, "{idle}");

    // Both sides compress, the server with context takeover.
    let mut script = format!(
        "{REQUEST}Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n\r\n"
    )
    .into_bytes();
    let options = DeflateOptions::default();
    let mut agreed = AgreedDeflate::default();
    agreed.send.takeover = false;
    let compressor = Compressor::new(&agreed, &options);
    let mut encoder = MessageEncoder::new(|| [1, 2, 3, 4], compressor);
    for i in 0..8 {
        let item = format!(
            "{{\"id\":{i},\"name\":\"item {i}\",\"price\":{},\"tags\":[\"a\"]}},",
            i * 37
        );
        encoder.text(&item.repeat(18), &mut script).unwrap();
    }
    let compressed = held(script, 8, &Policy::DEFAULT).await;
    println!("compressed: {compressed} bytes");
    assert!(compressed <= 6 << 10, "{compressed}");
}
