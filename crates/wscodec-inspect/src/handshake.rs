//! The opening handshake as an onlooker sees it (RFC 6455 §4; RFC 8441 §5 over HTTP/2): reported with
//! its violations, and its meaning for the frames behind it.
//!
//! The rules are the core's: its readers say which one is broken first, and this file adds the value
//! that was found and the one that was expected.

use std::borrow::Cow;

use wscodec::deflate::{self, AgreedDeflate, DeflateAnswer, DeflateOffer};
use wscodec::frame::{RawHeader, Role, Rsv, Rules};
use wscodec::handshake::{UpgradeRequest, UpgradeResponse, accept_key};
use wscodec::head::{Extensions, HeaderFields};
use wscodec::{ErrorKind, HandshakeError, Limits};

use crate::context::Context;
use crate::event::{
    CapturedHandshake, CapturedHead, Direction, HeadField, InspectEvent, Location, Violation,
};
use crate::frames::Agreement;

/// Bytes of a value that a fault shows.
const MOST: usize = 256;

/// A head that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The head as HTTP/1.1 sends it. That of a list of fields is translated, so that the rules of the
    /// core apply to it.
    pub(crate) bytes: Vec<u8>,
    /// The list, if the head was sent as one.
    list: Option<List>,
    pub(crate) location: Location,
}

#[derive(Clone, Debug)]
struct List {
    start: [Vec<u8>; 3],
    fields: Vec<HeadField>,
}

impl Sent {
    /// A head of HTTP/1.1.
    pub(crate) fn text(bytes: Vec<u8>, location: Location) -> Self {
        Self {
            bytes,
            list: None,
            location,
        }
    }

    /// A request that is a list of fields. Over HTTP/2 it has no key, because nothing there could
    /// mistake it for another protocol (RFC 8441 §5); [`Sent::response`] answers the same key.
    pub(crate) fn request(
        [method, target, version]: [&[u8]; 3],
        fields: Vec<HeadField>,
        location: Location,
    ) -> Self {
        let find = |name: &str| {
            let field = fields
                .iter()
                .find(|it| it.0.eq_ignore_ascii_case(name.as_bytes()));
            field.map(|it| &it.1[..])
        };
        let mut bytes = Vec::new();
        let extended = method == b"CONNECT" && find(":protocol").is_some();
        let shown = if extended { b"GET" } else { method };
        put_line(&[shown, target, b"HTTP/1.1"], &mut bytes);
        if let Some(authority) = find(":authority") {
            put_field(b"Host", authority, &mut bytes);
        }
        if let Some(protocol) = find(":protocol") {
            put_field(b"Upgrade", protocol, &mut bytes);
            put_field(b"Connection", b"Upgrade", &mut bytes);
            put_field(b"Sec-WebSocket-Key", KEY, &mut bytes);
        }
        put_rest(&fields, &mut bytes);
        Self {
            bytes,
            list: Some(List {
                start: [method.to_vec(), target.to_vec(), version.to_vec()],
                fields,
            }),
            location,
        }
    }

    /// A response that is a list of fields.
    pub(crate) fn response(
        status: u16,
        fields: Vec<HeadField>,
        version: &[u8],
        location: Location,
    ) -> Self {
        let mut bytes = Vec::new();
        let over_2 = version.starts_with(b"HTTP/2");
        let accepted = over_2 && matches!(status, 200..300);
        let code = status.to_string().into_bytes();
        let shown = if accepted { &b"101"[..] } else { &code };
        put_line(&[b"HTTP/1.1", shown, b"-"], &mut bytes);
        if accepted {
            put_field(b"Upgrade", b"websocket", &mut bytes);
            put_field(b"Connection", b"Upgrade", &mut bytes);
            put_field(b"Sec-WebSocket-Accept", &accept_key(KEY), &mut bytes);
        }
        put_rest(&fields, &mut bytes);
        Self {
            bytes,
            list: Some(List {
                start: [version.to_vec(), code, Vec::new()],
                fields,
            }),
            location,
        }
    }

