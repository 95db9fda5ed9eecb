//! The state of a session, and how it ended.

use crate::error::{CloseCode, Fault};
use crate::frame::{CloseFrame, MAX_CONTROL_LEN};

/// The state of a session (RFC 6455 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// Both sides may send.
    Open,
    /// We sent a close frame, and messages may still come.
    Closing,
    /// The peer sent a close frame, and ours is due: only without
    /// [`auto_close`](super::SessionOptions::auto_close).
    PeerClosed,
    /// Both close frames were exchanged, or the session failed: nothing is sent or received any
    /// more. The caller sends what is in its buffer; then a server closes the transport, and a client
    /// waits for the server to close it (RFC 6455 §7.1.1).
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
    /// close frame came.
    pub code: CloseCode,
    /// The reason that the peer sent; often empty.
    pub reason: &'a str,
    /// The code that we sent, if a close frame was.
    pub sent: Option<CloseCode>,
    /// Whether both close frames were exchanged (RFC 6455 §7.1.4).
    pub clean: bool,
    /// The error, if there was one. Also why we closed, if the session did so by itself:
    /// [`LimitError::Idle`](crate::LimitError::Idle), which may end clean.
    pub fault: Option<Fault>,
}

/// The one control payload that is kept: that of the newest ping whose pong is pending, and later
/// that of the peer's close frame.
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
