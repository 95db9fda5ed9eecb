//! Clients: what they ask for, their proxies, redirects and TLS, and what a rejection tells.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wscodec::CloseCode;
use wscodec::deflate::DeflateOptions;
use wscodec::handshake::{Origin, Rejection};
use wscodec::session::Policy;
use wscodec_tokio::{Acceptor, ConnectionOptions, Connector, Error, Message, Proxy, connect};

/// A server that does this with each connection, on an address of its own.
async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn echo(stream: TcpStream) {
    let mut acceptor = Acceptor::default();
    acceptor.policy.protocols = &["chat"];
    acceptor.policy.origin = Origin::Any;
    let incoming = acceptor.read_request(stream).await.unwrap();
    if incoming.request().header("Authorization") != Some(b"Bearer 1") {
        let headers = [("WWW-Authenticate", "Bearer")];
        let rejection = Rejection::new(401).headers(&headers).body(b"who are you?");
        return incoming.reject(rejection).await.unwrap();
    }
    let mut ws = incoming.header("X-Room", "7").accept().await.unwrap();
    while let Some(message) = ws.recv().await {
        match message {
            Ok(message) if message.is_text() || message.is_binary() => {
                ws.send(message).await.unwrap();
            }
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(ws.outcome().unwrap().clean);
}

fn client() -> Connector {
    Connector::new()
        .header("Authorization", "Bearer 1")
        .protocol("other")
        .protocol("chat")
}

async fn check(connector: &Connector, url: &str) {
    let mut ws = connector.connect(url).await.unwrap();
    assert_eq!(ws.protocol(), Some("chat"));
    assert!(ws.deflate().is_some());
    assert_eq!(ws.response().unwrap().header("X-Room"), Some(&b"7"[..]));
    let long = "again and ".repeat(10_000);
    for text in ["Hello", "", &long, "Hello"] {
        ws.send(text).await.unwrap();
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text(text));
    }
    assert!(ws.close(CloseCode::NORMAL, "").await.unwrap().clean);
}

#[tokio::test]
async fn a_client_asks_for_protocols_headers_and_compression() {
    let address = serving(echo).await;
    check(&client(), &format!("ws://{address}/")).await;
}

#[tokio::test]
async fn a_rejection_has_status_headers_and_body() {
    let address = serving(echo).await;
    let error = connect(format!("ws://{address}/")).await.unwrap_err();
    let Error::Rejected(rejected) = error else {
        panic!("{error}");
    };
    assert_eq!(rejected.status(), 401);
    let response = rejected.response().unwrap();
    assert_eq!(response.header("WWW-Authenticate"), Some(&b"Bearer"[..]));
    assert_eq!(rejected.body(), b"who are you?");
}

#[tokio::test]
async fn any_stream_will_do() {
    let (here, there) = tokio::io::duplex(100);
    let serving = tokio::spawn(async move {
        let mut ws = wscodec_tokio::accept(here, &Policy::DEFAULT).await.unwrap();
        let message = ws.recv().await.unwrap().unwrap();
        ws.close(CloseCode::NORMAL, "").await.unwrap();
        message
    });
    let connector = Connector::new().deflate(None);
    let mut ws = connector
        .connect_on(there, "ws://example.com/")
        .await
        .unwrap();
    assert!(ws.deflate().is_none());
    ws.send(vec![1, 2, 3]).await.unwrap();
    assert!(ws.recv().await.unwrap().unwrap().is_close());
    assert_eq!(serving.await.unwrap(), Message::binary(vec![1, 2, 3]));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_and_a_client_that_does_not_ask_are_too_slow() {
    let (here, _there) = tokio::io::duplex(1000);
    let error = Connector::new()
        .connect_on(here, "ws://a/")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_TOO_SLOW");
    let (here, mut there) = tokio::io::duplex(1000);
    there.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let error = wscodec_tokio::accept(here, &Policy::DEFAULT)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "HANDSHAKE_TOO_SLOW");
    let mut answer = String::new();
    there.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

/// Answers a request with this, once its head is whole.
async fn answer(mut stream: TcpStream, answer: String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut head).await.unwrap();
    }
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn redirects_are_followed_when_asked_for() {
    let address = serving(echo).await;
    let location =
        format!("HTTP/1.1 307 x\r\nContent-Length: 0\r\nLocation: ws://{address}/\r\n\r\n");
    let first = serving(move |stream| answer(stream, location.clone())).await;
    let url = format!("ws://{first}/");
    let Err(Error::Rejected(rejected)) = client().connect(&url).await else {
        panic!("it was followed");
    };
    assert_eq!(rejected.status(), 307);
    // The credentials are not for the second server.
    let Err(Error::Rejected(rejected)) = client().redirects(1).connect(&url).await else {
        panic!("the second server got the credentials");
    };
    assert_eq!(rejected.status(), 401);
    // A circle ends.
    let circle = "HTTP/1.1 302 x\r\nContent-Length: 0\r\nLocation: /\r\n\r\n";
    let circle = serving(move |stream| answer(stream, circle.to_owned())).await;
    let url = format!("ws://{circle}/");
    let Err(Error::Rejected(rejected)) = client().redirects(5).connect(&url).await else {
        panic!("the circle did not end");
    };
    assert_eq!(rejected.status(), 302);
}

/// Copies both ways.
async fn relay(mut client: TcpStream, mut server: TcpStream) {
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// A proxy for CONNECT that wants a user's name and always connects to that server.
async fn http_proxy(mut client: TcpStream, to: SocketAddr) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        client.read_buf(&mut head).await.unwrap();
    }
    let head = String::from_utf8(head).unwrap();
    assert!(
        head.starts_with("CONNECT nowhere.invalid:80 HTTP/1.1\r\nHost: nowhere.invalid:80\r\n")
    );
    // user:pass
    if !head.contains("\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n") {
        let answer = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
        return client.write_all(answer).await.unwrap();
    }
    let server = TcpStream::connect(to).await.unwrap();
    client
        .write_all(b"HTTP/1.0 200 Connection established\r\n\r\n")
        .await
        .unwrap();
    relay(client, server).await;
}

