//! The extractor for [axum](https://docs.rs/axum) 0.8. With the feature `axum`.
//!
//! The names are those of `axum::extract::ws`, so a handler gets compression, the check of the origin
//! and connections without buffers by a change of its `use`:
//!
//! ```
//! use axum::{Router, response::Response, routing::any};
//! use wscodec_tokio::axum::{WebSocket, WebSocketUpgrade};
//!
//! let app: Router = Router::new().route("/ws", any(handler));
//!
//! async fn handler(ws: WebSocketUpgrade) -> Response {
//!     ws.on_upgrade(handle_socket)
//! }
//!
//! async fn handle_socket(mut socket: WebSocket) {
//!     while let Some(Ok(message)) = socket.recv().await {
//!         if message.is_text() && socket.send(message).await.is_err() {
//!             return;
//!         }
//!     }
//! }
//! ```

use std::borrow::Cow;
use std::fmt;

use ::axum::body::Body;
use ::axum::extract::FromRequestParts;
use ::axum::response::{IntoResponse, Response};
use ::hyper::upgrade::OnUpgrade;
use http::HeaderValue;
use http::request::Parts;
use wscodec::HandshakeError;
use wscodec::handshake::HttpUpgrade;
use wscodec::session::Policy;

use crate::accept::Acceptor;
use crate::hyper::rejection;
use crate::names::{DeflateOptions, Error};
use crate::options::ConnectionOptions;
pub use crate::{CloseFrame, Message, Utf8Bytes};

mod socket;

pub use socket::WebSocket;

/// Close codes by the names that axum gives them.
pub mod close_code {
    pub use wscodec::CloseCode;

    /// 1000: the purpose of the connection is fulfilled.
    pub const NORMAL: CloseCode = CloseCode::NORMAL;
    /// 1001: the endpoint goes away.
    pub const AWAY: CloseCode = CloseCode::GOING_AWAY;
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL: CloseCode = CloseCode::PROTOCOL_ERROR;
    /// 1003: a kind of data that the endpoint can't accept.
    pub const UNSUPPORTED: CloseCode = CloseCode::UNSUPPORTED_DATA;
    /// 1005: never sent; a close frame without a code was received.
    pub const STATUS: CloseCode = CloseCode::NO_STATUS;
    /// 1006: never sent; the connection ended without a close frame.
    pub const ABNORMAL: CloseCode = CloseCode::ABNORMAL;
    /// 1007: data that does not fit its message's type.
    pub const INVALID: CloseCode = CloseCode::INVALID_PAYLOAD;
    /// 1008: a message that breaks the endpoint's policy.
    pub const POLICY: CloseCode = CloseCode::POLICY_VIOLATION;
    /// 1009: a message that is too big.
    pub const SIZE: CloseCode = CloseCode::TOO_BIG;
    /// 1010: the server did not agree to an extension that the client needs.
    pub const EXTENSION: CloseCode = CloseCode::MANDATORY_EXTENSION;
    /// 1011: something unexpected kept the server from fulfilling the request.
    pub const ERROR: CloseCode = CloseCode::INTERNAL_ERROR;
    /// 1012: the service restarts.
    pub const RESTART: CloseCode = CloseCode::SERVICE_RESTART;
    /// 1013: try again later.
    pub const AGAIN: CloseCode = CloseCode::TRY_AGAIN_LATER;
}

type OnFailed = Box<dyn FnOnce(Error) + Send>;

/// Extracts the request for a WebSocket. A request that breaks a rule of RFC 6455 is rejected before
/// the handler runs; the policy is applied by [`on_upgrade`](Self::on_upgrade).
#[must_use = "the request is not answered"]
pub struct WebSocketUpgrade {
    request: http::Request<()>,
    on_upgrade: OnUpgrade,
    policy: Policy<'static>,
    options: ConnectionOptions,
    requested: Vec<HeaderValue>,
    protocol: Option<HeaderValue>,
    on_failed: Option<OnFailed>,
}

impl fmt::Debug for WebSocketUpgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocketUpgrade")
            .field("policy", &self.policy)
            .field("options", &self.options)
            .field("protocol", &self.protocol)
            .finish_non_exhaustive()
    }
}

impl WebSocketUpgrade {
    /// Applies this policy instead of [`Policy::DEFAULT`], which lets only pages of the same host
    /// connect. Its subprotocols are chosen from if [`protocols`](Self::protocols) is not called.
    pub fn policy(mut self, policy: Policy<'static>) -> Self {
        self.policy = policy;
        if self.protocol.is_none() {
            self.select(|name| policy.protocols.contains(&name));
        }
        self
    }

    /// Compresses with these options, if the client offers it; `None` for no compression. Default: the
    /// defaults of [`DeflateOptions`].
    pub fn deflate(mut self, deflate: Option<DeflateOptions>) -> Self {
        self.policy.deflate = deflate;
        self
    }

