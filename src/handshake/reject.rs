//! An answer that rejects a request.

use alloc::vec::Vec;

use super::write::{check_headers, headers_len, put, put_headers, put_number};
use crate::error::{ErrorKind, MisuseError};
use crate::head::is_value;

/// An answer that rejects a request, and after which the connection is to be closed.
///
/// Written are the status line, `Connection: close`, `Content-Length`, and what the status asks
/// for: `Allow: GET` with 405, `Sec-WebSocket-Version: 13` and `Upgrade: websocket` with 426
/// (RFC 6455 §4.2.2, RFC 9110 §15.5.6, §15.5.22); then the caller's headers and body.
///
/// ```
/// use wscodec::{HandshakeError, handshake::Rejection};
///
/// let mut out = Vec::new();
/// let headers = [("Content-Type", "text/plain"), ("Retry-After", "30")];
/// Rejection::new(503).headers(&headers).body(b"full").write(&mut out)?;
/// assert_eq!(
///     out,
///     b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 4\r\n\
///         Content-Type: text/plain\r\nRetry-After: 30\r\n\r\nfull"
/// );
///
/// let rejection = Rejection::of(HandshakeError::Version).expect("has a status");
/// assert_eq!(rejection.status(), 426);
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is answered before `write`"]
pub struct Rejection<'a> {
    status: u16,
    reason: Option<&'a str>,
    pub(super) headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

impl<'a> Rejection<'a> {
    /// A rejection with that status, from 300 to 599, its usual reason, and no body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            reason: None,
            headers: &[],
            body: &[],
        }
    }

    /// The rejection that an error calls for, with a line of text that says what is wrong. `None`
    /// for errors that have no [`status`](ErrorKind::status): those of the caller, of the client's
    /// side, and of a running connection.
    ///
    /// Takes an [`ErrorKind`], a [`Fault`](crate::Fault), a [`HandshakeError`](crate::HandshakeError)
    /// or a [`LimitError`](crate::LimitError).
    pub fn of(error: impl Into<ErrorKind>) -> Option<Self> {
        Self::of_error(error.into())
    }

    fn of_error(error: ErrorKind) -> Option<Self> {
        Some(Self {
            status: error.status()?,
            reason: None,
            headers: &[("Content-Type", "text/plain")],
            body: error.message().as_bytes(),
        })
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase, in place of the usual one.
    pub fn reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Headers, as pairs of name and value; they replace those of [`Rejection::of`].
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// The body; it replaces that of [`Rejection::of`]. Its `Content-Type` is the caller's to say.
    pub fn body(mut self, body: &'a [u8]) -> Self {
        self.body = body;
        self
    }

    /// Appends the answer to `out`, which is the only thing that may allocate, and only if it has
    /// no room for the answer.
    ///
    /// # Errors
    /// [`RejectionStatus`](MisuseError::RejectionStatus),
    /// [`InvalidHeader`](MisuseError::InvalidHeader) (for the reason too) and
    /// [`ReservedHeader`](MisuseError::ReservedHeader). Nothing is written then.
    pub fn write(self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.check()?;
        let reason = self.reason.unwrap_or_else(|| usual_reason(self.status));
        out.reserve(160 + reason.len() + headers_len(self.headers) + self.body.len());
        out.extend_from_slice(b"HTTP/1.1 ");
        put_number(out, self.status.into());
        put(out, &[b" ", reason.as_bytes(), b"\r\nConnection: close"]);
        let asked_for: &[u8] = match self.status {
            405 => b"\r\nAllow: GET",
            // Continues the line: a sender of Upgrade names it in Connection (RFC 9110 §7.8).
            426 => b", upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
            _ => b"",
        };
        put(out, &[asked_for, b"\r\nContent-Length: "]);
        put_number(out, self.body.len());
        out.extend_from_slice(b"\r\n");
        put_headers(out, self.headers);
        put(out, &[b"\r\n", self.body]);
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), MisuseError> {
        if !(300..600).contains(&self.status) {
            return Err(MisuseError::RejectionStatus);
        }
        if !self.reason.is_none_or(|reason| is_value(reason.as_bytes())) {
            return Err(MisuseError::InvalidHeader);
        }
        check_headers(self.headers)
    }
}

/// The reason phrases of the rejections that a WebSocket server is likely to send.
fn usual_reason(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        410 => "Gone",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server ErrorKind",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The phrase may be empty (RFC 9112 §4).
        _ => "",
    }
}
