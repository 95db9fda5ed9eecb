//! The options of a connection.

use core::time::Duration;

use crate::session::SessionOptions;

/// The options of a connection, for clients and servers.
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
/// End a literal with `..ConnectionOptions::DEFAULT`, because later versions add fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// The options of the session: limits, automatic answers, heartbeat, idle time, and the time for
    /// closing.
    pub session: SessionOptions,
    /// The longest time for the opening handshake, from its first byte to its last, on a stream with
    /// time-outs. It does not include a client's look-up of addresses. `None` means no limit, except
    /// for the body of a rejection. The default is 10 seconds.
    pub handshake_timeout: Option<Duration>,
    /// The longest time that writing may make no progress because the peer does not read, on a stream
    /// with time-outs. Writing then fails with a [time-out](super::Error::is_timeout), and the queue
    /// stays as it is. `None` means no limit. The default is 30 seconds.
    pub write_timeout: Option<Duration>,
    /// The size of the read buffer in bytes, which is the most that one read takes; at least 512. The
    /// payload of a larger frame is read directly to the message's buffer. The default is 4 KiB.
    pub buffer: usize,
    /// The length of the queue in bytes above which it is written without a flush. The default is 16
    /// KiB.
    pub queue: usize,
    /// The payload of the fragments that a [`MessageWriter`](super::MessageWriter) sends, in bytes.
    /// The default is 4 KiB.
    pub fragment: usize,
    /// For clients: mask with zeros, against RFC 6455 §10.3; see
    /// [`DangerouslyZero`](crate::message::DangerouslyZero). The default is `false`.
    pub dangerously_zero_masks: bool,
}

impl ConnectionOptions {
    /// The defaults as a constant.
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
