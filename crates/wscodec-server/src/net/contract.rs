//! The contract between the event loop and a platform.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use std::vec::Vec;

use super::Input;
use crate::address::Address;

/// Connections that the system may hold until they are accepted, if it allows as many.
pub(crate) const BACKLOG: u16 = 4096;

/// Attempts to accept that may fail in a row before the others have their turn.
pub(crate) const ATTEMPTS: usize = 64;

/// An address to listen on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    /// Whether other sockets may listen on the same address and port.
    pub(crate) reuse_port: bool,
}

/// A source of readiness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A listener has connections to accept.
    Listener(u32),
    /// A connection may be readable or writable. The flag says that the peer has ended the stream; the
    /// end is behind the bytes that can be read, and is not reported again.
    Stream(u32, bool),
    /// The mailbox may have commands, or standard input may have bytes.
    Mailbox,
}

/// Why TLS ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "tls", not(target_os = "wasi"))),
    expect(dead_code, reason = "only TLS makes one")
)]
pub(crate) enum TlsFault {
    /// The client speaks HTTP without TLS. The stream is a plain one from now on, without the bytes
    /// that have arrived.
    Plain,
    /// A rule of TLS was broken: by the client, or the client says that we broke one.
    Broken(Box<str>),
}

/// The contract between the event loop and a platform.
///
/// Only [`wait`](Self::wait) and [`connect`](Self::connect) block. A stream is reported once when it
/// becomes readable or writable after an operation would have blocked; it may also be reported without
/// a reason. So the event loop reads until a read returns less than the buffer holds, or until the end
/// of a stream whose end was reported. If it stops earlier, it must come back without a report.
///
/// Streams are known by the index that the loop gives them; an index is used again after
/// [`remove`](Self::remove).
pub(crate) trait Net: Sized {
    type Listener: Send;
    type Stream: Send;
    type Waker;

    /// After a time in which the process did not run: how long it may take until a read returns the
    /// bytes that have arrived. Zero where a read asks the system itself.
    const CATCH_UP: Duration;

    fn new() -> io::Result<Self>;

    /// Wakes [`wait`](Self::wait) from another thread.
    fn waker(&self) -> io::Result<Self::Waker>;

    /// Time since some moment that stays.
    fn now(&self) -> Duration;

    fn listen(to: Listen) -> io::Result<(Self::Listener, SocketAddr)>;

    /// Reports the listener from now on.
    fn watch(&mut self, listener: &mut Self::Listener, index: u32) -> io::Result<()>;

    /// The next connection that waits; `None` if there is none.
    ///
    /// # Errors
    /// [`Interrupted`](io::ErrorKind::Interrupted) if there may be more, and those that were tried
    /// are gone: the peer reset the connection, or the network failed, before it was accepted.
    /// Any other error concerns the listener or the process, such as too many open files: to try
    /// again at once would fail again.
    fn accept(
        &mut self,
        listener: &mut Self::Listener,
    ) -> io::Result<Option<(Self::Stream, Address)>>;

    /// While the listeners rest, they are not reported: there is no descriptor, say, for another
    /// connection.
    fn rest(&mut self, rests: bool);

    /// A connection to that address; waits for it, but no longer than the time-out.
    fn connect(&mut self, address: SocketAddr, timeout: Duration) -> io::Result<Self::Stream>;

    /// Reports from now on, as [`Source::Mailbox`], when the input can be read or has ended.
    fn watch_input(&mut self, input: &Input) -> io::Result<()>;

    /// Some bytes of the input; 0 at its end; [`io::ErrorKind::WouldBlock`], also where it is
    /// not watched.
    fn read_input(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// Reports the stream from now on, as ready to be read.
    fn add(&mut self, stream: &mut Self::Stream, index: u32) -> io::Result<()>;

    /// Whether it is worth reporting that the stream can be read from, or written to. At first:
    /// read.
    fn interest(&mut self, stream: &mut Self::Stream, index: u32, read: bool, write: bool);

    /// Some bytes; 0 at the end of the stream; [`io::ErrorKind::WouldBlock`].
    fn read(&mut self, stream: &mut Self::Stream, into: &mut [u8]) -> io::Result<usize>;

    /// Some of the bytes; [`io::ErrorKind::WouldBlock`].
    fn write(&mut self, stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<usize>;

    /// Ends the output: the peer reads the end of the stream.
    fn shut_down(&mut self, stream: &mut Self::Stream);

    /// Forgets the stream and closes it, at once or as soon as that does not block.
    fn remove(&mut self, stream: Self::Stream, index: u32);

    /// Bytes that the stream holds besides itself, where it has a layer of its own such as TLS.
    fn memory(stream: &Self::Stream) -> usize {
        let _ = stream;
        0
    }

    /// Why a stream with a layer of its own can't go on, if the fault is one of that layer.
    fn tls_fault(stream: &Self::Stream) -> Option<&TlsFault> {
        let _ = stream;
        None
    }

    /// The certificate by which the peer has shown who it is, in DER.
    fn certificate(stream: &Self::Stream) -> Option<&[u8]> {
        let _ = stream;
        None
    }

    /// Streams that were removed and are not closed yet: to the system they are still connections.
    fn closing(&self) -> usize;

    /// Waits until a source is ready or the time is over, and appends the sources that are ready.
    fn wait(&mut self, timeout: Option<Duration>, ready: &mut Vec<Source>) -> io::Result<()>;
}
