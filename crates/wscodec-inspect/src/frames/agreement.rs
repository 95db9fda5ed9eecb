//! The properties of one direction that its frames depend on.

use wscodec::deflate::DeflateDirection;

/// The properties of one direction, by the handshake or by a guess.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreement {
    /// permessage-deflate of this direction, if messages may be compressed.
    pub(crate) deflate: Option<DeflateDirection>,
    /// Whether the window at the first message is known: the connection is read from its start.
    pub(crate) window_known: bool,
    /// Without a handshake nobody knows whether RSV1 was agreed on, so it is taken as it comes.
    pub(crate) guess: bool,
}
