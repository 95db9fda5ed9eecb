//! How a connection behaves.

use std::time::Duration;

use crate::names::SessionOptions;

/// How connections behave, in both roles.
///
/// ```
/// use std::time::Duration;
/// use wscodec_tokio::ConnectionOptions;
///
/// let mut options = ConnectionOptions {
///     write_timeout: Some(Duration::from_secs(5)),
///     queue: 256 << 10,
///     ..ConnectionOptions::DEFAULT
/// };
/// options.session.limits.message = 1 << 20;
/// ```
///
/// A literal ends with `..ConnectionOptions::DEFAULT`, because fields are added with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Limits, automatic answers, heartbeat, idle time, and how long the close may take.
    pub session: SessionOptions,
    /// How long the opening handshake may take; `None` is for ever. Default 10 seconds.
    ///
    /// A client's look-up of the address, its connection to a proxy and its TLS handshake are
    /// counted.
    pub handshake_timeout: Option<Duration>,
    /// How long the transport may accept none of the bytes that wait to be sent. Then the connection
    /// fails with [`LimitError::Stalled`](wscodec::LimitError::Stalled). `None` is for ever. Default
    /// 30 seconds.
    pub write_timeout: Option<Duration>,
    /// Bytes that may wait to be sent before sending waits. A message that is sent while fewer bytes
    /// wait is queued whole. Default 64 KiB.
    ///
    /// A payload of 8 KiB or more waits in the memory of its [`Message`](crate::Message), if the stream
    /// has vectored writes and the frame needs neither a mask nor compression. A received payload that
    /// is sent on may thus keep its [read buffer](crate::WebSocket::recv) while it waits.
    pub queue: usize,
}

impl ConnectionOptions {
    /// The defaults, in a constant.
    pub const DEFAULT: Self = Self {
        session: SessionOptions::DEFAULT,
        handshake_timeout: Some(Duration::from_secs(10)),
        write_timeout: Some(Duration::from_secs(30)),
        queue: 64 << 10,
    };
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
