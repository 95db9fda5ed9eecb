//! The values that all readers of a conversation share while they work.

use core::net::SocketAddr;

use crate::InspectOptions;
use crate::event::{
    Closed, Conversation, ConversationEnd, ConversationId, Direction, Ending, InspectEvent,
    Location, Note, PacketInfo, Totals,
};
#[cfg(feature = "tls")]
use crate::tls::KeyLog;

/// Receives events.
pub(crate) type EventSink<'s> = dyn FnMut(InspectEvent<'_>) + 's;

/// The options, the receiver of events, and memory that is used again.
pub(crate) struct Context<'c> {
    pub(crate) id: ConversationId,
    pub(crate) options: &'c InspectOptions,
    pub(crate) scratch: &'c mut Scratch,
    #[cfg(feature = "tls")]
    pub(crate) keys: &'c KeyLog,
    /// The packet that is being read.
    #[cfg_attr(not(feature = "tls"), allow(dead_code))]
    pub(crate) last: PacketInfo,
    announced: &'c mut Announced,
    sink: &'c mut EventSink<'c>,
}

/// The values that all connections share.
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

/// A conversation, and what was reported about it.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) conversation: Conversation,
    pub(crate) reported: bool,
    pub(crate) closed: Option<Closed>,
    later: Vec<(Location, Later)>,
}

/// A note that is reported once it is known that the conversation matters.
#[derive(Clone, Debug)]
pub(crate) enum Later {
    Proxied(Option<[SocketAddr; 2]>),
    Tunnel(String),
}

impl Announced {
    pub(crate) fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            reported: false,
            closed: None,
            later: Vec::new(),
        }
    }

    /// Reports the end, if the conversation was reported and has not ended.
    pub(crate) fn end(
        &mut self,
        packet: PacketInfo,
        ending: Ending,
        totals: [Totals; 2],
        sink: &mut EventSink<'_>,
    ) {
        if core::mem::take(&mut self.reported) {
            sink(InspectEvent::End(&ConversationEnd {
                conversation: self.conversation,
                packet,
                ending,
                closed: self.closed.take(),
                totals,
            }));
        }
    }
}

impl<'c> Context<'c> {
    pub(crate) fn new(
        options: &'c InspectOptions,
        announced: &'c mut Announced,
        last: PacketInfo,
        shared: &'c mut Shared,
        sink: &'c mut EventSink<'c>,
    ) -> Self {
        Self {
            id: announced.conversation.id,
            options,
            scratch: &mut shared.scratch,
            #[cfg(feature = "tls")]
            keys: &shared.keys,
            last,
            announced,
            sink,
        }
    }

    /// The same for another conversation within this one.
    pub(crate) fn within<'s>(&'s mut self, announced: &'s mut Announced) -> Context<'s> {
        Context {
            id: announced.conversation.id,
            options: self.options,
            scratch: self.scratch,
            #[cfg(feature = "tls")]
            keys: self.keys,
            last: self.last,
            announced,
            sink: self.sink,
        }
    }

    /// The conversation as it was announced.
    pub(crate) fn conversation(&self) -> &Conversation {
        &self.announced.conversation
    }

    /// Reports an event, after the conversation itself.
    pub(crate) fn emit(&mut self, event: InspectEvent<'_>) {
        if !self.announced.reported {
            self.announced.reported = true;
            let conversation = self.announced.conversation;
            (self.sink)(InspectEvent::Conversation(&conversation));
            for (location, later) in core::mem::take(&mut self.announced.later) {
                let note = match &later {
                    Later::Proxied(addresses) => Note::Proxied {
                        client: addresses.map(|it| it[0]),
                        server: addresses.map(|it| it[1]),
                    },
                    Later::Tunnel(target) => Note::Tunnel(target),
                };
                (self.sink)(InspectEvent::Note(location, &note));
            }
        }
        (self.sink)(event);
    }

    /// Reports an event if the conversation matters for other reasons.
    pub(crate) fn emit_if_known(&mut self, event: InspectEvent<'_>) {
        if self.announced.reported {
            (self.sink)(event);
        }
    }

    /// Reports a note together with the conversation, if that will matter.
    pub(crate) fn emit_later(&mut self, location: Location, note: Later) {
        self.announced.later.push((location, note));
    }

    /// Reports the end of the conversation.
    pub(crate) fn end(&mut self, packet: PacketInfo, ending: Ending, totals: [Totals; 2]) {
        self.announced.end(packet, ending, totals, self.sink);
    }

    /// The client is the side that was taken for the server.
    pub(crate) fn swap(&mut self) {
        let conversation = &mut self.announced.conversation;
        core::mem::swap(&mut conversation.client, &mut conversation.server);
    }

    /// The bytes are encrypted.
    pub(crate) fn set_tls(&mut self) {
        self.announced.conversation.tls = true;
    }

    /// A side sent its first close frame.
    pub(crate) fn closed(&mut self, by: Direction, code: Option<u16>, reason: &[u8]) {
        self.announced.closed.get_or_insert_with(|| Closed {
            by,
            code,
            reason: reason.to_vec(),
        });
    }
}
