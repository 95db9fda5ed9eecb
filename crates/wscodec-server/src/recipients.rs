//! The names of connections, and groups of them.

use std::sync::Arc;

use super::table::Key;

/// The name of a connection: no other has it while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub(super) event_loop: u32,
    pub(super) key: Key,
}

/// The receivers of a message, an event or a command.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recipients {
    /// All open connections.
    All,
    /// One connection, if it still exists.
    One(Id),
    /// Some; those of them that are not gone.
    Some(Arc<[Id]>),
    /// The members of a room: see [`ServerHandle::subscribe`](super::ServerHandle::subscribe).
    Room(Arc<str>),
}
