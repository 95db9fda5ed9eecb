//! Echo servers on tokio, ours and those of others, a task a connection, as their examples have them.

use std::error::Error;
use std::net::Ipv4Addr;

use futures_util::{Sink, SinkExt, Stream, StreamExt};
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
    let port = port.parse()?;
    // Each has tasks of its own type, or the memory of its tasks would be that of the largest.
    let result = match peer {
        "send" => runtime.block_on(accepting(port, send)),
        "feed" => runtime.block_on(accepting(port, feed)),
        "lend" => runtime.block_on(accepting(port, lend)),
        "tokio-tungstenite" => runtime.block_on(accepting(port, tungstenite)),
        "tokio-websockets" => runtime.block_on(accepting(port, websockets)),
        "fastwebsockets" => runtime.block_on(accepting(port, |it| hyper(it, fastwebsockets))),
        "yawc" => runtime.block_on(accepting(port, |it| hyper(it, yawc))),
        "sockudo-ws" => runtime.block_on(accepting(port, |it| hyper(it, sockudo))),
        other => Err(format!("no peer is called {other}").into()),
    };
    result.map_err(|error| -> Box<dyn Error> { error })
}

/// Accepts in a spawned task, which runs on a worker as those of the connections do.
async fn accepting<F>(port: u16, connection: fn(TcpStream) -> F) -> Outcome
where
    F: Future<Output = Outcome> + Send + 'static,
{
    let accepting = async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(connection(stream));
        }
        #[allow(unreachable_code)]
        Outcome::Ok(())
    };
    tokio::spawn(accepting).await?
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
    use yawc::{Options, WebSocket};

    // It compresses if the client offers that.
    let options = Options::default().with_balanced_compression();
    let (response, upgrading) = WebSocket::upgrade_with_options(&mut request, options)?;
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
    use sockudo_ws::deflate::{DeflateConfig, negotiate_server_deflate};
    use sockudo_ws::handshake::generate_accept_key;
    use sockudo_ws::stream::CompressedWebSocketStream;
    use sockudo_ws::{Config, WebSocketStream};

    let header = |name| request.headers().get(name);
    let key = header(header::SEC_WEBSOCKET_KEY).ok_or("no key")?;
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(
            header::SEC_WEBSOCKET_ACCEPT,
            generate_accept_key(key.to_str()?),
        );
    let deflate = match header(header::SEC_WEBSOCKET_EXTENSIONS) {
        Some(offers) => negotiate_server_deflate(offers.to_str()?, &DeflateConfig::default()),
        None => None,
    };
    if let Some(deflate) = &deflate {
        let extensions = deflate.to_response_header();
        response = response.header(header::SEC_WEBSOCKET_EXTENSIONS, extensions);
    }
    // Two types of stream, and a task for each.
    match deflate {
        None => tokio::spawn(async move {
            let stream = TokioIo::new(hyper::upgrade::on(request).await?);
            echo_sockudo(WebSocketStream::server(stream, Config::default())).await
        }),
        Some(deflate) => tokio::spawn(async move {
            let stream = TokioIo::new(hyper::upgrade::on(request).await?);
            let config = Config::default();
            let ws = CompressedWebSocketStream::server(stream, config, deflate.config);
            echo_sockudo(ws).await
        }),
    };
    Ok(response.body(Empty::new())?)
}

async fn echo_sockudo<S>(mut ws: S) -> Outcome
where
    S: Stream<Item = Result<sockudo_ws::Message, sockudo_ws::Error>>
        + Sink<sockudo_ws::Message, Error = sockudo_ws::Error>
        + Unpin,
{
    use sockudo_ws::Message;

    while let Some(message) = ws.next().await.transpose()? {
        if matches!(message, Message::Text(_) | Message::Binary(_)) {
            ws.send(message).await?;
        }
    }
    Ok(())
}
