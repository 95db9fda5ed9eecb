//! The two directions of one connection, without packets.

use core::net::{Ipv4Addr, SocketAddr};

use wscodec::deflate::{AgreedDeflate, DeflateDirection};

use crate::Options;
use crate::context::{Announced, Context, Shared};
use crate::event::{Connection, Direction, End, Ending, Event};
use crate::frames::Agreement;
use crate::nest::Nest;
use crate::reassembly::{Delivery, Origin};

/// How a conversation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Start {
    /// With HTTP.
    #[default]
    Handshake,
    /// With frames. If permessage-deflate was agreed on, this is what the server agreed to.
    Frames(Option<AgreedDeflate>),
    /// In the middle: the first frame of each direction has to be found.
    Middle,
}

/// Inspects the bytes of one connection, as a program sees them that stands between client and server
/// or reads them from files.
///
/// ```
/// use wscodec_inspect::event::{Direction, Event};
/// use wscodec_inspect::reassembly::Origin;
/// use wscodec_inspect::{Conversation, Options, Start};
///
/// let mut conversation = Conversation::new(0, Start::Frames(None), Options::default());
/// let mut seen = Vec::new();
/// let mut sink = |event: Event<'_>| {
///     if let Event::Message(message) = event {
///         seen.push(message.payload.to_vec());
///     }
/// };
/// let origin = Origin { packet: 1, time: None };
/// let bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// conversation.push(Direction::ClientToServer, bytes, origin, &mut sink);
/// conversation.finish(&mut sink);
/// assert_eq!(seen, [b"Hello"]);
/// ```
#[derive(Debug)]
pub struct Conversation {
    options: Options,
    nest: Nest,
    announced: Announced,
    shared: Shared,
    last: Origin,
}

impl Conversation {
    /// A conversation with this number.
    pub fn new(stream: u32, start: Start, options: Options) -> Self {
        let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let origin = Origin {
            packet: 0,
            time: None,
        };
        let connection = Connection {
            stream,
            client: nowhere,
            server: nowhere,
            origin,
            from_start: start != Start::Middle,
        };
        let nest = match start {
            Start::Handshake => Nest::new(true),
            Start::Middle => Nest::new(false),
            Start::Frames(deflate) => {
                let of = |deflate: Option<DeflateDirection>| Agreement {
                    deflate,
                    window_known: true,
                    guess: false,
                };
                Nest::of_frames([
                    of(deflate.map(|it| it.receive)),
                    of(deflate.map(|it| it.send)),
                ])
            }
        };
        Self {
            options,
            nest,
            announced: Announced::new(connection),
            shared: Shared::default(),
            last: origin,
        }
    }

    /// TLS keys, as lines of an `SSLKEYLOGFILE`.
    #[cfg(feature = "tls")]
    pub fn keys(&mut self, bytes: &[u8]) {
        self.shared.keys.read(bytes);
    }

    /// The next bytes of a direction.
    pub fn push(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        origin: Origin,
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        self.last = origin;
        self.deliver(direction, Delivery::Bytes { bytes, origin }, sink);
    }

    /// The direction is at its end.
    pub fn end(&mut self, direction: Direction, origin: Origin, sink: &mut dyn FnMut(Event<'_>)) {
        self.deliver(direction, Delivery::End { origin }, sink);
    }

    /// Hands a delivery of a direction to the nest.
    fn deliver(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) {
        let options = &self.options;
        let mut cx = Context::new(
            options,
            &mut self.announced,
            self.last,
            &mut self.shared,
            sink,
        );
        self.nest.deliver(direction.index(), delivery, &mut cx);
    }

    /// Both directions are at their end.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let options = &self.options;
        let mut cx = Context::new(
            options,
            &mut self.announced,
            self.last,
            &mut self.shared,
            sink,
        );
        self.nest.finish(false, self.last, &mut cx);
        if core::mem::take(&mut self.announced.reported) {
            sink(Event::End(&End {
                connection: self.announced.connection,
                origin: self.last,
                ending: Ending::Open,
                closed_by: self.announced.closed_by,
                totals: self.nest.totals(),
            }));
        }
    }

    /// Whether there is nothing of interest in the connection.
    pub fn is_ignored(&self) -> bool {
        self.nest.is_ignored()
    }

    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        self.nest.memory()
    }
}
