//! A client's request, and the session that begins when the server accepts.

use alloc::vec::Vec;

use super::{In, Out, Session, SessionOptions};
use crate::Limits;
use crate::error::{ErrorKind, Fault, LimitError, MisuseError};
use crate::frame::Role;
use crate::handshake::{ClientRequest, Nonce, UpgradeResponse, UpgradeResponseReader};
use crate::head::HeadLine;
use crate::message::MaskSource;

#[cfg(feature = "deflate")]
use crate::deflate;

/// A client's opening handshake.
///
/// ```
/// use wscodec::session::{SessionOptions, Connect};
///
/// // 16 bytes that can't be guessed, new for each connection.
/// let mut connect = Connect::new("example.com", "/chat", *b"the sample nonce")
///     .protocols(&["chat"])
///     .headers(&[("Authorization", "Bearer 1234")]);
/// let mut out = Vec::new();
/// connect.write(&mut out)?;
///
/// let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
///     Sec-WebSocket-Protocol: chat\r\n\r\n\x81\x02hi";
/// assert!(connect.read(&answer[..50])?.is_none());
/// let connected = connect.read(answer)?.expect("a whole answer");
/// assert_eq!(connected.response().protocol(), Some("chat"));
/// let session = connected.session(|| [1, 2, 3, 4], &SessionOptions::default());
/// assert_eq!(answer[connected.head_len()..], *b"\x81\x02hi", "frames already");
/// # Ok::<(), wscodec::ErrorKind>(())
/// ```
#[derive(Clone, Debug)]
pub struct Connect<'a> {
    host: &'a str,
    path: &'a str,
    nonce: Nonce,
    protocols: &'a [&'a str],
    headers: &'a [(&'a str, &'a str)],
    extensions: &'a str,
    #[cfg(feature = "deflate")]
    deflate: Option<deflate::DeflateOptions>,
    limits: Limits,
    reader: UpgradeResponseReader,
    /// The length of the interim responses in bytes.
    skipped: usize,
}

impl<'a> Connect<'a> {
    /// Creates a request to `host` (with its port, unless it is the default of the scheme) for `path`
    /// (with its query; it begins with `/`). It offers compression with the default parameters.
    pub fn new(host: &'a str, path: &'a str, nonce: impl Into<Nonce>) -> Self {
        Self {
            host,
            path,
            nonce: nonce.into(),
            protocols: &[],
            headers: &[],
            extensions: "",
            #[cfg(feature = "deflate")]
            deflate: Some(deflate::DeflateOptions::DEFAULT),
            limits: Limits::DEFAULT,
            reader: UpgradeResponseReader::new(&Limits::DEFAULT),
            skipped: 0,
        }
    }

