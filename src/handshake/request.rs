//! Reading a client's request (RFC 6455 §4.2.1).

use alloc::borrow::Cow;
use core::ops::Range;

use super::accept::Accept;
use super::fields::{Fields, Slot, Values};
use super::origin::Origin;
use super::reject::Rejection;
use crate::error::{ErrorKind, Fault, HandshakeError};
use crate::head::{
    Cookies, Extension, Extensions, HeadLine, HeadScanner, HeaderFields, Named, Tokens, absolute,
    is_host, malformed, split_target, value_offset,
};
use crate::limits::Limits;

/// Reads a request's head from bytes that come in pieces.
///
/// Give it all bytes buffered so far after each read. The work over all calls is linear in the
/// bytes, even if they come one at a time.
///
/// ```
/// use wscodec::{Limits, handshake::UpgradeRequestReader};
///
/// let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
///     Sec-WebSocket-Version: 13\r\n\r\n\x81\x80....";
/// let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
/// assert!(reader.read(&bytes[..100])?.is_none(), "not all is there yet");
///
/// let request = reader.read(bytes)?.expect("now it is");
/// assert_eq!(request.target(), "/chat");
/// assert_eq!(bytes[request.head_len()..], *b"\x81\x80....", "a frame already");
/// # Ok::<(), wscodec::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpgradeRequestReader {
    scanner: HeadScanner,
}

impl UpgradeRequestReader {
    /// A reader at the head's first byte, with [`Limits::head`] and [`Limits::headers`].
    pub fn new(limits: &Limits) -> Self {
        Self {
            scanner: HeadScanner::request(limits),
        }
    }

    /// Looks at the bytes that came since the last call; `buf` holds all of them from the head's
    /// first byte on. `None` as long as the head is not whole.
    ///
    /// # Errors
    /// What [`HeadScanner::scan`] rejects, at the first byte that can't be, before the head is
    /// whole. A whole head that is no acceptable request fails with the [`HandshakeError`] of the
    /// first rule it breaks, in the order: method, HTTP version, target, Host, Upgrade,
    /// Connection, Sec-WebSocket-Version, Sec-WebSocket-Key, body, subprotocols, extensions. Its
    /// offset is that of the header line at fault (the last one, if there are too many), and 0 if
    /// there is none or the request line is at fault.
    ///
    /// [`Rejection::of`] turns any of these into the answer to send.
    pub fn read<'h>(&mut self, buf: &'h [u8]) -> Result<Option<UpgradeRequest<'h>>, Fault> {
        match Fields::read(&mut self.scanner, buf)? {
            Some((head, fields)) => self.request(head, fields).map(Some),
            None => Ok(None),
        }
    }

    /// As [`read`](Self::read), and shows `look` each line of the head once, in the call in which it
    /// becomes whole: to reject a request by its target, its host or a cookie while the rest of the
    /// head still arrives. After an error the reader is of no more use.
    ///
    /// ```
    /// use wscodec::head::HeadLine;
    /// use wscodec::{HandshakeError, Limits, handshake::UpgradeRequestReader};
    ///
    /// let mut reader = UpgradeRequestReader::new(&Limits::DEFAULT);
    /// let begun = b"GET / HTTP/1.1\r\nHost: example.org\r\nCookie: a";
    /// let result = reader.read_with(begun, |line| match line {
    ///     HeadLine::Field(field) if field.is("host") && field.value != b"example.com" => {
    ///         Err(wscodec::ErrorKind::from(HandshakeError::HostNotAllowed))
    ///     }
    ///     _ => Ok(()),
    /// });
    /// assert_eq!(result.unwrap_err(), HandshakeError::HostNotAllowed.into());
    /// ```
    ///
    /// # Errors
    /// As for [`read`](Self::read), and the first error of `look`.
    pub fn read_with<'h, E: From<Fault>>(
        &mut self,
        buf: &'h [u8],
        look: impl FnMut(HeadLine<'_>) -> Result<(), E>,
    ) -> Result<Option<UpgradeRequest<'h>>, E> {
        match Fields::read_with(&mut self.scanner, buf, look)? {
            Some((head, fields)) => Ok(Some(self.request(head, fields)?)),
            None => Ok(None),
        }
    }

    fn request<'h>(&self, head: &'h [u8], fields: Fields<'h>) -> Result<UpgradeRequest<'h>, Fault> {
        let start = self.scanner.start();
        let target = head.get(start.method_end + 1..start.target_end);
        let target = target.and_then(|target| core::str::from_utf8(target).ok());
        let mut request = UpgradeRequest {
            head,
            target: target.unwrap_or_default(),
            target_end: start.target_end,
            fields,
        };
        request.check(&head[..start.method_end], start.minor)?;
        Ok(request)
    }
}

