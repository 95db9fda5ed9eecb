//! Cancel safety of the opening handshake: a future that is dropped ends its connection and nothing else, and
//! one that is polled now and then, as in `select!`, loses no byte that came with the handshake.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wscodec::handshake::Rejection;
use wscodec_tokio::{Acceptor, Connector, Error, Message, Proxy};

#[path = "common/dropped.rs"]
mod dropped;
#[path = "common/narrow.rs"]
mod narrow;
use dropped::{ENOUGH, Way, polls};
use narrow::Narrow;

/// A request, and messages right behind it.
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\
    \x81\x83\0\0\0\0one\x82\x83\0\0\0\0two";

/// How a server answers.
#[derive(Clone, Copy, Debug)]
enum Answering {
    Accept,
    ReadAndAccept,
    Reject,
}

async fn serve(stream: Narrow, how: Answering) -> Result<bool, Error> {
    let acceptor = Acceptor::default();
    let mut ws = match how {
        Answering::Accept => acceptor.accept(stream).await?,
        Answering::ReadAndAccept => acceptor.read_request(stream).await?.accept().await?,
        Answering::Reject => {
            let incoming = acceptor.read_request(stream).await?;
            incoming.reject(Rejection::new(403)).await?;
            return Ok(false);
        }
    };
    assert_eq!(ws.recv().await.unwrap()?, Message::text("one"));
    assert_eq!(ws.recv().await.unwrap()?, Message::binary("two"));
    Ok(true)
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_and_one_that_goes_on_loses_nothing() {
    for how in [
        Answering::Accept,
        Answering::ReadAndAccept,
        Answering::Reject,
    ] {
        let mut finished = false;
        for most in 0..ENOUGH {
            let (here, mut there) = Narrow::pair(1 << 10);
            there.plain = true;
            there.write_all(REQUEST).await.unwrap();
            let client = tokio::spawn(async move {
                let mut answer = Vec::new();
                // The end, though the server is dropped.
                there.read_to_end(&mut answer).await.unwrap();
                answer
            });
            let mut serving = Box::pin(serve(here, how));
            let done = polls(&mut serving, most).await;
            finished = done.is_some();
            if let Some(accepted) = done {
                assert_eq!(accepted.unwrap(), !matches!(how, Answering::Reject));
            }
            drop(serving);
            let answer = client.await.unwrap();
            let whole: &[u8] = match how {
                Answering::Reject => b"HTTP/1.1 403 ",
                _ => b"HTTP/1.1 101 ",
            };
            let start = answer.len().min(whole.len());
            assert_eq!(answer[..start], whole[..start]);
            if finished {
                break;
            }
        }
        assert!(finished, "{how:?}");
        // Polled now and then, by whoever holds it.
        for most in 1..20 {
            let (here, mut there) = Narrow::pair(1 << 10);
            there.plain = true;
            there.write_all(REQUEST).await.unwrap();
            let client = tokio::spawn(async move {
                let mut answer = Vec::new();
                there.read_to_end(&mut answer).await.unwrap();
            });
            let mut serving = Box::pin(serve(here, how));
            loop {
                if let Some(done) = polls(&mut serving, most).await {
                    done.unwrap();
                    break;
                }
                tokio::task::yield_now().await;
            }
            client.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_that_is_dropped_closes_and_one_that_goes_on_loses_nothing() {
    for way in Way::ALL {
        let mut finished = false;
        for most in 0..ENOUGH {
            let (here, mut there) = Narrow::pair(1 << 10);
            there.plain = true;
            let serving = tokio::spawn(async move {
                let acceptor = way.acceptor(1 << 10);
                let mut ws = acceptor.accept(there).await?;
                ws.send("with the handshake").await?;
                while ws.recv().await.transpose()?.is_some() {}
                Ok::<(), Error>(())
            });
            let connector = way.connector(1 << 10);
            let mut connecting = connector.connect_on(here, "ws://a/");
            match polls(&mut connecting, most).await {
                None => {
                    drop(connecting);
                    assert!(serving.await.unwrap().is_err(), "{most}");
                }
                Some(ws) => {
                    let mut ws = ws.unwrap();
                    let first = ws.recv().await.unwrap().unwrap();
                    assert_eq!(first, Message::text("with the handshake"));
                    assert!(ws.close(None, "").await.unwrap().clean);
                    serving.await.unwrap().unwrap();
                    finished = true;
                    break;
                }
            }
        }
        assert!(finished, "{way:?}");
    }
}

/// Passes bytes on, few at a time.
async fn relay(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    step: usize,
) {
    let mut bytes = vec![0; step];
    while let Ok(len @ 1..) = from.read(&mut bytes).await {
        if to.write_all(&bytes[..len]).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let _ = to.shutdown().await;
}

/// A server, behind something that passes so few bytes on at a time.
async fn behind_a_relay(server: SocketAddr, step: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            client.set_nodelay(true).unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            server.set_nodelay(true).unwrap();
            let (client_read, client_write) = client.into_split();
            let (server_read, server_write) = server.into_split();
            tokio::spawn(relay(client_read, server_write, usize::MAX >> 48));
            tokio::spawn(relay(server_read, client_write, step));
        }
    });
    address
}

/// An echo server, with a counter of the connections that it has served to their end.
async fn echo_server() -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (ended, ends) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let ended = ended.clone();
            tokio::spawn(async move {
                if let Ok(mut ws) = Acceptor::default().accept(stream).await {
                    while let Some(Ok(message)) = ws.recv().await {
                        if message.is_text() && ws.send(message).await.is_err() {
                            break;
                        }
                    }
                }
                let _ = ended.send(());
            });
        }
    });
    (address, ends)
}

