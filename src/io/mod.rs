//! Blocking I/O over any `Read + Write`. A connection belongs to one thread, or to two after a split.
//!
//! | to | use |
//! |---|---|
//! | accept or connect, and exchange messages | [`accept`], [`connect`], [`WebSocket`] |
//! | accept a connection | [`Acceptor`], with subprotocols, headers, rejections, any stream |
//! | open one | [`Connector`], with subprotocols, headers, time-outs, TLS, any stream |
//! | read and send messages without a copy | [`Connection`], [`Outbox`] |
//! | read or write a message as its bytes come | [`MessageReader`], [`MessageWriter`] |
//! | read and send in two threads | [`Connection::split`] |
//! | look at each step of a handshake | [`AcceptHooks`], [`ConnectHooks`] |
//! | give up connecting, use memory again | [`Cancel`], [`Buffers`] |
//! | read and write frames by hand | [`read_frame`], [`write_frame`] and their like |
//! | mask payloads and check text by hand | [`MaskReader`], [`MaskWriter`], [`Utf8Reader`] |
//!
//! This echo server serves a connection in a thread:
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//! use std::thread;
//! use wscodec::CloseCode;
//! use wscodec::io::{Acceptor, Connector, Error};
//!
//! fn serve(stream: TcpStream) -> Result<(), Error> {
//!     let mut ws = Acceptor::default().accept(stream)?;
//!     while let Some((message, mut outbox)) = ws.read()? {
//!         outbox.send(message.kind, message.payload)?;
//!     }
//!     Ok(())
//! }
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = thread::spawn(move || serve(listener.accept()?.0));
//!
//! let mut ws = Connector::DEFAULT.connect(&format!("ws://{address}/"))?;
//! ws.outbox().text("Hello")?;
//! let (message, _) = ws.read()?.expect("an echo");
//! assert_eq!(message.text(), Some("Hello"));
//! let outcome = ws.close(CloseCode::NORMAL, "bye")?;
//! assert!(outcome.clean);
//! server.join().unwrap()?;
//! # Ok::<(), Error>(())
//! ```
//!
//! An answer to a received message waits in a queue. The connection writes the whole queue when it
//! has no more input. If a peer sends ten messages in one packet, it gets ten answers in one packet.
//!
//! # Back-pressure
//!
//! Sending applies back-pressure. It blocks while more than [`ConnectionOptions::queue`] bytes wait
//! and the peer does not read, and it fails after [`ConnectionOptions::write_timeout`] without
//! progress. Reading does not wait for the queue. On a stream with time-outs, a read writes as much
//! of the queue as the stream takes, and reads the bytes that have arrived. It therefore sees the
//! messages, pings and close frames of a slow reader at once. A loop that echoes stops reading from a
//! slow reader when the queue is full. A loop that sends from a second thread ([`Connection::split`])
//! does not stop the reads.
//!
//! A connection allocates nothing in the steady state: it uses its buffers again, and lends payloads
//! from the buffer that they were read into.
//!
//! Mask keys and nonces come from the system's source of random numbers, which is read in blocks.
#![cfg_attr(
    feature = "deflate",
    doc = "\nThe module [`gobwas`] lists each name of Go's gobwas/ws with its name here."
)]

mod accept;
mod answer;
mod buffers;
mod cancel;
mod client_stream;
mod connect;
mod connection;
mod error;
mod frames;
mod head;
mod hooks;
mod inbox;
mod line;
mod mask;
mod options;
mod outbox;
mod owned;
mod random;
mod reader;
mod rounds;
mod shared;
mod split;
mod tls;
mod transport;
mod url;
mod utf8;
mod websocket;
mod writer;

#[cfg(feature = "deflate")]
pub mod gobwas {
    #![doc = include_str!("gobwas.md")]
    #![doc = include_str!("gobwas_names.md")]
}

pub use accept::Acceptor;
pub use answer::{Answer, Rejecting};
pub use buffers::Buffers;
pub use cancel::Cancel;
pub use client_stream::ClientStream;
pub use connect::Connector;
pub use connection::{Connection, IoSession, Parts};
pub use error::{Error, Rejected};
pub use frames::{read_frame, read_header, write_frame, write_header};
pub use hooks::{AcceptHooks, ConnectHooks};
pub use mask::{MaskReader, MaskWriter};
pub use options::ConnectionOptions;
pub use outbox::{Outbox, QueueOutput};
pub use owned::Message;
pub use random::{Keys, nonce};
pub use reader::MessageReader;
pub use split::{ReadHalf, SharedOutput, WriteHalf};
pub use tls::{ClientTls, ClientTlsOptions};
#[cfg(all(feature = "tls", not(target_family = "wasm")))]
pub use tls::{read_certificates, read_private_key};
pub use transport::{SetTimeout, Transport};
pub use url::Url;
pub use utf8::Utf8Reader;
pub use websocket::{WebSocket, accept, connect};
pub use writer::MessageWriter;
