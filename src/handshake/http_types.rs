//! The same rules for requests in the types of the `http` crate, for servers on hyper or axum.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri, Version};

use super::accept::Accept;
use super::fields::{Fields, Source};
use super::origin::{self, Origin};
use super::reject::Rejection;
use super::request::{Offered, OfferedExtensions};
use crate::error::{HandshakeError, MisuseError};
use crate::head::{Extension, Field, is_host};

/// A request in the types of the `http` crate that keeps all rules of RFC 6455 §4.2.1. (Of HTTP/1.1
/// only: over HTTP/2 there is no upgrade.)
///
/// ```
/// use wscodec::{HandshakeError, handshake::{Origin, Rejection, HttpUpgrade}};
///
/// # type Body = ();
/// fn answer(request: &http::Request<Body>) -> http::Response<()> {
///     accept(request).unwrap_or_else(|error| Rejection::of(error).unwrap().response().unwrap())
/// }
///
/// fn accept(request: &http::Request<Body>) -> Result<http::Response<()>, HandshakeError> {
///     let upgrade = HttpUpgrade::check(request)?;
///     upgrade.check_origin(Origin::SameHost)?;
///     Ok(upgrade.accept().response().expect("nothing of ours to be wrong"))
/// }
///
/// let request = http::Request::get("/chat")
///     .header("Host", "example.com")
///     .header("Upgrade", "websocket")
///     .header("Connection", "keep-alive, Upgrade")
///     .header("Sec-WebSocket-Version", "13")
///     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
///     .body(())?;
/// let response = answer(&request);
/// assert_eq!(response.status(), 101);
/// assert_eq!(response.headers()["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
///
/// let response = answer(&http::Request::get("/chat").header("Host", "a").body(())?);
/// assert_eq!(response.status(), 400);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HttpUpgrade<'r> {
    fields: Fields<'r>,
}

impl<'r> HttpUpgrade<'r> {
    /// Holds a request against the rules.
    ///
    /// # Errors
    /// The [`HandshakeError`] of the first rule it breaks, in the same order as
    /// [`UpgradeRequestReader::read`](super::UpgradeRequestReader::read).
    pub fn check<B>(request: &'r http::Request<B>) -> Result<Self, HandshakeError> {
        Self::new(
            request.method(),
            request.uri(),
            request.version(),
            request.headers(),
        )
    }

    /// As [`check`](Self::check), for a request whose body was taken off.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_parts(parts: &'r http::request::Parts) -> Result<Self, HandshakeError> {
        Self::new(&parts.method, &parts.uri, parts.version, &parts.headers)
    }

    fn new(
        method: &Method,
        uri: &'r Uri,
        version: Version,
        headers: &'r HeaderMap,
    ) -> Result<Self, HandshakeError> {
        if method != Method::GET {
            return Err(HandshakeError::Method);
        }
        if version != Version::HTTP_11 {
            return Err(HandshakeError::HttpVersion);
        }
        let mut fields = Fields::new(Source::Map(headers));
        for (name, value) in headers {
            fields.add(Field {
                at: 0,
                name: name.as_str().as_bytes(),
                value: value.as_bytes(),
            });
        }
        fields.check_request().map_err(handshake_error)?;
        // Of an absolute-form target, whose authority is the host in place of `Host`.
        if let Some(authority) = uri.authority() {
            let authority = authority.as_str().as_bytes();
            if !is_host(authority) {
                return Err(HandshakeError::MalformedHead);
            }
            fields.host.value = authority;
        }
        Ok(Self { fields })
    }

    /// The subprotocols that the client offers, most wanted first; all lines as one list.
    pub fn protocols(&self) -> impl Iterator<Item = &'r str> + 'r {
        Offered(self.fields.protocols())
    }

    /// The first subprotocol of the client's list that is among `supported`.
    pub fn select_protocol(&self, supported: &[&str]) -> Option<&'r str> {
        self.protocols().find(|offered| supported.contains(offered))
    }

    /// The extensions that the client offers, most wanted first; all lines as one list.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'r>> + 'r {
        OfferedExtensions(self.fields.extensions())
    }

    /// The host that the request is for, as [`UpgradeRequest::host`](super::UpgradeRequest::host).
    pub fn host(&self) -> &'r str {
        core::str::from_utf8(self.fields.host.value).unwrap_or_default()
    }

    /// Checks the host as [`UpgradeRequest::check_host`](super::UpgradeRequest::check_host) does.
    ///
    /// # Errors
    /// [`HandshakeError::HostNotAllowed`].
    pub fn check_host(&self, allowed: &[&str]) -> Result<(), HandshakeError> {
        super::host::check(&self.fields, allowed).map_err(handshake_error)
    }

    /// Holds the request's `Origin` against a policy.
    ///
    /// # Errors
    /// [`HandshakeError::Origin`].
    pub fn check_origin(&self, policy: Origin<'_>) -> Result<(), HandshakeError> {
        origin::check(&self.fields, policy).map_err(handshake_error)
    }

    /// Begins the answer that accepts the request; [`Accept::response`] ends it.
    pub fn accept(&self) -> Accept<'_> {
        Accept::new(&self.fields)
    }
}

