//! The configuration of a connection, by the names of tungstenite.

use crate::options::ConnectionOptions;

/// The configuration of a connection.
///
/// ```
/// use wscodec_tokio::ConnectionOptions;
/// use wscodec_tokio::tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
///
/// let config = WebSocketConfig::default().max_message_size(Some(1 << 20));
/// assert_eq!(ConnectionOptions::from(config).session.limits.message, 1 << 20);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WebSocketConfig {
    /// Has no effect: connections of a thread share the buffers that they read into.
    pub read_buffer_size: usize,
    /// Has no effect: answers to messages that arrive together are written together.
    pub write_buffer_size: usize,
    /// Bytes that may wait to be sent before sending waits: [`ConnectionOptions::queue`].
    pub max_write_buffer_size: usize,
    /// The most bytes of a message; `None` for any. Default 64 MiB.
    pub max_message_size: Option<usize>,
    /// The most bytes of a frame; `None` for as many as a message may have. Default 16 MiB.
    pub max_frame_size: Option<usize>,
    /// Lets a client send frames that are not masked, against RFC 6455 §5.1. Default: off.
    pub accept_unmasked_frames: bool,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            read_buffer_size: 128 << 10,
            write_buffer_size: 128 << 10,
            max_write_buffer_size: ConnectionOptions::DEFAULT.queue,
            max_message_size: Some(64 << 20),
            max_frame_size: Some(16 << 20),
            accept_unmasked_frames: false,
        }
    }
}

impl WebSocketConfig {
    /// Sets [`read_buffer_size`](Self::read_buffer_size).
    pub fn read_buffer_size(self, read_buffer_size: usize) -> Self {
        Self {
            read_buffer_size,
            ..self
        }
    }

    /// Sets [`write_buffer_size`](Self::write_buffer_size).
    pub fn write_buffer_size(self, write_buffer_size: usize) -> Self {
        Self {
            write_buffer_size,
            ..self
        }
    }

    /// Sets [`max_write_buffer_size`](Self::max_write_buffer_size).
    pub fn max_write_buffer_size(self, max_write_buffer_size: usize) -> Self {
        Self {
            max_write_buffer_size,
            ..self
        }
    }

    /// Sets [`max_message_size`](Self::max_message_size).
    pub fn max_message_size(self, max_message_size: Option<usize>) -> Self {
        Self {
            max_message_size,
            ..self
        }
    }

    /// Sets [`max_frame_size`](Self::max_frame_size).
    pub fn max_frame_size(self, max_frame_size: Option<usize>) -> Self {
        Self {
            max_frame_size,
            ..self
        }
    }

    /// Sets [`accept_unmasked_frames`](Self::accept_unmasked_frames).
    pub fn accept_unmasked_frames(self, accept_unmasked_frames: bool) -> Self {
        Self {
            accept_unmasked_frames,
            ..self
        }
    }
}

impl From<WebSocketConfig> for ConnectionOptions {
    fn from(config: WebSocketConfig) -> Self {
        let mut options = Self {
            queue: config.max_write_buffer_size,
            ..Self::DEFAULT
        };
        let limits = &mut options.session.limits;
        limits.message = config.max_message_size.map_or(u64::MAX, |max| max as u64);
        limits.frame = config.max_frame_size.map(|max| max as u64);
        options.session.dangerously_accept_unmasked = config.accept_unmasked_frames;
        options
    }
}

/// The options for a configuration that a caller may have left out.
pub(super) fn options(config: Option<WebSocketConfig>) -> ConnectionOptions {
    config.map_or(ConnectionOptions::DEFAULT, ConnectionOptions::from)
}
