//! Names the types of sessions and connections as a library would that needs blocking I/O alone.
//!
//! Each type is written out, so that a type that changes with a feature breaks this library in an
//! application that turns the feature on.

use std::net::TcpStream;

use wscodec::ErrorKind;
use wscodec::io::{
    self, ClientStream, ClientTls, ConnectionOptions, Connector, IoSession, Keys, ReadHalf,
    WriteHalf,
};
use wscodec::message::{MessageRef, Unmasked};
use wscodec::session::{
    BufferOutput, Connected, In, Out, Outbox, Sender, Session, SessionOptions, Upgrade,
};

/// The state of a library for a connection whose I/O is its own.
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

    /// The sending side.
    pub fn sender(&mut self) -> &mut Sender<Unmasked, Out> {
        self.session.sender()
    }

    /// The sending side with its output.
    pub fn outbox<'a>(
        &'a mut self,
        out: &'a mut Vec<u8>,
    ) -> Outbox<BufferOutput<'a, Unmasked, Out>> {
        self.session.outbox(out)
    }
}

/// Begins behind a server's response, as a client.
pub fn client(connected: &Connected<'_>, keys: Keys) -> IoSession {
    let session: Session<Keys, In, Out> = connected.session(keys, &SessionOptions::default());
    session
}

/// The state of a library for a blocking connection.
pub struct Connection {
    /// The connection.
    pub socket: io::Connection<TcpStream>,
    /// Its options.
    pub options: ConnectionOptions,
}

impl Connection {
    /// For a thread that reads and one that writes.
    ///
    /// # Errors
    /// If the system has no further handle.
    pub fn split(self) -> Result<(ReadHalf<TcpStream>, WriteHalf<TcpStream>), io::Error> {
        self.socket.split()
    }
}

/// Opens a connection, over TLS if the URL says so and the application has it.
///
/// # Errors
/// If the server can't be reached, or rejects.
pub fn connect(
    url: &str,
    tls: Option<&ClientTls>,
) -> Result<io::Connection<ClientStream>, io::Error> {
    let mut connector = Connector::DEFAULT;
    connector.tls = tls;
    connector.connect(url)
}

/// Answers a message over a blocking connection.
///
/// # Errors
/// If the connection is closing, or is lost.
pub fn answer(
    message: MessageRef<'_>,
    outbox: &mut io::Outbox<'_, TcpStream>,
) -> Result<(), io::Error> {
    outbox.forward(message)
}

/// Answers a message of a session.
///
/// # Errors
/// If the session is closing.
pub fn forward(
    message: MessageRef<'_>,
    sender: &mut Sender<Unmasked, Out>,
    out: &mut Vec<u8>,
) -> Result<(), ErrorKind> {
    sender.forward(message, out)
}
