//! Reading a server's answer (RFC 6455 §4.1).

use core::ops::Range;

use super::fields::Fields;
use super::key::accept_key;
use super::request::{Offered, OfferedExtensions, UpgradeRequest};
use crate::error::{ErrorKind, Fault, HandshakeError};
use crate::head::{Extension, HeadLine, HeadScanner, HeaderFields};
use crate::limits::Limits;

/// Reads the head of a server's answer from bytes that come in pieces, as
/// [`UpgradeRequestReader`](super::UpgradeRequestReader) does a request's.
///
/// ```
/// use wscodec::{Limits, handshake::UpgradeResponseReader};
///
/// let bytes = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
/// let mut reader = UpgradeResponseReader::new(&Limits::DEFAULT);
/// assert!(reader.read(&bytes[..20])?.is_none());
/// let response = reader.read(bytes)?.expect("the head is whole");
/// assert_eq!((response.status(), response.reason()), (403, &b"Forbidden"[..]));
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpgradeResponseReader {
    scanner: HeadScanner,
}

impl UpgradeResponseReader {
    /// A reader at the head's first byte, with [`Limits::head`] and [`Limits::headers`].
    pub fn new(limits: &Limits) -> Self {
        Self {
            scanner: HeadScanner::response(limits),
        }
    }

    /// Looks at the bytes that came since the last call; `buf` holds all of them from the head's
    /// first byte on. `None` as long as the head is not whole.
    ///
    /// The answer may be anything well-formed, a rejection too: hold it against the rules with
    /// [`ClientRequest::check`](super::ClientRequest::check) or [`UpgradeResponse::check`].
    ///
    /// # Errors
    /// What [`HeadScanner::scan`] rejects, at the first byte that can't be.
    pub fn read<'h>(&mut self, buf: &'h [u8]) -> Result<Option<UpgradeResponse<'h>>, Fault> {
        let found = Fields::read(&mut self.scanner, buf)?;
        Ok(found.map(|(head, fields)| self.response(head, fields)))
    }

    /// As [`read`](Self::read), and shows `look` each line of the head once, in the call in which it
    /// becomes whole. After an error the reader is of no more use.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and the first error of `look`.
    pub fn read_with<'h, E: From<Fault>>(
        &mut self,
        buf: &'h [u8],
        look: impl FnMut(HeadLine<'_>) -> Result<(), E>,
    ) -> Result<Option<UpgradeResponse<'h>>, E> {
        let found = Fields::read_with(&mut self.scanner, buf, look)?;
        Ok(found.map(|(head, fields)| self.response(head, fields)))
    }

    fn response<'h>(&self, head: &'h [u8], fields: Fields<'h>) -> UpgradeResponse<'h> {
        let start = self.scanner.start();
        UpgradeResponse {
            head,
            status: start.status,
            version: start.minor,
            fields,
        }
    }
}

/// A server's answer, as a view on the bytes where they lie: a 101 or a rejection.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeResponse<'h> {
    head: &'h [u8],
    status: u16,
    version: u8,
    fields: Fields<'h>,
}

impl<'h> UpgradeResponse<'h> {
    /// Reads an answer from bytes that are all there is, such as a recording. `None` if the head
    /// is not whole.
    ///
    /// # Errors
    /// As [`UpgradeResponseReader::read`].
    pub fn parse(bytes: &'h [u8], limits: &Limits) -> Result<Option<Self>, Fault> {
        UpgradeResponseReader::new(limits).read(bytes)
    }

    /// The status: 101 if the server switched, a redirect (300–399, see the `Location` header;
    /// nothing here follows it), or another rejection. An interim answer (100–199) is followed by
    /// another head, for a new reader.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The reason phrase as it was sent; often empty.
    pub fn reason(&self) -> &'h [u8] {
        &self.head[self.reason_range()]
    }

    /// The place of [`reason`](Self::reason) in [`head`](Self::head), for callers that keep offsets
    /// instead of slices.
    ///
    /// ```
    /// use wscodec::{Limits, handshake::UpgradeResponse};
    ///
    /// let bytes = b"HTTP/1.1 403 Forbidden\r\n\r\n";
    /// let response = UpgradeResponse::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
    /// assert_eq!(&bytes[response.reason_range()], b"Forbidden");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    pub fn reason_range(&self) -> Range<usize> {
        let line = self.head.iter().position(|&b| b == b'\r').unwrap_or(0);
        // A status line may end behind the status, without the space.
        "HTTP/1.1 101 ".len().min(line)..line
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&'h str> {
        Offered(self.fields.protocols()).next()
    }

    /// The extensions that the server chose; all lines as one list.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'h>> + 'h {
        OfferedExtensions(self.fields.extensions())
    }

    /// The first value of the header with that name, in any case.
    pub fn header(&self, name: &str) -> Option<&'h [u8]> {
        self.headers().named(name).next()
    }

    /// All header lines, in their order.
    pub fn headers(&self) -> HeaderFields<'h> {
        HeaderFields::of(self.head)
    }

    /// The head's bytes, with the empty line that ends it.
    pub fn head(&self) -> &'h [u8] {
        self.head
    }

    /// How many bytes the head took. What follows in the buffer are the server's frames after a
    /// 101, and a body after a rejection.
    pub fn head_len(&self) -> usize {
        self.head.len()
    }

    /// Holds the answer against the rules of RFC 6455 §4.1, as an onlooker who may have seen the
    /// request. Without it, the accept key can't be known and any well-formed one passes, as does
    /// any subprotocol and any extension.
    ///
    /// # Errors
    /// The [`HandshakeError`] of the first rule broken, in the order: status, HTTP version,
    /// Upgrade, Connection, the form of Sec-WebSocket-Accept, of the subprotocol and of the
    /// extensions, then whether each fits the request. The offset is that of the header line at
    /// fault (the last one, if there are too many), and 0 if there is none or the status line is
    /// at fault. An answer with more than 32 extensions counts as malformed.
    pub fn check(&self, request: Option<&UpgradeRequest<'_>>) -> Result<(), Fault> {
        match request {
            None => self.check_form(),
            Some(request) => {
                let offer = request.fields();
                self.check_against(
                    request.key(),
                    |name| offer.offers_protocol(name),
                    |name| offer.offers_extension(name),
                )
            }
        }
    }

    pub(super) fn check_against(
        &self,
        key: &[u8],
        offers_protocol: impl Fn(&str) -> bool,
        offers_extension: impl Fn(&str) -> bool,
    ) -> Result<(), Fault> {
        self.check_form()?;
        if self.fields.accept.value != accept_key(key) {
            return Err(self.fields.accept.fault(HandshakeError::Accept));
        }
        if !self.protocol().is_none_or(offers_protocol) {
            return Err(self.fields.unoffered(HandshakeError::UnofferedProtocol));
        }
        if !self
            .extensions()
            .all(|chosen| offers_extension(chosen.name()))
        {
            return Err(self.fields.unoffered(HandshakeError::UnofferedExtension));
        }
        Ok(())
    }

    fn check_form(&self) -> Result<(), Fault> {
        if self.status != 101 {
            return Err(ErrorKind::from(HandshakeError::Status).at(0));
        }
        if self.version != 1 {
            return Err(ErrorKind::from(HandshakeError::HttpVersion).at(0));
        }
        self.fields.check_response()
    }
}
