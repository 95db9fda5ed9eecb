//! The options of a server, their defaults and their checks.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::vec;
use std::vec::Vec;

use wscodec::Limits;
use wscodec::deflate::WindowBits;
use wscodec::handshake::Origin;
use wscodec::session::{Policy, SessionOptions};

/// How a server behaves. The options do not change while it runs.
/// [`Server::bind`](super::Server::bind) [checks](ServerOptions::check) them.
///
/// No time may be zero, except `grace` and `linger`. "Never" is `None`, or [`Duration::MAX`].
///
/// ```
/// use wscodec::handshake::Origin;
/// use wscodec_server::ServerOptions;
///
/// let mut options = ServerOptions {
///     listen: vec!["127.0.0.1:9001".parse()?],
///     max_connections: 50_000,
///     ..ServerOptions::default()
/// };
/// options.policy.protocols = &["chat"];
/// options.policy.origin = Origin::List(&["https://example.com"]);
/// options.session.limits.message = 1 << 20;
/// assert!(options.check().is_ok());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// A literal ends with `..ServerOptions::default()`, because fields are added with time.
#[derive(Clone, Debug)]
pub struct ServerOptions<'a> {
    /// Where to listen; port 0 takes one that is free. May be empty: then the server serves the
    /// [listeners](super::Server::add_listener) and [streams](super::ServerHandle::serve) that it is
    /// handed.
    pub listen: Vec<SocketAddr>,
    /// Whether other sockets may listen on the same addresses and ports (`SO_REUSEPORT`), such as
    /// those of other processes of the same user. The kernel deals the connections out among them.
    /// Default: no. Windows and WASI have no such option, and [`bind`](super::Server::bind) fails.
    pub reuse_port: bool,
    /// Origins, subprotocols and compression.
    pub policy: Policy<'a>,
    /// Limits of messages and heads, heartbeat, idle time, the time to close. With `auto_pong` off,
    /// the handler answers each [`ping`](super::Handler::ping) itself. With `auto_close` off, the
    /// handler may still send something when the [peer closes](super::Handler::peer_closes).
    pub session: SessionOptions,
    /// Which memory compression uses.
    pub memory: Memory,
    /// Connections at a time. The next ones are answered with status 503. Default 100,000.
    pub max_connections: usize,
    /// Connections of one address at a time, and of one network of 64 bits of IPv6. A few more are
    /// answered with status 429, and others closed. Connections over Unix sockets have no such limit.
    /// Default 16,384; `None` is no limit, for servers behind a proxy, to which all clients have the
    /// proxy's address.
    pub max_connections_per_address: Option<usize>,
    /// The same for connections whose request is not accepted: it has not arrived yet, or was
    /// rejected. Default 4,096.
    pub max_opening_per_address: Option<usize>,
    /// Bytes that all connections together may hold: the connections themselves, heads and messages
    /// that have arrived in part, queues, and compression. Beyond the limit new connections get
    /// status 503, and a connection that comes to hold more is closed with code 1013, or dropped if
    /// it does not read what is queued for it. Connections that hold less than 16 KiB are left
    /// alone. So the connections hold at most this limit, 16 KiB for each connection, and one of the
    /// largest messages for each event loop. Default 1 GiB; `None` is no limit.
    pub max_memory: Option<usize>,
    /// How long a request may take, from the connection to its last byte; then status 408. Default
    /// 10 seconds.
    pub handshake_timeout: Duration,
    /// Stop reading from a connection while at least [`high_water`](Self::high_water) bytes are
    /// queued for it, until the peer has read all of them. A connection then holds little memory,
    /// but its own messages, application-level pings among them, wait until the queue is empty.
    /// Default: off, as in npm ws. The server keeps reading then, and
    /// [`max_buffered`](Self::max_buffered) protects it from peers that do not read.
    pub pause_reading_when_full: bool,
    /// With this many bytes queued, the event loop writes before it handles the next message. See
    /// also [`pause_reading_when_full`](Self::pause_reading_when_full). Default 64 KiB.
    pub high_water: usize,
    /// Bytes of messages from elsewhere ([`ServerHandle::send`](super::ServerHandle::send)) that may be queued for
    /// one connection. A connection with more is dropped with
    /// [`LimitError::BufferFull`](wscodec::LimitError::BufferFull) in its outcome. Answers of the
    /// connection's own handler are counted by themselves, and may always come to the largest message
    /// ([`Limits::message`](wscodec::Limits::message)), even if that is more. Default 16 MiB.
    pub max_buffered: usize,
    /// How long a peer may read nothing of what is queued for it, before it is dropped with
    /// [`LimitError::Stalled`](wscodec::LimitError::Stalled) in its outcome. Default 30 seconds.
    pub stall_timeout: Duration,
    /// How long a peer may take to close the transport after the last byte. Default 2 seconds.
    pub linger: Duration,
    /// How long connections may take to complete half-read messages and to close when the server
    /// [stops](super::ServerHandle::stop). Default 5 seconds.
    pub grace: Duration,
    /// Stop when standard input ends: for platforms without signals, and for those who start the
    /// server as a part of theirs. Default: no.
    pub stop_on_eof: bool,
    /// Hand messages to the handler in pieces, as they arrive, by
    /// [`Handler::piece`](super::Handler::piece) in place of
    /// [`Handler::message`](super::Handler::message). A message of any length then costs no memory;
    /// [`Limits::message`](wscodec::Limits::message) still limits it. Default: no.
    pub pieces: bool,
    /// How often [`Handler::tick`](super::Handler::tick) is called. Default: never.
    pub tick: Option<Duration>,
    /// Event loops, a thread each; connections are dealt out among them. Default: one for each
    /// core, and one on WASI, which has no threads.
    pub loops: usize,
}

