//! The actions that an endpoint takes by itself, and how long it waits.

use core::time::Duration;

use crate::Limits;

/// How a [`Session`](super::Session) behaves. The same for both roles.
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
/// A literal ends with `..SessionOptions::DEFAULT`, because fields are added with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// The limits on the memory and the work that a peer can cause.
    pub limits: Limits,
    /// Answer pings (RFC 6455 §5.5.2). Without it, the caller answers each
    /// [`Event::Ping`](super::Event::Ping). Default: on.
    pub auto_pong: bool,
    /// Answer a close frame at once, with the code it came with (RFC 6455 §5.5.1). Without it, the
    /// caller may send more, and then [closes](super::Sender::close). Default: on.
    pub auto_close: bool,
    /// With this many bytes in the caller's buffer, no further pong is put there: the newest is
    /// kept, and sent when there is room again (RFC 6455 §5.5.3). Default 16 KiB.
    pub backlog: usize,
    /// How long the peer may take to answer our close frame, and then, at a client, to close the
    /// transport (RFC 6455 §7.1.1), by the [rule of the timers](super#timers). Default 10 seconds.
    pub close_timeout: Duration,
    /// Ping a peer that has shown no [sign of life](super#timers) for that long. Default: never.
    pub heartbeat: Option<Duration>,
    /// How long the peer may take, after such a ping has left, to send anything. Default 20 seconds.
    pub pong_timeout: Duration,
    /// Close with 1001 when no message came for that long; pings and pongs don't count. Default:
    /// never.
    pub idle: Option<Duration>,
    /// Let a client send frames that are not masked: see
    /// [`Rules::dangerously_accept_unmasked`](crate::frame::Rules::dangerously_accept_unmasked).
    /// Default: off.
    pub dangerously_accept_unmasked: bool,
    /// Let texts come and go that are not UTF-8: see
    /// [`MessageDecoder::dangerously_accept_invalid_utf8`](crate::message::MessageDecoder::dangerously_accept_invalid_utf8).
    /// Default: off.
    pub dangerously_accept_invalid_utf8: bool,
}

impl SessionOptions {
    /// The defaults, in a constant.
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
