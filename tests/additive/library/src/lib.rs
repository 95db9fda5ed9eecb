//! Names the types of sessions and connections as a library would that needs blocking I/O alone.

use std::net::TcpStream;

use wscodec::io::{self, ConnectionOptions};
use wscodec::message::Unmasked;
use wscodec::session::{In, Out, Session, SessionOptions, Upgrade};

/// What a library keeps for a connection whose I/O is its own.
pub struct Endpoint {
    /// One end of a connection.
    pub session: Session<Unmasked, In, Out>,
}

impl Endpoint {
    /// Begins behind an accepted request.
    pub fn new(upgrade: &Upgrade<'_>) -> Self {
        let session = upgrade.session(&SessionOptions::default());
        Self { session }
    }
}

/// What a library keeps for a blocking connection.
pub struct Connection {
    /// The connection.
    pub socket: io::Connection<TcpStream>,
    /// Its options.
    pub options: ConnectionOptions,
}
