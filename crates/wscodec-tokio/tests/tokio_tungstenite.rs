//! The names of tokio-tungstenite.

#![cfg(feature = "tokio-tungstenite")]

use futures_util::{SinkExt, StreamExt, future, stream::FusedStream};
use tokio::io::DuplexStream;
use wscodec_tokio::tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wscodec_tokio::tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request, Response,
};
use wscodec_tokio::tokio_tungstenite::tungstenite::http::HeaderValue;
use wscodec_tokio::tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wscodec_tokio::tokio_tungstenite::tungstenite::protocol::{
    CloseFrame, Message, Role, WebSocketConfig,
};
use wscodec_tokio::tokio_tungstenite::tungstenite::{ClientRequestBuilder, Error, Result};
use wscodec_tokio::tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_async, accept_async_with_config, accept_hdr_async,
    client_async, client_async_with_config, connect_async, connect_async_with_config,
};

async fn echo<S>(ws: WebSocketStream<S>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send,
{
    let (write, read) = ws.split();
    let messages =
        read.filter(|it| future::ready(it.as_ref().is_ok_and(|it| it.is_text() || it.is_binary())));
    messages.forward(write).await.unwrap();
}

#[tokio::test]
async fn a_client_and_a_server_by_the_names_of_tungstenite() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        echo(accept_async(stream).await.unwrap()).await;
    });
    let (mut ws, response) = connect_async(&url).await.unwrap();
    assert_eq!(response.status(), 101);
    assert!(response.headers().contains_key("Sec-WebSocket-Accept"));
    SinkExt::send(&mut ws, Message::text("Hello"))
        .await
        .unwrap();
    let message = ws.next().await.unwrap().unwrap();
    assert_eq!(message.into_text().unwrap(), "Hello");
    assert!(!ws.is_terminated());
    SinkExt::close(&mut ws).await.unwrap();
    while ws.next().await.is_some() {}
    assert!(ws.is_terminated());
    serving.await.unwrap();
}

#[allow(
    clippy::result_large_err,
    reason = "this is the callback's type in tungstenite"
)]
fn callback(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if request.headers().get("Authorization") != Some(&HeaderValue::from_static("Bearer 1")) {
        let mut rejection = ErrorResponse::new(Some("who are you?".to_owned()));
        *rejection.status_mut() = http::StatusCode::UNAUTHORIZED;
        return Err(rejection);
    }
    assert_eq!(request.uri().path(), "/chat");
    let headers = response.headers_mut();
    headers.insert("Sec-WebSocket-Protocol", HeaderValue::from_static("two"));
    headers.insert("X-Room", HeaderValue::from_static("7"));
    Ok(response)
}

/// A client's result, from a server with [`callback`].
async fn asked(request: Request) -> Result<(WebSocketStream<DuplexStream>, Response)> {
    let (here, there) = tokio::io::duplex(1 << 10);
    let accepting = accept_hdr_async(here, callback);
    let (server, client) = tokio::join!(accepting, client_async(request, there));
    assert_eq!(server.is_ok(), client.is_ok());
    client
}

#[tokio::test]
async fn headers_and_subprotocols_go_both_ways() {
    let mut request = "ws://example.com/chat".into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Authorization", HeaderValue::from_static("Bearer 1"));
    let protocols = HeaderValue::from_static("one, two");
    headers.insert("Sec-WebSocket-Protocol", protocols);
    // A request that was written by hand has these; the handshake makes its own.
    headers.insert("Upgrade", HeaderValue::from_static("websocket"));
    let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
    headers.insert("Sec-WebSocket-Key", key);
    let (ws, response) = asked(request).await.unwrap();
    assert_eq!(ws.protocol(), Some("two"));
    assert_eq!(response.headers()["X-Room"], "7");

    let request = "ws://example.com/chat".into_client_request().unwrap();
    let Err(Error::Http(response)) = asked(request).await else {
        panic!("the callback has rejected it");
    };
    assert_eq!(response.status(), 401);
    assert_eq!(response.body().as_deref(), Some(&b"who are you?"[..]));
    assert!("no URL".into_client_request().is_err());
}

