//! The headers that matter, gathered in one walk, and the rules they must keep (RFC 6455 §4.1,
//! §4.2.1). The walk is over names and values, so that a head in bytes and the maps of the `http`
//! crate are held to the same rules.

use super::key::{is_accept, is_key};
use crate::error::{ErrorKind, Fault, HandshakeError};
use crate::head::{
    Extensions, Field, HeadLine, HeadScanner, HeaderFields, Named, Tokens, count_extensions,
    is_host, is_token, lists,
};

/// The most extensions that an answer may name, since each is looked for in the offer.
const MAX_CHOSEN: usize = 32;

const PROTOCOLS: &str = "sec-websocket-protocol";
const EXTENSIONS: &str = "sec-websocket-extensions";

/// The most subprotocols that a request may name: they must all be different, and what that costs
/// to find out grows with the square of their number.
pub(super) const MAX_PROTOCOLS: usize = 64;

/// The values that a head has under one name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot<'h> {
    /// The first line's value.
    pub(super) value: &'h [u8],
    /// Where the last line begins: the one at fault, if there may be only one.
    pub(super) at: u32,
    pub(super) lines: u32,
}

impl<'h> Slot<'h> {
    fn add(&mut self, at: usize, value: &'h [u8]) {
        if self.lines == 0 {
            self.value = value;
        }
        self.at = at as u32;
        self.lines += 1;
    }

    /// The value, if there is exactly one line.
    pub(super) fn one(&self) -> Option<&'h [u8]> {
        (self.lines == 1).then_some(self.value)
    }

    pub(super) fn fault(&self, error: HandshakeError) -> Fault {
        ErrorKind::from(error).at(self.at.into())
    }
}