/// Which memory compression uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Memory {
    /// One engine a loop; connections with takeover keep this much of what they sent.
    Shared {
        /// See [`DeflatePool::history`](wscodec::deflate::DeflatePool::history).
        history: WindowBits,
    },
    /// Engines of their own for each connection: quickest, and some hundred KiB each.
    Dedicated,
}

impl Default for Memory {
    fn default() -> Self {
        Self::Shared {
            history: WindowBits::new(12).unwrap_or(WindowBits::MAX),
        }
    }
}

impl Default for ServerOptions<'_> {
    /// The defaults, without an address to listen on.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            reuse_port: false,
            policy: Policy::DEFAULT,
            session: SessionOptions::DEFAULT,
            memory: Memory::default(),
            max_connections: 100_000,
            max_connections_per_address: Some(16_384),
            max_opening_per_address: Some(4_096),
            max_memory: Some(1 << 30),
            handshake_timeout: Duration::from_secs(10),
            pause_reading_when_full: false,
            high_water: 64 << 10,
            max_buffered: 16 << 20,
            stall_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(2),
            grace: Duration::from_secs(5),
            stop_on_eof: false,
            pieces: false,
            tick: None,
            loops: cores(),
        }
    }
}

impl ServerOptions<'_> {
    /// The defaults, for one address.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen: vec![listen],
            ..Self::default()
        }
    }

    /// Checks all options.
    ///
    /// # Errors
    /// The first option that can't be used, by its name, and why.
    pub fn check(&self) -> Result<(), OptionError> {
        let fault = |option, reason| Err(OptionError { option, reason });
        if self.listen.len() > MOST_LISTENERS {
            return fault("listen", "there are more than 256 addresses");
        }
        if self.max_connections == 0 {
            return fault("max_connections", "no connection would be accepted");
        }
        let per_address = [
            (
                "max_connections_per_address",
                self.max_connections_per_address,
            ),
            ("max_opening_per_address", self.max_opening_per_address),
        ];
        for (option, limit) in per_address {
            if limit == Some(0) {
                return fault(option, "no connection would be accepted");
            }
        }
        if self.loops == 0 || self.loops > MOST_LOOPS {
            return fault("loops", "a server has 1 to 1024 event loops");
        }
        if self.high_water == 0 {
            return fault("high_water", "it must be above 0");
        }
        if self.max_buffered < self.high_water {
            return fault("max_buffered", "it must not be below high_water");
        }
        if self.max_memory == Some(0) {
            return fault(
                "max_memory",
                "every connection would be refused; `None` is no limit",
            );
        }
        let session = &self.session;
        let times = [
            ("handshake_timeout", Some(self.handshake_timeout)),
            ("stall_timeout", Some(self.stall_timeout)),
            ("tick", self.tick),
            ("session.close_timeout", Some(session.close_timeout)),
            ("session.pong_timeout", Some(session.pong_timeout)),
            ("session.heartbeat", session.heartbeat),
            ("session.idle", session.idle),
        ];
        for (option, time) in times {
            if time.is_some_and(|time| time.is_zero()) {
                return fault(
                    option,
                    "a time above zero is needed; `None` or MAX is never",
                );
            }
        }
        let limits = &session.limits;
        if limits.message == 0 || limits.frame == Some(0) || limits.fragments == 0 {
            return fault("session.limits", "a limit of 0 allows no message");
        }
        if limits.head < LEAST_HEAD {
            return fault("session.limits.head", "no request fits into that");
        }
        if !(LEAST_HEADERS..=Limits::MAX_HEADERS).contains(&limits.headers) {
            return fault("session.limits.headers", "it must be from 5 to 128");
        }
        let protocols = self.policy.protocols;
        for (at, name) in protocols.iter().enumerate() {
            if !is_token(name) {
                return fault("policy.protocols", "a subprotocol's name is an HTTP token");
            }
            if protocols[..at].contains(name) {
                return fault("policy.protocols", "a subprotocol is named twice");
            }
        }
        if let Origin::List(origins) = self.policy.origin {
            if origins.is_empty() {
                return fault("policy.origin", "the list of origins is empty");
            }
            if !origins.iter().all(|origin| is_origin(origin)) {
                let reason = "an origin is written as https://example.com, without a path";
                return fault("policy.origin", reason);
            }
        }
        if let Some(hosts) = self.policy.allowed_hosts {
            if hosts.is_empty() {
                return fault("policy.allowed_hosts", "the list of hosts is empty");
            }
            if !hosts.iter().all(|host| is_host(host)) {
                let reason = "a host is written as example.com or example.com:8080";
                return fault("policy.allowed_hosts", reason);
            }
        }
        if let Some(deflate) = self.policy.deflate
            && !(1..=9).contains(&deflate.level)
        {
            return fault("policy.deflate.level", "it must be from 1 to 9");
        }
        Ok(())
    }

    /// Bytes that answers of a connection's own handler may come to: what is below
    /// [`high_water`](Self::high_water), an answer as long as the largest message, and its framing.
    pub(super) fn most_answers(&self) -> usize {
        let message = usize::try_from(self.session.limits.message).unwrap_or(usize::MAX);
        let answer = message.saturating_add(message / 1024);
        let answers = answer.saturating_add(self.high_water.saturating_mul(2));
        self.max_buffered.max(answers)
    }
}

pub(super) const MOST_LISTENERS: usize = 256;
const MOST_LOOPS: usize = 1024;
/// The shortest request of RFC 6455 is longer.
const LEAST_HEAD: usize = 128;
/// The headers that RFC 6455 §4.1 requires.
const LEAST_HEADERS: usize = 5;

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// As browsers serialize an origin (RFC 6454 §6.2): a scheme, a host, perhaps a port.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return text == "null";
    };
    !scheme.is_empty() && is_host(host)
}

/// A host, perhaps with a port.
fn is_host(text: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() && !b"/?#@,".contains(&byte);
    !text.is_empty() && text.bytes().all(visible)
}

/// An option that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionError {
    /// The option's name, as in the code: `session.heartbeat`.
    pub option: &'static str,
    /// Why it can't be used.
    pub reason: &'static str,
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the option {}: {}", self.option, self.reason)
    }
}

impl core::error::Error for OptionError {}

fn cores() -> usize {
    if cfg!(target_os = "wasi") {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, usize::from)
}