/// The checks of headers fail with nothing else.
fn handshake_error(fault: crate::Fault) -> HandshakeError {
    match fault.error {
        crate::error::ErrorKind::Handshake(error) => error,
        _ => HandshakeError::MalformedHead,
    }
}

impl Accept<'_> {
    /// The answer as a response of the `http` crate, without a body. With feature `http`.
    ///
    /// # Errors
    /// As [`Accept::write`].
    pub fn response(self) -> Result<http::Response<()>, MisuseError> {
        self.check()?;
        let mut response = http::Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let map = response.headers_mut();
        map.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        map.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        map.insert(header::SEC_WEBSOCKET_ACCEPT, value(&self.key())?);
        if let Some(protocol) = self.protocol {
            map.insert(header::SEC_WEBSOCKET_PROTOCOL, value(protocol.as_bytes())?);
        }
        if !self.extensions.is_empty() {
            let extensions = value(self.extensions.as_bytes())?;
            map.insert(header::SEC_WEBSOCKET_EXTENSIONS, extensions);
        }
        append(map, self.headers)?;
        Ok(response)
    }
}

impl Rejection<'_> {
    /// The rejection as a response of the `http` crate, with its status and headers. Reason and body
    /// are left out, and `Content-Length` is the HTTP server's to write. With feature `http`.
    ///
    /// # Errors
    /// As [`Rejection::write`].
    pub fn response(self) -> Result<http::Response<()>, MisuseError> {
        self.check()?;
        let status =
            StatusCode::from_u16(self.status()).map_err(|_| MisuseError::RejectionStatus)?;
        let mut response = http::Response::new(());
        *response.status_mut() = status;
        let map = response.headers_mut();
        let connection = match status {
            StatusCode::UPGRADE_REQUIRED => {
                map.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                map.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
                "close, upgrade"
            }
            StatusCode::METHOD_NOT_ALLOWED => {
                map.insert(header::ALLOW, HeaderValue::from_static("GET"));
                "close"
            }
            _ => "close",
        };
        map.insert(header::CONNECTION, HeaderValue::from_static(connection));
        append(map, self.headers)?;
        Ok(response)
    }
}

fn append(map: &mut HeaderMap, headers: &[(&str, &str)]) -> Result<(), MisuseError> {
    for (name, text) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let name = name.map_err(|_| MisuseError::InvalidHeader)?;
        map.append(name, value(text.as_bytes())?);
    }
    Ok(())
}

fn value(bytes: &[u8]) -> Result<HeaderValue, MisuseError> {
    HeaderValue::from_bytes(bytes).map_err(|_| MisuseError::InvalidHeader)
}