/// Where to look for the second and further lines of a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'h> {
    Head(&'h [u8]),
    #[cfg(feature = "http")]
    Map(&'h http::HeaderMap),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'h> {
    pub(super) source: Source<'h>,
    pub(super) host: Slot<'h>,
    pub(super) origin: Slot<'h>,
    pub(super) key: Slot<'h>,
    pub(super) accept: Slot<'h>,
    version: Slot<'h>,
    upgrade: Slot<'h>,
    connection: Slot<'h>,
    protocol: Slot<'h>,
    extensions: Slot<'h>,
    /// A Content-Length other than 0, or a Transfer-Encoding.
    body: Slot<'h>,
    lists_websocket: bool,
    lists_upgrade: bool,
}

impl<'h> Fields<'h> {
    pub(super) fn new(source: Source<'h>) -> Self {
        let none = Slot::default();
        Self {
            source,
            host: none,
            origin: none,
            key: none,
            accept: none,
            version: none,
            upgrade: none,
            connection: none,
            protocol: none,
            extensions: none,
            body: none,
            lists_websocket: false,
            lists_upgrade: false,
        }
    }

    /// Reads a head from all bytes so far: the head with its fields once it is whole.
    ///
    /// # Errors
    /// As [`HeadScanner::scan`].
    pub(super) fn read(
        scanner: &mut HeadScanner,
        buf: &'h [u8],
    ) -> Result<Option<(&'h [u8], Self)>, Fault> {
        let mut fields = Self::new(Source::Head(&[]));
        let in_one_piece = scanner.is_fresh();
        let Some(len) = fields.pass(scanner, buf)? else {
            return Ok(None);
        };
        fields.of_whole(scanner, &buf[..len], in_one_piece)
    }

    /// As [`read`](Self::read), and shows `look` each line once, in the call in which it becomes whole.
    ///
    /// # Errors
    /// As [`HeadScanner::scan`], and the first error of `look`, unless a fault comes before it.
    pub(super) fn read_with<E: From<Fault>>(
        scanner: &mut HeadScanner,
        buf: &'h [u8],
        mut look: impl FnMut(HeadLine<'_>) -> Result<(), E>,
    ) -> Result<Option<(&'h [u8], Self)>, E> {
        let mut fields = Self::new(Source::Head(&[]));
        let in_one_piece = scanner.is_fresh();
        if let Some(line) = scanner.scan_start(buf)? {
            look(line)?;
        }
        let mut looked = Ok(());
        let found = scanner.scan_lines(buf, |field| {
            fields.add(field);
            if looked.is_ok() {
                looked = look(HeadLine::Field(field.public()));
            }
        });
        looked?;
        let Some(len) = found? else {
            return Ok(None);
        };
        Ok(fields.of_whole(scanner, &buf[..len], in_one_piece)?)
    }

    /// The fields of a whole head.
    fn of_whole(
        mut self,
        scanner: &HeadScanner,
        head: &'h [u8],
        in_one_piece: bool,
    ) -> Result<Option<(&'h [u8], Self)>, Fault> {
        if !in_one_piece {
            // The scanner has handed out the first lines before, from a buffer that has moved.
            self = Self::new(Source::Head(&[]));
            self.pass(&mut scanner.restarted(), head)?;
        }
        self.source = Source::Head(head);
        Ok(Some((head, self)))
    }

    /// Takes in the lines that become whole.
    #[inline(never)]
    fn pass(&mut self, scanner: &mut HeadScanner, buf: &'h [u8]) -> Result<Option<usize>, Fault> {
        scanner.scan_lines(buf, |field| self.add(field))
    }

    /// Takes in a header line.
    #[inline]
    pub(super) fn add(&mut self, Field { at, name, value }: Field<'h>) {
        let slot = match name.len() {
            4 if is(name, b"host") => &mut self.host,
            6 if is(name, b"origin") => &mut self.origin,
            7 if is(name, b"upgrade") => {
                self.lists_websocket |= has(value, b"websocket");
                &mut self.upgrade
            }
            10 if is(name, b"connection") => {
                self.lists_upgrade |= has(value, b"upgrade");
                &mut self.connection
            }
            14 if is(name, b"content-length") && !is_zero(value) => &mut self.body,
            17 if is(name, b"sec-websocket-key") => &mut self.key,
            17 if is(name, b"transfer-encoding") => &mut self.body,
            20 if is(name, b"sec-websocket-accept") => &mut self.accept,
            21 if is(name, b"sec-websocket-version") => &mut self.version,
            22 if is(name, b"sec-websocket-protocol") => &mut self.protocol,
            24 if is(name, b"sec-websocket-extensions") => &mut self.extensions,
            _ => return,
        };
        slot.add(at, value);
    }

    /// The rules for a request's headers (RFC 6455 §4.2.1), in the order of their errors here.
    pub(super) fn check_request(&self) -> Result<(), Fault> {
        if !self.host.one().is_some_and(is_host) {
            return Err(self.host.fault(HandshakeError::Host));
        }
        if !self.lists_websocket {
            return Err(self.upgrade.fault(HandshakeError::UpgradeHeader));
        }
        if !self.lists_upgrade {
            return Err(self.connection.fault(HandshakeError::ConnectionHeader));
        }
        if self.version.one() != Some(b"13") {
            return Err(self.version.fault(HandshakeError::Version));
        }
        if !self.key.one().is_some_and(is_key) {
            return Err(self.key.fault(HandshakeError::Key));
        }
        if self.body.lines != 0 {
            return Err(self.body.fault(HandshakeError::Body));
        }
        if self.protocol.lines != 0 && !distinct(self.protocols()) {
            return Err(self.protocol.fault(HandshakeError::ProtocolHeader));
        }
        self.check_extensions(usize::MAX)
    }

    /// The rules for the headers of a 101 that need no knowledge of the request (RFC 6455 §4.1,
    /// items 2, 3, 5 and 6 of the client's list). `Upgrade` must be `websocket` and nothing else.
    pub(super) fn check_response(&self) -> Result<(), Fault> {
        let upgrade = self.upgrade.one();
        if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")) {
            return Err(self.upgrade.fault(HandshakeError::UpgradeHeader));
        }
        if !self.lists_upgrade {
            return Err(self.connection.fault(HandshakeError::ConnectionHeader));
        }
        if !self.accept.one().is_some_and(is_accept) {
            return Err(self.accept.fault(HandshakeError::Accept));
        }
        if self.protocol.lines != 0 && !self.protocol.one().is_some_and(is_token) {
            return Err(self.protocol.fault(HandshakeError::ProtocolHeader));
        }
        self.check_extensions(MAX_CHOSEN)
    }

    /// The fault of an answer's subprotocol or extensions.
    pub(super) fn unoffered(&self, error: HandshakeError) -> Fault {
        match error {
            HandshakeError::UnofferedProtocol => self.protocol.fault(error),
            _ => self.extensions.fault(error),
        }
    }

    /// At least one extension, at most `max`, and nothing else.
    fn check_extensions(&self, max: usize) -> Result<(), Fault> {
        if self.extensions.lines == 0 {
            return Ok(());
        }
        let malformed = self.extensions.fault(HandshakeError::ExtensionsHeader);
        let mut count = 0;
        for line in self.values(&self.extensions, EXTENSIONS) {
            count += count_extensions(line).map_err(|_| malformed)?;
        }
        match (1..=max).contains(&count) {
            true => Ok(()),
            false => Err(malformed),
        }
    }

    pub(super) fn protocols(&self) -> Tokens<'h, Values<'h>> {
        Tokens::new(self.values(&self.protocol, PROTOCOLS))
    }

    pub(super) fn extensions(&self) -> Extensions<'h, Values<'h>> {
        Extensions::new(self.values(&self.extensions, EXTENSIONS))
    }

    pub(super) fn offers_protocol(&self, name: &str) -> bool {
        self.protocols().flatten().any(|offered| offered == name)
    }

    pub(super) fn offers_extension(&self, name: &str) -> bool {
        let mut offers = self.extensions().flatten();
        offers.any(|offer| offer.name() == name)
    }

    fn values(&self, slot: &Slot<'h>, name: &'static str) -> Values<'h> {
        Values(match (slot.lines, self.source) {
            (0, _) => Lines::One(None),
            (1, _) => Lines::One(Some(slot.value)),
            (_, Source::Head(head)) => Lines::Head(HeaderFields::of(head).named(name)),
            #[cfg(feature = "http")]
            (_, Source::Map(map)) => Lines::Map(map.get_all(name).iter()),
        })
    }
}

/// The values of all header lines of one name.
#[derive(Debug)]
pub(super) struct Values<'h>(Lines<'h>);