    /// The subprotocols to offer, in the order of preference.
    #[must_use]
    pub fn protocols(self, protocols: &'a [&'a str]) -> Self {
        Self { protocols, ..self }
    }

    /// Additional headers, such as `Origin`, `Cookie` and `Authorization`.
    #[must_use]
    pub fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    /// The value of `Sec-WebSocket-Extensions` for extensions that the caller implements, in place of
    /// compression; empty for none. [`UpgradeResponse::extensions`] has those that the server chose;
    /// [`Session::new`] then makes the session.
    #[must_use]
    pub fn extensions(self, extensions: &'a str) -> Self {
        Self { extensions, ..self }
    }

    /// The compression to offer. `None` offers none.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(self, deflate: Option<deflate::DeflateOptions>) -> Self {
        Self { deflate, ..self }
    }

    /// The limits for the head of the response.
    #[must_use]
    pub fn limits(self, limits: &Limits) -> Self {
        Self {
            limits: *limits,
            reader: UpgradeResponseReader::new(limits),
            ..self
        }
    }

    /// Appends the request to `out`.
    ///
    /// # Errors
    /// The errors of [`ClientRequest::write`].
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.with_request(|request| request.write(out))
    }

    /// Reads the response. `buf` has all bytes from the first byte of the response on; the function
    /// reads those that are new since the last call. Returns `None` until the head is complete.
    /// Interim responses (100 to 199, except 101) are skipped.
    ///
    /// # Errors
    /// The errors of [`UpgradeResponseReader::read`], [`ClientRequest::check`] and
    /// [`deflate::DeflateOffer::check`](crate::deflate::DeflateOffer::check). After
    /// [`HandshakeError::Status`](crate::HandshakeError::Status), [`rejection`](Self::rejection)
    /// returns the response. Close the connection after any error.
    pub fn read<'h>(&mut self, buf: &'h [u8]) -> Result<Option<Connected<'h>>, Fault> {
        self.read_with(buf, |_| Ok(()))
    }

    /// Like [`read`](Self::read), and calls `look` once for each line of the response, in the call in
    /// which the line becomes complete; also for lines of interim responses.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), and the first error of `look`.
    pub fn read_with<'h, E: From<Fault>>(
        &mut self,
        buf: &'h [u8],
        mut look: impl FnMut(HeadLine<'_>) -> Result<(), E>,
    ) -> Result<Option<Connected<'h>>, E> {
        let response = loop {
            let Some(response) = self.reader.read_with(&buf[self.skipped..], &mut look)? else {
                return Ok(None);
            };
            match response.status() {
                101 | 200.. => break response,
                _ => self.skipped += response.head_len(),
            }
            if self.skipped > self.limits.head {
                let error = ErrorKind::from(LimitError::HeadTooLarge);
                return Err(error.at(self.skipped as u64).into());
            }
            self.reader = UpgradeResponseReader::new(&self.limits);
        };
        let skipped = self.skipped as u64;
        let moved = |fault: Fault| fault.error.at(fault.offset + skipped);
        self.with_request(|request| request.check(&response))
            .map_err(moved)?;
        #[cfg(feature = "deflate")]
        let deflate = match self.compression() {
            Some(config) => {
                let agreed = config.offer().check(response.extensions());
                let agreed = agreed.map_err(|error| ErrorKind::from(error).at(skipped))?;
                agreed.map(|agreed| (agreed, config))
            }
            None => None,
        };
        Ok(Some(Connected {
            response,
            head_len: self.skipped + response.head_len(),
            #[cfg(feature = "deflate")]
            deflate,
        }))
    }

    /// The response of a server that rejected the request, read from the bytes that
    /// [`read`](Self::read) got; and the bytes after its head, which begin its
    /// [body](crate::handshake::BodyReader).
    pub fn rejection<'h>(&self, buf: &'h [u8]) -> Option<(UpgradeResponse<'h>, &'h [u8])> {
        let bytes = buf.get(self.skipped..)?;
        let response = UpgradeResponse::parse(bytes, &self.limits).ok().flatten()?;
        Some((response, &bytes[response.head_len()..]))
    }

    /// The offered compression.
    #[cfg(feature = "deflate")]
    fn compression(&self) -> Option<deflate::DeflateOptions> {
        self.deflate.filter(|_| self.extensions.is_empty())
    }

    fn with_request<R>(&self, f: impl FnOnce(&ClientRequest<'_>) -> R) -> R {
        #[cfg(feature = "deflate")]
        let header = self.compression().map(|config| config.offer().header());
        #[cfg(feature = "deflate")]
        let extensions = match &header {
            Some(header) => header.as_str(),
            None => self.extensions,
        };
        #[cfg(not(feature = "deflate"))]
        let extensions = self.extensions;
        let request = ClientRequest::new(self.host, self.path, self.nonce)
            .protocols(self.protocols)
            .extensions(extensions)
            .headers(self.headers);
        f(&request)
    }
}

/// A server's response that is valid and matches the request.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'h> {
    response: UpgradeResponse<'h>,
    head_len: usize,
    #[cfg(feature = "deflate")]
    deflate: Option<(deflate::AgreedDeflate, deflate::DeflateOptions)>,
}

impl<'h> Connected<'h> {
    /// The response: its subprotocol, extensions and headers.
    pub fn response(&self) -> &UpgradeResponse<'h> {
        &self.response
    }

    /// The length of the response in bytes. The bytes after it are frames of the server.
    pub fn head_len(&self) -> usize {
        self.head_len
    }

    /// The agreed compression parameters; `None` without compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<deflate::AgreedDeflate> {
        self.deflate.map(|(agreed, _)| agreed)
    }

    /// Creates the session that begins after the response. Its offsets continue from there.
    pub fn session<M: MaskSource>(&self, keys: M, config: &SessionOptions) -> Session<M, In, Out> {
        #[cfg(feature = "deflate")]
        let (inbound, outbound) = match &self.deflate {
            Some((agreed, deflate)) => (
                deflate::Decompressor::new(agreed, &config.limits).into(),
                deflate::Compressor::new(agreed, deflate).into(),
            ),
            None => (In::default(), Out::default()),
        };
        #[cfg(not(feature = "deflate"))]
        let (inbound, outbound) = (In::default(), Out::default());
        Session::new(Role::Client, keys, inbound, outbound, config)
            .with_offset(self.head_len as u64)
    }
}
