//! The names of connections, and groups of them.

use core::fmt;
use core::num::ParseIntError;
use core::str::FromStr;
use std::sync::Arc;

use super::table::Key;

/// The name of a connection: no other has it while the server runs. As text, for logs and for the
/// commands of an administrator, it is three numbers with points between them.
///
/// ```
/// use wscodec_server::Id;
///
/// let id: Id = "0.17.3".parse()?;
/// assert_eq!(id.to_string(), "0.17.3");
/// assert!("0.17".parse::<Id>().is_err());
/// # Ok::<(), wscodec_server::ParseIdError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id {
    pub(super) event_loop: u32,
    pub(super) key: Key,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Key { index, turn } = self.key;
        write!(f, "{}.{index}.{turn}", self.event_loop)
    }
}

impl FromStr for Id {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let mut parts = text.split('.').map(|part| match part.starts_with('+') {
            true => Err(ParseIdError),
            false => part.parse::<u32>().map_err(|_: ParseIntError| ParseIdError),
        });
        let mut number = || parts.next().unwrap_or(Err(ParseIdError));
        let id = Self {
            event_loop: number()?,
            key: Key {
                index: number()?,
                turn: number()?,
            },
        };
        match parts.next() {
            None => Ok(id),
            Some(_) => Err(ParseIdError),
        }
    }
}

/// A text that is not the name of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a connection is three numbers with points between them")
    }
}

impl core::error::Error for ParseIdError {}

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
