//! TLS by rustls below the connections of an event loop, with the feature `tls`.
//!
//! Problem: the event loop expects a stream that is read and written without blocking, and that says
//! how many bytes have left. A TLS stream must write to read (handshakes, key updates) and read to
//! write, and it encrypts bytes before it knows whether the socket takes them.
//!
//! Choice: [`Tls`] hides all of that behind the two methods of a socket. Both first write what is
//! encrypted. If the socket does not take all of it, [`write`](Tls::write) reports one byte less than it
//! has encrypted, and remembers that (`owed`). So the caller's queue is not empty while encrypted bytes
//! wait, the loop comes back when the socket is writable, and a close frame counts as sent only when
//! it has left. The handshake is a part of reading: it runs under the handshake timeout, as the
//! connection's request does.
//!
//! Invariant: encrypted bytes of the caller wait only while `owed` is 1, and the caller's next bytes
//! begin with the byte that is owed.
//!
//! Memory: rustls does not say how much it holds, so it is counted here. Encrypted bytes that wait are
//! exact. Bytes of a record that has not arrived as a whole are counted by the bytes that arrived since
//! the last ones could be decrypted, and twice, because the buffer grows by doubling.

use std::io::{self, IoSlice, Read, Write};

use rustls::{Connection, Error, InvalidMessage};

use super::raw::Socket;
use crate::net::contract::TlsFault;

/// Bytes of one write that are encrypted before the socket has taken those before.
const BUFFER: usize = 64 << 10;
/// Bytes that a connection of rustls holds besides itself while nothing arrives or leaves: its keys,
/// and the 4 KiB that it reads records into. Measured by `tests/tls_memory.rs`.
const AT_REST: usize = 6 << 10;
/// The most bytes of one record or message of a handshake that rustls holds.
const MOST_UNREAD: usize = 64 << 10;

/// One end of a TLS connection.
#[derive(Debug)]
pub(super) struct Tls {
    connection: Connection,
    /// Bytes that are encrypted and that the caller will hand over once more: 0 or 1.
    owed: usize,
    /// Encrypted bytes that wait.
    waiting: usize,
    /// Bytes that arrived since the last ones were decrypted.
    unread: usize,
    /// Decrypted bytes that the caller has not read.
    decrypted: usize,
    /// The first byte that arrived.
    first: Option<u8>,
    /// Why the connection can't go on.
    fault: Option<TlsFault>,
}

impl Tls {
    pub(super) fn new(connection: impl Into<Connection>) -> Self {
        let mut connection = connection.into();
        connection.set_buffer_limit(Some(BUFFER));
        Self {
            connection,
            owed: 0,
            waiting: 0,
            unread: 0,
            decrypted: 0,
            first: None,
            fault: None,
        }
    }

    /// Bytes held, as far as they are known: see the head of this file.
    pub(super) fn memory(&self) -> usize {
        let incoming = 2 * self.unread.min(MOST_UNREAD) + self.decrypted;
        size_of::<Self>() + AT_REST + incoming + self.waiting
    }

    /// Why the connection can't go on, if the fault is one of TLS.
    pub(super) fn fault(&self) -> Option<&TlsFault> {
        self.fault.as_ref()
    }

    /// The certificate by which the peer has shown who it is, in DER.
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        Some(self.connection.peer_certificates()?.first()?)
    }

    /// Writes encrypted bytes until the socket takes no more. Whether all of them have left.
    fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.connection.wants_write() {
            let mut measured = Measured {
                socket,
                left: &mut self.waiting,
            };
            match self.connection.write_tls(&mut measured) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// Reads decrypted bytes until there is no more, or `into` is full; 0 at the end of the stream,
    /// even if the peer has not announced it: WebSocket has its own closing handshake.
    // Kept apart, so that plain connections do not pay for its registers.
    #[inline(never)]
    pub(super) fn read(&mut self, socket: &mut Socket, into: &mut [u8]) -> io::Result<usize> {
        if self.fault == Some(TlsFault::Plain) {
            return socket.read(into);
        }
        self.flush(socket)?;
        let mut n = 0;
        loop {
            match self.connection.reader().read(&mut into[n..]) {
                Ok(0) => return Ok(n),
                Ok(more) => {
                    n += more;
                    self.decrypted -= more;
                }
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            if n == into.len() {
                return Ok(n);
            }
            let mut noted = Noted {
                socket,
                first: &mut self.first,
            };
            match self.connection.read_tls(&mut noted) {
                Ok(more) => self.unread += more,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && n > 0 => return Ok(n),
                Err(e) => return Err(e),
            }
            match self.connection.process_new_packets() {
                Ok(state) => {
                    self.decrypted = state.plaintext_bytes_to_read();
                    if self.decrypted > 0 {
                        self.unread = 0;
                    }
                }
                Err(error) => return Err(self.failed(socket, error)),
            }
            self.flush(socket)?;
        }
    }

    /// The peer has broken a rule of TLS, or does not speak it.
    #[cold]
    fn failed(&mut self, socket: &mut Socket, error: Error) -> io::Error {
        let is_bare = matches!(
            error,
            Error::InvalidMessage(InvalidMessage::InvalidContentType)
        );
        // The first letter of a method, in place of a record's type.
        let is_method = self.first.is_some_and(|byte| byte.is_ascii_uppercase());
        self.fault = Some(match is_bare && is_method {
            true => TlsFault::Plain,
            false => {
                // The alert that tells the peer what is wrong. It is the first error that counts.
                let _ = self.flush(socket);
                TlsFault::Broken(error.to_string().into())
            }
        });
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[inline(never)]
    pub(super) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
        if self.fault == Some(TlsFault::Plain) {
            return socket.write(bytes);
        }
        if !self.flush(socket)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if self.connection.is_handshaking() {
            return Err(match &self.connection {
                Connection::Client(_) => io::ErrorKind::WouldBlock.into(),
                // A rejection that comes before the peer could read it.
                Connection::Server(_) => io::ErrorKind::NotConnected.into(),
            });
        }
        let done = core::mem::take(&mut self.owed);
        let encrypted = match bytes.get(done..) {
            Some(rest) if !rest.is_empty() => self.connection.writer().write(rest)?,
            _ => return Ok(bytes.len()),
        };
        match self.flush(socket)? {
            true => Ok(done + encrypted),
            false => {
                self.owed = 1;
                match done + encrypted - 1 {
                    0 => Err(io::ErrorKind::WouldBlock.into()),
                    n => Ok(n),
                }
            }
        }
    }

    /// Announces the end of the output (RFC 8446 §6.1).
    pub(super) fn shut_down(&mut self, socket: &mut Socket) {
        if self.fault.is_none() {
            self.connection.send_close_notify();
            // If the socket does not take it now, the peer reads the end without it.
            let _ = self.flush(socket);
        }
    }
}

/// A socket that tells how many bytes it was handed and has not taken.
struct Measured<'a> {
    socket: &'a mut Socket,
    left: &'a mut usize,
}

impl Write for Measured<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        *self.left = parts.iter().map(|part| part.len()).sum();
        let n = self.socket.write_vectored(parts)?;
        *self.left -= n;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket that remembers the first byte that was ever read from it.
struct Noted<'a> {
    socket: &'a mut Socket,
    first: &'a mut Option<u8>,
}

impl Read for Noted<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.socket.read(into)?;
        *self.first = self.first.or(into[..n].first().copied());
        Ok(n)
    }
}
