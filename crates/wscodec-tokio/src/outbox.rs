//! Where a handler queues answers while it looks at a message.

use wscodec::ErrorKind;
use wscodec::session::{self, Appended, Output};

use crate::buffers;
use crate::connection::{Outbound, Sending};
use crate::names::{Error, Keys};

/// Queues messages while another one is [lent](crate::WebSocket::lend). They are written when no more
/// messages are at hand.
///
/// A method that fails has queued nothing.
pub type Outbox<'a> = session::Outbox<QueueOutput<'a>>;

/// The queue of a connection: see [`Outbox`].
#[derive(Debug)]
pub struct QueueOutput<'a> {
    sending: &'a mut Sending,
    out: &'a mut Vec<u8>,
}

pub(crate) fn outbox<'a>(sending: &'a mut Sending, out: &'a mut Vec<u8>) -> Outbox<'a> {
    if out.capacity() == 0 {
        *out = buffers::take_write();
    }
    Outbox::new(QueueOutput { sending, out })
}

impl Output for QueueOutput<'_> {
    type Keys = Keys;
    type Extension = Outbound;
    type Error = Error;

    #[inline]
    fn append(
        &mut self,
        _: Appended,
        command: impl FnOnce(&mut Sending, &mut Vec<u8>) -> Result<(), ErrorKind>,
    ) -> Result<(), Error> {
        Ok(command(self.sending, self.out)?)
    }
}
