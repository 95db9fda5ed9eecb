//! The simplest server.

use super::handler::{AcceptOptions, Handler, NotAccepted, Peer};
use wscodec::handshake::UpgradeRequest;
use wscodec::message::MessageRef;

/// Sends every message back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Handler for Echo {
    type State = ();

    fn accept(
        &mut self,
        _: &UpgradeRequest<'_>,
        _: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Ok(())
    }

    // Otherwise the peer is built in memory: 48 instructions more for each message.
    #[inline(always)]
    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        // It fails if the connection is closing, or the event loop closes it for lack of memory.
        let _ = peer.outbox.forward(message);
    }
}
