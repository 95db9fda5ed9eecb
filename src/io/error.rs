//! The errors of connections that have a transport.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use std::io;

use crate::Limits;
use crate::error::{Fault, HandshakeError, LimitError, MisuseError, PeerError};
use crate::handshake::UpgradeResponse;

/// An error of a connection: of its transport, of the peer, or of the caller.
///
/// ```
/// use wscodec::MisuseError;
/// use wscodec::io::Error;
///
/// let error = Error::from(MisuseError::Closing);
/// assert_eq!(error.code(), "CLOSING");
/// let error = std::io::Error::from(error);
/// assert_eq!(error.to_string(), "the connection is closing");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The transport failed, or its [time-out](Self::is_timeout) passed.
    Io(io::Error),
    /// The peer broke a rule or exceeded a limit. If a close frame or a response could be sent, the
    /// peer has got it.
    Fault(Fault),
    /// The caller asked for something that the protocol or this API does not allow. Nothing was sent.
    Misuse(MisuseError),
    /// The handshake was rejected. At a client, the server did not switch protocols. At a server, the
    /// program's own decision rejected the request.
    Rejected(Box<Rejected>),
    /// The caller's [`Cancel`](super::Cancel) ended the attempt to connect.
    Cancelled,
}

impl Error {
    /// The stable name: the code of the [`Fault`] or [`MisuseError`], `"STATUS"` for a rejection,
    /// `"TIMED_OUT"` or `"IO"` for the transport, or `"CANCELLED"`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io(_) if self.is_timeout() => "TIMED_OUT",
            Self::Io(_) => "IO",
            Self::Fault(fault) => fault.error.code(),
            Self::Misuse(error) => error.code(),
            Self::Rejected(_) => HandshakeError::Status.code(),
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether a time-out is the cause: the caller's deadline, the stream's time-out, or a
    /// non-blocking stream without data. The caller may call the method again; nothing was lost.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if is_timeout(error))
    }
}

/// Whether the error means that the stream has no data now.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

pub(super) fn timed_out() -> Error {
    Error::Io(io::ErrorKind::TimedOut.into())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
            Self::Misuse(error) => error.fmt(f),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::Cancelled => f.write_str("the attempt to connect was cancelled"),
        }
    }
}

/// The text is the text of the inner error, so [`source`](core::error::Error::source) is the source
/// of the inner error. A printed chain of errors then has each text once.
impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            Self::Fault(fault) => fault.source(),
            Self::Misuse(error) => error.source(),
            Self::Rejected(_) | Self::Cancelled => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        // An error of this crate that passed through `Read` or `Write` becomes itself again.
        match error.downcast::<Self>() {
            Ok(ours) => ours,
            Err(error) => Self::Io(error),
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            Error::Fault(_) => Self::new(io::ErrorKind::InvalidData, error),
            Error::Misuse(_) => Self::new(io::ErrorKind::InvalidInput, error),
            Error::Rejected(_) => Self::new(io::ErrorKind::ConnectionRefused, error),
            Error::Cancelled => Self::new(io::ErrorKind::ConnectionAborted, error),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault.error {
            crate::error::ErrorKind::Misuse(error) => Self::Misuse(error),
            _ => Self::Fault(fault),
        }
    }
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        crate::error::ErrorKind::from(error).into()
    }
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        crate::error::ErrorKind::from(error).into()
    }
}

impl From<HandshakeError> for Error {
    fn from(error: HandshakeError) -> Self {
        crate::error::ErrorKind::from(error).into()
    }
}

impl From<MisuseError> for Error {
    fn from(error: MisuseError) -> Self {
        Self::Misuse(error)
    }
}

impl From<crate::error::ErrorKind> for Error {
    fn from(error: crate::error::ErrorKind) -> Self {
        Self::from(error.at(0))
    }
}

/// A server's response that does not switch protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    bytes: Vec<u8>,
    status: u16,
}

impl Rejected {
    /// Creates the value from the head of a response that was read elsewhere, and its status.
    pub fn new(bytes: Vec<u8>, status: u16) -> Self {
        Self { bytes, status }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The HTTP status, which is never 101.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The head of the response: the reason phrase and the headers.
    pub fn response(&self) -> Option<UpgradeResponse<'_>> {
        let limits = Limits {
            head: usize::MAX,
            headers: Limits::MAX_HEADERS,
            ..Limits::DEFAULT
        };
        UpgradeResponse::parse(&self.bytes, &limits).ok().flatten()
    }

    /// The beginning of the body: at most 16 KiB, and only bytes that arrived within 2 seconds. The
    /// chunked coding is removed.
    pub fn body(&self) -> &[u8] {
        let head = self.response().map(|response| response.head_len());
        &self.bytes[head.unwrap_or(self.bytes.len())..]
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the handshake was rejected with status {}", self.status)
    }
}
