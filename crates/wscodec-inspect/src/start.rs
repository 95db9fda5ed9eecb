//! The beginnings of a conversation.

use wscodec::deflate::AgreedDeflate;

/// How a conversation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ConversationStart {
    /// With HTTP, which may be encrypted by TLS.
    #[default]
    Handshake,
    /// With frames. If permessage-deflate was agreed on, this is what the server agreed to.
    Frames(Option<AgreedDeflate>),
    /// In the middle: the first frame of each direction has to be found.
    Middle,
}
