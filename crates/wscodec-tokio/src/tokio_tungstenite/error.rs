//! Errors by the names of tungstenite.

use std::fmt;
use std::io;

use wscodec::head::HeaderField;
use wscodec::io::Rejected;
use wscodec::{ErrorKind, Fault, LimitError, MisuseError, PeerError};

use crate::message::Message;
use crate::names::Error as Native;

/// An error of a connection. [`native`](Self::native) gives the error of this crate, where there is one.
#[derive(Debug)]
pub enum Error {
    /// The connection has ended. This crate never returns it, because a stream ends with `None`.
    ConnectionClosed,
    /// A message was sent after the close frame, or after the end.
    AlreadyClosed,
    /// The transport failed.
    Io(io::Error),
    /// The peer exceeded a limit.
    Capacity(CapacityError),
    /// The peer broke a rule, or the program did.
    Protocol(ProtocolError),
    /// The queue is full. This crate never returns it, because sending waits.
    WriteBufferFull(Box<Message>),
    /// A text of the peer is not UTF-8.
    Utf8(String),
    /// The URL can't be used.
    Url(UrlError),
    /// The server's response does not switch protocols.
    Http(Box<http::Response<Option<Vec<u8>>>>),
    /// The request is not one of HTTP.
    HttpFormat(http::Error),
}

/// A limit that was exceeded.
pub type CapacityError = LimitError;

/// The fault of a URL.
pub type UrlError = MisuseError;

/// A rule that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The connection ended without a close frame.
    ResetWithoutClosingHandshake,
    /// Any other rule of the protocol that the peer broke.
    Fault(Fault),
    /// A rule that the program broke.
    Misuse(MisuseError),
}

impl Error {
    /// The error of this crate, which has a stable [`code`](crate::Error::code).
    pub fn native(self) -> crate::Error {
        match self {
            Self::Io(error) => error.into(),
            Self::Capacity(limit) => limit.into(),
            Self::Protocol(error) => match error {
                ProtocolError::ResetWithoutClosingHandshake => PeerError::UnexpectedEof.into(),
                ProtocolError::Fault(fault) => fault.into(),
                ProtocolError::Misuse(error) => error.into(),
            },
            Self::Utf8(_) => PeerError::InvalidUtf8.into(),
            Self::Url(error) => error.into(),
            Self::ConnectionClosed | Self::AlreadyClosed => MisuseError::Closing.into(),
            error => io::Error::other(error.to_string()).into(),
        }
    }
}

impl From<Native> for Error {
    fn from(error: Native) -> Self {
        match error {
            Native::Io(error) => Self::Io(error),
            Native::Misuse(MisuseError::Closing) => Self::AlreadyClosed,
            Native::Misuse(error @ MisuseError::Url) => Self::Url(error),
            Native::Misuse(error) => Self::Protocol(ProtocolError::Misuse(error)),
            Native::Rejected(rejected) => Self::Http(Box::new(response(&rejected))),
            Native::Fault(fault) => match fault.error {
                ErrorKind::Limit(limit) => Self::Capacity(limit),
                ErrorKind::Peer(PeerError::InvalidUtf8) => Self::Utf8(fault.to_string()),
                ErrorKind::Peer(PeerError::UnexpectedEof) => {
                    Self::Protocol(ProtocolError::ResetWithoutClosingHandshake)
                }
                _ => Self::Protocol(ProtocolError::Fault(fault)),
            },
            error => Self::Io(error.into()),
        }
    }
}

/// A server's rejection, with the types of the crate `http`.
fn response(rejected: &Rejected) -> http::Response<Option<Vec<u8>>> {
    let mut response = http::Response::new(Some(rejected.body().to_vec()));
    if let Ok(status) = http::StatusCode::from_u16(rejected.status()) {
        *response.status_mut() = status;
    }
    if let Some(head) = rejected.response() {
        add_headers(head.headers(), response.headers_mut());
    }
    response
}

/// Adds the header fields that are those of HTTP.
pub(super) fn add_headers<'h>(
    fields: impl Iterator<Item = HeaderField<'h>>,
    headers: &mut http::HeaderMap,
) {
    for HeaderField { name, value } in fields {
        if let (Ok(name), Ok(value)) = (
            http::HeaderName::from_bytes(name.as_bytes()),
            http::HeaderValue::from_bytes(value),
        ) {
            headers.append(name, value);
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionClosed => f.write_str("the connection is closed"),
            Self::AlreadyClosed => MisuseError::Closing.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Capacity(limit) => limit.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::WriteBufferFull(_) => f.write_str("the queue is full"),
            Self::Utf8(text) => f.write_str(text),
            Self::Url(error) => error.fmt(f),
            Self::Http(response) => {
                write!(
                    f,
                    "the server answered with the status {}",
                    response.status()
                )
            }
            Self::HttpFormat(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResetWithoutClosingHandshake => ErrorKind::from(PeerError::UnexpectedEof).fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Misuse(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProtocolError {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Native::from(error).into()
    }
}

impl From<MisuseError> for Error {
    fn from(error: MisuseError) -> Self {
        Native::from(error).into()
    }
}

impl From<http::Error> for Error {
    fn from(error: http::Error) -> Self {
        Self::HttpFormat(error)
    }
}
