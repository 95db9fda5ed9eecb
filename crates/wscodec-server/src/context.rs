//! The parts of an event loop that its connections use, one connection at a time.

use core::time::Duration;
use std::boxed::Box;
use std::sync::Arc;
use std::vec::Vec;

use wscodec::deflate::DeflatePool;
use wscodec::message::Unmasked;
use wscodec::session::{Outbox, PooledOut, Sender};

use super::address::Address;
use super::figures::Figures;
use super::handle::ServerHandle;
use super::handler::{Handler, Peer};
use super::metrics::Stats;
use super::net::Platform;
use super::options::ServerOptions;
use super::output::PeerOutput;
use super::reach::Reach;
use super::table::Key;

/// The parts of an event loop that its connections share. One connection at a time uses them.
pub(super) struct Context<'a, H> {
    pub(super) net: Platform,
    pub(super) handler: H,
    pub(super) options: &'a ServerOptions<'a>,
    pub(super) handle: ServerHandle,
    pub(super) index: u32,
    pub(super) pool: DeflatePool,
    /// The buffer that sockets are read into.
    pub(super) buf: Box<[u8]>,
    /// The buffer for output that leaves at once.
    pub(super) out: Vec<u8>,
    pub(super) stats: Stats,
    pub(super) figures: Arc<Figures>,
    pub(super) now: Duration,
    /// Requests are refused, because the server stops.
    pub(super) stopping: bool,
    pub(super) reach: Reach,
}

impl<H: Handler> Context<'_, H> {
    /// The handler, and its view of a connection.
    #[inline]
    pub(super) fn peer<'p>(
        &'p mut self,
        key: Key,
        address: &'p Address,
        state: &'p mut H::State,
        sender: &'p mut Sender<Unmasked, PooledOut>,
        (out, sent): (&'p mut Vec<u8>, usize),
    ) -> (&'p mut H, Peer<'p, H::State>) {
        let peer = Peer {
            state,
            address,
            outbox: Outbox::new(PeerOutput {
                sender,
                out,
                key,
                reach: &mut self.reach,
            }),
            left: sent,
        };
        (&mut self.handler, peer)
    }
}
