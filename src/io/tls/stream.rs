//! A blocking TLS stream over TCP. A thread that reads and a thread that writes may share
//! it.
//!
//! Problem: rustls keeps one state for both directions, and a read blocks for as long as the peer is
//! silent. A lock that is held while a thread reads would make the other thread wait before it writes.
//!
//! Choice: three locks. `incoming` belongs to the thread that reads, and `outgoing`, the encrypted
//! bytes in their order, to the thread that writes. Both may be held while the socket blocks. The
//! state of TLS is locked for encryption and decryption only, never while the socket blocks.
//!
//! Order of the locks: `incoming`, `outgoing`, `connection`. A reader that must send bytes (the
//! answer to a key update, an alert) only tries to take `outgoing`. If another thread is writing,
//! that thread sends these bytes with its own.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustls::Connection;

/// The number of bytes that are read from the socket at a time, and the most that TLS may buffer of
/// one write.
const BUFFER: usize = 16 << 10;

/// A TLS stream. All handles are the same stream.
pub(in crate::io) struct TlsStream(Arc<Shared>);

struct Shared {
    socket: TcpStream,
    connection: Mutex<Connection>,
    incoming: Mutex<Incoming>,
    outgoing: Mutex<Vec<u8>>,
}

/// Received bytes that TLS has not taken yet.
struct Incoming {
    buffer: Box<[u8]>,
    unread: Range<usize>,
    ended: bool,
}

/// The state is consistent after a panic in another thread, because each step is one call of rustls
/// or of the system.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl TlsStream {
    /// Completes the handshake of TLS, until then at the latest.
    pub(in crate::io) fn begin(
        socket: TcpStream,
        mut connection: Connection,
        until: Option<Instant>,
    ) -> io::Result<Self> {
        connection.set_buffer_limit(Some(BUFFER));
        while connection.is_handshaking() {
            limit(&socket, until)?;
            while connection.wants_write() {
                connection.write_tls(&mut &socket)?;
            }
            if !connection.is_handshaking() {
                break;
            }
            if connection.read_tls(&mut &socket)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let processed = connection.process_new_packets();
            if processed.is_err() {
                // The alert that tells the peer what is wrong. It is the error that counts.
                let _ = connection.write_tls(&mut &socket);
            }
            processed.map_err(broken)?;
        }
        let mut outgoing = Vec::new();
        while connection.wants_write() {
            connection.write_tls(&mut outgoing)?;
        }
        socket.set_read_timeout(None)?;
        socket.set_write_timeout(None)?;
        let this = Self(Arc::new(Shared {
            socket,
            connection: Mutex::new(connection),
            incoming: Mutex::new(Incoming {
                buffer: vec![0; BUFFER].into_boxed_slice(),
                unread: 0..0,
                ended: false,
            }),
            outgoing: Mutex::new(outgoing),
        }));
        Ok(this)
    }

    /// The socket.
    pub(in crate::io) fn socket(&self) -> &TcpStream {
        &self.0.socket
    }

    /// Another handle of the same stream.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a build without TLS has no value to return"
    )]
    pub(in crate::io) fn handle(&self) -> io::Result<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }

    /// Announces the end of the output (RFC 8446 §6.1), and ends it.
    pub(in crate::io) fn shut_down(&self) -> io::Result<()> {
        lock(&self.0.connection).send_close_notify();
        // A thread that is writing fails from now on.
        if let Ok(mut outgoing) = self.0.outgoing.try_lock() {
            let _ = self.0.write_out(&mut outgoing);
        }
        self.0.socket.shutdown(Shutdown::Write)
    }
}

/// Sets the time-outs of the socket so that reads and writes of the handshake end at the deadline.
fn limit(socket: &TcpStream, until: Option<Instant>) -> io::Result<()> {
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    if left == Some(Duration::ZERO) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    socket.set_read_timeout(left)?;
    socket.set_write_timeout(left)
}

impl Shared {
    /// Takes the encrypted bytes from TLS and writes them.
    fn write_out(&self, outgoing: &mut Vec<u8>) -> io::Result<()> {
        loop {
            if outgoing.is_empty() {
                let mut connection = lock(&self.connection);
                while connection.wants_write() {
                    connection.write_tls(outgoing)?;
                }
            }
            if outgoing.is_empty() {
                return Ok(());
            }
            match (&self.socket).write(outgoing)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => drop(outgoing.drain(..n)),
            }
        }
    }
}

impl Incoming {
    /// Passes received bytes to TLS. Returns whether there may be decrypted bytes.
    fn feed(&mut self, shared: &Shared) -> io::Result<()> {
        if self.unread.is_empty() && !self.ended {
            let n = (&shared.socket).read(&mut self.buffer)?;
            (self.unread, self.ended) = (0..n, n == 0);
        }
        let mut connection = lock(&shared.connection);
        let mut bytes = &self.buffer[self.unread.clone()];
        let taken = connection.read_tls(&mut bytes)?;
        self.unread.start += taken;
        let processed = connection.process_new_packets();
        let wants_write = connection.wants_write();
        drop(connection);
        if wants_write && let Ok(mut outgoing) = shared.outgoing.try_lock() {
            // Bytes that are not written now are written with the next ones.
            let _ = shared.write_out(&mut outgoing);
        }
        processed.map(drop).map_err(broken)
    }
}

impl Read for &TlsStream {
    /// Reads decrypted bytes; 0 at the end of the stream, even if the peer has not announced it:
    /// WebSocket has its own closing handshake.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut incoming = lock(&self.0.incoming);
        loop {
            let read = lock(&self.0.connection).reader().read(into);
            match read {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => incoming.feed(&self.0)?,
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                result => return result,
            }
        }
    }
}

impl Write for &TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut outgoing = lock(&self.0.outgoing);
        self.0.write_out(&mut outgoing)?;
        let n = lock(&self.0.connection).writer().write(bytes)?;
        // TLS has taken the bytes. A later flush reports the error again.
        let _ = self.0.write_out(&mut outgoing);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.write_out(&mut lock(&self.0.outgoing))
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsStream").field(&self.0.socket).finish()
    }
}
