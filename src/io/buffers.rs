//! Memory that several connections use one after the other.

use alloc::vec::Vec;

/// The memory of a connection. [`Acceptor::accept_hooked`](super::Acceptor::accept_hooked) and
/// [`Connector::connect_hooked`](super::Connector::connect_hooked) take it, and
/// [`Parts::into_buffers`](super::Parts::into_buffers) returns it when the connection has ended. The
/// next connection then allocates nothing for reading, writing and collecting messages that the last
/// one had allocated before.
///
/// ```no_run
/// use std::net::TcpListener;
/// use wscodec::Error;
/// use wscodec::io::{AcceptHooks, Acceptor, Buffers, Transport};
///
/// struct NoHooks;
///
/// impl AcceptHooks for NoHooks {}
///
/// let listener = TcpListener::bind("127.0.0.1:9001")?;
/// let mut buffers = Buffers::default();
/// for stream in listener.incoming() {
///     let acceptor = Acceptor::default();
///     let ws = acceptor.accept_hooked(stream?, Transport::tcp(), &mut buffers, &mut NoHooks);
///     let Ok(mut ws) = ws else { continue };
///     while let Ok(Some((message, mut outbox))) = ws.read() {
///         let _ = outbox.send(message.kind, message.payload);
///     }
///     buffers = ws.into_parts().into_buffers().1;
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// The bytes in the buffers are not cleared, so do not pass the buffers to code that must not see the
/// messages of another client. A connection never lends bytes that it has not received itself.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The read buffer.
    pub(super) input: Vec<u8>,
    /// The queue of bytes to be written.
    pub(super) output: Vec<u8>,
    /// The fragment that a [`MessageWriter`](super::MessageWriter) fills.
    pub(super) fragment: Vec<u8>,
    /// The buffer for fragmented messages.
    pub(super) message: Vec<u8>,
}

impl Buffers {
    /// The number of bytes that the buffers hold.
    pub fn memory(&self) -> usize {
        let all = [&self.input, &self.output, &self.fragment, &self.message];
        all.iter().map(|buffer| buffer.capacity()).sum()
    }
}
