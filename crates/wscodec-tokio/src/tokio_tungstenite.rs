//! The functions of [tokio-tungstenite](https://docs.rs/tokio-tungstenite), by its names. With the feature
//! `tokio-tungstenite`.
//!
//! A program moves over by a change of its `use`: `use tokio_tungstenite::…` becomes
//! `use wscodec_tokio::tokio_tungstenite::…`, and `use tungstenite::…` becomes
//! `use wscodec_tokio::tokio_tungstenite::tungstenite::…`. The page "coming from tokio-tungstenite" has the
//! differences. Options beyond these are set by [`Connector`] and [`Acceptor`].
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

use tokio::io::{AsyncRead, AsyncWrite};
use wscodec::MisuseError;
use wscodec::handshake::Rejection;
use wscodec::head::HeaderField;
use wscodec::session::Policy;

use crate::accept::{Acceptor, Boxed};
use crate::connect::Connector;
use crate::names::Error;
use crate::stream::ClientStream;
pub use crate::websocket::WebSocket as WebSocketStream;

pub use crate::stream::ClientStream as MaybeTlsStream;

/// The names of the crate tungstenite.
pub mod tungstenite {
    pub use http;

    pub use crate::Error;
    pub use crate::{Message, Utf8Bytes};

    /// A result with [`Error`].
    pub type Result<T, E = Error> = std::result::Result<T, E>;

    /// Requests of clients.
    pub mod client {
        pub use super::super::IntoClientRequest;
    }

    /// The types of the opening handshake.
    pub mod handshake {
        /// Of clients.
        pub mod client {
            pub use super::server::{Request, Response};
        }

        /// Of servers.
        pub mod server {
            /// A request for a WebSocket.
            pub type Request = http::Request<()>;
            /// The response that accepts it.
            pub type Response = http::Response<()>;
            /// The response that rejects it.
            pub type ErrorResponse = http::Response<Option<String>>;
        }
    }

    /// Messages.
    pub mod protocol {
        pub use wscodec::frame::Role;

        pub use crate::{CloseFrame, Message};

        /// Close frames.
        pub mod frame {
            pub use crate::CloseFrame;

            /// Close codes.
            pub mod coding {
                pub use crate::CloseCode;
            }
        }
    }
}

use tungstenite::handshake::server::{ErrorResponse, Request, Response};

/// A URL, or a request with a URL and headers.
pub trait IntoClientRequest {
    /// The request, without the headers that connecting adds.
    ///
    /// # Errors
    /// [`MisuseError::Url`].
    fn into_client_request(self) -> Result<Request, Error>;
}

impl IntoClientRequest for &str {
    fn into_client_request(self) -> Result<Request, Error> {
        let request = http::Request::get(self).body(());
        request.map_err(|_| MisuseError::Url.into())
    }
}

impl IntoClientRequest for &String {
    fn into_client_request(self) -> Result<Request, Error> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for String {
    fn into_client_request(self) -> Result<Request, Error> {
        self.as_str().into_client_request()
    }
}

impl IntoClientRequest for http::Uri {
    fn into_client_request(self) -> Result<Request, Error> {
        Ok(http::Request::get(self)
            .body(())
            .map_err(|_| MisuseError::Url)?)
    }
}

impl IntoClientRequest for Request {
    fn into_client_request(self) -> Result<Request, Error> {
        Ok(self)
    }
}

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
fn response<S>(ws: &WebSocketStream<S>) -> Response {
    let mut response = http::Response::new(());
    *response.status_mut() = http::StatusCode::SWITCHING_PROTOCOLS;
    if let Some(answer) = ws.response() {
        for HeaderField { name, value } in answer.headers() {
            // The answer was read, so its names and values are those of HTTP.
            if let (Ok(name), Ok(value)) = (
                http::HeaderName::from_bytes(name.as_bytes()),
                http::HeaderValue::from_bytes(value),
            ) {
                response.headers_mut().append(name, value);
            }
        }
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
    let request = request.into_client_request();
    Box::pin(async move {
        let (url, connector) = connector(&request?)?;
        let ws = connector.connect(url).await?;
        let response = response(&ws);
        Ok((ws, response))
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
    let request = request.into_client_request();
    Box::pin(async move {
        let (url, connector) = connector(&request?)?;
        let ws = connector.connect_on(stream, url).await?;
        let response = response(&ws);
        Ok((ws, response))
    })
}

/// As [`accept`](crate::accept), with [`Policy::DEFAULT`].
///
/// # Errors
/// As for [`Acceptor::accept`].
pub fn accept_async<S>(stream: S) -> Boxed<'static, WebSocketStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    crate::accept(stream, &Policy::DEFAULT)
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
    Box::pin(async move {
        let mut incoming = Acceptor::default().read_request(stream).await?;
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
                incoming.accept().await
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
