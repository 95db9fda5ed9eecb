//! The examples, as their users run them.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use wscodec::CloseCode;
use wscodec::session::Policy;
#[cfg(any(feature = "axum", feature = "hyper", feature = "rustls"))]
use wscodec_tokio::Connector;
#[cfg(any(feature = "axum", feature = "hyper"))]
use wscodec_tokio::Error;
use wscodec_tokio::{Message, connect};

macro_rules! example {
    ($name:ident, $path:literal) => {
        #[allow(dead_code)]
        #[path = $path]
        mod $name;
    };
}

#[cfg(feature = "axum")]
example!(axum_app, "../../../examples/tokio/axum.rs");
example!(chat, "../../../examples/tokio/chat.rs");
example!(compat, "../../../examples/tokio/compat.rs");
example!(echo, "../../../examples/tokio/echo.rs");
#[cfg(feature = "hyper")]
example!(hyper_server, "../../../examples/tokio/hyper.rs");
example!(proxy, "../../../examples/tokio/proxy.rs");
example!(reconnect, "../../../examples/tokio/reconnect.rs");
#[cfg(feature = "rustls")]
example!(tls_client, "../../../examples/tokio/tls_client.rs");
example!(tunnel, "../../../examples/tokio/tunnel.rs");

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn echoing() -> SocketAddr {
    serving(|stream| async { echo::serve(stream).await.unwrap() }).await
}

#[tokio::test]
async fn a_chat_has_rooms_and_stops_with_grace() {
    let (listener, address) = listen().await;
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(chat::serve(listener, stopped));
    let mut one = connect(format!("ws://{address}/a")).await.unwrap();
    let mut two = connect(format!("ws://{address}/a")).await.unwrap();
    let mut other = connect(format!("ws://{address}/b")).await.unwrap();
    // Each has joined its room when it has its own message back.
    for ws in [&mut one, &mut other] {
        ws.send("first").await.unwrap();
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("first"));
    }
    two.send("hello").await.unwrap();
    while two.recv().await.unwrap().unwrap() != Message::text("hello") {}
    assert_eq!(one.recv().await.unwrap().unwrap(), Message::text("hello"));
    stop.send(true).unwrap();
    for mut ws in [one, two, other] {
        let Message::Close(Some(close)) = ws.recv().await.unwrap().unwrap() else {
            panic!("not a close frame");
        };
        assert_eq!(close.code.value(), 1001);
        assert!(ws.recv().await.is_none());
    }
    serving.await.unwrap();
}

#[test]
fn streams_of_futures_io() {
    compat::main().unwrap();
}

#[tokio::test]
async fn a_proxy_passes_everything_on() {
    let server = echoing().await;
    let proxy = serving(move |stream| async move {
        proxy::pass(stream, &format!("ws://{server}"))
            .await
            .unwrap();
    })
    .await;
    let mut ws = connect(format!("ws://{proxy}/x")).await.unwrap();
    ws.send("Hello").await.unwrap();
    assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("Hello"));
    ws.ping("?").await.unwrap();
    assert_eq!(ws.recv().await.unwrap().unwrap(), Message::Pong("?".into()));
    assert!(ws.close(CloseCode::NORMAL, "").await.unwrap().clean);
}

#[tokio::test]
async fn a_tunnel_carries_bytes() {
    let target = serving(|mut stream| async move {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        all.reverse();
        stream.write_all(&all).await.unwrap();
    })
    .await;
    let server = serving(move |stream| async move {
        let target = target.to_string();
        assert_eq!(tunnel::server(stream, &target).await.unwrap(), (3, 3));
    })
    .await;
    let client = serving(move |stream| async move {
        let url = format!("ws://{server}/");
        assert_eq!(tunnel::client(stream, &url).await.unwrap(), (3, 3));
    })
    .await;
    let mut stream = TcpStream::connect(client).await.unwrap();
    stream.write_all(b"abc").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).await.unwrap();
    assert_eq!(back, b"cba");
}

