//! The handlers of `wscodec serve`: echo and broadcast, and the figures that all of them tell.

use std::any::Any;

use wscodec::deflate::{self, DeflateOptions};
use wscodec::frame::CloseFrame;
use wscodec::handshake::UpgradeRequest;
use wscodec::message::{MessageRef, Prepared};
use wscodec::session::{Outcome, Piece};
use wscodec_server::{
    AcceptOptions, Echo, Handler, Id, NotAccepted, Peer, PlainRequest, Response, ServerHandle,
};

use crate::log;

/// Sends every message back, or to all clients.
pub(crate) struct Program {
    /// Send every message to all, with this compression, in place of back.
    pub(crate) broadcast: Option<Option<DeflateOptions>>,
}

impl Handler for Program {
    type State = ();

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<(), NotAccepted> {
        Echo.accept(request, options)
    }

    #[inline]
    fn message(&mut self, peer: &mut Peer<'_, ()>, message: MessageRef<'_>) {
        match &self.broadcast {
            None => Echo.message(peer, message),
            Some(deflate) => broadcast(peer, message, deflate.as_ref()),
        }
    }
}

/// Sends a message to all, framed and compressed once.
#[inline(never)]
fn broadcast(peer: &mut Peer<'_, ()>, message: MessageRef<'_>, deflate: Option<&DeflateOptions>) {
    let prepared = match (message.text(), deflate) {
        (Some(text), Some(config)) => deflate::prepare_text(text, config),
        (Some(text), None) => Prepared::text(text),
        (None, Some(config)) => deflate::prepare_binary(message.payload, config),
        (None, None) => Prepared::binary(message.payload),
    };
    let sent = prepared.and_then(|prepared| Ok(peer.broadcast(&prepared)?));
    if let Err(error) = sent {
        ::log::error!("a message is not sent to all: {error}");
    }
}

/// A handler that answers requests for figures besides. The first loop writes a line of figures now
/// and then.
pub(crate) struct Observed<H> {
    pub(crate) handler: H,
    pub(crate) first: bool,
    /// Answer requests for `/metrics` and `/healthz`.
    pub(crate) metrics: bool,
}

impl<H: Handler> Handler for Observed<H> {
    type State = H::State;

    fn accept(
        &mut self,
        request: &UpgradeRequest<'_>,
        options: &mut AcceptOptions<'_>,
    ) -> Result<H::State, NotAccepted> {
        self.handler.accept(request, options)
    }

    fn request(&mut self, request: &PlainRequest<'_>, handle: &ServerHandle) -> Option<Response> {
        match request.path() {
            "/metrics" if self.metrics => Some(handle.metrics().response()),
            "/healthz" if self.metrics => Some(Response::new(200).text("ok\n")),
            _ => None,
        }
    }

    #[inline]
    fn message(&mut self, peer: &mut Peer<'_, H::State>, message: MessageRef<'_>) {
        self.handler.message(peer, message);
    }

    fn piece(&mut self, peer: &mut Peer<'_, H::State>, piece: Piece<'_>) {
        self.handler.piece(peer, piece);
    }

    fn peer_closes(&mut self, peer: &mut Peer<'_, H::State>, close: Option<CloseFrame<'_>>) {
        self.handler.peer_closes(peer, close);
    }

    fn user_event(&mut self, peer: &mut Peer<'_, H::State>, event: &(dyn Any + Send + Sync)) {
        self.handler.user_event(peer, event);
    }

    fn drain(&mut self, peer: &mut Peer<'_, H::State>) {
        self.handler.drain(peer);
    }

    fn close(&mut self, id: Id, state: H::State, outcome: &Outcome<'_>) {
        self.handler.close(id, state, outcome);
    }

    fn tick(&mut self, handle: &ServerHandle) {
        if !self.first {
            return;
        }
        let it = handle.stats();
        let line = format!(
            "stats open={} accepted={} rejected={} failed={} panics={} messages_in={} \
             messages_out={} bytes_in={} bytes_out={} memory={}\n",
            it.open,
            it.accepted,
            it.rejected,
            it.failed,
            it.panics,
            it.messages_in,
            it.messages_out,
            it.bytes_in,
            it.bytes_out,
            it.memory
        );
        log::line(line);
    }
}
