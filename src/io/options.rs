//! The options of a whole connection.

use core::time::Duration;

use crate::session::SessionOptions;

/// How a connection behaves, in both roles.
///
/// ```
/// use std::time::Duration;
/// use wscodec::io::ConnectionOptions;
///
/// let mut options = ConnectionOptions {
///     write_timeout: Some(Duration::from_secs(5)),
///     buffer: 16 << 10,
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
    /// How long the opening handshake may take, from its first byte to its last, on a stream with
    /// time-outs; a client's look-up of addresses is not counted. `None` is for ever, but for the
    /// body of a rejection. Default 10 seconds.
    pub handshake_timeout: Option<Duration>,
    /// How long writing may make no progress because the peer reads nothing, on a stream with
    /// time-outs: then it fails with a [time-out](super::Error::is_timeout), and what waits to be
    /// written goes on waiting. `None` is for ever. Default 30 seconds.
    pub write_timeout: Option<Duration>,
    /// Bytes to read at a time, and the length of the buffer for that; at least 512. The payload
    /// of larger frames is read to where its message is put together. Default 4 KiB.
    pub buffer: usize,
    /// The length of the queue from which on it is written without a flush, in bytes. Default
    /// 16 KiB.
    pub queue: usize,
    /// The payload of the fragments that a [`MessageWriter`](super::MessageWriter) sends, in bytes.
    /// Default 4 KiB.
    pub fragment: usize,
    /// Client: masks of zeros, against RFC 6455 §10.3; see
    /// [`DangerouslyZero`](crate::message::DangerouslyZero). Default: off.
    pub dangerously_zero_masks: bool,
}

impl ConnectionOptions {
    /// The defaults, in a constant.
    pub const DEFAULT: Self = Self {
        session: SessionOptions::DEFAULT,
        handshake_timeout: Some(Duration::from_secs(10)),
        write_timeout: Some(Duration::from_secs(30)),
        buffer: 4 << 10,
        queue: 16 << 10,
        fragment: 4 << 10,
        dangerously_zero_masks: false,
    };
}

impl Default for ConnectionOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
