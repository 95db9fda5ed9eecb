//! The opening handshake: a request's head in, the answer out.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wscodec::Limits;
use wscodec::handshake::UpgradeRequestReader;

use crate::decode::runtime;
use crate::measure::{Plan, Row, Table};

/// As a browser sends it.
const BROWSER: &str = "GET /chat?room=1 HTTP/1.1\r\n\
    Host: example.com:8080\r\n\
    Connection: Upgrade\r\n\
    Pragma: no-cache\r\n\
    Cache-Control: no-cache\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
    Chrome/120.0.0.0 Safari/537.36\r\n\
    Upgrade: websocket\r\n\
    Origin: https://example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Accept-Encoding: gzip, deflate, br\r\n\
    Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";

/// As little as is allowed.
const SMALLEST: &str = "GET / HTTP/1.1\r\n\
    Host: example.com\r\n\
    Connection: Upgrade\r\n\
    Upgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Handshakes in a pass.
const TIMES: usize = 256;

/// The table; for JavaScript, `browser()` is the same request.
pub fn table(plan: Plan) -> Table {
    let mut table = Table::new("handshake, a server's side");
    for (name, head) in [("browser", BROWSER), ("smallest", SMALLEST)] {
        let rows = vec![
            Row::new("floor: httparse", TIMES, move || {
                for _ in 0..TIMES {
                    black_box(parse(black_box(head)));
                }
            }),
            Row::new("floor: httparse, SHA-1, Base64", TIMES, move || {
                for _ in 0..TIMES {
                    let accept = accept(parse(black_box(head)));
                    assert_eq!(accept, ACCEPT.as_bytes());
                }
            }),
            row("wscodec", head, ours),
            row("embedded-websocket", head, embedded),
            row("tungstenite", head, tungstenite),
            tokio_websockets(head),
        ];
        table.column(name, rows, plan);
    }
    table
}

/// The request that JavaScript's harness measures too.
pub fn browser() -> &'static str {
    BROWSER
}

/// A row whose answer is looked at each time.
fn row<'a>(name: &'static str, head: &'a str, answer: fn(&str, &mut Vec<u8>)) -> Row<'a> {
    let mut out = Vec::with_capacity(512);
    answer(head, &mut out);
    check(name, &out);
    let len = out.len();
    Row::new(name, TIMES, move || {
        for _ in 0..TIMES {
            out.clear();
            answer(black_box(head), &mut out);
            assert_eq!(out.len(), len, "{name}");
        }
    })
}

fn check(name: &str, answer: &[u8]) {
    let text = str::from_utf8(answer).expect("an HTTP head");
    assert!(text.starts_with("HTTP/1.1 101 "), "{name}: {text}");
    assert!(text.contains(ACCEPT), "{name}: {text}");
    assert!(text.ends_with("\r\n\r\n"), "{name}: {text}");
}

/// The key, by httparse.
fn parse(head: &str) -> &[u8] {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let status = request.parse(head.as_bytes()).expect("the head is right");
    assert!(status.is_complete());
    let key = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"));
    key.expect("there is a key").value
}

fn accept(key: &[u8]) -> [u8; 28] {
    let hash = Sha1::new().chain_update(key).chain_update(MAGIC).finalize();
    let mut accept = [0; 28];
    let written = STANDARD.encode_slice(hash, &mut accept);
    assert_eq!(written, Ok(28));
    accept
}

fn ours(head: &str, out: &mut Vec<u8>) {
    let request = UpgradeRequestReader::new(&Limits::default()).read(head.as_bytes());
    let request = request.expect("it is right").expect("it is whole");
    request.accept().write(out).expect("it can be answered");
}

fn embedded(head: &str, out: &mut Vec<u8>) {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    request.parse(head.as_bytes()).expect("the head is right");
    let pairs = request
        .headers
        .iter()
        .map(|header| (header.name, header.value));
    let context = embedded_websocket::read_http_header(pairs);
    let context = context.expect("it is right").expect("it is an upgrade");
    let mut answer = [0; 512];
    let len = embedded_websocket::WebSocketServer::new_server()
        .server_accept(&context.sec_websocket_key, None, &mut answer)
        .expect("it can be answered");
    out.extend_from_slice(&answer[..len]);
}

fn tungstenite(head: &str, out: &mut Vec<u8>) {
    let socket = Socket {
        head: head.as_bytes(),
        out,
    };
    if tungstenite::accept(socket).is_err() {
        panic!("the handshake is right");
    }
}

fn tokio_websockets(head: &str) -> Row<'_> {
    const NAME: &str = "tokio-websockets";
    let runtime = runtime();
    let builder = tokio_websockets::ServerBuilder::new();
    let mut out = Vec::with_capacity(512);
    let answer = move |out: &mut Vec<u8>| {
        let socket = Socket {
            head: head.as_bytes(),
            out,
        };
        let accepted = runtime.block_on(builder.accept(socket));
        assert!(accepted.is_ok(), "{NAME}");
    };
    answer(&mut out);
    check(NAME, &out);
    Row::new(NAME, TIMES, move || {
        for _ in 0..TIMES {
            out.clear();
            answer(&mut out);
        }
    })
}

/// A connection on which a head came; no end comes behind it.
struct Socket<'a> {
    head: &'a [u8],
    out: &'a mut Vec<u8>,
}

impl Read for Socket<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.head.read(buf)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.out.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Socket<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Poll::Pending;
        }
        let (now, later) = self.head.split_at(self.head.len().min(buf.remaining()));
        buf.put_slice(now);
        self.head = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(buf))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
