//! The errors of connections with a transport.

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
    /// The transport failed, or took [too long](Self::is_timeout).
    Io(io::Error),
    /// The peer broke a rule or passed a limit; it was told why, as far as there is a way.
    Fault(Fault),
    /// The caller asked for what the protocol or this API does not allow. Nothing was sent.
    Misuse(MisuseError),
    /// The handshake was rejected: at a client, by the server, which did not switch protocols; at a
    /// server, by its own decision.
    Rejected(Box<Rejected>),
    /// A [`Cancel`](super::Cancel) of the caller's has ended the attempt to open a connection.
    Cancelled,
}

impl Error {
    /// The stable name: that of the [`Fault`] or [`MisuseError`], `"STATUS"` for a rejection,
    /// `"TIMED_OUT"` and `"IO"` for the transport, and `"CANCELLED"`.
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

    /// Whether only time ran out: a deadline of the caller's, a time-out of the stream's, or a
    /// stream that does not block and has nothing. The call may be repeated; nothing is lost.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Io(error) if is_timeout(error))
    }
}

/// Whether a stream says that it has nothing now.
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

/// The text is that of the error inside, so the [`source`](core::error::Error::source) is that of the
/// error inside as well: a chain that is printed has each text once.
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
        // One of ours that went through `Read` or `Write` comes back as it was.
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

/// A server's answer instead of switching protocols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    bytes: Vec<u8>,
    status: u16,
}

impl Rejected {
    /// The head of the answer, which was read elsewhere, and its status.
    pub fn new(bytes: Vec<u8>, status: u16) -> Self {
        Self { bytes, status }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The status, which is not 101.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The head: its reason and headers.
    pub fn response(&self) -> Option<UpgradeResponse<'_>> {
        let limits = Limits {
            head: usize::MAX,
            headers: Limits::MAX_HEADERS,
            ..Limits::DEFAULT
        };
        UpgradeResponse::parse(&self.bytes, &limits).ok().flatten()
    }

    /// The beginning of the body: what arrived of it within 2 seconds, at most 16 KiB. The chunked
    /// coding is taken off.
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
