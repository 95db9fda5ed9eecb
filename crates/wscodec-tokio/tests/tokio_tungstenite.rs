//! The names of tokio-tungstenite.

#![cfg(feature = "tokio-tungstenite")]

use futures_util::{SinkExt, StreamExt, future, stream::FusedStream};
use tokio::io::DuplexStream;
use wscodec_tokio::tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wscodec_tokio::tokio_tungstenite::tungstenite::handshake::server::{
    ErrorResponse, Request, Response,
};
use wscodec_tokio::tokio_tungstenite::tungstenite::http::HeaderValue;
use wscodec_tokio::tokio_tungstenite::tungstenite::protocol::Message;
use wscodec_tokio::tokio_tungstenite::tungstenite::{Error, Result};
use wscodec_tokio::tokio_tungstenite::{
    WebSocketStream, accept_async, accept_hdr_async, client_async, connect_async,
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
    let Err(Error::Rejected(rejected)) = asked(request).await else {
        panic!("the callback has rejected it");
    };
    assert_eq!(rejected.status(), 401);
    assert_eq!(rejected.body(), b"who are you?");
    assert!("no URL".into_client_request().is_err());
}