#[tokio::test]
async fn a_client_reconnects() {
    // Each connection gets one message, and is lost.
    let address = serving(|stream| async {
        let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT)
            .await
            .unwrap();
        ws.send("news").await.unwrap();
    })
    .await;
    let mut left = 3;
    let url = format!("ws://{address}/");
    let following = reconnect::follow(&url, Duration::ZERO, |message| {
        assert_eq!(message, Message::text("news"));
        left -= 1;
        left > 0
    });
    // The server is gone when the close frame comes, so its answer may be missing.
    let _ = following.await;
    assert_eq!(left, 0);
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn hyper_upgrades_and_rejects() {
    let address = serving(hyper_server::serve).await;
    let mut ws = connect(format!("ws://{address}/ws")).await.unwrap();
    assert!(ws.deflate().is_some());
    ws.send("Hello").await.unwrap();
    assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("Hello"));
    assert!(ws.close(CloseCode::NORMAL, "").await.unwrap().clean);
    for (path, origin, status) in [("/", "", 404), ("/ws", "http://evil.example", 403)] {
        let mut connector = Connector::new();
        if !origin.is_empty() {
            connector = connector.header("Origin", origin);
        }
        let connecting = connector.connect(format!("ws://{address}{path}")).await;
        let Err(Error::Rejected(rejected)) = connecting else {
            panic!("{path} was not rejected");
        };
        assert_eq!(rejected.status(), status);
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn axum_greets_with_compression() {
    let (listener, address) = listen().await;
    tokio::spawn(async { ::axum::serve(listener, axum_app::app()).await });
    for visit in 1..3 {
        let connector = Connector::new().protocol("other").protocol("greeting");
        let mut ws = connector
            .connect(format!("ws://{address}/ws/Ada"))
            .await
            .unwrap();
        assert_eq!(ws.protocol(), Some("greeting"));
        assert!(!ws.deflate().unwrap().send.takeover);
        let greeting = format!("Hello Ada, you are visitor {visit}.");
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text(greeting));
        let long = "again ".repeat(1000);
        ws.send(&*long).await.unwrap();
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text(long));
        assert!(ws.close(CloseCode::NORMAL, "").await.unwrap().clean);
    }
    for (origin, status) in [("http://evil.example", 403), ("null", 403)] {
        let connector = Connector::new().header("Origin", origin);
        let connecting = connector.connect(format!("ws://{address}/ws/Eve")).await;
        let Err(Error::Rejected(rejected)) = connecting else {
            panic!("{origin} was not rejected");
        };
        assert_eq!(rejected.status(), status);
    }
    // A request that is none for a WebSocket.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = b"GET /ws/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_client_over_tls() {
    use std::sync::Arc;

    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring};
    use wscodec_tokio::Acceptor;

    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let provider = Arc::new(ring::default_provider());
    let private = PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let address = serving(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return; // The client does not trust us.
            };
            let incoming = Acceptor::default().read_request(stream).await.unwrap();
            let token = incoming
                .request()
                .header("Authorization")
                .map(<[u8]>::to_vec);
            assert_eq!(token.as_deref(), Some(&b"Bearer secret"[..]));
            let mut ws = incoming.accept().await.unwrap();
            while let Some(message) = ws.recv().await.transpose().unwrap() {
                if message.is_text() {
                    ws.send(message).await.unwrap();
                }
            }
        }
    })
    .await;
    let url = format!("wss://localhost:{}/", address.port());
    let client = |roots| {
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Connector::new().address(address).rustls(Arc::new(config))
    };
    let mut roots = RootCertStore::empty();
    let untrusted = tls_client::ask(client(roots.clone()), &url, "secret", "Hello").await;
    assert_eq!(untrusted.unwrap_err().code(), "IO");
    roots.add(certificate).unwrap();
    let answer = tls_client::ask(client(roots), &url, "secret", "Hello").await;
    assert_eq!(answer.unwrap(), Some(Message::text("Hello")));
}
