//! The agreement of the handshake, and the end of a connection.

use wscodec::{CloseCode, Fault};

use crate::connection::SharedSession;
use crate::names::AgreedDeflate;

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The code that the peer sent (RFC 6455 §7.1.5): 1005 if its close frame had none, 1006 if no
    /// close frame came.
    pub code: CloseCode,
    /// The reason that the peer sent; often empty.
    pub reason: String,
    /// The code that we sent, if a close frame was.
    pub sent: Option<CloseCode>,
    /// Whether both close frames went (RFC 6455 §7.1.4).
    pub clean: bool,
    /// The error that ended the connection, or for which we closed it.
    pub fault: Option<Fault>,
}

impl Outcome {
    pub(crate) fn of(session: &SharedSession) -> Option<Self> {
        session.outcome().map(|outcome| Self {
            code: outcome.code,
            reason: outcome.reason.to_owned(),
            sent: outcome.sent,
            clean: outcome.clean,
            fault: outcome.fault,
        })
    }
}

/// The agreements of the handshake.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agreed {
    pub(crate) protocol: Option<String>,
    pub(crate) deflate: Option<AgreedDeflate>,
    /// The head of the server's answer, at a client.
    pub(crate) response: Vec<u8>,
}

impl Agreed {
    pub(crate) fn boxed(self) -> Option<Box<Self>> {
        let any = self.protocol.is_some() || self.deflate.is_some() || !self.response.is_empty();
        any.then(|| Box::new(self))
    }
}
