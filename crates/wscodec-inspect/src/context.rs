//! What all readers of a connection share while they work.

use core::net::SocketAddr;

use crate::Options;
use crate::event::{Connection, Direction, Event, Note, Place};
use crate::reassembly::Origin;
#[cfg(feature = "tls")]
use crate::tls::KeyLog;

/// The options, the receiver of events, and memory that is used again.
pub(crate) struct Context<'c> {
    pub(crate) stream: u32,
    pub(crate) options: &'c Options,
    pub(crate) scratch: &'c mut Scratch,
    #[cfg(feature = "tls")]
    pub(crate) keys: &'c KeyLog,
    #[cfg(feature = "tls")]
    last: Origin,
    connection: &'c mut Announced,
    sink: &'c mut dyn FnMut(Event<'_>),
}

/// What all connections share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) scratch: Scratch,
    #[cfg(feature = "tls")]
    pub(crate) keys: KeyLog,
}

/// Memory that is used again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Payload without its mask.
    pub(crate) unmasked: Vec<u8>,
    /// Output of the decompressors.
    pub(crate) inflated: Vec<u8>,
}

/// A connection, and what was reported about it.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) connection: Connection,
    pub(crate) reported: bool,
    /// The side that sent the first close frame, and its code.
    pub(crate) closed_by: Option<(Direction, Option<u16>)>,
    later: Vec<(Place, Later)>,
}

/// A note that is reported once it is known that the connection matters.
#[derive(Clone, Debug)]
pub(crate) enum Later {
    Proxied(Option<[SocketAddr; 2]>),
    Tunnel(String),
}

impl Announced {
    pub(crate) fn new(connection: Connection) -> Self {
        Self {
            connection,
            reported: false,
            closed_by: None,
            later: Vec::new(),
        }
    }
}

impl<'c> Context<'c> {
    pub(crate) fn new(
        options: &'c Options,
        connection: &'c mut Announced,
        #[cfg_attr(not(feature = "tls"), allow(unused_variables))] last: Origin,
        shared: &'c mut Shared,
        sink: &'c mut dyn FnMut(Event<'_>),
    ) -> Self {
        Self {
            stream: connection.connection.stream,
            options,
            scratch: &mut shared.scratch,
            #[cfg(feature = "tls")]
            keys: &shared.keys,
            #[cfg(feature = "tls")]
            last,
            connection,
            sink,
        }
    }

    /// The packet that is being read.
    #[cfg(feature = "tls")]
    pub(crate) fn last(&self) -> Origin {
        self.last
    }

    /// Reports an event, after the connection itself.
    pub(crate) fn emit(&mut self, event: Event<'_>) {
        if !self.connection.reported {
            self.connection.reported = true;
            let connection = self.connection.connection;
            (self.sink)(Event::Connection(&connection));
            for (place, later) in core::mem::take(&mut self.connection.later) {
                let note = match &later {
                    Later::Proxied(addresses) => Note::Proxied {
                        client: addresses.map(|it| it[0]),
                        server: addresses.map(|it| it[1]),
                    },
                    Later::Tunnel(target) => Note::Tunnel(target),
                };
                (self.sink)(Event::Note(place, &note));
            }
        }
        (self.sink)(event);
    }

    /// Reports an event if the connection matters for other reasons.
    pub(crate) fn emit_if_known(&mut self, event: Event<'_>) {
        if self.connection.reported {
            (self.sink)(event);
        }
    }

    /// Reports a note together with the connection, if that will matter.
    pub(crate) fn emit_later(&mut self, place: Place, note: Later) {
        self.connection.later.push((place, note));
    }

    /// The client is the side that was taken for the server.
    pub(crate) fn swap(&mut self) {
        let connection = &mut self.connection.connection;
        core::mem::swap(&mut connection.client, &mut connection.server);
    }

    /// A side sent its first close frame.
    pub(crate) fn closed(&mut self, direction: Direction, code: Option<u16>) {
        self.connection.closed_by.get_or_insert((direction, code));
    }
}