#[tokio::test]
async fn an_http_proxy_connects() {
    let server = serving(echo).await;
    let proxy = serving(move |stream| http_proxy(stream, server)).await;
    let by = |user: &str| Proxy::parse(&format!("http://{user}{proxy}")).unwrap();
    check(&client().proxy(by("user:pass@")), "ws://nowhere.invalid/").await;
    let error = client()
        .proxy(by(""))
        .connect("ws://nowhere.invalid/")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("407"), "{error}");
}

/// A SOCKS proxy that wants a user's name if `login`, and always connects to that server.
async fn socks_proxy(mut client: TcpStream, to: SocketAddr, login: bool) {
    let mut methods = [0; 2];
    client.read_exact(&mut methods).await.unwrap();
    let mut list = vec![0; usize::from(methods[1])];
    client.read_exact(&mut list).await.unwrap();
    let method = if login { 2 } else { 0 };
    if !list.contains(&method) {
        return client.write_all(&[5, 255]).await.unwrap();
    }
    client.write_all(&[5, method]).await.unwrap();
    if login {
        let mut user = [0; 11];
        client.read_exact(&mut user).await.unwrap();
        assert_eq!(&user, b"\x01\x04user\x04pass");
        client.write_all(&[1, 0]).await.unwrap();
    }
    let mut request = [0; 5 + 15 + 2];
    client.read_exact(&mut request).await.unwrap();
    assert_eq!(&request, b"\x05\x01\x00\x03\x0fnowhere.invalid\x00\x50");
    let server = TcpStream::connect(to).await.unwrap();
    client
        .write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0")
        .await
        .unwrap();
    relay(client, server).await;
}

#[tokio::test]
async fn a_socks_proxy_connects() {
    let server = serving(echo).await;
    let open = serving(move |stream| socks_proxy(stream, server, false)).await;
    let strict = serving(move |stream| socks_proxy(stream, server, true)).await;
    let url = "ws://nowhere.invalid/";
    let by = |proxy: String| client().proxy(Proxy::parse(&proxy).unwrap());
    check(&by(format!("socks5://{open}")), url).await;
    check(&by(format!("socks5h://user:pass@{strict}")), url).await;
    let error = by(format!("socks5://{strict}"))
        .connect(url)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "IO");
}

#[cfg(not(any(feature = "rustls-native-roots", feature = "rustls-webpki-roots")))]
#[tokio::test]
async fn without_tls_a_secure_url_is_refused() {
    let address = serving(|_| async {}).await;
    let error = connect(format!("wss://{address}/")).await.unwrap_err();
    assert_eq!(error.code(), "NO_TLS");
}

/// Compressed messages of many connections, whose tasks move between threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn compression_survives_a_change_of_thread() {
    let address = serving(echo).await;
    let mut options = DeflateOptions::default();
    options.threshold = 0;
    let clients = (0..20).map(|client_id| {
        tokio::spawn(async move {
            let connector = client().deflate(Some(options));
            let mut ws = connector.connect(format!("ws://{address}/")).await.unwrap();
            for round in 0..100 {
                let text = format!("{client_id}-{round} ").repeat(round % 30 + 1);
                ws.send(&*text).await.unwrap();
                tokio::task::yield_now().await;
                assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text(text));
            }
            assert!(ws.close(CloseCode::NORMAL, "").await.unwrap().clean);
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn options_hold_for_the_connection() {
    let address = serving(echo).await;
    let mut options = ConnectionOptions::default();
    options.session.limits.message = 10;
    options.handshake_timeout = Some(Duration::from_secs(60));
    let url = format!("ws://{address}/");
    let mut ws = client().options(options).connect(&url).await.unwrap();
    ws.send("12345678901").await.unwrap();
    assert_eq!(
        ws.recv().await.unwrap().unwrap_err().code(),
        "MESSAGE_TOO_LARGE"
    );
    assert!(ws.recv().await.is_none());
}
