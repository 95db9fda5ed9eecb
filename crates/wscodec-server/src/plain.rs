//! Plain HTTP: requests that are no upgrades, and the answers that own their texts.
//!
//! A server of WebSockets meets them all the same: health checks of load balancers, scrapers of
//! metrics, and people with a browser. This is not a web server: an answer ends its connection, and
//! a request's body is not read.

use core::fmt::Display;
use std::string::{String, ToString};
use std::vec::Vec;

use super::address::Address;
use wscodec::error::MisuseError;
use wscodec::handshake::Rejection;
use wscodec::head::{HeaderFields, end_of_head, lists, split_host, split_target, start_line};

/// A request that is no upgrade to WebSocket, as a view on its bytes. Its head is well-formed
/// (RFC 9112), and has one valid `Host` unless its version is HTTP/1.0.
#[derive(Clone, Copy, Debug)]
pub struct PlainRequest<'h> {
    head: &'h [u8],
    method: &'h str,
    target: &'h str,
    address: Address,
}

impl<'h> PlainRequest<'h> {
    /// Reads a whole head that the reader of upgrades has rejected for its method, its version or
    /// its lack of `Upgrade`. `None` if it has to be rejected.
    pub(super) fn read(bytes: &'h [u8], address: Address) -> Option<Self> {
        let head = &bytes[..end_of_head(bytes)?];
        let [method, target, version] = start_line(head);
        let named = |name| HeaderFields::of(head).named(name);
        let wants_upgrade = |value| lists(value, b"websocket");
        if named("upgrade").any(wants_upgrade) {
            return None;
        }
        let mut hosts = named("host");
        let host_is_valid = match (hosts.next(), hosts.next()) {
            (Some(host), None) => {
                core::str::from_utf8(host).is_ok_and(|it| split_host(it).is_some())
            }
            // Health checks often speak HTTP/1.0, which has no Host.
            (None, None) => version == b"HTTP/1.0",
            _ => false,
        };
        let request = Self {
            head,
            method: core::str::from_utf8(method).ok()?,
            target: core::str::from_utf8(target).ok()?,
            address,
        };
        host_is_valid.then_some(request)
    }

    /// The method, such as `GET` or `HEAD`.
    pub fn method(&self) -> &'h str {
        self.method
    }

    /// The request target as it was sent, such as `/healthz?full`.
    pub fn target(&self) -> &'h str {
        self.target
    }

    /// The path of the target, without its query: see
    /// [`UpgradeRequest::path`](wscodec::handshake::UpgradeRequest::path).
    pub fn path(&self) -> &'h str {
        split_target(self.target).0
    }

    /// The query of the target: the bytes behind the first `?`. `None` if there is no `?`.
    pub fn query(&self) -> Option<&'h str> {
        split_target(self.target).1
    }

    /// The first value of the header with that name, in any case.
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        self.headers().named(name).next()
    }

    /// All header lines, in their order.
    pub fn headers(&self) -> HeaderFields<'h> {
        HeaderFields::of(self.head)
    }

    /// Where the client connects from.
    pub fn address(&self) -> Address {
        self.address
    }
}

/// The answer to a request that is not accepted, or is no upgrade. It owns its texts, so that they
/// can be made at run time.
///
/// ```
/// use wscodec_server::Response;
///
/// let realm = "chat";
/// let response = Response::new(401)
///     .header("WWW-Authenticate", format!("Basic realm=\"{realm}\""))
///     .text(format!("the realm {realm} needs a password\n"));
/// assert_eq!(response.status(), 401);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a handler returns it"]
pub struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// A response with that status, its usual reason, and no body. A rejection has a status from 300
    /// to 599, an answer to a plain request one from 200 to 599. Any other is answered with 500, and
    /// the server logs an error.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a header, such as `Location`. A name or a value that is not allowed in HTTP, or a header
    /// that the server writes itself (`Connection`, `Content-Length`), is answered with 500, and
    /// the server logs an error.
    pub fn header(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.headers.push((name.into(), value.to_string()));
        self
    }

    /// Sets the body. Its `Content-Type` is the caller's to add.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a body of plain text, and its `Content-Type`.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.header("Content-Type", "text/plain; charset=utf-8")
            .body(text.into())
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Appends the response that `rejection` begins.
    fn write(&self, rejection: Rejection<'_>, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let headers = self.headers.iter().map(|(n, v)| (&n[..], &v[..]));
        let headers: Vec<_> = headers.collect();
        rejection.headers(&headers).body(&self.body).write(out)
    }

    /// Appends the rejection of an upgrade.
    pub(super) fn write_rejection(&self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.write(Rejection::new(self.status), out)
    }

    /// Appends the answer to a plain request with that method.
    pub(super) fn write_plain(&self, method: &str, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        let plain = Rejection::plain(self.status);
        match method {
            "HEAD" => self.write(plain.bodiless(), out),
            _ => self.write(plain, out),
        }
    }
}