    /// Whether the head has enough of its fields to be checked: programs that save lists of fields
    /// may leave some out.
    fn is_complete(&self) -> bool {
        self.list.is_none()
            || ["Sec-WebSocket-Key", "Sec-WebSocket-Accept"]
                .iter()
                .any(|name| HeaderFields::of(&self.bytes).named(name).next().is_some())
    }

    pub(crate) fn memory(&self) -> usize {
        let list = self.list.iter().flat_map(|list| &list.fields);
        let list = list.map(|(name, value)| name.len() + value.len() + size_of::<HeadField>());
        self.bytes.capacity() + list.sum::<usize>()
    }

    fn head(&self) -> CapturedHead<'_> {
        match &self.list {
            None => CapturedHead::of_text(&self.bytes, self.location),
            Some(list) => {
                let [one, two, three] = &list.start;
                CapturedHead::of_fields([one, two, three], &list.fields, self.location)
            }
        }
    }

    /// The first value of a field, as text.
    fn value(&self, name: &str) -> Option<Cow<'static, str>> {
        let value = HeaderFields::of(&self.bytes).named(name).next()?;
        let value = &value[..value.len().min(MOST)];
        Some(String::from_utf8_lossy(value).into_owned().into())
    }

    fn extensions(&self) -> impl Iterator<Item = wscodec::head::Extension<'_>> {
        let lines = HeaderFields::of(&self.bytes).named("Sec-WebSocket-Extensions");
        Extensions::new(lines).filter_map(Result::ok)
    }
}

/// The key that stands in a translated request; it is that of RFC 6455 §1.3.
const KEY: &[u8] = b"dGhlIHNhbXBsZSBub25jZQ==";

fn put_line(parts: &[&[u8]], out: &mut Vec<u8>) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        put_clean(part, out);
    }
    out.extend_from_slice(b"\r\n");
}

fn put_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    put_clean(name, out);
    out.extend_from_slice(b": ");
    put_clean(value, out);
    out.extend_from_slice(b"\r\n");
}

/// A list can hold bytes that would end a line.
fn put_clean(part: &[u8], out: &mut Vec<u8>) {
    let clean = part.iter().map(|&byte| match byte {
        b'\r' | b'\n' | 0 => b' ',
        byte => byte,
    });
    out.extend(clean);
}

