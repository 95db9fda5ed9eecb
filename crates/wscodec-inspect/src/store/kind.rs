//! The kinds of rows.

/// The kind of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKind {
    /// An opening handshake.
    Handshake,
    /// A frame.
    Frame,
    /// A message.
    Message,
    /// A violation that lies in no frame.
    Violation,
    /// A fact that is nobody's fault.
    Note,
    /// The end of a conversation.
    End,
}

impl RowKind {
    /// `handshake`, `frame`, `message`, `violation`, `note` or `end`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Frame => "frame",
            Self::Message => "message",
            Self::Violation => "violation",
            Self::Note => "note",
            Self::End => "end",
        }
    }
}