    /// Sets the options of the connection: limits, heartbeat, deadlines.
    pub fn options(mut self, options: ConnectionOptions) -> Self {
        self.options = options;
        self
    }

    /// The most bytes of a message. Default 64 MiB.
    pub fn max_message_size(mut self, max: usize) -> Self {
        self.options.session.limits.message = max as u64;
        self
    }

    /// The most bytes of a frame. Default: as many as a message needs.
    pub fn max_frame_size(mut self, max: usize) -> Self {
        self.options.session.limits.frame = Some(max as u64);
        self
    }

    /// Has no effect: connections of a thread share the buffers that they read into.
    pub fn read_buffer_size(self, _: usize) -> Self {
        self
    }

    /// Has no effect: answers to messages that arrive together are written together.
    pub fn write_buffer_size(self, _: usize) -> Self {
        self
    }

    /// Bytes that may wait to be sent before sending waits: [`ConnectionOptions::queue`].
    pub fn max_write_buffer_size(mut self, max: usize) -> Self {
        self.options.queue = max;
        self
    }

    /// Lets the client send frames that are not masked, against RFC 6455 §5.1. Default: off.
    pub fn accept_unmasked_frames(mut self, accept: bool) -> Self {
        self.options.session.dangerously_accept_unmasked = accept;
        self
    }

    /// Sets the subprotocols that the server speaks; the first of the client's list that is among them
    /// is chosen.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Cow<'static, str>>,
    {
        let protocols: Vec<_> = protocols.into_iter().map(Into::into).collect();
        self.select(|name| protocols.iter().any(|protocol| protocol == name));
        self
    }

    fn select(&mut self, speaks: impl Fn(&str) -> bool) {
        let mut requested = self.requested.iter();
        let chosen = requested.find(|name| name.to_str().is_ok_and(&speaks));
        self.protocol = chosen.cloned();
    }

    /// The subprotocols that the client offers, most wanted first.
    pub fn requested_protocols(&self) -> impl Iterator<Item = &HeaderValue> {
        self.requested.iter()
    }

    /// Chooses a subprotocol. It must be one that the client offers, or the request is rejected.
    pub fn set_selected_protocol(&mut self, protocol: HeaderValue) {
        self.protocol = Some(protocol);
    }

    /// The subprotocol chosen.
    pub fn selected_protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Calls this if the connection can't be upgraded, because the client went away.
    pub fn on_failed_upgrade(mut self, callback: impl FnOnce(Error) + Send + 'static) -> Self {
        self.on_failed = Some(Box::new(callback));
        self
    }

    /// The response that accepts the request; `callback` gets the WebSocket in a task of its own. If
    /// the policy does not grant the request, the response rejects it, and `callback` is dropped.
    #[must_use = "the response is what upgrades the connection"]
    pub fn on_upgrade<C, Fut>(self, callback: C) -> Response
    where
        C: FnOnce(WebSocket) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let acceptor = Acceptor {
            policy: self.policy,
            options: self.options,
        };
        let protocol = self.protocol.as_ref();
        let protocol = protocol.and_then(|protocol| protocol.to_str().ok());
        let judged = HttpUpgrade::check(&self.request)
            .and_then(|upgrade| acceptor.judge(&upgrade, protocol));
        let (response, accepted) = match judged {
            Ok(judged) => judged,
            Err(error) => return Rejection(error).into_response(),
        };
        let upgrading = accepted.upgrading(self.on_upgrade);
        let protocol = self.protocol;
        let on_failed = self.on_failed;
        tokio::spawn(async move {
            match upgrading.await {
                Ok(inner) => callback(WebSocket { inner, protocol }).await,
                Err(error) => {
                    if let Some(on_failed) = on_failed {
                        on_failed(error);
                    }
                }
            }
        });
        response.map(|()| Body::empty())
    }
}

/// The response to a request that is not an acceptable request for a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection(
    /// The rule that the request breaks.
    pub HandshakeError,
);

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        wscodec::ErrorKind::from(self.0).fmt(f)
    }
}

impl std::error::Error for Rejection {}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        rejection(self.0).map(|()| Body::from(self.to_string()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let requested = {
            let upgrade = HttpUpgrade::check_parts(parts).map_err(Rejection)?;
            let names = upgrade.protocols().map(HeaderValue::from_str);
            names.filter_map(Result::ok).collect()
        };
        // A server that can't upgrade a connection, as for HTTP/1.1 without `with_upgrades`.
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        let on_upgrade = on_upgrade.ok_or(Rejection(HandshakeError::UpgradeHeader))?;
        let mut request = http::Request::new(());
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = parts.uri.clone();
        *request.version_mut() = parts.version;
        *request.headers_mut() = parts.headers.clone();
        Ok(Self {
            request,
            on_upgrade,
            policy: Policy::DEFAULT,
            options: ConnectionOptions::DEFAULT,
            requested,
            protocol: None,
            on_failed: None,
        })
    }
}
