//! The memory of connections, to be used again by the next ones.

use alloc::vec::Vec;

/// The memory of a connection: given to [`Acceptor::accept_hooked`](super::Acceptor::accept_hooked) or
/// [`Connector::connect_hooked`](super::Connector::connect_hooked), and taken back by
/// [`Parts::into_buffers`](super::Parts::into_buffers) when the connection is over. The next connection
/// then allocates nothing for reading, writing and putting messages together that the last one had
/// allocated before.
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
/// The bytes in the buffers are not cleared: the memory of one client's messages is not for the eyes of
/// another program. No connection ever lends bytes that it has not received itself.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The bytes that are read from the stream.
    pub(super) input: Vec<u8>,
    /// The bytes that wait to be written.
    pub(super) output: Vec<u8>,
    /// The fragment that a writer fills.
    pub(super) fragment: Vec<u8>,
    /// Messages that come in parts.
    pub(super) message: Vec<u8>,
}

impl Buffers {
    /// Bytes of memory held.
    pub fn memory(&self) -> usize {
        let all = [&self.input, &self.output, &self.fragment, &self.message];
        all.iter().map(|buffer| buffer.capacity()).sum()
    }
}
