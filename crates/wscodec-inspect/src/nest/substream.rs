//! A stream of HTTP/2 that is, or may become, a WebSocket (RFC 8441).

use super::socket::Socket;
use crate::context::{Announced, Context};
use crate::event::{Direction, Ending, InspectEvent, Location, Note, PacketInfo};
use crate::frames::Agreement;
use crate::handshake::{self, Sent};
use crate::held::Held;

/// A stream that is, or may become, a WebSocket.
#[derive(Debug)]
pub(super) struct Substream {
    pub(super) announced: Announced,
    pub(super) request: Sent,
    pub(super) interim: Vec<u16>,
    /// Its frames, once the server has accepted.
    pub(super) socket: Option<Box<Socket>>,
    /// DATA that arrived before the answer.
    pub(super) held: [Held; 2],
    pub(super) ended: [bool; 2],
    pub(super) first_end: Option<Direction>,
    pub(super) counted: usize,
}

impl Substream {
    pub(super) fn memory(&self) -> usize {
        let socket = self.socket.as_ref().map_or(0, |socket| socket.memory());
        let held = self.held[0].memory() + self.held[1].memory();
        2 * size_of::<Self>() + size_of::<Socket>() + self.request.memory() + socket + held
    }

    /// The server has accepted the WebSocket. Reads the bytes that were held until then.
    pub(super) fn open(&mut self, agreements: [Agreement; 2], cx: &mut Context<'_>) {
        let mut socket = Box::new(Socket::new(agreements));
        let mut inner = cx.within(&mut self.announced);
        let held = core::mem::take(&mut self.held);
        for (direction, held) in Direction::BOTH.into_iter().zip(&held) {
            socket.held(direction, held, &mut inner);
            if self.ended[direction.index()] {
                socket.end(direction, inner.last, &mut inner);
            }
        }
        self.socket = Some(socket);
    }

    /// The answer is missing: the frames tell that the server has accepted.
    pub(super) fn assume(&mut self, cx: &mut Context<'_>) {
        let accepted = self.held.iter().any(|held| !held.is_empty());
        let location = Location {
            conversation: self.announced.conversation.id,
            direction: Direction::ServerToClient,
            offset: 0,
            packet: cx.last,
        };
        let mut inner = cx.within(&mut self.announced);
        handshake::report_without_answer(&self.request, &self.interim, accepted, &mut inner);
        if accepted {
            inner.emit(InspectEvent::Note(location, &Note::AssumedUpgrade));
            let agreements = handshake::assumed(&self.request);
            self.open(agreements, cx);
        }
    }

    pub(super) fn finish(mut self, ending: Ending, packet: PacketInfo, cx: &mut Context<'_>) {
        if self.socket.is_none() && !self.announced.reported {
            self.assume(cx);
        }
        let mut inner = cx.within(&mut self.announced);
        let totals = match &mut self.socket {
            Some(socket) => {
                socket.finish(ending, packet, &mut inner);
                socket.totals()
            }
            None => Default::default(),
        };
        inner.end(packet, ending, totals);
    }
}
