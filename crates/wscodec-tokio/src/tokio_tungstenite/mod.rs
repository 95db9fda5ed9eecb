//! The functions of [tokio-tungstenite](https://docs.rs/tokio-tungstenite), by its names. With the feature
//! `tokio-tungstenite`.
//!
//! A program moves over by one line in each file, `use wscodec_tokio::tokio_tungstenite;`, because its other
//! imports then begin with this module. The page "coming from tokio-tungstenite" has the differences. Options
//! beyond these are set by [`Connector`] and [`Acceptor`].
//!
//! ```no_run
//! use futures_util::{SinkExt, StreamExt};
//! use wscodec_tokio::tokio_tungstenite::{connect_async, tungstenite::{Message, Result}};
//!
//! # async fn run() -> Result<()> {
//! let (mut ws, response) = connect_async("ws://127.0.0.1:9001/chat").await?;
//! println!("{:?}", response.headers().get("Server"));
//! ws.send(Message::text("Hello")).await?;
//! while let Some(message) = ws.next().await {
//!     println!("{}", message?);
//! }
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::MisuseError;
use wscodec::handshake::Rejection;
use wscodec::head::HeaderField;

use crate::accept::Acceptor;
use crate::connect::Connector;
use crate::stream::ClientStream;
pub use crate::stream::ClientStream as MaybeTlsStream;
use crate::websocket::WebSocket;
pub use socket::WebSocketStream;

mod config;
mod error;
mod request;
mod socket;
pub mod tungstenite;

use config::options;
use error::{Error, add_headers};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tungstenite::protocol::WebSocketConfig;

/// A future of this module's: see [`crate::Boxed`].
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// The URL, and a connector with the headers of the request. Those that the handshake makes itself are
/// left out, because a request that was written by hand may have them.
fn connector(request: &Request) -> Result<(String, Connector), Error> {
    let mut connector = Connector::new();
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| MisuseError::InvalidHeader)?;
        match name.as_str() {
            "host" => connector = connector.host(value),
            "sec-websocket-protocol" => {
                for protocol in value.split(',') {
                    connector = connector.protocol(protocol.trim());
                }
            }
            "upgrade" | "connection" => {}
            name if name.starts_with("sec-websocket-") => {}
            name => connector = connector.header(name, value),
        }
    }
    Ok((request.uri().to_string(), connector))
}

/// The server's answer, with the types of the crate `http`.
fn response<S>(ws: &WebSocket<S>) -> Response {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    if let Some(answer) = ws.response() {
        add_headers(answer.headers(), response.headers_mut());
    }
    response
}

/// As [`connect`](crate::connect); gives the server's answer too.
///
/// # Errors
/// As for [`Connector::connect`].
pub fn connect_async(
    request: impl IntoClientRequest,
) -> Boxed<'static, (WebSocketStream<ClientStream>, Response)> {
    connect_async_with_config(request, None, true)
}

/// As [`connect_async`], with a configuration. Messages are sent without delay (`TCP_NODELAY`), whatever
/// `disable_nagle` says.
///
/// # Errors
/// As for [`Connector::connect`].
pub fn connect_async_with_config(
    request: impl IntoClientRequest,
    config: Option<WebSocketConfig>,
    disable_nagle: bool,
) -> Boxed<'static, (WebSocketStream<ClientStream>, Response)> {
    let _ = disable_nagle;
    let request = request.into_client_request();
    Box::pin(async move {
        let (url, connector) = connector(&request?)?;
        let ws = connector.options(options(config)).connect(url).await?;
        let response = response(&ws);
        Ok((ws.into(), response))
    })
}

/// As [`Connector::connect_on`]; gives the server's answer too.
///
/// # Errors
/// As for [`Connector::connect`].
pub fn client_async<S>(
    request: impl IntoClientRequest,
    stream: S,
) -> Boxed<'static, (WebSocketStream<S>, Response)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    client_async_with_config(request, stream, None)
}

/// As [`client_async`], with a configuration.
///
/// # Errors
/// As for [`Connector::connect`].
pub fn client_async_with_config<S>(
    request: impl IntoClientRequest,
    stream: S,
    config: Option<WebSocketConfig>,
) -> Boxed<'static, (WebSocketStream<S>, Response)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request.into_client_request();
    Box::pin(async move {
        let (url, connector) = connector(&request?)?;
        let connector = connector.options(options(config));
        let ws = connector.connect_on(stream, url).await?;
        let response = response(&ws);
        Ok((ws.into(), response))
    })
}

/// As [`accept`](crate::accept), with [`Policy::DEFAULT`](wscodec::session::Policy::DEFAULT).
///
/// # Errors
/// As for [`Acceptor::accept`].
pub fn accept_async<S>(stream: S) -> Boxed<'static, WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    accept_async_with_config(stream, None)
}

/// As [`accept_async`], with a configuration.
///
/// # Errors
/// As for [`Acceptor::accept`].
pub fn accept_async_with_config<S>(
    stream: S,
    config: Option<WebSocketConfig>,
) -> Boxed<'static, WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let acceptor = acceptor(config);
    Box::pin(async move { Ok(acceptor.accept(stream).await?.into()) })
}

fn acceptor(config: Option<WebSocketConfig>) -> Acceptor<'static> {
    Acceptor {
        options: options(config),
        ..Acceptor::default()
    }
}

/// As [`accept_async`]; `callback` sees the request and adds headers to the response, or rejects it.
///
/// # Errors
/// As for [`Acceptor::accept`]; [`Error::Io`] if the callback has rejected the request.
pub fn accept_hdr_async<'c, S, C>(stream: S, callback: C) -> Boxed<'c, WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: FnOnce(&Request, Response) -> Result<Response, ErrorResponse> + Send + 'c,
{
    accept_hdr_async_with_config(stream, callback, None)
}

/// As [`accept_hdr_async`], with a configuration.
///
/// # Errors
/// As for [`accept_hdr_async`].
pub fn accept_hdr_async_with_config<'c, S, C>(
    stream: S,
    callback: C,
    config: Option<WebSocketConfig>,
) -> Boxed<'c, WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    C: FnOnce(&Request, Response) -> Result<Response, ErrorResponse> + Send + 'c,
{
    let acceptor = acceptor(config);
    Box::pin(async move {
        let mut incoming = acceptor.read_request(stream).await?;
        let mut request = http::Request::builder().uri(incoming.request().target());
        for HeaderField { name, value } in incoming.request().headers() {
            request = request.header(name, value);
        }
        let request = request.body(()).map_err(std::io::Error::other)?;
        match callback(&request, Response::new(())) {
            Ok(response) => {
                for (name, value) in response.headers() {
                    let value = value.to_str().map_err(|_| MisuseError::InvalidHeader)?;
                    incoming = match name.as_str() {
                        "sec-websocket-protocol" => incoming.protocol(Some(value)),
                        name => incoming.header(name, value),
                    };
                }
                Ok(incoming.accept().await?.into())
            }
            Err(response) => {
                let headers = response.headers().iter();
                let headers: Vec<_> = headers
                    .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
                    .collect();
                let body = response.body().as_deref().unwrap_or_default();
                let rejection = Rejection::new(response.status().as_u16());
                let rejection = rejection.headers(&headers).body(body.as_bytes());
                incoming.reject(rejection).await?;
                Err(std::io::Error::other("the callback has rejected the request").into())
            }
        }
    })
}
