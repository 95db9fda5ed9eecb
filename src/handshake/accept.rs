//! The answer that accepts a request (RFC 6455 §4.2.2).

use alloc::vec::Vec;

use super::fields::Fields;
use super::key::accept_key;
use super::write::{HeaderWriter, check_headers, headers_len, put, put_headers};
use crate::error::MisuseError;
use crate::head::Extensions;

/// A 101 in the making, from [`UpgradeRequest::accept`](super::UpgradeRequest::accept).
///
/// ```
/// use wscodec::{Limits, MisuseError, handshake::UpgradeRequest};
///
/// # let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
/// #     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
/// #     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\r\n";
/// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
/// let mut out = Vec::new();
/// request
///     .accept()
///     .protocol("superchat")
///     .headers(&[("Set-Cookie", "id=1; HttpOnly")])
///     .write(&mut out)
///     .unwrap();
/// assert_eq!(
///     out,
///     b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
///         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///         Sec-WebSocket-Protocol: superchat\r\nSet-Cookie: id=1; HttpOnly\r\n\r\n"
/// );
///
/// let accept = request.accept().protocol("v2");
/// assert_eq!(accept.write(&mut out), Err(MisuseError::ProtocolNotOffered));
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is answered before `write`"]
pub struct Accept<'a> {
    offer: &'a Fields<'a>,
    pub(super) protocol: Option<&'a str>,
    pub(super) extensions: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
}

impl<'a> Accept<'a> {
    pub(super) fn new(offer: &'a Fields<'a>) -> Self {
        Self {
            offer,
            protocol: None,
            extensions: "",
            headers: &[],
        }
    }

    /// The subprotocol to speak, one of those offered; without this call, none.
    pub fn protocol(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// The value of `Sec-WebSocket-Extensions`: what was agreed on, each one offered by the client
    /// (RFC 6455 §9.1). Empty for none.
    pub fn extensions(mut self, extensions: &'a str) -> Self {
        self.extensions = extensions;
        self
    }

    /// Further headers, as pairs of name and value.
    pub fn headers(mut self, headers: &'a [(&'a str, &'a str)]) -> Self {
        self.headers = headers;
        self
    }

    /// Appends the answer to `out`, which is the only thing that may allocate, and only if it has
    /// no room for the answer.
    ///
    /// # Errors
    /// [`ProtocolNotOffered`](MisuseError::ProtocolNotOffered),
    /// [`ExtensionNotOffered`](MisuseError::ExtensionNotOffered), and of the headers
    /// [`InvalidHeader`](MisuseError::InvalidHeader) and
    /// [`ReservedHeader`](MisuseError::ReservedHeader). Nothing is written then.
    pub fn write(self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.write_with(out, |_| {})
    }

    /// As [`write`](Self::write), with further headers that `headers` writes, as values that are made
    /// on the way.
    ///
    /// ```
    /// use wscodec::{Limits, handshake::UpgradeRequest};
    ///
    /// # let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    /// #     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    /// #     Sec-WebSocket-Version: 13\r\n\r\n";
    /// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
    /// let mut out = Vec::new();
    /// request.accept().write_with(&mut out, |headers| {
    ///     headers.add("X-Room", request.target()).add("X-Members", 7);
    /// })?;
    /// assert!(out.ends_with(b"\r\nX-Room: /chat\r\nX-Members: 7\r\n\r\n"));
    /// # Ok::<(), wscodec::ErrorKind>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`write`](Self::write).
    pub fn write_with(
        self,
        out: &mut Vec<u8>,
        headers: impl FnOnce(&mut HeaderWriter<'_>),
    ) -> Result<(), MisuseError> {
        // Dashes hold the accept key's place.
        const START: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
            Connection: Upgrade\r\nSec-WebSocket-Accept: ----------------------------";
        const PROTOCOL: &[u8] = b"\r\nSec-WebSocket-Protocol: ";
        const EXTENSIONS: &[u8] = b"\r\nSec-WebSocket-Extensions: ";

        self.check()?;
        let protocol = self.protocol.unwrap_or_default();
        out.reserve(
            START.len()
                + PROTOCOL.len()
                + protocol.len()
                + EXTENSIONS.len()
                + self.extensions.len()
                + headers_len(self.headers)
                + 4,
        );
        let begin = out.len();
        out.extend_from_slice(START);
        let place = out.len() - 28;
        out[place..].copy_from_slice(&self.key());
        if !protocol.is_empty() {
            put(out, &[PROTOCOL, protocol.as_bytes()]);
        }
        if !self.extensions.is_empty() {
            put(out, &[EXTENSIONS, self.extensions.as_bytes()]);
        }
        out.extend_from_slice(b"\r\n");
        put_headers(out, self.headers);
        HeaderWriter::end_head(out, begin, headers)
    }

    /// The `Sec-WebSocket-Accept`.
    pub(super) fn key(&self) -> [u8; 28] {
        accept_key(self.offer.key.value)
    }

    pub(super) fn check(&self) -> Result<(), MisuseError> {
        if self
            .protocol
            .is_some_and(|name| !self.offer.offers_protocol(name))
        {
            return Err(MisuseError::ProtocolNotOffered);
        }
        if !self.extensions.is_empty() {
            let chosen = [self.extensions.as_bytes()];
            let mut chosen = Extensions::new(chosen.into_iter()).peekable();
            // A list of nothing but commas is a header that a client has to reject.
            if chosen.peek().is_none() {
                return Err(MisuseError::InvalidHeader);
            }
            for extension in chosen {
                let extension = extension.map_err(|_| MisuseError::InvalidHeader)?;
                if !self.offer.offers_extension(extension.name()) {
                    return Err(MisuseError::ExtensionNotOffered);
                }
            }
        }
        check_headers(self.headers)
    }
}

/// Appends the answer that accepts a request of which the caller kept only the key (the value of
/// `Sec-WebSocket-Key`): without a subprotocol, an extension or a further header.
///
/// ```
/// let mut out = Vec::new();
/// wscodec::handshake::accept_plainly(b"dGhlIHNhbXBsZSBub25jZQ==", &mut out)?;
/// assert!(out.starts_with(b"HTTP/1.1 101 "));
/// # Ok::<(), wscodec::MisuseError>(())
/// ```
///
/// # Errors
/// The errors of [`Accept::write`].
pub fn accept_plainly(key: &[u8], out: &mut Vec<u8>) -> Result<(), MisuseError> {
    let mut offer = Fields::new(super::fields::Source::Head(&[]));
    offer.key.value = key;
    Accept::new(&offer).write(out)
}