/// A request that keeps all rules of RFC 6455 §4.2.1, as a view on the bytes where they lie.
///
/// Look at whatever decides (target, host, origin, cookies), then [`accept`](Self::accept) it or
/// [reject](Rejection::new) it.
#[derive(Clone, Copy, Debug)]
pub struct UpgradeRequest<'h> {
    head: &'h [u8],
    target: &'h str,
    /// Where the target ends in the head.
    target_end: usize,
    fields: Fields<'h>,
}

impl<'h> UpgradeRequest<'h> {
    /// Reads a request from bytes that are all there is, such as a recording. `None` if the head
    /// is not whole.
    ///
    /// # Errors
    /// As [`UpgradeRequestReader::read`].
    pub fn parse(bytes: &'h [u8], limits: &Limits) -> Result<Option<Self>, Fault> {
        UpgradeRequestReader::new(limits).read(bytes)
    }

    /// The request's target as it was sent: a path with its query, or an absolute URI
    /// (RFC 9112 §3.2). Visible ASCII only.
    pub fn target(&self) -> &'h str {
        self.target
    }

    /// The path of the target, without its query: at least `/`, also for an absolute URI without a
    /// path (RFC 9110 §4.2.3).
    pub fn path(&self) -> &'h str {
        split_target(self.target).0
    }

    /// The query of the target: the bytes behind the first `?`. `None` if there is no `?`.
    pub fn query(&self) -> Option<&'h str> {
        split_target(self.target).1
    }

    /// The path with its query, such as `/chat?room=1`. The path and the query of
    /// `ws://example.com?a=1` are `/?a=1`. Only an absolute URI with a query and no path makes this
    /// call allocate.
    pub fn path_and_query(&self) -> Cow<'h, str> {
        match self.sent_path() {
            "" => "/".into(),
            path if path.starts_with('/') => path.into(),
            query => ["/", query].concat().into(),
        }
    }

    /// The path with its query as it was sent, a slice of the target: of an absolute URI, this may
    /// be empty or begin with the `?` of the query. See [`path_and_query`](Self::path_and_query).
    pub fn sent_path(&self) -> &'h str {
        absolute(self.target).map_or(self.target, |(_, path)| path)
    }

    /// The place of [`sent_path`](Self::sent_path) in [`head`](Self::head).
    pub fn sent_path_range(&self) -> Range<usize> {
        // The path with its query is the end of the target in both forms.
        self.target_end - self.sent_path().len()..self.target_end
    }

    /// The host that the request is for: a name or address, and a port if it is not the scheme's.
    ///
    /// This is the value of `Host`, or the authority of the target if the target is an absolute
    /// URI: a server must ignore `Host` then (RFC 9112 §3.2.2).
    pub fn host(&self) -> &'h str {
        core::str::from_utf8(self.fields.host.value).unwrap_or_default()
    }

    /// The place of [`host`](Self::host) in [`head`](Self::head).
    pub fn host_range(&self) -> Range<usize> {
        match absolute(self.target) {
            // The authority is directly before the path.
            Some((authority, _)) => {
                let end = self.sent_path_range().start;
                end - authority.len()..end
            }
            None => self.value_range(&self.fields.host, "host"),
        }
    }

    /// The value of `Origin`, which browsers always send; the first if there are several. See
    /// [`check_origin`](Self::check_origin).
    pub fn origin(&self) -> Option<&'h [u8]> {
        let origin = &self.fields.origin;
        (origin.lines != 0).then_some(origin.value)
    }

    /// The value of `Sec-WebSocket-Key`, 24 bytes.
    pub fn key(&self) -> &'h [u8] {
        self.fields.key.value
    }

    /// The place of [`key`](Self::key) in [`head`](Self::head), for callers that keep offsets instead
    /// of slices.
    ///
    /// ```
    /// use wscodec::{Limits, handshake::UpgradeRequest};
    ///
    /// let bytes = b"GET /chat HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\n\
    ///     Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    ///     Sec-WebSocket-Version: 13\r\n\r\n";
    /// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
    /// assert_eq!(&bytes[request.key_range()], b"dGhlIHNhbXBsZSBub25jZQ==");
    /// assert_eq!(&bytes[request.host_range()], b"example.com");
    /// assert_eq!(&bytes[request.sent_path_range()], b"/chat");
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    pub fn key_range(&self) -> Range<usize> {
        self.value_range(&self.fields.key, "sec-websocket-key")
    }

    /// The subprotocols that the client offers, most wanted first; all lines as one list.
    pub fn protocols(&self) -> impl Iterator<Item = &'h str> + 'h {
        Offered(self.fields.protocols())
    }

    /// The first subprotocol of the client's list that is among `supported`.
    pub fn select_protocol(&self, supported: &[&str]) -> Option<&'h str> {
        self.protocols().find(|offered| supported.contains(offered))
    }

    /// The extensions that the client offers, most wanted first; all lines as one list.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'h>> + 'h {
        OfferedExtensions(self.fields.extensions())
    }

    /// The cookies of all `Cookie` headers, by the default [rules](crate::head::CookieRules).
    ///
    /// ```
    /// use wscodec::{Limits, handshake::UpgradeRequest};
    ///
    /// let bytes = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    ///     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    ///     Cookie: theme=dark; session=31d4d96e\r\n\r\n";
    /// let request = UpgradeRequest::parse(bytes, &Limits::DEFAULT)?.expect("a whole head");
    /// assert_eq!(request.cookies().value_of(b"session"), Some(&b"31d4d96e"[..]));
    /// # Ok::<(), wscodec::Fault>(())
    /// ```
    pub fn cookies(&self) -> Cookies<'h, Named<'h, 'static>> {
        Cookies::new(self.headers().named("cookie"))
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

    /// How many bytes the head took. What follows in the buffer are the client's frames.
    pub fn head_len(&self) -> usize {
        self.head.len()
    }

    /// Checks that the [host](Self::host) is one of those that this server is reached by, which
    /// defends [`Origin::SameHost`] against DNS rebinding; see
    /// [`Policy::allowed_hosts`](crate::session::Policy::allowed_hosts) for the attack.
    ///
    /// An entry is a name or an address: `"example.com"`, `"127.0.0.1"`, `"[::1]"`. It allows the
    /// host with any port. With a port (`"example.com:8080"`) it allows that port only; a request
    /// that names no port has the port of its scheme, 80 or 443. Names are compared in any case,
    /// and subdomains are not included.
    ///
    /// # Errors
    /// [`HandshakeError::HostNotAllowed`] at the header line, status 421.
    pub fn check_host(&self, allowed: &[&str]) -> Result<(), Fault> {
        super::host::check(&self.fields, allowed)
    }

    /// Holds the request's `Origin` against a policy.
    ///
    /// # Errors
    /// [`HandshakeError::Origin`] at the header line.
    pub fn check_origin(&self, policy: Origin<'_>) -> Result<(), Fault> {
        super::origin::check(&self.fields, policy)
    }

    /// Begins the answer that accepts the request.
    pub fn accept(&self) -> Accept<'_> {
        Accept::new(&self.fields)
    }

    /// Begins an answer that rejects the request; the same as [`Rejection::new`].
    pub fn reject<'a>(&self, status: u16) -> Rejection<'a> {
        Rejection::new(status)
    }

    /// The place of the value of a header that the head has once, with this name in any case.
    fn value_range(&self, slot: &Slot<'_>, name: &str) -> Range<usize> {
        let at = slot.at as usize;
        let line = self.head.get(at..).unwrap_or_default();
        let start = at + value_offset(line, name.len());
        start..start + slot.value.len()
    }

    pub(super) fn fields(&self) -> &Fields<'h> {
        &self.fields
    }

    fn check(&mut self, method: &[u8], minor: u8) -> Result<(), Fault> {
        if method != b"GET" {
            return Err(ErrorKind::from(HandshakeError::Method).at(0));
        }
        if minor != 1 {
            return Err(ErrorKind::from(HandshakeError::HttpVersion).at(0));
        }
        if self.target.starts_with('/') {
            return self.fields.check_request();
        }
        // A user name in front of the host is an error too (RFC 9110 §4.2.4).
        let authority = match absolute(self.target) {
            Some((authority, _)) if is_host(authority.as_bytes()) => authority,
            _ => return Err(malformed(4)),
        };
        self.fields.check_request()?;
        self.fields.host.value = authority.as_bytes();
        Ok(())
    }
}

/// The members of a list that was checked: a malformed one can't come.
#[derive(Debug)]
pub(super) struct Offered<'h>(pub(super) Tokens<'h, Values<'h>>);

impl<'h> Iterator for Offered<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<&'h str> {
        self.0.next()?.ok()
    }
}

/// As [`Offered`], for extensions.
#[derive(Debug)]
pub(super) struct OfferedExtensions<'h>(pub(super) Extensions<'h, Values<'h>>);

impl<'h> Iterator for OfferedExtensions<'h> {
    type Item = Extension<'h>;

    fn next(&mut self) -> Option<Extension<'h>> {
        self.0.next()?.ok()
    }
}
