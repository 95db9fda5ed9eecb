//! How a connection reacts to a control frame of its peer, whichever way it receives messages.

use core::time::Duration;

use wscodec::frame::CloseFrame;
use wscodec::session::SessionState;

use super::figures::Figures;
use super::handler::{Handler, Peer};

/// A control frame (RFC 6455 §5.5).
pub(super) enum Control<'a> {
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    Close(Option<CloseFrame<'a>>),
}

impl Control<'_> {
    /// Counts the time that a pong took, if it answers the ping of the heartbeat, which is empty.
    /// `pinged` is when that ping left, and zero if none is waited for.
    pub(super) fn count(&self, figures: &Figures, pinged: &mut Duration, now: Duration) {
        if matches!(self, Self::Pong([])) && !pinged.is_zero() {
            let sent = core::mem::take(pinged);
            figures.round_trip(now.saturating_sub(sent));
        }
    }

    /// Calls the handler. A close frame that the session has answered already is not reported here:
    /// the handler learns of it when the connection ends.
    pub(super) fn dispatch<H: Handler>(self, handler: &mut H, peer: &mut Peer<'_, H::State>) {
        match self {
            Self::Ping(payload) => handler.ping(peer, payload),
            Self::Pong(payload) => handler.pong(peer, payload),
            Self::Close(close)
                if peer.outbox.output().sender.state() == SessionState::PeerClosed =>
            {
                let reason = close.map_or("", |close| close.reason);
                peer.outbox.output_mut().reach.answers_close = true;
                handler.peer_closes(peer, close);
                if peer.outbox.output().reach.answers_close {
                    // It fails if the handler has closed.
                    let _ = peer.outbox.close(close.map(|close| close.code), reason);
                }
            }
            Self::Close(_) => {}
        }
    }
}
