//! The client's request (RFC 6455 §4.1).

use alloc::vec::Vec;

use super::key::Nonce;
use super::response::UpgradeResponse;
use super::write::{HeaderWriter, check_headers, headers_len, put, put_headers};
use crate::error::{Fault, MisuseError};
use crate::head::{Extensions, is_host, is_token};

/// A client's request: written once, and kept to hold the answer against it.
///
/// The [nonce](Nonce) must be new for each connection.
///
/// ```
/// use wscodec::{HandshakeError, Limits, handshake::{ClientRequest, UpgradeResponseReader}};
///
/// let request = ClientRequest::new("example.com", "/chat?room=1", *b"the sample nonce")
///     .protocols(&["chat"])
///     .headers(&[("Origin", "https://example.com")]);
/// let mut out = Vec::new();
/// request.write(&mut out).unwrap();
/// assert_eq!(
///     out,
///     b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
///         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n\
///         Origin: https://example.com\r\n\r\n"
/// );
///
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n\x81\x02hi";
/// let response = UpgradeResponseReader::new(&Limits::DEFAULT).read(answer)?.expect("a whole head");
/// request.check(&response)?;
/// assert_eq!(response.protocol(), Some("chat"));
/// assert_eq!(answer[response.head_len()..], *b"\x81\x02hi", "a frame already");
///
/// let answer = b"HTTP/1.1 302 Found\r\nLocation: https://example.org/\r\n\r\n";
/// let response = UpgradeResponseReader::new(&Limits::DEFAULT).read(answer)?.expect("a whole head");
/// assert_eq!(request.check(&response).unwrap_err().error, HandshakeError::Status.into());
/// assert_eq!(response.header("location"), Some(&b"https://example.org/"[..]));
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    host: &'a str,
    path: &'a str,
    key: [u8; 24],
    protocols: &'a [&'a str],
    extensions: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

impl<'a> ClientRequest<'a> {
    /// A request to `host` (with its port, if it is not the scheme's) for `path` (with its query;
    /// it begins with `/`).
    pub fn new(host: &'a str, path: &'a str, nonce: impl Into<Nonce>) -> Self {
        Self {
            host,
            path,
            key: nonce.into().key(),
            protocols: &[],
            extensions: "",
            headers: &[],
        }
    }

    /// The subprotocols to offer, most wanted first.
    pub fn protocols(mut self, protocols: &'a [&'a str]) -> Self {
        self.protocols = protocols;
        self
    }

    /// The extensions to offer, as a value of `Sec-WebSocket-Extensions` (RFC 6455 §9.1); empty
    /// for none.
    pub fn extensions(mut self, extensions: &'a str) -> Self {
        self.extensions = extensions;
        self
    }

    /// Further headers, as pairs of name and value: `Origin`, `Cookie`, `Authorization`.
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// The `Sec-WebSocket-Key`.
    pub fn key(&self) -> &[u8; 24] {
        &self.key
    }

    /// Appends the request to `out`, which is the only thing that may allocate, and only if it has
    /// no room for the request.
    ///
    /// # Errors
    /// [`InvalidHeader`](MisuseError::InvalidHeader) if the host, the path, a subprotocol, the
    /// extensions or a header has a character that is not allowed there, or if a subprotocol is
    /// named twice; [`ReservedHeader`](MisuseError::ReservedHeader). Nothing is written then.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.write_with(out, |_| {})
    }

    /// As [`write`](Self::write), with further headers that `headers` writes.
    ///
    /// # Errors
    /// The errors of [`write`](Self::write).
    pub fn write_with(
        &self,
        out: &mut Vec<u8>,
        headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) -> Result<(), MisuseError> {
        self.check_input()?;
        let protocols: usize = self.protocols.iter().map(|name| name.len() + 2).sum();
        out.reserve(
            240 + self.path.len()
                + self.host.len()
                + protocols
                + self.extensions.len()
                + headers_len(self.headers),
        );
        let begin = out.len();
        put(out, &[b"GET ", self.path.as_bytes()]);
        put(out, &[b" HTTP/1.1\r\nHost: ", self.host.as_bytes()]);
        out.extend_from_slice(
            b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
        );
        put(out, &[&self.key, b"\r\nSec-WebSocket-Version: 13\r\n"]);
        for (at, name) in self.protocols.iter().enumerate() {
            let before: &[u8] = match at {
                0 => b"Sec-WebSocket-Protocol: ",
                _ => b", ",
            };
            put(out, &[before, name.as_bytes()]);
        }
        if !self.protocols.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        if !self.extensions.is_empty() {
            let value = self.extensions.as_bytes();
            put(out, &[b"Sec-WebSocket-Extensions: ", value, b"\r\n"]);
        }
        put_headers(out, self.headers);
        HeaderWriter::end_head(out, begin, headers)
    }

    /// Holds the answer against the rules of RFC 6455 §4.1 and against what was asked for. Of
    /// extensions only the name is looked at; whether parameters fit is for the extension to say.
    ///
    /// # Errors
    /// As [`UpgradeResponse::check`]. After [`Status`](crate::HandshakeError::Status), the response tells
    /// status, reason and headers of the rejection. After any error the connection is to be closed.
    pub fn check(&self, response: &UpgradeResponse<'_>) -> Result<(), Fault> {
        response.check_against(
            &self.key,
            |name| self.protocols.contains(&name),
            |name| self.offer().any(|offer| offer == Ok(name)),
        )
    }

    fn check_input(&self) -> Result<(), MisuseError> {
        let path = self.path.as_bytes();
        let is_path =
            path.starts_with(b"/") && path.iter().all(|&b| b.is_ascii_graphic() && b != b'#');
        let mut protocols = self.protocols.iter().enumerate();
        let are_distinct = protocols
            .all(|(at, name)| is_token(name.as_bytes()) && !self.protocols[..at].contains(name));
        if !is_host(self.host.as_bytes())
            || !is_path
            || !are_distinct
            || self.offer().any(|offer| offer.is_err())
            || (!self.extensions.is_empty() && self.offer().next().is_none())
        {
            return Err(MisuseError::InvalidHeader);
        }
        check_headers(self.headers)
    }

    /// The names of the extensions offered.
    fn offer(&self) -> impl Iterator<Item = Result<&'a str, crate::head::Malformed>> {
        let offer = Extensions::new([self.extensions.as_bytes()].into_iter());
        offer.map(|extension| extension.map(|extension| extension.name()))
    }
}
