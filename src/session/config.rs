//! The actions that an endpoint takes by itself, and its time limits.

use core::time::Duration;

use crate::Limits;

/// The options of a [`Session`](super::Session), for both roles.
///
/// ```
/// use core::time::Duration;
/// use wscodec::session::SessionOptions;
///
/// let config = SessionOptions {
///     heartbeat: Some(Duration::from_secs(30)),
///     ..SessionOptions::DEFAULT
/// };
/// assert!(config.auto_pong && config.auto_close);
/// ```
///
/// End a literal with `..SessionOptions::DEFAULT`, because later versions add fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// The limits on the memory and the work that a peer can cause.
    pub limits: Limits,
    /// Whether the session answers pings (RFC 6455 §5.5.2). Otherwise the caller answers each
    /// [`Event::Ping`](super::Event::Ping). The default is `true`.
    pub auto_pong: bool,
    /// Whether the session answers a close frame at once, with the received code (RFC 6455 §5.5.1).
    /// Otherwise the caller may send more messages, and then calls [`close`](super::Sender::close).
    /// The default is `true`.
    pub auto_close: bool,
    /// The length of the caller's buffer in bytes from which on the session adds no pong. It keeps
    /// the newest pong, and sends it when there is room again (RFC 6455 §5.5.3). The default is 16
    /// KiB.
    pub backlog: usize,
    /// The longest time for the peer to answer this side's close frame, and then, at a client, to
    /// close the transport (RFC 6455 §7.1.1), by the [rule of the timers](super#timers). The default
    /// is 10 seconds.
    pub close_timeout: Duration,
    /// The time without a [sign of life](super#timers) of the peer after which the session sends a
    /// ping. The default is `None`: never.
    pub heartbeat: Option<Duration>,
    /// The longest time for the peer to send anything after such a ping has been written. The default
    /// is 20 seconds.
    pub pong_timeout: Duration,
    /// The time without a message after which the session closes with 1001. Pings and pongs do not
    /// count. The default is `None`: never.
    pub idle: Option<Duration>,
    /// Whether a client may send frames without a mask; see
    /// [`Rules::dangerously_accept_unmasked`](crate::frame::Rules::dangerously_accept_unmasked). The
    /// default is `false`.
    pub dangerously_accept_unmasked: bool,
    /// Whether text messages may be invalid UTF-8 in both directions; see
    /// [`MessageDecoder::dangerously_accept_invalid_utf8`](crate::message::MessageDecoder::dangerously_accept_invalid_utf8).
    /// The default is `false`.
    pub dangerously_accept_invalid_utf8: bool,
}

impl SessionOptions {
    /// The defaults as a constant.
    pub const DEFAULT: Self = Self {
        limits: Limits::DEFAULT,
        auto_pong: true,
        auto_close: true,
        backlog: 16 << 10,
        close_timeout: Duration::from_secs(10),
        heartbeat: None,
        pong_timeout: Duration::from_secs(20),
        idle: None,
        dangerously_accept_unmasked: false,
        dangerously_accept_invalid_utf8: false,
    };
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}