#[tokio::test]
async fn a_close_frame_leaves_by_the_names_of_tungstenite() {
    let (here, there) = tokio::io::duplex(1 << 10);
    let mut server = WebSocketStream::from_raw_socket(here, Role::Server, None).await;
    let first = b"\x89\x00".to_vec();
    let mut client = WebSocketStream::from_partially_read(there, first, Role::Client, None).await;
    assert_eq!(
        client.next().await.unwrap().unwrap(),
        Message::Ping("".into())
    );
    assert_eq!(
        server.next().await.unwrap().unwrap(),
        Message::Pong("".into())
    );
    let frame = CloseFrame {
        code: CloseCode::Library(4000),
        reason: "bye".into(),
    };
    client.close(Some(frame.clone())).await.unwrap();
    let late = client.send(Message::text("late")).await;
    assert!(matches!(late, Err(Error::AlreadyClosed)));
    let received = server.next().await.unwrap().unwrap();
    assert_eq!(received, Message::Close(Some(frame.clone())));
    let (end, answer) = tokio::join!(server.next(), client.next());
    assert!(end.is_none());
    assert_eq!(answer.unwrap().unwrap(), Message::Close(Some(frame)));
    assert!(client.next().await.is_none());
}

#[tokio::test]
async fn a_configuration_limits_messages() {
    let config = WebSocketConfig::default().max_message_size(Some(10));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("ws://{}/", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut ws = accept_async_with_config(stream, Some(config))
            .await
            .unwrap();
        assert!(matches!(ws.next().await, Some(Err(Error::Capacity(_)))));
        assert!(ws.next().await.is_none());
    });
    let request = ClientRequestBuilder::new(uri).with_header("X-Room", "7");
    let (mut ws, _) = connect_async_with_config(request, None, false)
        .await
        .unwrap();
    let plain = |stream: &mut MaybeTlsStream<tokio::net::TcpStream>| matches!(stream, MaybeTlsStream::Plain(stream) if stream.nodelay().unwrap());
    assert!(ws.with_stream(plain));
    ws.send(Message::text("more than ten")).await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = ws.next().await else {
        panic!("the server closes");
    };
    assert_eq!(frame.code, CloseCode::Size);
    while ws.next().await.is_some() {}
    drop(ws);
    serving.await.unwrap();
}

/// Both halves of `futures` wait for the same stream to take bytes. It remembers one waker only.
#[tokio::test]
async fn the_halves_of_futures_wake_each_other() {
    let (here, there) = tokio::io::duplex(64);
    let url = "ws://example.com/";
    let (server, client) = tokio::join!(
        accept_async(here),
        client_async_with_config(url, there, Some(WebSocketConfig::default())),
    );
    let (server, client) = (server.unwrap(), client.unwrap().0);
    let talk = |ws: WebSocketStream<DuplexStream>| async move {
        let (mut write, mut read) = StreamExt::split(ws);
        let writing = tokio::spawn(async move {
            for i in 0..50_u8 {
                write
                    .send(Message::Ping(vec![i; 100].into()))
                    .await
                    .unwrap();
                write.send(Message::binary(vec![i; 1000])).await.unwrap();
            }
            write
        });
        let (mut messages, mut pongs) = (0, 0);
        while messages < 50 || pongs == 0 {
            match read.next().await.unwrap().unwrap() {
                Message::Binary(_) => messages += 1,
                Message::Pong(_) => pongs += 1,
                _ => {}
            }
        }
        // The peer may still wait for pongs.
        let reading = tokio::spawn(async move { while read.next().await.is_some() {} });
        let write = writing.await.unwrap();
        (write, reading)
    };
    let both = async { tokio::join!(talk(server), talk(client)) };
    let time = std::time::Duration::from_secs(60);
    let ((a, one), (b, two)) = tokio::time::timeout(time, both).await.unwrap();
    one.abort();
    two.abort();
    drop((a, b));
}
