//! The request of a client, and the session that begins when the server agrees.

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
    /// Bytes of interim answers.
    skipped: usize,
}

impl<'a> Connect<'a> {
    /// To `host` (with its port, if it is not the scheme's) for `path` (with its query; it begins
    /// with `/`). Compression is offered with the defaults.
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

    /// The subprotocols to offer, most wanted first.
    #[must_use]
    pub fn protocols(self, protocols: &'a [&'a str]) -> Self {
        Self { protocols, ..self }
    }

    /// Further headers: `Origin`, `Cookie`, `Authorization`.
    #[must_use]
    pub fn headers(self, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    /// Extensions of the caller's to offer, as a value of `Sec-WebSocket-Extensions`, in place of
    /// compression; empty for none. Which of them the server chose,
    /// [`UpgradeResponse::extensions`] tells, and the session then is made by [`Session::new`].
    #[must_use]
    pub fn extensions(self, extensions: &'a str) -> Self {
        Self { extensions, ..self }
    }

    /// The compression to offer; `None` for none.
    #[cfg(feature = "deflate")]
    #[must_use]
    pub fn deflate(self, deflate: Option<deflate::DeflateOptions>) -> Self {
        Self { deflate, ..self }
    }

    /// The limits for the answer's head.
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
    /// As for [`ClientRequest::write`].
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), MisuseError> {
        self.with_request(|request| request.write(out))
    }

    /// Looks at the bytes that came since the last call; `buf` holds all of them from the answer's
    /// first byte on. `None` as long as the head is not whole. Interim answers (100–199 but for
    /// 101) are passed over.
    ///
    /// # Errors
    /// As for [`UpgradeResponseReader::read`], [`ClientRequest::check`] and
    /// [`deflate::DeflateOffer::check`](crate::deflate::DeflateOffer::check). After
    /// [`HandshakeError::Status`](crate::HandshakeError::Status), [`rejection`](Self::rejection) tells
    /// what the server said. After any error the connection is to be closed.
    pub fn read<'h>(&mut self, buf: &'h [u8]) -> Result<Option<Connected<'h>>, Fault> {
        self.read_with(buf, |_| Ok(()))
    }

    /// As [`read`](Self::read), and shows `look` each line of the answer once, in the call in which it
    /// becomes whole; those of interim answers too.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and the first error of `look`.
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

    /// The answer of a server that rejected, in the bytes that [`read`](Self::read) was given, and
    /// the bytes behind its head, in which its [body](crate::handshake::BodyReader) begins.
    pub fn rejection<'h>(&self, buf: &'h [u8]) -> Option<(UpgradeResponse<'h>, &'h [u8])> {
        let bytes = buf.get(self.skipped..)?;
        let response = UpgradeResponse::parse(bytes, &self.limits).ok().flatten()?;
        Some((response, &bytes[response.head_len()..]))
    }

    /// The compression that is offered.
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

/// A server's answer that keeps all rules and fits the request.
#[derive(Clone, Copy, Debug)]
pub struct Connected<'h> {
    response: UpgradeResponse<'h>,
    head_len: usize,
    #[cfg(feature = "deflate")]
    deflate: Option<(deflate::AgreedDeflate, deflate::DeflateOptions)>,
}

impl<'h> Connected<'h> {
    /// The answer: its subprotocol, extensions and headers.
    pub fn response(&self) -> &UpgradeResponse<'h> {
        &self.response
    }

    /// How many bytes the answer took. What follows in the buffer are the server's frames.
    pub fn head_len(&self) -> usize {
        self.head_len
    }

    /// The agreement on compression.
    #[cfg(feature = "deflate")]
    pub fn deflate(&self) -> Option<deflate::AgreedDeflate> {
        self.deflate.map(|(agreed, _)| agreed)
    }

    /// The session that begins behind the answer: its offsets count on from there.
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
