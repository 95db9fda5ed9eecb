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

use std::io::{self, Read, Write};

use rustls::Connection;

use super::raw::Socket;

/// One end of a TLS connection.
#[derive(Debug)]
pub(super) struct Tls {
    connection: Connection,
    /// Bytes that are encrypted and that the caller will hand over once more: 0 or 1.
    owed: usize,
}

impl Tls {
    pub(super) fn new(connection: impl Into<Connection>) -> Self {
        Self {
            connection: connection.into(),
            owed: 0,
        }
    }

    /// Bytes held, without those that rustls holds while records arrive or leave.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>()
    }

    /// Writes encrypted bytes until the socket takes no more. Whether all of them have left.
    fn flush(&mut self, socket: &mut Socket) -> io::Result<bool> {
        while self.connection.wants_write() {
            match self.connection.write_tls(socket) {
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
        self.flush(socket)?;
        let mut n = 0;
        loop {
            match self.connection.reader().read(&mut into[n..]) {
                Ok(0) => return Ok(n),
                Ok(more) => n += more,
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e),
            }
            if n == into.len() {
                return Ok(n);
            }
            match self.connection.read_tls(socket) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock && n > 0 => return Ok(n),
                Err(e) => return Err(e),
            }
            let processed = self.connection.process_new_packets();
            // Of the handshake, or the alert that tells the peer what is wrong.
            let flushed = self.flush(socket);
            processed.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            flushed?;
        }
    }

    #[inline(never)]
    pub(super) fn write(&mut self, socket: &mut Socket, bytes: &[u8]) -> io::Result<usize> {
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
        self.connection.send_close_notify();
        // If the socket does not take it now, the peer reads the end without it.
        let _ = self.flush(socket);
    }
}