/// The fields that are no pseudo-header fields, and the empty line.
fn put_rest(fields: &[HeadField], out: &mut Vec<u8>) {
    for (name, value) in fields {
        if !name.starts_with(b":") {
            put_field(name, value, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn limits() -> Limits {
    let mut limits = Limits::DEFAULT;
    (limits.head, limits.headers) = (crate::held::MAX_HELD, Limits::MAX_HEADERS);
    limits
}

/// Reports a handshake with its answer. Gives the agreement for each direction.
pub(crate) fn report(
    request: Option<&Sent>,
    response: Option<&Sent>,
    status: u16,
    interim: &[u16],
    cx: &mut Context<'_>,
) -> [Agreement; 2] {
    let over_2 = response.is_some_and(|sent| sent.head().start_line()[0].starts_with(b"HTTP/2"));
    let accepted = status == 101 || over_2 && matches!(status, 200..300);
    let mut violations = Vec::new();
    let limits = limits();
    let parsed = request.map(|sent| UpgradeRequest::parse(&sent.bytes, &limits));
    if let (Some(sent), Some(Err(fault))) = (request, &parsed)
        && sent.is_complete()
    {
        violations.push((Direction::ClientToServer, fault_of(sent, *fault, None)));
    }
    let mut deflate = None;
    let mut extensions = Vec::new();
    let mut protocol = None;
    if let Some(sent) = response.filter(|_| accepted) {
        if sent.is_complete() {
            check_response(request, &parsed, sent, &limits, &mut violations);
        }
        for line in HeaderFields::of(&sent.bytes).named("Sec-WebSocket-Extensions") {
            if !extensions.is_empty() {
                extensions.extend(b", ");
            }
            extensions.extend_from_slice(line);
        }
        protocol = HeaderFields::of(&sent.bytes)
            .named("Sec-WebSocket-Protocol")
            .next();
        deflate = agreed(request, sent, &mut violations);
    }
    let protocol = protocol.and_then(|value| core::str::from_utf8(value).ok());
    cx.emit(InspectEvent::Handshake(&CapturedHandshake {
        conversation: cx.id,
        request: request.map(Sent::head),
        response: response.map(Sent::head),
        status: Some(status),
        interim,
        accepted,
        protocol,
        extensions: (!extensions.is_empty()).then_some(&extensions),
        deflate,
        violations: &violations,
    }));
    agreements(deflate)
}

/// Reports a request without an answer.
pub(crate) fn report_without_answer(
    request: &Sent,
    interim: &[u16],
    accepted: bool,
    cx: &mut Context<'_>,
) {
    let mut violations = Vec::new();
    if request.is_complete()
        && let Err(fault) = UpgradeRequest::parse(&request.bytes, &limits())
    {
        violations.push((Direction::ClientToServer, fault_of(request, fault, None)));
    }
    cx.emit(InspectEvent::Handshake(&CapturedHandshake {
        conversation: cx.id,
        request: Some(request.head()),
        response: None,
        status: None,
        interim,
        accepted,
        protocol: None,
        extensions: None,
        deflate: None,
        violations: &violations,
    }));
}

/// The assumption for a connection whose answer is missing: that the server accepted the offers.
pub(crate) fn assumed(request: &Sent) -> [Agreement; 2] {
    let offered = request
        .extensions()
        .any(|offer| offer.name() == deflate::NAME);
    agreements(offered.then(AgreedDeflate::default))
}

fn agreements(deflate: Option<AgreedDeflate>) -> [Agreement; 2] {
    // The agreement is the server's: it receives from the client.
    let of = |direction| Agreement {
        deflate: direction,
        window_known: true,
        guess: false,
    };
    [
        of(deflate.map(|it| it.receive)),
        of(deflate.map(|it| it.send)),
    ]
}

/// Whether the client's bytes begin with a frame as a client sends it.
pub(crate) fn begins_with_frame(bytes: &[u8]) -> bool {
    let rules = Rules::new(Role::Server).with_rsv(Rsv::RSV1);
    RawHeader::parse(bytes).is_ok_and(|header| header.faults(&rules, false).is_empty())
}

fn check_response(
    request: Option<&Sent>,
    parsed: &Option<Result<Option<UpgradeRequest<'_>>, wscodec::Fault>>,
    response: &Sent,
    limits: &Limits,
    violations: &mut Vec<(Direction, Violation)>,
) {
    let s2c = Direction::ServerToClient;
    let strict = match parsed {
        Some(Ok(Some(request))) => Some(request),
        _ => None,
    };
    let key = request.and_then(|sent| {
        HeaderFields::of(&sent.bytes)
            .named("Sec-WebSocket-Key")
            .next()
    });
    let result = match UpgradeResponse::parse(&response.bytes, limits) {
        Ok(Some(response)) => response.check(strict),
        Ok(None) => Ok(()),
        Err(fault) => Err(fault),
    };
    if let Err(fault) = result {
        violations.push((s2c, fault_of(response, fault, key)));
    }
    // A request that is not right can't be held against the answer as a whole, but its key can.
    let accept = HeaderFields::of(&response.bytes)
        .named("Sec-WebSocket-Accept")
        .next();
    if let (None, Some(key), Some(accept)) = (strict, key, accept)
        && accept != accept_key(key)
        && !violations
            .iter()
            .any(|(_, it)| it.error == HandshakeError::Accept.into())
    {
        let fault = ErrorKind::from(HandshakeError::Accept).at(0);
        violations.push((s2c, fault_of(response, fault, Some(key))));
    }
}

/// permessage-deflate as the response agrees to it.
fn agreed(
    request: Option<&Sent>,
    response: &Sent,
    violations: &mut Vec<(Direction, Violation)>,
) -> Option<AgreedDeflate> {
    let answer = response
        .extensions()
        .find(|answer| answer.name() == deflate::NAME)?;
    let parsed = DeflateAnswer::parse(&answer);
    // Whether one of the offers allows this answer.
    let offers = request.into_iter().flat_map(Sent::extensions);
    let mut offers = offers
        .filter_map(|offer| DeflateOffer::parse(&offer))
        .peekable();
    let fits = offers.peek().is_none()
        || offers.any(|offer| {
            offer
                .check(response.extensions())
                .is_ok_and(|it| it.is_some())
        });
    let known = violations
        .iter()
        .any(|(_, it)| it.error == HandshakeError::ExtensionParameter.into());
    if (parsed.is_none() || !fits) && !known {
        let fault = ErrorKind::from(HandshakeError::ExtensionParameter).at(0);
        let mut fault = fault_of(response, fault, None);
        if let Some(offer) = request.and_then(|sent| sent.value("Sec-WebSocket-Extensions")) {
            fault.expected = format!("an answer to {offer}").into();
        }
        violations.push((Direction::ServerToClient, fault));
    }
    Some(parsed.unwrap_or_default().agreed())
}

/// A fault of a head, with the field that has it. `key` is the request's.
fn fault_of(sent: &Sent, fault: wscodec::Fault, key: Option<&[u8]>) -> Violation {
    let ErrorKind::Handshake(error) = fault.error else {
        return Violation {
            error: fault.error,
            offset: sent.location.offset + fault.offset,
            found: "".into(),
            expected: "".into(),
        };
    };
    let (field, expected): (&str, Cow<'static, str>) = match error {
        HandshakeError::Method => ("", "GET".into()),
        HandshakeError::HttpVersion => ("", "HTTP/1.1".into()),
        HandshakeError::Host => ("Host", "one host with an optional port".into()),
        HandshakeError::UpgradeHeader => ("Upgrade", "websocket".into()),
        HandshakeError::ConnectionHeader => ("Connection", "a list with upgrade".into()),
        HandshakeError::Key => ("Sec-WebSocket-Key", "16 bytes in base64".into()),
        HandshakeError::Version => ("Sec-WebSocket-Version", "13".into()),
        HandshakeError::Body => ("Content-Length", "no body".into()),
        HandshakeError::ProtocolHeader => ("Sec-WebSocket-Protocol", "distinct tokens".into()),
        HandshakeError::UnofferedProtocol => (
            "Sec-WebSocket-Protocol",
            "a subprotocol that the client offered".into(),
        ),
        HandshakeError::ExtensionsHeader => {
            ("Sec-WebSocket-Extensions", "a list of extensions".into())
        }
        HandshakeError::UnofferedExtension => (
            "Sec-WebSocket-Extensions",
            "extensions that the client offered".into(),
        ),
        HandshakeError::ExtensionParameter => (
            "Sec-WebSocket-Extensions",
            "parameters that fit the offer".into(),
        ),
        HandshakeError::Accept => {
            let expected = key.map(accept_key);
            let expected = expected.map(|it| String::from_utf8_lossy(&it).into_owned());
            (
                "Sec-WebSocket-Accept",
                expected.unwrap_or("28 bytes of base64".into()).into(),
            )
        }
        _ => ("", "an HTTP/1.1 head".into()),
    };
    let found = match field {
        "" => {
            let line = sent
                .bytes
                .split(|&byte| byte == b'\r')
                .next()
                .unwrap_or_default();
            let line = &line[..line.len().min(MOST)];
            Some(String::from_utf8_lossy(line).into_owned().into())
        }
        field => sent.value(field),
    };
    Violation {
        error: fault.error,
        offset: sent.location.offset + fault.offset,
        found: found.unwrap_or_else(|| format!("no {field}").into()),
        expected,
    }
}
