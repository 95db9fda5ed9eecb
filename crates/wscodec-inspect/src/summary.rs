//! One line about a whole conversation: who talked to whom about what, how much, and how it ended.
//!
//! A [`Summaries`] puts the events of each conversation together. The summary of a conversation is
//! complete when its end is reported.
//!
//! ```
//! use wscodec_inspect::summary::Summaries;
//! use wscodec_inspect::{InspectOptions, Inspector};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/pcap/two-connections.pcap");
//! let mut summaries = Summaries::default();
//! let mut list = Vec::new();
//! let mut inspector = Inspector::new(InspectOptions::default());
//! let mut sink = |event: wscodec_inspect::InspectEvent<'_>| {
//!     list.extend(summaries.event(&event));
//! };
//! inspector.push(&std::fs::read(path)?, &mut sink)?;
//! inspector.finish(&mut sink)?;
//! assert_eq!(list.len(), 3);
//! assert_eq!(list[0].host.as_deref(), Some("127.0.0.1:9813"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::HashMap;

use crate::event::{
    CapturedHandshake, Closed, Conversation, ConversationId, Ending, InspectEvent, PacketInfo,
    Totals,
};

/// Conversations that are open at a time and of which the handshake is remembered.
const MAX_OPEN: usize = 1 << 16;

/// A conversation as a whole.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The conversation: its number, its addresses, its first packet.
    pub conversation: Conversation,
    /// The host that the client asked for.
    pub host: Option<String>,
    /// The path and query that the client asked for.
    pub target: Option<String>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Whether the server accepted the upgrade.
    pub accepted: bool,
    /// The subprotocol that the server chose.
    pub protocol: Option<String>,
    /// The extensions that the server agreed to.
    pub extensions: Option<String>,
    /// The last packet, once the conversation has ended.
    pub last: Option<PacketInfo>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// The first close frame.
    pub closed: Option<Closed>,
    /// Messages and bytes from the client, and from the server.
    pub totals: [Totals; 2],
}

impl Summary {
    pub(crate) fn new(conversation: Conversation) -> Self {
        Self {
            conversation,
            host: None,
            target: None,
            status: None,
            accepted: false,
            protocol: None,
            extensions: None,
            last: None,
            ending: None,
            closed: None,
            totals: Default::default(),
        }
    }

    /// Nanoseconds from the first to the last packet.
    pub fn duration(&self) -> Option<i128> {
        Some(self.last?.time? - self.conversation.packet.time?)
    }

    fn handshake(&mut self, handshake: &CapturedHandshake<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.host = handshake.host().map(text).or(self.host.take());
        self.target = handshake.target().map(text).or(self.target.take());
        self.status = handshake.status;
        self.accepted = handshake.accepted;
        self.protocol = handshake.protocol.map(str::to_owned);
        self.extensions = handshake.extensions.map(text);
    }
}

/// Puts the events of conversations together.
#[derive(Debug, Default)]
pub struct Summaries {
    open: HashMap<ConversationId, Summary>,
}

impl Summaries {
    /// Takes the next event of the inspection. Returns the summary of a conversation that has ended.
    pub fn event(&mut self, event: &InspectEvent<'_>) -> Option<Summary> {
        match event {
            InspectEvent::Conversation(conversation) if self.open.len() < MAX_OPEN => {
                let summary = Summary::new(**conversation);
                self.open.insert(conversation.id, summary);
            }
            InspectEvent::Handshake(handshake) => {
                if let Some(summary) = self.open.get_mut(&handshake.conversation) {
                    summary.handshake(handshake);
                }
            }
            InspectEvent::End(end) => {
                let known = self.open.remove(&end.conversation.id);
                let mut summary = known.unwrap_or_else(|| Summary::new(end.conversation));
                summary.last = Some(end.packet);
                summary.ending = Some(end.ending);
                summary.closed.clone_from(&end.closed);
                summary.totals = end.totals;
                return Some(summary);
            }
            _ => {}
        }
        None
    }

    /// The summary so far of a conversation that has not ended.
    pub fn open(&self, id: ConversationId) -> Option<&Summary> {
        self.open.get(&id)
    }
}
