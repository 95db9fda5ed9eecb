//! Echo servers on tokio, ours and those of others, a task a connection, as their examples have them.

use std::error::Error;
use std::net::Ipv4Addr;

use futures_util::{SinkExt, StreamExt};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::header;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use wscodec::session::Policy;

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Serves with that peer on a current-thread runtime, or on one with so many workers.
pub fn serve(peer: &str, workers: &str, port: &str) -> Result<(), Box<dyn Error>> {
    let runtime = match workers.parse::<usize>()? {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        workers => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(workers);
            runtime
        }
    };
    let runtime = { runtime }.enable_all().build()?;
    let (peer, port) = (peer.to_owned(), port.parse::<u16>()?);
    // Spawned, so that the loop that accepts runs on a worker too.
    let accepting = async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let peer = peer.clone();
            tokio::spawn(async move {
                let _ = connection(&peer, stream).await;
            });
        }
        #[allow(unreachable_code)]
        Outcome::Ok(())
    };
    let result = runtime.block_on(async { tokio::spawn(accepting).await? });
    result.map_err(|error| -> Box<dyn Error> { error })
}

async fn connection(peer: &str, stream: TcpStream) -> Outcome {
    match peer {
        "send" => send(stream).await,
        "feed" => feed(stream).await,
        "lend" => lend(stream).await,
        "tokio-tungstenite" => tungstenite(stream).await,
        "tokio-websockets" => websockets(stream).await,
        "fastwebsockets" => hyper(stream, fastwebsockets).await,
        "yawc" => hyper(stream, yawc).await,
        "sockudo-ws" => hyper(stream, sockudo).await,
        other => Err(format!("no peer is called {other}").into()),
    }
}

/// Ours, with `send`.
async fn send(stream: TcpStream) -> Outcome {
    let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

/// Ours, with answers that are only queued.
async fn feed(stream: TcpStream) -> Outcome {
    let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
    while let Some(message) = ws.recv().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.feed(message).await?;
        }
    }
    Ok(())
}

/// Ours, without a copy of the message.
async fn lend(stream: TcpStream) -> Outcome {
    let mut ws = wscodec_tokio::accept(stream, &Policy::DEFAULT).await?;
    while let Some(sent) = ws.lend(|message, outbox| outbox.forward(message)).await {
        sent??;
    }
    Ok(())
}

async fn tungstenite(stream: TcpStream) -> Outcome {
    let mut ws = tokio_tungstenite::accept_async(stream).await?;
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

async fn websockets(stream: TcpStream) -> Outcome {
    let (_, mut ws) = tokio_websockets::ServerBuilder::new()
        .accept(stream)
        .await?;
    while let Some(message) = ws.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            ws.send(message).await?;
        }
    }
    Ok(())
}

async fn hyper<F>(stream: TcpStream, answer: impl Fn(Request<Incoming>) -> F) -> Outcome
where
    F: Future<Output = Outcome<Response<Empty<Bytes>>>>,
{
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades();
    Ok(connection.await?)
}

async fn fastwebsockets(mut request: Request<Incoming>) -> Outcome<Response<Empty<Bytes>>> {
    use fastwebsockets::{FragmentCollector, OpCode, upgrade};

    let (response, upgrading) = upgrade::upgrade(&mut request)?;
    tokio::spawn(async move {
        let mut ws = FragmentCollector::new(upgrading.await?);
        loop {
            let frame = ws.read_frame().await?;
            match frame.opcode {
                OpCode::Close => return Outcome::Ok(()),
                OpCode::Text | OpCode::Binary => ws.write_frame(frame).await?,
                _ => {}
            }
        }
    });
    Ok(response)
}

async fn yawc(mut request: Request<Incoming>) -> Outcome<Response<Empty<Bytes>>> {
    use yawc::frame::OpCode;

    let (response, upgrading) = yawc::WebSocket::upgrade(&mut request)?;
    tokio::spawn(async move {
        let mut ws = upgrading.await?;
        while let Some(frame) = ws.next().await {
            if matches!(frame.opcode(), OpCode::Text | OpCode::Binary) {
                ws.send(frame).await?;
            }
        }
        Outcome::Ok(())
    });
    Ok(response)
}

async fn sockudo(request: Request<Incoming>) -> Outcome<Response<Empty<Bytes>>> {
    use sockudo_ws::handshake::generate_accept_key;
    use sockudo_ws::{Config, Message, WebSocketStream};

    let key = request
        .headers()
        .get(header::SEC_WEBSOCKET_KEY)
        .ok_or("no key")?;
    let key = generate_accept_key(key.to_str()?);
    tokio::spawn(async move {
        let stream = TokioIo::new(hyper::upgrade::on(request).await?);
        let mut ws = WebSocketStream::server(stream, Config::default());
        while let Some(message) = ws.next().await.transpose()? {
            if matches!(message, Message::Text(_) | Message::Binary(_)) {
                ws.send(message).await?;
            }
        }
        Outcome::Ok(())
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(header::SEC_WEBSOCKET_ACCEPT, key);
    Ok(response.body(Empty::new())?)
}