#[derive(Debug)]
enum Lines<'h> {
    One(Option<&'h [u8]>),
    Head(Named<'h, 'static>),
    #[cfg(feature = "http")]
    Map(http::header::ValueIter<'h, http::HeaderValue>),
}

impl<'h> Iterator for Values<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        match &mut self.0 {
            Lines::One(value) => value.take(),
            Lines::Head(named) => named.next(),
            #[cfg(feature = "http")]
            Lines::Map(values) => Some(values.next()?.as_bytes()),
        }
    }
}

/// Whether a token is this name of small letters and dashes, in any case. Setting the bit of small
/// letters makes those only from letters, and a dash only from a dash or CR, which is in no token.
#[inline]
fn is<const N: usize>(token: &[u8], name: &[u8; N]) -> bool {
    let differs = |token: &[u8; N]| {
        token
            .iter()
            .zip(name)
            .fold(0, |all, (a, b)| all | ((a | 0x20) ^ b))
    };
    token
        .first_chunk::<N>()
        .is_some_and(|token| differs(token) == 0)
}

/// Whether a list has a member of small letters, which is nearly always the only one.
#[inline]
fn has<const N: usize>(value: &[u8], member: &[u8; N]) -> bool {
    (value.len() == N && is(value, member)) || lists(value, member)
}

/// `Content-Length: 0` announces no body; whatever else is there does, or is not understood.
fn is_zero(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|&b| b == b'0')
}

/// Whether there is at least one token, nothing but tokens, no two the same, and not more than
/// [`MAX_PROTOCOLS`].
fn distinct<'h>(tokens: Tokens<'h, Values<'h>>) -> bool {
    let mut seen = [""; MAX_PROTOCOLS];
    let mut count = 0;
    for token in tokens {
        match token {
            Ok(token) if count < MAX_PROTOCOLS && !seen[..count].contains(&token) => {
                seen[count] = token;
                count += 1;
            }
            _ => return false,
        }
    }
    count != 0
}
