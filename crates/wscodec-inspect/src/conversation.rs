//! The two directions of one connection, without packets.

use crate::InspectOptions;
use crate::context::{Announced, Context, Shared};
use crate::event::{Conversation, Direction, Ending, InspectEvent, PacketInfo};
use crate::nest::Nest;
use crate::reassembly::Delivery;
use crate::start::ConversationStart;

/// Inspects the bytes of one connection, as a program sees them that stands between client and server
/// or reads them from files.
///
/// ```
/// use wscodec_inspect::event::{Conversation, ConversationId, Direction, Ending, InspectEvent};
/// use wscodec_inspect::event::PacketInfo;
/// use wscodec_inspect::{ConversationInspector, ConversationStart, InspectOptions};
///
/// let mut conversation = Conversation::new(ConversationId::new(0));
/// conversation.server = Some("127.0.0.1:9000".parse().unwrap());
/// let start = ConversationStart::Frames(None);
/// let mut inspector = ConversationInspector::new(conversation, start, InspectOptions::default());
/// let mut seen = Vec::new();
/// let mut sink = |event: InspectEvent<'_>| {
///     if let InspectEvent::Message(message) = event {
///         seen.push(message.payload.to_vec());
///     }
/// };
/// let packet = PacketInfo { number: 1, time: Some(1_700_000_000_000_000_000) };
/// let bytes = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
/// inspector.push(Direction::ClientToServer, bytes, packet, &mut sink);
/// inspector.finish(Ending::Open, &mut sink);
/// assert_eq!(seen, [b"Hello"]);
/// ```
#[derive(Debug)]
pub struct ConversationInspector {
    options: InspectOptions,
    nest: Nest,
    announced: Announced,
    shared: Shared,
    last: PacketInfo,
}

impl ConversationInspector {
    /// For this conversation.
    pub fn new(
        conversation: Conversation,
        start: ConversationStart,
        options: InspectOptions,
    ) -> Self {
        Self {
            options,
            nest: Nest::starting(start),
            announced: Announced::new(Conversation {
                from_start: start != ConversationStart::Middle,
                ..conversation
            }),
            shared: Shared::default(),
            last: conversation.packet,
        }
    }

    /// TLS keys, as lines of an `SSLKEYLOGFILE`. They are needed before the bytes that they decrypt.
    #[cfg(feature = "tls")]
    pub fn keys(&mut self, bytes: &[u8]) {
        self.shared.keys.read(bytes);
    }

    /// The next bytes of a direction. The events do not depend on how the bytes are cut.
    pub fn push(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        packet: PacketInfo,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) {
        self.last = packet;
        if !bytes.is_empty() {
            self.deliver(direction, Delivery::Bytes { bytes, packet }, sink);
        }
    }

    /// So many bytes of a direction are missing.
    pub fn skip(
        &mut self,
        direction: Direction,
        len: u64,
        packet: PacketInfo,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) {
        self.last = packet;
        if len > 0 {
            self.deliver(direction, Delivery::Hole { len, packet }, sink);
        }
    }

    /// The direction is at its end.
    pub fn end(
        &mut self,
        direction: Direction,
        packet: PacketInfo,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) {
        self.last = packet;
        self.deliver(direction, Delivery::End { packet }, sink);
    }

    /// Hands a delivery of a direction to the nest.
    fn deliver(
        &mut self,
        direction: Direction,
        delivery: Delivery<'_>,
        sink: &mut dyn FnMut(InspectEvent<'_>),
    ) {
        let Self {
            options,
            nest,
            announced,
            shared,
            last,
        } = self;
        let mut cx = Context::new(options, announced, *last, shared, sink);
        nest.deliver(direction.index(), delivery, &mut cx);
    }

    /// The connection has ended in this way. Reports what is still held, and the end.
    pub fn finish(&mut self, ending: Ending, sink: &mut dyn FnMut(InspectEvent<'_>)) {
        let Self {
            options,
            nest,
            announced,
            shared,
            last,
        } = self;
        let mut cx = Context::new(options, announced, *last, shared, sink);
        nest.finish(ending, *last, &mut cx);
        let totals = nest.totals();
        cx.end(*last, ending, totals);
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
