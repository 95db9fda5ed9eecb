//! An answer that rejects a request.

use alloc::vec::Vec;

use super::write::{HeaderWriter, check_headers, headers_len, put, put_headers, put_number};
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
    /// The lowest status that is allowed.
    least: u16,
    reason: Option<&'a str>,
    pub(super) headers: &'a [(&'a str, &'a str)],
    body: &'a [u8],
    bodiless: bool,
}

impl<'a> Rejection<'a> {
    /// A rejection with that status, from 300 to 599, its usual reason, and no body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            least: 300,
            reason: None,
            headers: &[],
            body: &[],
            bodiless: false,
        }
    }

    /// The answer to a request that is not an upgrade, such as one for a health check: with any
    /// status from 200 to 599. The connection is to be closed afterwards, as with a rejection.
    ///
    /// ```
    /// use wscodec::handshake::Rejection;
    ///
    /// let mut out = Vec::new();
    /// Rejection::plain(200).body(b"well").write(&mut out)?;
    /// assert_eq!(out, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nwell");
    /// assert!(Rejection::new(200).write(&mut out).is_err());
    /// # Ok::<(), wscodec::MisuseError>(())
    /// ```
    pub fn plain(status: u16) -> Self {
        Self {
            least: 200,
            ..Self::new(status)
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
            headers: &[("Content-Type", "text/plain")],
            body: error.message().as_bytes(),
            ..Self::new(error.status()?)
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

    /// Leaves out the body, but not its `Content-Length`: the answer to a HEAD request (RFC 9110
    /// §9.3.2).
    pub fn bodiless(mut self) -> Self {
        self.bodiless = true;
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
        self.write_with(out, |_| {})
    }

    /// As [`write`](Self::write), with further headers that `headers` writes.
    ///
    /// ```
    /// use wscodec::handshake::Rejection;
    ///
    /// let mut out = Vec::new();
    /// let seconds = 2 * 30;
    /// Rejection::new(503).write_with(&mut out, |headers| {
    ///     headers.add("Retry-After", seconds);
    /// })?;
    /// assert!(out.ends_with(b"\r\nRetry-After: 60\r\n\r\n"));
    /// # Ok::<(), wscodec::MisuseError>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`write`](Self::write).
    pub fn write_with(
        self,
        out: &mut Vec<u8>,
        headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) -> Result<(), MisuseError> {
        self.check()?;
        let reason = self.reason.unwrap_or_else(|| usual_reason(self.status));
        out.reserve(160 + reason.len() + headers_len(self.headers) + self.body.len());
        let begin = out.len();
        out.extend_from_slice(b"HTTP/1.1 ");
        put_number(out, self.status.into());
        put(out, &[b" ", reason.as_bytes(), b"\r\nConnection: close"]);
        let asked_for: &[u8] = match self.status {
            405 => b"\r\nAllow: GET",
            // Continues the line: a sender of Upgrade names it in Connection (RFC 9110 §7.8).
            426 => b", upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
            _ => b"",
        };
        out.extend_from_slice(asked_for);
        // 204 has no body, and must not tell a length (RFC 9110 §8.6).
        if self.status != 204 {
            out.extend_from_slice(b"\r\nContent-Length: ");
            put_number(out, self.body.len());
        }
        out.extend_from_slice(b"\r\n");
        put_headers(out, self.headers);
        HeaderWriter::end_head(out, begin, headers)?;
        if !self.bodiless && self.status != 204 {
            out.extend_from_slice(self.body);
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), MisuseError> {
        if !(self.least..600).contains(&self.status) {
            return Err(MisuseError::RejectionStatus);
        }
        if !self.reason.is_none_or(|reason| is_value(reason.as_bytes())) {
            return Err(MisuseError::InvalidHeader);
        }
        check_headers(self.headers)
    }
}

/// The reason phrases of the statuses that a WebSocket server is likely to send.
fn usual_reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
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
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        // The phrase may be empty (RFC 9112 §4).
        _ => "",
    }
}
