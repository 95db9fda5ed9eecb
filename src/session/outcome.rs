//! The state of a session, and how it ended.

use crate::error::{CloseCode, Fault};
use crate::frame::{CloseFrame, MAX_CONTROL_LEN};

/// The state of a session (RFC 6455 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// Both sides may send.
    Open,
    /// This side has sent a close frame. The peer may still send messages.
    Closing,
    /// The peer has sent a close frame, and this side has to answer it. This state exists only
    /// without [`auto_close`](super::SessionOptions::auto_close).
    PeerClosed,
    /// Both close frames were exchanged, or the session failed. Nothing is sent or received any more.
    /// The caller writes its buffer; then a server closes the transport, and a client waits until the
    /// server closes it (RFC 6455 §7.1.1).
    Closed,
}

/// How a session ended.
///
/// ```
/// use wscodec::CloseCode;
/// use wscodec::session::{SessionOptions, Session};
///
/// let mut session = Session::server(&SessionOptions::default());
/// let fault = session.end().unwrap_err();
/// assert_eq!(fault.error.code(), "UNEXPECTED_EOF");
/// let outcome = session.outcome().unwrap();
/// assert_eq!((outcome.code, outcome.clean), (CloseCode::ABNORMAL, false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The code that the peer sent (RFC 6455 §7.1.5): 1005 if its close frame had none, 1006 if no
    /// close frame arrived.
    pub code: CloseCode,
    /// The reason that the peer sent. It is often empty.
    pub reason: &'a str,
    /// The code of this side's close frame, if one was sent.
    pub sent: Option<CloseCode>,
    /// Whether both close frames were exchanged (RFC 6455 §7.1.4).
    pub clean: bool,
    /// The error, if there was one. If the session closed by itself, it has the reason:
    /// [`LimitError::Idle`](crate::LimitError::Idle), with which `clean` may be true.
    pub fault: Option<Fault>,
}

/// The only control payload that is kept: the payload of the newest ping whose pong is pending, and
/// later the payload of the peer's close frame.
#[derive(Clone, Debug)]
pub(super) struct ControlPayload {
    len: u8,
    bytes: [u8; MAX_CONTROL_LEN],
}

impl ControlPayload {
    pub(super) const EMPTY: Self = Self {
        len: 0,
        bytes: [0; MAX_CONTROL_LEN],
    };

    pub(super) fn set(&mut self, payload: &[u8]) {
        let len = payload.len().min(MAX_CONTROL_LEN);
        self.bytes[..len].copy_from_slice(&payload[..len]);
        self.len = len as u8;
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    pub(super) fn set_close(&mut self, close: Option<CloseFrame<'_>>) {
        self.len = match close {
            Some(close) => close.encode(&mut self.bytes).map_or(0, |len| len as u8),
            None => 0,
        };
    }

    pub(super) fn close(&self) -> Option<CloseFrame<'_>> {
        CloseFrame::parse(self.payload()).ok().flatten()
    }
}
