//! An axum application with state, compression and a subprotocol.
//!
//! ```sh
//! cargo run --package wscodec-tokio --features axum --example tokio_axum -- 127.0.0.1:9001
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{any, get};
use axum::{Router, serve};
use tokio::net::TcpListener;
use wscodec::deflate::{DeflateOptions, WindowBits};
use wscodec_tokio::axum::{Message, WebSocket, WebSocketUpgrade};

#[derive(Default)]
pub(crate) struct Visits(AtomicU64);

pub(crate) fn app() -> Router {
    Router::new()
        .route("/", get(|| async { "Connect to /ws/NAME." }))
        .route("/ws/{name}", any(handler))
        .with_state(Arc::new(Visits::default()))
}

async fn handler(
    ws: WebSocketUpgrade,
    Path(name): Path<String>,
    State(visits): State<Arc<Visits>>,
) -> Response {
    // The client forgets its context after each message, so an idle connection holds 4 KiB.
    let mut deflate = DeflateOptions::default();
    deflate.receive.takeover = false;
    deflate.send.window = WindowBits::new(12).unwrap_or_default();
    ws.protocols(["greeting"])
        .deflate(Some(deflate))
        .max_message_size(1 << 20)
        .on_upgrade(move |socket| greet(socket, name, visits))
}

async fn greet(mut socket: WebSocket, name: String, visits: Arc<Visits>) {
    let visit = visits.0.fetch_add(1, Ordering::Relaxed) + 1;
    let greeting = format!("Hello {name}, you are visitor {visit}.");
    if socket.send(Message::from(greeting)).await.is_err() {
        return;
    }
    while let Some(Ok(message)) = socket.recv().await {
        match message {
            Message::Text(_) | Message::Binary(_) => {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
            Message::Close(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:9001")).await?;
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    serve(listener, app()).with_graceful_shutdown(stop).await
}
