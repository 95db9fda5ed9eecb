//! The heads of the opening handshake (RFC 6455 §4, RFC 8441 §5).
//!
//! HTTP/1.1 sends a head as text; HTTP/2 sends a list of fields, and a HAR file has such a list, too.
//! [`CapturedHead`] gives access to both forms in the same way.

use wscodec::deflate::AgreedDeflate;
use wscodec::head::{HeaderFields, start_line};

use super::{ConversationId, Direction, Location, PacketInfo, Violation};

/// A header field: its name and its value.
pub type HeadField = (Vec<u8>, Vec<u8>);

/// A head as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct CapturedHead<'a> {
    pub(crate) form: Form<'a>,
    /// Where it begins.
    pub location: Location,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    /// Bytes as HTTP/1.1 sends them, with the empty line.
    Text(&'a [u8]),
    /// The three parts of the start line, and the fields.
    Fields([&'a [u8]; 3], &'a [HeadField]),
}

impl<'a> CapturedHead<'a> {
    /// A head of HTTP/1.1: all its bytes, with the empty line.
    pub const fn of_text(bytes: &'a [u8], location: Location) -> Self {
        Self {
            form: Form::Text(bytes),
            location,
        }
    }

    /// A head that is a list of fields. `start` has the three parts of the start line: method, target
    /// and version of a request; version, status and reason of a response.
    pub const fn of_fields(
        start: [&'a [u8]; 3],
        fields: &'a [HeadField],
        location: Location,
    ) -> Self {
        Self {
            form: Form::Fields(start, fields),
            location,
        }
    }

    /// The three parts of the start line; see [`of_fields`](Self::of_fields).
    pub fn start_line(&self) -> [&'a [u8]; 3] {
        match self.form {
            Form::Text(bytes) => start_line(bytes),
            Form::Fields(start, _) => start,
        }
    }

    /// The header fields in their order. The pseudo-header fields of HTTP/2 are among them.
    pub fn fields(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let (text, list) = match self.form {
            Form::Text(bytes) => (Some(HeaderFields::of(bytes)), None),
            Form::Fields(_, fields) => (None, Some(fields)),
        };
        let text = text.into_iter().flatten();
        let list = list.into_iter().flatten();
        text.map(|field| (field.name.as_bytes(), field.value))
            .chain(list.map(|(name, value)| (&name[..], &value[..])))
    }

    /// The values of the fields with this name, whatever its case.
    pub fn named(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(move |field| field.0.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| field.1)
    }

    /// The bytes of a head of HTTP/1.1.
    pub fn bytes(&self) -> Option<&'a [u8]> {
        match self.form {
            Form::Text(bytes) => Some(bytes),
            Form::Fields(..) => None,
        }
    }
}

/// An opening handshake (RFC 6455 §4; over HTTP/2, RFC 8441).
#[derive(Clone, Copy, Debug)]
pub struct CapturedHandshake<'a> {
    /// The conversation.
    pub conversation: ConversationId,
    /// The request; `None` if the capture does not have it.
    pub request: Option<CapturedHead<'a>>,
    /// The final response; `None` if the capture does not have it.
    pub response: Option<CapturedHead<'a>>,
    /// The response's status.
    pub status: Option<u16>,
    /// Statuses of the interim responses (100–199) in front of it.
    pub interim: &'a [u16],
    /// Whether frames follow.
    pub accepted: bool,
    /// The subprotocol that the server chose.
    pub protocol: Option<&'a str>,
    /// The response's `Sec-WebSocket-Extensions`, its lines joined by commas.
    pub extensions: Option<&'a [u8]>,
    /// permessage-deflate as agreed, as the server sees it: it sends by `send`.
    pub deflate: Option<AgreedDeflate>,
    /// The rules that request and response break.
    pub violations: &'a [(Direction, Violation)],
}

impl<'a> CapturedHandshake<'a> {
    /// The host that the client asked for: `Host`, or `:authority` of HTTP/2.
    pub fn host(&self) -> Option<&'a [u8]> {
        let head = self.request?;
        let authority = head.named(":authority").next();
        authority.or_else(|| head.named("Host").next())
    }

    /// The path and the query that the client asked for.
    pub fn target(&self) -> Option<&'a [u8]> {
        Some(self.request?.start_line()[1])
    }

    /// The packet of the response, or of the request if there is no response.
    pub fn packet(&self) -> PacketInfo {
        let head = self.response.or(self.request);
        head.map(|head| head.location.packet).unwrap_or_default()
    }

    /// Request and response.
    pub fn heads(&self) -> [Option<CapturedHead<'a>>; 2] {
        [self.request, self.response]
    }
}
