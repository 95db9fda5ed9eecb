//! What a server is told before it starts.

use core::net::SocketAddr;
use core::time::Duration;
use std::vec;
use std::vec::Vec;

use wscodec::deflate::Window;
use wscodec::session::{Config, Policy};

/// How a server behaves. Nothing of it changes while it runs.
///
/// A time of zero is over at once, and does not stand for never: that is `None`, or
/// [`Duration::MAX`].
///
/// ```
/// use wscodec::handshake::Origin;
/// use wscodec_server::Options;
///
/// let mut options = Options::new("127.0.0.1:9001".parse()?);
/// options.policy.protocols = &["chat"];
/// options.policy.origin = Origin::List(&["https://example.com"]);
/// options.session.limits.message = 1 << 20;
/// options.connections = 50_000;
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options<'a> {
    /// Where to listen; port 0 takes one that is free.
    pub listen: Vec<SocketAddr>,
    /// Origins, subprotocols and compression.
    pub policy: Policy<'a>,
    /// Limits of messages and heads, heartbeat, idle time, the time to close.
    pub session: Config,
    /// How compression is paid for.
    pub memory: Memory,
    /// Connections at a time. The next ones are answered with status 503. Default 100,000.
    pub connections: usize,
    /// Bytes that all connections together may hold: themselves, messages in parts, what waits to be
    /// sent, and what is kept for compression. Beyond it new connections are answered with status
    /// 503, and one that comes to hold more is closed with code 1013, or dropped if it does not read
    /// what waits for it. Connections that hold less than 16 KiB are left alone; so this, that much
    /// for each connection, and a few of the largest messages is what may come together. Default:
    /// none, and 1 GiB on WASI, where all memory there can be is 4 GiB.
    pub memory_limit: Option<usize>,
    /// How long a request may take, from the connection to its last byte; then status 408. Default
    /// 10 seconds.
    pub handshake_timeout: Duration,
    /// Bytes that wait for a peer to read them: with more, nothing is read from it. Default 64 KiB.
    pub high_water: usize,
    /// Bytes that may wait for a peer to read them, which those sent [by others](super::Handle) may
    /// come to: with more, it is dropped. Answers may come to as much as the largest message, if
    /// that is more. Default 16 MiB.
    pub queue: usize,
    /// How long a peer may read nothing of what waits for it, before it is dropped. Default 30
    /// seconds.
    pub stall_timeout: Duration,
    /// How long a peer may take to close the transport after the last byte. Default 2 seconds.
    pub linger: Duration,
    /// How long connections may take to close when the server stops. Default 5 seconds.
    pub grace: Duration,
    /// Stop when standard input ends: for platforms without signals, and for those who start the
    /// server as a part of theirs. Default: no.
    pub stop_on_eof: bool,
    /// How often [`Handler::tick`](super::Handler::tick) is called. Default: never.
    pub tick: Option<Duration>,
    /// Event loops, a thread each; connections are dealt out among them. Default: one for each
    /// core, and one on WASI, which has no threads.
    pub loops: usize,
}

/// Whose memory compression takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// One engine a loop; connections with takeover keep this much of what they sent.
    Shared {
        /// See [`Pool::history`](wscodec::deflate::Pool::history).
        history: Window,
    },
    /// Engines of their own for each connection: quickest, and some hundred KiB each.
    Dedicated,
}

impl Default for Memory {
    fn default() -> Self {
        Self::Shared {
            history: Window::new(12).unwrap_or(Window::MAX),
        }
    }
}

impl Options<'_> {
    /// The defaults, for one address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen: vec![listen],
            policy: Policy::DEFAULT,
            session: Config::DEFAULT,
            memory: Memory::default(),
            connections: 100_000,
            memory_limit: cfg!(target_os = "wasi").then_some(1 << 30),
            handshake_timeout: Duration::from_secs(10),
            high_water: 64 << 10,
            queue: 16 << 20,
            stall_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(5),
            stop_on_eof: false,
            tick: None,
            loops: cores(),
        }
    }
}

impl Options<'_> {
    /// Bytes that a connection's own handler may leave to wait: what is below
    /// [`high_water`](Self::high_water), an answer as long as the largest message, and what framing
    /// adds to it.
    pub(super) fn most_answers(&self) -> usize {
        let message = usize::try_from(self.session.limits.message).unwrap_or(usize::MAX);
        let answer = message.saturating_add(message / 1024);
        self.queue.max(answer.saturating_add(2 * self.high_water))
    }
}

fn cores() -> usize {
    if cfg!(target_os = "wasi") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}
