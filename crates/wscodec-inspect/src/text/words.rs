//! Words for the parts of a conversation.

use crate::event::{Conversation, Direction};

/// The two addresses.
pub(crate) fn addresses(conversation: &Conversation) -> String {
    match (conversation.client, conversation.server) {
        (Some(client), Some(server)) => format!("{client} -> {server}"),
        (Some(client), None) => format!("from {client}"),
        (None, Some(server)) => format!("to {server}"),
        (None, None) => "conversation".to_owned(),
    }
}

/// The side that sends in this direction.
pub(crate) fn side(direction: Direction) -> &'static str {
    match direction {
        Direction::ClientToServer => "the client",
        Direction::ServerToClient => "the server",
    }
}
