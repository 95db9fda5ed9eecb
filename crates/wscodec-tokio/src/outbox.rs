//! Where a handler queues answers while it looks at a message.

use wscodec::message::Prepared;

use crate::buffers;
use crate::connection::Sending;
use crate::message::CloseFrame;
use crate::names::{Error, Kind, MessageRef};

/// Queues messages while another one is [lent](crate::WebSocket::lend). They are written when no more
/// messages are at hand.
///
/// A method that fails has queued nothing.
#[derive(Debug)]
pub struct Outbox<'a> {
    sending: &'a mut Sending,
    out: &'a mut Vec<u8>,
}

impl<'a> Outbox<'a> {
    pub(crate) fn new(sending: &'a mut Sending, out: &'a mut Vec<u8>) -> Self {
        if out.capacity() == 0 {
            *out = buffers::take_write();
        }
        Self { sending, out }
    }

    /// Queues a text message.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the connection is closing.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        Ok(self.sending.text(text, self.out)?)
    }

    /// Queues a binary message.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn binary(&mut self, payload: &[u8]) -> Result<(), Error> {
        Ok(self.sending.binary(payload, self.out)?)
    }

    /// Queues a message; a text is checked to be UTF-8.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and if a text is not UTF-8.
    pub fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Error> {
        Ok(self.sending.send(kind, payload, self.out)?)
    }

    /// Queues a message that was lent, as it is.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn forward(&mut self, message: MessageRef<'_>) -> Result<(), Error> {
        Ok(self.sending.forward(message, self.out)?)
    }

    /// Queues a message that was framed once for many connections.
    ///
    /// # Errors
    /// As for [`text`](Self::text).
    pub fn prepared(&mut self, message: &Prepared) -> Result<(), Error> {
        Ok(self.sending.prepared(message, self.out)?)
    }

    /// Queues a ping, of at most 125 bytes.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and if the payload is too long.
    pub fn ping(&mut self, payload: &[u8]) -> Result<(), Error> {
        Ok(self.sending.ping(payload, self.out)?)
    }

    /// Queues a close frame; nothing can be queued after it.
    ///
    /// # Errors
    /// As for [`text`](Self::text), and if the code or the reason can't be sent.
    pub fn close(&mut self, frame: Option<&CloseFrame>) -> Result<(), Error> {
        Ok(self.sending.close(frame.map(CloseFrame::lent), self.out)?)
    }
}