/// Drops the future of `connect` after each possible number of polls: the stage that it is in ends. Then
/// it is ready once, and works.
async fn at_each_stage(connector: &Connector, url: &str) {
    for most in 0..ENOUGH {
        let Some(ws) = polls(connector.connect(url), most).await else {
            continue;
        };
        let mut ws = ws.unwrap();
        ws.send("Hello").await.unwrap();
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("Hello"));
        assert!(ws.close(None, "").await.unwrap().clean);
        return;
    }
    panic!("it was never ready");
}

#[tokio::test]
async fn a_connection_over_tcp() {
    let (server, mut ends) = echo_server().await;
    let slow = behind_a_relay(server, 3).await;
    at_each_stage(&Connector::new(), &format!("ws://{slow}/")).await;
    // The connections that were dropped have ended at the server too.
    ends.recv().await.unwrap();
    drop(polls(Connector::new().connect(format!("ws://{server}/")), 2).await);
    ends.recv().await.unwrap();
}

/// A proxy for CONNECT.
async fn http_proxy(mut client: TcpStream, to: SocketAddr) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(client.read_buf(&mut head).await, Ok(1..)) {
            return;
        }
    }
    let answer = b"HTTP/1.1 200 Connection established\r\nVia: a test\r\n\r\n";
    if client.write_all(answer).await.is_ok() {
        let mut server = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

/// A SOCKS proxy that wants the password of a user.
async fn socks_proxy(mut client: TcpStream, to: SocketAddr) {
    let mut methods = [0; 4];
    let mut user = [0; 5];
    let mut request = [0; 5 + 1 + 2];
    let dialog = async {
        client.read_exact(&mut methods).await?;
        client.write_all(&[5, 2]).await?;
        client.read_exact(&mut user).await?;
        client.write_all(&[1, 0]).await?;
        client.read_exact(&mut request).await?;
        // The bound address is a name.
        client.write_all(b"\x05\0\0\x03\x04name\0\0").await
    };
    if dialog.await.is_ok() {
        let mut server = TcpStream::connect(to).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    }
}

async fn proxy<F>(to: SocketAddr, serve: fn(TcpStream, SocketAddr) -> F) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, to));
        }
    });
    behind_a_relay(address, 3).await
}

