//! The reading of the input of `connect`.

use std::time::Duration;

use wscodec::message::Kind;

/// How the input is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Each line is a text message.
    TextLines,
    /// Each line is a binary message.
    BinaryLines,
    /// The input is one message of this kind. Empty, it is none.
    Whole(Kind),
    /// Each line is a JSON object, and so is each line of the output.
    Json,
}

/// The reaction to the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// The connection is closed.
    Close,
    /// It is closed after that time.
    Wait(Duration),
    /// It stays open until the server closes it, or a signal comes.
    Stay,
}