#[tokio::test]
async fn a_connection_by_proxies() {
    let (server, _ends) = echo_server().await;
    let http = proxy(server, http_proxy).await;
    let by = |url: String| Connector::new().proxy(Proxy::parse(&url).unwrap());
    at_each_stage(&by(format!("http://{http}")), "ws://h/").await;
    let socks = proxy(server, socks_proxy).await;
    at_each_stage(&by(format!("socks5://u:p@{socks}")), "ws://h/").await;
}

#[tokio::test]
async fn a_redirect() {
    let (server, _ends) = echo_server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                if !matches!(stream.read_buf(&mut head).await, Ok(1..)) {
                    break;
                }
            }
            let answer = format!(
                "HTTP/1.1 302 x\r\nContent-Length: 4\r\nLocation: ws://{server}/\r\n\r\nbody"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let slow = behind_a_relay(first, 3).await;
    at_each_stage(&Connector::new().redirects(1), &format!("ws://{slow}/")).await;
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_connection_over_tls_and_a_proxy() {
    use std::sync::Arc;

    use rustls::pki_types::PrivateKeyDer;

    let generated = rcgen::generate_simple_self_signed(vec!["h".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(generated.signing_key.serialize_der().into());
    let certificate = generated.cert.der().clone();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let tls = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (server, _ends) = echo_server().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let secure = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                if let Ok(mut client) = tls.accept(client).await {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = Connector::new().rustls(Arc::new(config));
    // Larger steps, as there are more bytes.
    let slow = behind_a_relay(secure, 40).await;
    let port = slow.port();
    let local = connector.clone().address(slow);
    at_each_stage(&local, &format!("wss://h:{port}/")).await;
    let http = proxy(slow, http_proxy).await;
    let by_proxy = connector.proxy(Proxy::parse(&format!("http://{http}")).unwrap());
    at_each_stage(&by_proxy, "wss://h/").await;
}

#[cfg(feature = "hyper")]
#[tokio::test]
async fn an_upgrade_of_hyper() {
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use wscodec::session::Policy;
    use wscodec_tokio::hyper::{Upgrading, upgrade};

    /// Serves a client whose request came with messages behind it; gives the future of the upgrade.
    async fn upgrading(here: Narrow) -> Upgrading {
        let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
        let service = service_fn(move |mut request| {
            let upgraded = upgrade(&mut request, &Policy::DEFAULT);
            let give = give.clone();
            async move {
                let (response, upgrading) = upgraded.unwrap();
                give.send(upgrading).ok().unwrap();
                Ok::<_, std::convert::Infallible>(response.map(|()| String::new()))
            }
        });
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(here), service)
            .with_upgrades();
        tokio::spawn(async move { connection.await.unwrap() });
        take.recv().await.unwrap()
    }

    async fn client() -> (Narrow, tokio::task::JoinHandle<Vec<u8>>) {
        let (here, mut there) = Narrow::pair(1 << 10);
        there.plain = true;
        there.write_all(REQUEST).await.unwrap();
        let reading = tokio::spawn(async move {
            let mut answer = Vec::new();
            there.read_to_end(&mut answer).await.unwrap();
            answer
        });
        (here, reading)
    }

    // Dropped: the connection ends, behind an answer that may be whole.
    let mut finished = false;
    for most in 0..ENOUGH {
        let (here, reading) = client().await;
        let upgrading = upgrading(here).await;
        finished = polls(upgrading, most).await.is_some();
        let answer = reading.await.unwrap();
        assert!(b"HTTP/1.1 101 ".starts_with(&answer[..answer.len().min(13)]));
        if finished {
            break;
        }
    }
    assert!(finished);
    // Polled now and then: nothing is lost.
    for most in 1..20 {
        let (here, reading) = client().await;
        let mut upgrading = upgrading(here).await;
        let mut ws = loop {
            if let Some(ws) = polls(&mut upgrading, most).await {
                break ws.unwrap();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::text("one"));
        assert_eq!(ws.recv().await.unwrap().unwrap(), Message::binary("two"));
        drop(ws);
        reading.await.unwrap();
    }
}
